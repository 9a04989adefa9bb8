"""Code of any language, as portals and examples show it, is read as an endpoint."""

import pytest

from connections.endpoint.paste import read_paste
from tests.connections.endpoint.pastes import AZURE, DATED, FOUNDRY, KEY, clipping, shown

PYTHON = {
    "portal, AzureOpenAI": (
        f"""import os
from openai import AzureOpenAI

endpoint = "{AZURE}/"
model_name = "gpt-4o"
deployment = "my deployment".replace(" ", "-")
deployment = "my-gpt"

subscription_key = "<your-api-key>"
api_version = "{DATED}"

client = AzureOpenAI(
    api_version=api_version,
    azure_endpoint=endpoint,
    api_key=subscription_key,
)

response = client.chat.completions.create(
    messages=[{{"role": "user", "content": "What's in https://example.com/a.png?"}}],
    max_completion_tokens=4096,
    model=deployment
)
""",
        clipping(f"{AZURE}/openai/deployments/my-gpt?api-version={DATED}", None, "my-gpt", DATED),
    ),
    "portal, environment with defaults": (
        f"""import os
import base64
from openai import AzureOpenAI

endpoint = os.getenv("ENDPOINT_URL", "{AZURE}/")
deployment = os.getenv("DEPLOYMENT_NAME", "gpt-4o")
subscription_key = os.getenv("AZURE_OPENAI_API_KEY", "REPLACE_WITH_YOUR_KEY_VALUE_HERE")

# Initialize Azure OpenAI client with key-based authentication, don't share it
client = AzureOpenAI(
    azure_endpoint=endpoint,
    api_key=subscription_key,
    api_version="2025-01-01-preview",
)
""",
        clipping(f"{AZURE}/openai/deployments/gpt-4o?api-version=2025-01-01-preview", None, "gpt-4o", "2025-01-01-preview"),
    ),
    "portal, v1": (
        f"""from openai import OpenAI

endpoint = "{AZURE}/openai/v1/"
deployment_name = "gpt-5-mini"
api_key = "{KEY}"

client = OpenAI(
    base_url=endpoint,
    api_key=api_key
)
completion = client.chat.completions.create(model=deployment_name, messages=[])
""",
        clipping(f"{AZURE}/openai/v1/", KEY, "gpt-5-mini"),
    ),
    "f-string": (
        f'endpoint = "{AZURE}"\nclient = OpenAI(base_url=f"{{endpoint}}/openai/v1/", api_key=os.environ["AZURE_OPENAI_API_KEY"])',
        clipping(f"{AZURE}/openai/v1/"),
    ),
    "sum": (
        f"endpoint = '{AZURE}'\nclient = OpenAI(base_url=endpoint + '/openai/v1', api_key='{KEY}')\nclient.responses.create(model='gpt-4.1-nano')",
        clipping(f"{AZURE}/openai/v1", KEY, "gpt-4.1-nano"),
    ),
    "sum without blanks, slash removed": (
        f'endpoint="{AZURE}"\nclient=OpenAI(base_url=endpoint.rstrip("/")+"/openai/v1",api_key="{KEY}")',
        clipping(f"{AZURE}/openai/v1", KEY),
    ),
    "one line, everything inside the call": (
        f'client = AzureOpenAI(azure_endpoint="{AZURE}", api_key="{KEY}", api_version="2024-10-21", azure_deployment="a/b")',
        clipping(f"{AZURE}/openai/deployments/a%2Fb?api-version=2024-10-21", KEY, "a/b", "2024-10-21"),
    ),
    "AzureOpenAI without a version": (
        f'AzureChatOpenAI(azure_endpoint="{AZURE}", azure_deployment="d")',
        clipping(f"{AZURE}/openai/deployments/d", None, "d"),
    ),
    "AzureOpenAI without a deployment": (
        f'client = AzureOpenAI(azure_endpoint="{AZURE}", api_version="2024-10-21")',
        clipping(AZURE, None, None, "2024-10-21"),
    ),
    "Azure AI Inference": (
        f"""import os
from azure.ai.inference import ChatCompletionsClient
from azure.core.credentials import AzureKeyCredential

endpoint = "{FOUNDRY}/models"
model_name = "Mistral-Large-2411"

client = ChatCompletionsClient(
    endpoint=endpoint,
    credential=AzureKeyCredential("{KEY}"),
    api_version="2024-05-01-preview"
)
""",
        clipping(f"{FOUNDRY}/models", KEY, "Mistral-Large-2411", "2024-05-01-preview"),
    ),
    "Azure AI Inference with a token": (
        f"""client = ChatCompletionsClient(
    endpoint="{AZURE}/openai/deployments/gpt-4o",
    credential=DefaultAzureCredential(),
    credential_scopes=["https://cognitiveservices.azure.com/.default"],
    api_version="2024-06-01",
)""",
        clipping(f"{AZURE}/openai/deployments/gpt-4o", None, None, "2024-06-01"),
    ),
    "token provider before the address": (
        f"""token_provider = get_bearer_token_provider(DefaultAzureCredential(), "https://cognitiveservices.azure.com/.default")
client = OpenAI(base_url="{AZURE}/openai/v1/", api_key=token_provider)""",
        clipping(f"{AZURE}/openai/v1/"),
    ),
    "project": (
        f'project = AIProjectClient(\n  endpoint="{FOUNDRY}/api/projects/proj", # see https://aka.ms/foundry\n  credential=DefaultAzureCredential())',
        clipping(f"{FOUNDRY}/api/projects/proj"),
    ),
    "requests": (
        f"""import requests
# Docs: https://learn.microsoft.com/azure/ai-foundry
url = "{AZURE}/openai/v1/chat/completions"
headers = {{"api-key": "{KEY}", "Content-Type": "application/json"}}
body = {{"model": "gpt-4o", "messages": [{{"role": "user", "content": "hi"}}]}}
requests.post(url, headers=headers, json=body)""",
        clipping(f"{AZURE}/openai/v1/chat/completions", KEY, "gpt-4o"),
    ),
    "environment read by name": (
        f'os.environ["AZURE_OPENAI_ENDPOINT"] = "{AZURE}"\nos.environ["AZURE_OPENAI_API_KEY"] = "{KEY}"\nclient = AzureOpenAI(azure_endpoint=os.environ["AZURE_OPENAI_ENDPOINT"])',
        clipping(AZURE, KEY),
    ),
    "typed names": (
        f'endpoint: str = "{AZURE}/openai/v1"\napi_key: str = "{KEY}"\nmodel: str = "gpt-4o"',
        clipping(f"{AZURE}/openai/v1", KEY, "gpt-4o"),
    ),
    "another provider": (
        f'client = OpenAI(base_url="https://gw.example/v1", api_key="{KEY}")', clipping("https://gw.example/v1", KEY),
    ),
    "lines joined without a separator": (
        f'import osfrom openai import AzureOpenAIendpoint = "{AZURE}/"model_name = "gpt-4o"deployment = "gpt-4o-2"subscription_key = "{KEY}"api_version = "{DATED}"client = AzureOpenAI(    api_version=api_version,    azure_endpoint=endpoint,    api_key=subscription_key,)',
        clipping(f"{AZURE}/openai/deployments/gpt-4o-2?api-version={DATED}", KEY, "gpt-4o-2", DATED),
    ),
    "lines joined, v1": (
        f'from openai import OpenAIendpoint = "{AZURE}/openai/v1/"deployment_name = "gpt-4o"api_key = "{KEY}"client = OpenAI(    base_url=endpoint,    api_key=api_key)',
        clipping(f"{AZURE}/openai/v1/", KEY, "gpt-4o"),
    ),
}  # fmt: skip

