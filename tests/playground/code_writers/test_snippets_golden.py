"""Snippets as a person sees them. The picture of the Code view shows the first one."""

from __future__ import annotations

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.routes import Api
from connections.foundry.values import ChatRequest, Message
from flows.playground.code_writers import (
    Authentication,
    CodeSource,
    Language,
    Sdk,
    Snippet,
    SnippetChoice,
    write_snippet,
)

QUESTION = "Since we moved to the new tenant on 3 March none of our invoices show up."
SOURCE = {
    "request": ChatRequest(
        "gpt-5.2",
        (
            Message(
                "system",
                "You are a support engineer at Contoso. Answer in at most five sentences and cite the article.",
            ),
            Message("user", f"Customer C-20418 asks: {QUESTION} Reply in the language of the question."),
        ),
        max_completion_tokens=600,
        reasoning_effort="low",
    ),
    "variables": {"customer_id": "C-20418", "question": QUESTION},
    "templates": ("", "Customer {{ customer_id }} asks: {{ question }} Reply in the language of the question."),
}
V1, DEPLOYMENT = (
    "https://contoso-ai.openai.azure.com/openai/v1",
    "https://contoso.openai.azure.com/openai/deployments/gpt-4o",
)
MODELS = "https://contoso.services.ai.azure.com/models"


def made(url: str, choice: SnippetChoice) -> Snippet:
    return write_snippet(CodeSource(parse_endpoint(url), **SOURCE), choice)


