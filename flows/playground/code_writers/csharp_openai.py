"""C#: the OpenAI SDK, with Azure.AI.OpenAI for dated routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connections.endpoint.hosts import CLASSIC_SCOPE, scope_of
from connections.foundry.auth import BEARER
from connections.foundry.routes import Api
from flows.playground.code_writers.call_plan import KEY, CallPlan
from flows.playground.code_writers.choices import SnippetRefusal, WrittenCode
from flows.playground.code_writers.csharp import (
    INDENT,
    CSharpProgram,
    assignment,
    block,
    environment,
    message,
    number,
    quote,
    raw_string,
    stop_sequences,
    text_literal,
)
from flows.playground.code_writers.typed_body import OF_RESPONSES, MessageImage, MessageTurn, TypedBody, typed_body

# Of AzureOpenAIClientOptions.ServiceVersion. A preview needs the prerelease of the package.
VERSIONS = (
    "2024-06-01", "2024-08-01-preview", "2024-09-01-preview", "2024-10-01-preview", "2024-10-21",
    "2024-12-01-preview", "2025-01-01-preview", "2025-03-01-preview", "2025-04-01-preview",
)  # fmt: skip
AUDIENCES = {
    CLASSIC_SCOPE: "",
    scope_of("cognitiveservices.azure.us"): " { Audience = AzureOpenAIAudience.AzureGovernment }",
}
PROPERTIES = {
    "temperature": "Temperature",
    "top_p": "TopP",
    "frequency_penalty": "FrequencyPenalty",
    "presence_penalty": "PresencePenalty",
    "max_completion_tokens": "MaxOutputTokenCount",
    "max_output_tokens": "MaxOutputTokenCount",
    "seed": "Seed",
    "store": "StoredOutputEnabled",
}
OF_CHAT = (*(name for name in PROPERTIES if name != "max_output_tokens"), "reasoning_effort", "response_format", "stop")
KEY_CREDENTIAL = f"new ApiKeyCredential({environment(KEY)}!)"


def write_openai(plan: CallPlan) -> WrittenCode:
    """Raises SnippetRefusal."""
    if plan.extra or plan.headers:
        raise SnippetRefusal("The OpenAI SDK for .NET sends a further header only by a class of its own. Choose REST.")
    if plan.address.azure:
        return azure(plan)
    if plan.address.query:
        raise SnippetRefusal(
            "The OpenAI SDK for .NET sends no api-version. Choose REST, or a connection to the address /openai/v1."
        )
    return chat(plan) if plan.api is Api.CHAT else responses(plan)


def chat(plan: CallPlan) -> WrittenCode:
    code = CSharpProgram(plan, "OpenAI")
    code.uses("OpenAI")
    credential = credential_of(plan, code)
    code.add(f"""\
ChatClient client = new(
    model: {quote(plan.model)},{plan.model_comment()}
    {credential},
    options: new OpenAIClientOptions {{ Endpoint = new Uri({quote(f"{plan.address.base}/")}) }});""")
    return call_chat(plan, code)


def azure(plan: CallPlan) -> WrittenCode:
    if plan.api is Api.RESPONSES:
        raise SnippetRefusal(
            "The SDK for .NET has Responses at /openai/v1 alone. Choose REST, or a connection to that address."
        )
    version = plan.address.api_version
    if version not in VERSIONS or plan.address.query:
        raise SnippetRefusal(f"Azure.AI.OpenAI for .NET does not know the api-version {version}. Choose REST.")
    if plan.entra and plan.scope not in AUDIENCES:
        raise SnippetRefusal("Azure.AI.OpenAI for .NET does not know the token for this cloud. Choose REST.")
    code = CSharpProgram(plan, "Azure.AI.OpenAI --prerelease" if version.endswith("preview") else "Azure.AI.OpenAI")
    code.uses("Azure.AI.OpenAI", *([] if plan.entra else ["System.ClientModel"]))
    name = f"V{version.replace('-preview', '_Preview').replace('-', '_')}"
    audience = AUDIENCES.get(plan.scope, "") if plan.entra else ""
    code.add(f"""\