OTHER_LANGUAGES = {
    "C#, AzureOpenAIClient": (
        f"""using Azure;
using Azure.AI.OpenAI;
using OpenAI.Chat;

var endpoint = new Uri("{AZURE}/");
var model = "gpt-4o";
var deploymentName = "my-gpt";
var apiKey = "{KEY}";

AzureOpenAIClient azureClient = new(
    endpoint,
    new AzureKeyCredential(apiKey));
ChatClient chatClient = azureClient.GetChatClient(deploymentName);
""",
        clipping(f"{AZURE}/openai/deployments/my-gpt", KEY, "my-gpt"),
    ),
    "C#, AzureOpenAIClient on one line": (
        f'AzureOpenAIClient c = new AzureOpenAIClient(new Uri("{AZURE}"), new AzureKeyCredential("{KEY}")); var chat = c.GetChatClient("gpt-4o");',
        clipping(f"{AZURE}/openai/deployments/gpt-4o", KEY, "gpt-4o"),
    ),
    "C#, v1": (
        f"""ChatClient client = new(
    credential: new ApiKeyCredential("{KEY}"),
    model: "gpt-4.1",
    options: new OpenAIClientOptions() {{
        Endpoint = new Uri($"{AZURE}/openai/v1/"),
    }});""",
        clipping(f"{AZURE}/openai/v1/", KEY, "gpt-4.1"),
    ),
    "C#, string and sum": (
        f'const string endpoint = "{AZURE}";\nstring model = "gpt-4o";\nstring apiKey = Environment.GetEnvironmentVariable("AZURE_OPENAI_API_KEY") ?? "{KEY}";\nvar options = new OpenAIClientOptions {{ Endpoint = new Uri(endpoint + "/openai/v1") }};',
        clipping(f"{AZURE}/openai/v1", KEY, "gpt-4o"),
    ),
    "C#, inference": (
        f'var endpoint = new Uri("{FOUNDRY}/models");\nvar credential = new AzureKeyCredential(System.Environment.GetEnvironmentVariable("AZURE_AI_CHAT_KEY"));\nvar model = "Phi-4";',
        clipping(f"{FOUNDRY}/models", None, "Phi-4"),
    ),
    "C#, version of the service": (
        f'new AzureOpenAIClient(new Uri("{AZURE}"), cred, new AzureOpenAIClientOptions(AzureOpenAIClientOptions.ServiceVersion.V2024_10_01_Preview))',
        clipping(AZURE, None, None, "2024-10-01-preview"),
    ),
    "JavaScript, AzureOpenAI": (
        f"""import {{ AzureOpenAI }} from "openai";

const endpoint = "{AZURE}/";
const modelName = "gpt-4o";
const deployment = "my-gpt";

export async function main() {{
  const apiKey = "<your-api-key>";
  const apiVersion = "2024-04-01-preview";
  const options = {{ endpoint, apiKey, deployment, apiVersion }}
  const client = new AzureOpenAI(options);
}}""",
        clipping(f"{AZURE}/openai/deployments/my-gpt?api-version=2024-04-01-preview", None, "my-gpt", "2024-04-01-preview"),
    ),
    "JavaScript, OpenAI": (
        f'const client = new OpenAI({{ baseURL: "{AZURE}/openai/v1/", apiKey: "{KEY}" }});\nawait client.responses.create({{ model: "gpt-4o", input: "x" }});',
        clipping(f"{AZURE}/openai/v1/", KEY, "gpt-4o"),
    ),
    "JavaScript, template": (
        f"const endpoint = process.env.AZURE_OPENAI_ENDPOINT || '{AZURE}';\nconst client = new OpenAI({{ baseURL: `${{endpoint}}/openai/v1`, apiKey: process.env.AZURE_OPENAI_API_KEY }});",
        clipping(f"{AZURE}/openai/v1"),
    ),
    "JavaScript, inference": (
        f'const client = ModelClient("{FOUNDRY}/models", new AzureKeyCredential("{KEY}"));\nclient.path("/chat/completions").post({{ body: {{ messages: messages, model: "Phi-4" }} }});',
        clipping(f"{FOUNDRY}/models", KEY, "Phi-4"),
    ),
    "TypeScript": (
        f'const endpoint: string = process.env["ENDPOINT"] ?? "{AZURE}/openai/v1";\nconst modelName: string = "gpt-4o";\nconst key = process.env["KEY"]!;',
        clipping(f"{AZURE}/openai/v1", None, "gpt-4o"),
    ),
    "JavaScript, fetch": (
        f'await fetch("{AZURE}/openai/v1/chat/completions", {{ method: "POST", headers: {{ "api-key": "{KEY}" }}, body: JSON.stringify({{ model: "gpt-4o" }}) }})',
        clipping(f"{AZURE}/openai/v1/chat/completions", KEY, "gpt-4o"),
    ),
    "Java, Azure": (
        f"""OpenAIClient client = new OpenAIClientBuilder()
    .endpoint("{AZURE}")
    .credential(new AzureKeyCredential("{KEY}"))
    .serviceVersion(OpenAIServiceVersion.V2024_06_01)
    .buildClient();
client.getChatCompletions(deploymentName, options);""",
        clipping(AZURE, KEY, None, "2024-06-01"),
    ),
    "Java, OpenAI": (
        f'OpenAIClient client = OpenAIOkHttpClient.builder()\n    .baseUrl("{AZURE}/openai/v1")\n    .apiKey("{KEY}")\n    .azureServiceVersion(AzureOpenAIServiceVersion.fromString("2024-10-21"))\n    .build();\nChatCompletionCreateParams.builder().model("gpt-4o")',
        clipping(f"{AZURE}/openai/v1", KEY, "gpt-4o", "2024-10-21"),
    ),
    "Go, OpenAI": (
        f'client := openai.NewClient(\n\toption.WithBaseURL("{AZURE}/openai/v1/"),\n\toption.WithAPIKey("{KEY}"),\n)\nopenai.ChatCompletionNewParams{{Model: openai.ChatModel("gpt-4o")}}',
        clipping(f"{AZURE}/openai/v1/", KEY, "gpt-4o"),
    ),
    "Go, azure": (
        f'client := openai.NewClient(azure.WithEndpoint("{AZURE}", "2024-10-21"), azure.WithAPIKey("{KEY}"))',
        clipping(AZURE, KEY, None, "2024-10-21"),
    ),
    "Go, constants": (
        f'const azureOpenAIEndpoint = "{AZURE}"\nconst azureOpenAIAPIVersion = "2024-06-01"\nmodelDeployment := "gpt-4o"\nclient := openai.NewClient(azure.WithEndpoint(azureOpenAIEndpoint, azureOpenAIAPIVersion), azure.WithAPIKey(os.Getenv("AZURE_OPENAI_API_KEY")))',
        clipping(AZURE, None, "gpt-4o", "2024-06-01"),
    ),
    "JSON": (
        f'{{\n  "endpoint": "{AZURE}/",\n  "apiKey": "{KEY}",\n  "deployment": "gpt-4o",\n  "apiVersion": "2024-10-21"\n}}',
        clipping(f"{AZURE}/", KEY, "gpt-4o", "2024-10-21"),
    ),
    "JSON without blanks": (
        f'{{"endpoint":"{AZURE}/","apiKey":"{KEY}","deployment":"gpt-4o"}}', clipping(f"{AZURE}/", KEY, "gpt-4o"),
    ),
    "appsettings.json": (
        f'{{ "AzureOpenAI": {{ "Endpoint": "{AZURE}", "ApiKey": "{KEY}", "DeploymentName": "gpt-4o" }} }}', clipping(AZURE, KEY, "gpt-4o"),
    ),
}  # fmt: skip
CODE = {**{f"Python, {name}": case for name, case in PYTHON.items()}, **OTHER_LANGUAGES}


@pytest.mark.parametrize(("text", "expected"), CODE.values(), ids=CODE)
def test_code_is_read(text, expected):
    assert shown(read_paste(text)) == shown(expected)


@pytest.mark.parametrize("name", [name for name, (text, _) in CODE.items() if "\n" in text])
@pytest.mark.parametrize("joint", ["", " "])
def test_code_without_its_line_ends_is_read_like_code(name, joint):
    text, expected = CODE[name]
    assert shown(read_paste(text.replace("\n", joint))) == shown(expected)