GOLDEN = [
    pytest.param(V1, SnippetChoice(), r'''
import os

from openai import OpenAI

client = OpenAI(
    base_url="https://contoso-ai.openai.azure.com/openai/v1/",
    api_key=os.environ["AZURE_OPENAI_API_KEY"],
)

customer_id = "C-20418"
question = "Since we moved to the new tenant on 3 March none of our invoices show up."

stream = client.chat.completions.create(
    model="gpt-5.2",  # the deployment name
    messages=[
        {
            "role": "system",
            "content": (
                "You are a support engineer at Contoso. Answer in at most five "
                "sentences and cite the article."
            ),
        },
        {
            "role": "user",
            "content": (
                f"Customer {customer_id} asks: {question} Reply in the language of the "
                "question."
            ),
        },
    ],
    max_completion_tokens=600,
    reasoning_effort="low",
    stream=True,
    stream_options={"include_usage": True},
)

for event in stream:
    for choice in event.choices:
        if choice.delta and choice.delta.content:
            print(choice.delta.content, end="", flush=True)
''', id='v1 chat python openai key'),
    pytest.param(DEPLOYMENT, SnippetChoice(language=Language.JAVASCRIPT, authentication=Authentication.ENTRA), r'''
import { AzureOpenAI } from "openai";
import { DefaultAzureCredential, getBearerTokenProvider } from "@azure/identity";

const tokenProvider = getBearerTokenProvider(
  new DefaultAzureCredential(),
  "https://cognitiveservices.azure.com/.default",
);
const client = new AzureOpenAI({
  endpoint: "https://contoso.openai.azure.com",
  apiVersion: "2024-10-21",
  deployment: "gpt-4o",
  azureADTokenProvider: tokenProvider,
});

const customer_id = "C-20418";
const question =
  "Since we moved to the new tenant on 3 March none of our invoices show up.";

const stream = await client.chat.completions.create({
  messages: [
    {
      role: "system",
      content:
        "You are a support engineer at Contoso. Answer in at most five " +
        "sentences and cite the article.",
    },
    {
      role: "user",
      content:
        `Customer ${customer_id} asks: ${question} Reply in the language of the ` +
        "question.",
    },
  ],
  max_completion_tokens: 600,
  reasoning_effort: "low",
  stream: true,
  stream_options: { include_usage: true },
});

for await (const event of stream) {
  process.stdout.write(event.choices[0]?.delta?.content ?? "");
}
''', id='deployment chat javascript openai entra'),
    pytest.param(V1, SnippetChoice(Api.RESPONSES, Language.CURL, Sdk.REST, env_file=True), r'''
set -a; . ./.env; set +a

curl --no-buffer "https://contoso-ai.openai.azure.com/openai/v1/responses" \
  -H "Content-Type: application/json" \
  -H "api-key: $AZURE_OPENAI_API_KEY" \
  -d @- <<'JSON'
{
  "model": "gpt-5.2",
  "instructions": "You are a support engineer at Contoso. Answer in at most five sentences and cite the article.",
  "input": "Customer C-20418 asks: Since we moved to the new tenant on 3 March none of our invoices show up. Reply in the language of the question.",
  "store": false,
  "max_output_tokens": 600,
  "reasoning": {
    "effort": "low"
  },
  "stream": true
}
JSON
''', id='v1 responses curl rest key'),
    pytest.param(V1, SnippetChoice(language=Language.CSHARP, authentication=Authentication.ENTRA), r'''
using System.ClientModel.Primitives;
using Azure.Identity;
using OpenAI;
using OpenAI.Chat;

#pragma warning disable OPENAI001

ChatClient client = new(
    model: "gpt-5.2", // the deployment name
    authenticationPolicy: new BearerTokenPolicy(new DefaultAzureCredential(), "https://ai.azure.com/.default"),
    options: new OpenAIClientOptions { Endpoint = new Uri("https://contoso-ai.openai.azure.com/openai/v1/") });

List<ChatMessage> messages =
[
    new SystemChatMessage(
        "You are a support engineer at Contoso. Answer in at most five sentences and cite the " +
        "article."),
    new UserChatMessage(
        "Customer C-20418 asks: Since we moved to the new tenant on 3 March none of our invoices " +
        "show up. Reply in the language of the question."),
];

ChatCompletionOptions options = new()
{
    MaxOutputTokenCount = 600,
    ReasoningEffortLevel = new ChatReasoningEffortLevel("low"),
};

await foreach (StreamingChatCompletionUpdate update in client.CompleteChatStreamingAsync(messages, options))
{
    foreach (ChatMessageContentPart part in update.ContentUpdate)
    {
        Console.Write(part.Text);
    }
}
''', id='v1 chat csharp openai entra'),
    pytest.param(V1, SnippetChoice(Api.RESPONSES, Language.CSHARP), r'''
using System.ClientModel;
using OpenAI.Responses;

#pragma warning disable OPENAI001

ResponsesClient client = new(
    credential: new ApiKeyCredential(Environment.GetEnvironmentVariable("AZURE_OPENAI_API_KEY")!),
    options: new ResponsesClientOptions { Endpoint = new Uri("https://contoso-ai.openai.azure.com/openai/v1/") });

CreateResponseOptions options = new()
{
    Model = "gpt-5.2",
    Instructions =
        "You are a support engineer at Contoso. Answer in at most five sentences and cite the " +
        "article.",
    InputItems =
    {
        ResponseItem.CreateUserMessageItem(
            "Customer C-20418 asks: Since we moved to the new tenant on 3 March none of our " +
            "invoices show up. Reply in the language of the question."),
    },
    StoredOutputEnabled = false,
    MaxOutputTokenCount = 600,
    ReasoningOptions = new ResponseReasoningOptions { ReasoningEffortLevel = new ResponseReasoningEffortLevel("low") },
    StreamingEnabled = true,
};

await foreach (StreamingResponseUpdate update in client.CreateResponseStreamingAsync(options))
{
    if (update is StreamingResponseOutputTextDeltaUpdate text)
    {
        Console.Write(text.Delta);
    }
}
''', id='v1 responses csharp openai key'),
    pytest.param(DEPLOYMENT, SnippetChoice(language=Language.CSHARP), r'''
using System.ClientModel;
using Azure.AI.OpenAI;
using Azure.AI.OpenAI.Chat;
using OpenAI.Chat;

#pragma warning disable OPENAI001
#pragma warning disable AOAI001

AzureOpenAIClient azure = new(
    new Uri("https://contoso.openai.azure.com"),
    new ApiKeyCredential(Environment.GetEnvironmentVariable("AZURE_OPENAI_API_KEY")!),
    new AzureOpenAIClientOptions(AzureOpenAIClientOptions.ServiceVersion.V2024_10_21));
ChatClient client = azure.GetChatClient("gpt-4o");

List<ChatMessage> messages =
[
    new SystemChatMessage(
        "You are a support engineer at Contoso. Answer in at most five sentences and cite the " +
        "article."),
    new UserChatMessage(
        "Customer C-20418 asks: Since we moved to the new tenant on 3 March none of our invoices " +
        "show up. Reply in the language of the question."),
];

ChatCompletionOptions options = new()
{
    MaxOutputTokenCount = 600,
    ReasoningEffortLevel = new ChatReasoningEffortLevel("low"),
};
options.SetNewMaxCompletionTokensPropertyEnabled(true);

await foreach (StreamingChatCompletionUpdate update in client.CompleteChatStreamingAsync(messages, options))
{
    foreach (ChatMessageContentPart part in update.ContentUpdate)
    {
        Console.Write(part.Text);
    }
}
''', id='deployment chat csharp openai key'),
    pytest.param(V1, SnippetChoice(Api.RESPONSES, Language.CSHARP, Sdk.REST), r'''
using System.Text;
using System.Text.Json.Nodes;

using HttpClient client = new();
using HttpRequestMessage request = new(HttpMethod.Post, "https://contoso-ai.openai.azure.com/openai/v1/responses");
request.Headers.Add("api-key", Environment.GetEnvironmentVariable("AZURE_OPENAI_API_KEY"));
request.Content = new StringContent("""
    {
      "model": "gpt-5.2",
      "instructions": "You are a support engineer at Contoso. Answer in at most five sentences and cite the article.",
      "input": "Customer C-20418 asks: Since we moved to the new tenant on 3 March none of our invoices show up. Reply in the language of the question.",
      "store": false,
      "max_output_tokens": 600,
      "reasoning": {
        "effort": "low"
      },
      "stream": true
    }
    """, Encoding.UTF8, "application/json");

using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
response.EnsureSuccessStatusCode();

using StreamReader reader = new(await response.Content.ReadAsStreamAsync());
while (await reader.ReadLineAsync() is { } line)
{
    if (!line.StartsWith("data: {")) continue;
    JsonNode data = JsonNode.Parse(line["data: ".Length..])!;
    if ((string?)data["type"] == "response.output_text.delta")
    {
        Console.Write(data["delta"]);
    }
}
''', id='v1 responses csharp rest key'),
    pytest.param(V1, SnippetChoice(language=Language.JAVA, authentication=Authentication.ENTRA), r'''
import com.azure.identity.AuthenticationUtil;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.StreamResponse;
import com.openai.credential.BearerTokenCredential;
import com.openai.models.ReasoningEffort;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;

public class Main {
    public static void main(String[] args) throws Exception {
        OpenAIClient client = OpenAIOkHttpClient.builder()
            .baseUrl("https://contoso-ai.openai.azure.com/openai/v1")
            .credential(BearerTokenCredential.create(AuthenticationUtil.getBearerTokenSupplier(
                new DefaultAzureCredentialBuilder().build(), "https://ai.azure.com/.default")))
            .build();

        ChatCompletionCreateParams params = ChatCompletionCreateParams.builder()
            .model("gpt-5.2") // the deployment name
            .addSystemMessage(
                "You are a support engineer at Contoso. Answer in at most five sentences and cite "
                + "the article.")
            .addUserMessage(
                "Customer C-20418 asks: Since we moved to the new tenant on 3 March none of our "
                + "invoices show up. Reply in the language of the question.")
            .maxCompletionTokens(600)
            .reasoningEffort(ReasoningEffort.of("low"))
            .streamOptions(ChatCompletionStreamOptions.builder().includeUsage(true).build())
            .build();

        try (StreamResponse<ChatCompletionChunk> stream =
                client.chat().completions().createStreaming(params)) {
            stream.stream()
                .flatMap(chunk -> chunk.choices().stream())
                .flatMap(choice -> choice.delta().content().stream())
                .forEach(System.out::print);
        }
    }
}
''', id='v1 chat java openai entra'),
    pytest.param(V1, SnippetChoice(Api.RESPONSES, Language.JAVA), r'''
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.StreamResponse;
import com.openai.models.Reasoning;
import com.openai.models.ReasoningEffort;
import com.openai.models.responses.ResponseCreateParams;
import com.openai.models.responses.ResponseStreamEvent;

public class Main {
    public static void main(String[] args) throws Exception {
        OpenAIClient client = OpenAIOkHttpClient.builder()
            .baseUrl("https://contoso-ai.openai.azure.com/openai/v1")
            .apiKey(System.getenv("AZURE_OPENAI_API_KEY"))
            .build();

        ResponseCreateParams params = ResponseCreateParams.builder()
            .model("gpt-5.2") // the deployment name
            .instructions(
                "You are a support engineer at Contoso. Answer in at most five sentences and cite "
                + "the article.")
            .input(
                "Customer C-20418 asks: Since we moved to the new tenant on 3 March none of our "
                + "invoices show up. Reply in the language of the question.")
            .store(false)
            .maxOutputTokens(600)
            .reasoning(Reasoning.builder().effort(ReasoningEffort.of("low")).build())
            .build();

        try (StreamResponse<ResponseStreamEvent> stream = client.responses().createStreaming(params)) {
            stream.stream()
                .flatMap(event -> event.outputTextDelta().stream())
                .forEach(text -> System.out.print(text.delta()));
        }
    }
}
''', id='v1 responses java openai key'),
    pytest.param(V1, SnippetChoice(language=Language.JAVA, sdk=Sdk.REST), r'''
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.stream.Stream;

public class Main {
    public static void main(String[] args) throws Exception {
        String body = """
            {
              "model": "gpt-5.2",
              "messages": [
                {
                  "role": "system",
                  "content": "You are a support engineer at Contoso. Answer in at most five sentences and cite the article."
                },
                {
                  "role": "user",
                  "content": "Customer C-20418 asks: Since we moved to the new tenant on 3 March none of our invoices show up. Reply in the language of the question."
                }
              ],
              "max_completion_tokens": 600,
              "reasoning_effort": "low",
              "stream": true,
              "stream_options": {
                "include_usage": true
              }
            }
            """;
        HttpRequest request = HttpRequest.newBuilder(URI.create("https://contoso-ai.openai.azure.com/openai/v1/chat/completions"))
            .header("Content-Type", "application/json")
            .header("api-key", System.getenv("AZURE_OPENAI_API_KEY"))
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();

        HttpResponse<Stream<String>> response =
            HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofLines());
        response.body().forEach(System.out::println);
    }
}
''', id='v1 chat java rest key'),
    pytest.param(DEPLOYMENT, SnippetChoice(language=Language.GO), r'''
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/azure"
)

func main() {
	client := openai.NewClient(
		azure.WithEndpoint("https://contoso.openai.azure.com", "2024-10-21"),
		azure.WithAPIKey(os.Getenv("AZURE_OPENAI_API_KEY")),
	)

	stream := client.Chat.Completions.NewStreaming(context.Background(), openai.ChatCompletionNewParams{
		Model: "gpt-4o", // the deployment name
		Messages: []openai.ChatCompletionMessageParamUnion{
			openai.SystemMessage("You are a support engineer at Contoso. Answer in at most five sentences and cite " +
				"the article."),
			openai.UserMessage("Customer C-20418 asks: Since we moved to the new tenant on 3 March none of our " +
				"invoices show up. Reply in the language of the question."),
		},
		MaxCompletionTokens: openai.Int(600),
		ReasoningEffort:     openai.ReasoningEffort("low"),
		StreamOptions:       openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)},
	})
	for stream.Next() {
		for _, choice := range stream.Current().Choices {
			fmt.Print(choice.Delta.Content)
		}
	}
	if err := stream.Err(); err != nil {
		log.Fatal(err)
	}
}
''', id='deployment chat go openai key'),
    pytest.param(V1, SnippetChoice(Api.RESPONSES, Language.GO, authentication=Authentication.ENTRA), r'''
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
)

func main() {
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		log.Fatal(err)
	}
	token, err := credential.GetToken(context.Background(), policy.TokenRequestOptions{
		Scopes: []string{"https://ai.azure.com/.default"},
	})
	if err != nil {
		log.Fatal(err)
	}
	client := openai.NewClient(
		option.WithBaseURL("https://contoso-ai.openai.azure.com/openai/v1/"),
		option.WithAPIKey(token.Token),
	)

	stream := client.Responses.NewStreaming(context.Background(), responses.ResponseNewParams{
		Model: "gpt-5.2", // the deployment name
		Instructions: openai.String("You are a support engineer at Contoso. Answer in at most five sentences and cite the " +
			"article."),
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("Customer C-20418 asks: Since we moved to the new tenant on 3 March none of our " +
			"invoices show up. Reply in the language of the question.")},
		Store:           openai.Bool(false),
		MaxOutputTokens: openai.Int(600),
		Reasoning:       openai.ReasoningParam{Effort: openai.ReasoningEffort("low")},
	})
	for stream.Next() {
		if event := stream.Current(); event.Type == "response.output_text.delta" {
			fmt.Print(event.Delta)
		}
	}
	if err := stream.Err(); err != nil {
		log.Fatal(err)
	}
}
''', id='v1 responses go openai entra'),
    pytest.param(V1, SnippetChoice(language=Language.GO, sdk=Sdk.REST), r'''
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
)

const body = `{
  "model": "gpt-5.2",
  "messages": [
    {
      "role": "system",
      "content": "You are a support engineer at Contoso. Answer in at most five sentences and cite the article."
    },
    {
      "role": "user",
      "content": "Customer C-20418 asks: Since we moved to the new tenant on 3 March none of our invoices show up. Reply in the language of the question."
    }
  ],
  "max_completion_tokens": 600,
  "reasoning_effort": "low",
  "stream": true,
  "stream_options": {
    "include_usage": true
  }
}`

func main() {
	request, err := http.NewRequest(http.MethodPost, "https://contoso-ai.openai.azure.com/openai/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("api-key", os.Getenv("AZURE_OPENAI_API_KEY"))

	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		log.Fatal(response.Status)
	}

	scanner := bufio.NewScanner(response.Body)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		data := strings.TrimPrefix(scanner.Text(), "data: ")
		if !strings.HasPrefix(data, "{") {
			continue
		}
		var event struct {
			Choices []struct {
				Delta struct{ Content string }
			}
		}
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			log.Fatal(err)
		}
		for _, choice := range event.Choices {
			fmt.Print(choice.Delta.Content)
		}
	}
	if err := scanner.Err(); err != nil {
		log.Fatal(err)
	}
}
''', id='v1 chat go rest key'),
    pytest.param(MODELS, SnippetChoice(sdk=Sdk.INFERENCE), r'''
import os

from azure.ai.inference import ChatCompletionsClient
from azure.core.credentials import AzureKeyCredential

client = ChatCompletionsClient(
    endpoint="https://contoso.services.ai.azure.com/models",
    credential=AzureKeyCredential(os.environ["AZURE_OPENAI_API_KEY"]),
    api_version="2024-05-01-preview",
)

customer_id = "C-20418"
question = "Since we moved to the new tenant on 3 March none of our invoices show up."

stream = client.complete({
    "model": "gpt-5.2",
    "messages": [
        {
            "role": "system",
            "content": (
                "You are a support engineer at Contoso. Answer in at most five "
                "sentences and cite the article."
            ),
        },
        {
            "role": "user",
            "content": (
                f"Customer {customer_id} asks: {question} Reply in the language of the "
                "question."
            ),
        },
    ],
    "reasoning_effort": "low",
    "max_tokens": 600,
    "stream": True,
})

for event in stream:
    for choice in event.choices:
        if choice.delta and choice.delta.content:
            print(choice.delta.content, end="", flush=True)
''', id='models chat python inference key'),
]  # fmt: skip


@pytest.mark.parametrize(("url", "choice", "text"), GOLDEN)
def test_a_snippet_reads_like_this(url: str, choice: SnippetChoice, text: str) -> None:
    assert made(url, choice).text == text.removeprefix("\n")