AzureOpenAIClient azure = new(
    new Uri({quote(plan.address.base)}),
    {"new DefaultAzureCredential()" if plan.entra else KEY_CREDENTIAL},
    new AzureOpenAIClientOptions(AzureOpenAIClientOptions.ServiceVersion.{name}){audience});
ChatClient client = azure.GetChatClient({quote(plan.model)});""")
    return call_chat(plan, code)


def call_chat(plan: CallPlan, code: CSharpProgram) -> WrittenCode:
    """With what is asked, by the client that the code has made."""
    found = typed_body(plan, OF_CHAT)
    code.uses("OpenAI.Chat")
    patched = []
    if {"seed", "reasoning_effort"} & found.known.keys():
        code.suppress("OPENAI001")
    if plan.address.azure and "max_completion_tokens" in found.known:
        # Without this it sends max_tokens.
        code.uses("Azure.AI.OpenAI.Chat")
        code.suppress("AOAI001")
        patched = ["options.SetNewMaxCompletionTokensPropertyEnabled(true);"]
    patched += patches(found.others, code)
    options = assignment("ChatCompletionOptions options = new()", chat_options(found))
    messages = block("List<ChatMessage> messages =", "[]", map(chat_message, found.turns))
    code.add(messages, "\n".join([options, *patched]), CHAT_STREAM if plan.streams else CHAT_WHOLE)
    return code.write()


CHAT_STREAM = """\
await foreach (StreamingChatCompletionUpdate update in client.CompleteChatStreamingAsync(messages, options))
{
    foreach (ChatMessageContentPart part in update.ContentUpdate)
    {
        Console.Write(part.Text);
    }
}"""
CHAT_WHOLE = """\
ChatCompletion completion = await client.CompleteChatAsync(messages, options);
Console.WriteLine(completion.Content[0].Text);"""


def chat_message(turn: MessageTurn) -> str:
    return message(f"new {turn.role.capitalize()}ChatMessage", turn, chat_part, 2)


def chat_part(part: str | MessageImage, depth: int) -> str:
    if isinstance(part, str):
        return f"ChatMessageContentPart.CreateTextPart({text_literal(part, depth)})"
    return f"ChatMessageContentPart.CreateImagePart({chat_image(part)})"


def chat_image(image: MessageImage) -> str:
    detail = f", new ChatImageDetailLevel({quote(image.detail)})" if image.detail else ""
    if image.inline is None:
        return f"new Uri({quote(image.url)}){detail}"
    media, data = image.inline
    return f"BinaryData.FromBytes(Convert.FromBase64String({quote(data)})), {quote(media)}{detail}"


def chat_options(found: TypedBody) -> list[str]:
    known = found.known
    made = [f"{PROPERTIES[name]} = {number(value)}," for name, value in known.items() if name in PROPERTIES]
    if effort := known.get("reasoning_effort"):
        made.append(f"ReasoningEffortLevel = new ChatReasoningEffortLevel({quote(effort)}),")
    if form := known.get("response_format"):
        made.append(f"ResponseFormat = {format_of('ChatResponseFormat', form, form.get('json_schema'))},")
    return [*made, stop_sequences(found.stop_texts)] if found.stop_texts else made


def format_of(name: str, form: Mapping[str, Any], schema: Mapping[str, Any] | None) -> str:
    if schema is None:
        return f"{name}.Create{'JsonObject' if form.get('type') == 'json_object' else 'Text'}Format()"
    strict = f",\n{INDENT * 2}jsonSchemaIsStrict: {number(schema['strict'])}" if "strict" in schema else ""
    described = schema.get("description")
    about = f",\n{INDENT * 2}jsonSchemaFormatDescription: {quote(described)}" if described else ""
    shown = raw_string(schema.get("schema", {}), 2)
    return f"{name}.CreateJsonSchemaFormat({quote(schema['name'])}, BinaryData.FromString({shown}){about}{strict})"


def responses(plan: CallPlan) -> WrittenCode:
    found = typed_body(plan, OF_RESPONSES)
    code = CSharpProgram(plan, "OpenAI")
    code.uses("OpenAI.Responses")
    code.suppress("OPENAI001")
    credential = credential_of(plan, code)
    code.add(f"""\
ResponsesClient client = new(
    {credential},
    options: new ResponsesClientOptions {{ Endpoint = new Uri({quote(f"{plan.address.base}/")}) }});""")
    effort = dict(found.others.get("reasoning") or {})
    text = dict(found.others.get("text") or {})
    typed_form = text.get("format")
    others = {name: value for name, value in found.others.items() if name not in ("reasoning", "text")}
    others |= {f"text.{name}": value for name, value in text.items() if name != "format"}
    others |= {f"reasoning.{name}": value for name, value in effort.items() if name != "effort"}
    given = [f"Model = {quote(plan.model)},"]
    if instructions := found.known.get("instructions"):
        given.append(f"Instructions = {text_literal(instructions, 2)},".replace("= \n", "=\n"))
    given.append(block("InputItems =", "{}", map(response_item, found.turns), 1))
    given += [f"{PROPERTIES[name]} = {number(value)}," for name, value in found.known.items() if name in PROPERTIES]
    if "effort" in effort:
        level = f"new ResponseReasoningEffortLevel({quote(effort['effort'])})"
        given.append(f"ReasoningOptions = new ResponseReasoningOptions {{ ReasoningEffortLevel = {level} }},")
    if typed_form:
        schema = typed_form if typed_form.get("type") == "json_schema" else None
        made = format_of("ResponseTextFormat", typed_form, schema)
        given.append(f"TextOptions = new ResponseTextOptions {{ TextFormat = {made} }},")
    if plan.streams:
        given.append("StreamingEnabled = true,")
    options = assignment("CreateResponseOptions options = new()", given)
    code.add("\n".join([options, *patches(others, code)]), RESPONSES_STREAM if plan.streams else RESPONSES_WHOLE)
    return code.write()


RESPONSES_STREAM = """\
await foreach (StreamingResponseUpdate update in client.CreateResponseStreamingAsync(options))
{
    if (update is StreamingResponseOutputTextDeltaUpdate text)
    {
        Console.Write(text.Delta);
    }
}"""
RESPONSES_WHOLE = """\
ResponseResult response = await client.CreateResponseAsync(options);
Console.WriteLine(response.GetOutputText());"""


def response_item(turn: MessageTurn) -> str:
    return message(f"ResponseItem.Create{turn.role.capitalize()}MessageItem", turn, response_part, 3, "[]")


def response_part(part: str | MessageImage, depth: int) -> str:
    if isinstance(part, str):
        return f"ResponseContentPart.CreateInputTextPart({text_literal(part, depth)})"
    return f"ResponseContentPart.CreateInputImagePart({response_image(part)})"


def response_image(image: MessageImage) -> str:
    detail = f", new ResponseImageDetailLevel({quote(image.detail)})" if image.detail else ""
    if image.inline is None:
        return f"new Uri({quote(image.url)}){detail}"
    media, data = image.inline
    return f"BinaryData.FromBytes(Convert.FromBase64String({quote(data)}), {quote(media)}){detail}"


def credential_of(plan: CallPlan, code: CSharpProgram) -> str:
    """The argument of a client; one that is a policy is experimental."""
    key_header = plan.sdk_header if plan.sdk_header != BEARER else ""
    if not plan.entra:
        code.uses("System.ClientModel")
    if not plan.entra and not key_header:
        return f"credential: {KEY_CREDENTIAL}"
    code.uses("System.ClientModel.Primitives")
    code.suppress("OPENAI001")
    policy = f"ApiKeyAuthenticationPolicy.CreateHeaderApiKeyPolicy({KEY_CREDENTIAL}, {quote(key_header)})"
    if plan.entra:
        policy = f"new BearerTokenPolicy(new DefaultAzureCredential(), {quote(plan.scope)})"
    return f"authenticationPolicy: {policy}"


def patches(others: Mapping[str, Any], code: CSharpProgram) -> list[str]:
    """What the SDK has no property for, by something experimental."""
    if others:
        code.suppress("SCME0001")
    return [
        f'options.Patch.Set("$.{name}"u8, {quote(value)});'
        if isinstance(value, str)
        else f'options.Patch.Set("$.{name}"u8, BinaryData.FromString({raw_string(value, 1)}));'
        for name, value in others.items()
    ]
