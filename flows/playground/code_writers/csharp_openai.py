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
    assignment,
    block,
    draft,
    environment,
    indented_block,
    number,
    quote,
    raw,
    text_literal,
)
from flows.playground.code_writers.typed_body import MessageImage, MessageTurn, typed_body

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
OF_RESPONSES = ("temperature", "top_p", "max_output_tokens", "store", "instructions")
KEY_CREDENTIAL = f"new ApiKeyCredential({environment(KEY)}!)"


def openai(plan: CallPlan) -> WrittenCode:
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
    by_policy, credential = credential_of(plan)
    comment = " // the deployment name" if plan.endpoint.is_azure else ""
    client = f"""\
ChatClient client = new(
    model: {quote(plan.model)},{comment}
    {credential},
    options: new OpenAIClientOptions {{ Endpoint = new Uri({quote(f"{plan.address.base}/")}) }});"""
    usings = ["System.ClientModel.Primitives" if by_policy else "System.ClientModel", "OpenAI", "OpenAI.Chat"]
    if plan.sdk_header:
        usings.append("System.ClientModel")
    return chat_draft(plan, usings, client, ["OpenAI"], ["OPENAI001"] if by_policy else [])


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
    name = f"V{version.replace('-preview', '_Preview').replace('-', '_')}"
    credential = "new DefaultAzureCredential()" if plan.entra else KEY_CREDENTIAL
    audience = AUDIENCES.get(plan.scope, "") if plan.entra else ""
    client = f"""\
AzureOpenAIClient azure = new(
    new Uri({quote(plan.address.base)}),
    {credential},
    new AzureOpenAIClientOptions(AzureOpenAIClientOptions.ServiceVersion.{name}){audience});
ChatClient client = azure.GetChatClient({quote(plan.model)});"""
    usings = ["Azure.AI.OpenAI", "OpenAI.Chat", *([] if plan.entra else ["System.ClientModel"])]
    package = "Azure.AI.OpenAI --prerelease" if version.endswith("preview") else "Azure.AI.OpenAI"
    return chat_draft(plan, usings, client, [package], [])


def chat_draft(plan: CallPlan, usings: list[str], client: str, packages: list[str], warnings: list[str]) -> WrittenCode:
    found = typed_body(plan, OF_CHAT)
    patched = patches(found.others)
    if {"seed", "reasoning_effort"} & found.known.keys():
        warnings = [*warnings, "OPENAI001"]
    if plan.address.azure and "max_completion_tokens" in found.known:
        # Without this it sends max_tokens.
        usings, warnings = [*usings, "Azure.AI.OpenAI.Chat"], [*warnings, "AOAI001"]
        patched = ["options.SetNewMaxCompletionTokensPropertyEnabled(true);", *patched]
    if found.others:
        warnings = [*warnings, "SCME0001"]
    options = assignment("ChatCompletionOptions options = new()", chat_options(found.known))
    messages = block("List<ChatMessage> messages =", "[]", [chat_message(turn) for turn in found.turns])
    return draft(
        plan,
        usings,
        warnings,
        packages,
        client,
        messages,
        "\n".join([options, *patched]),
        CHAT_STREAM if found.streams else CHAT_WHOLE,
    )


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
    name = f"new {turn.role.capitalize()}ChatMessage("
    if turn.text is not None:
        return f"{name}{text_literal(turn.text, 2)})"
    parts = [
        f"ChatMessageContentPart.CreateTextPart({text_literal(part, 3)})"
        if isinstance(part, str)
        else f"ChatMessageContentPart.CreateImagePart({chat_image(part)})"
        for part in turn.parts
    ]
    inner = INDENT * 2
    return f"{name}\n{inner}" + f",\n{inner}".join(parts) + ")"


def chat_image(image: MessageImage) -> str:
    detail = f", new ChatImageDetailLevel({quote(image.detail)})" if image.detail else ""
    if image.inline is None:
        return f"new Uri({quote(image.url)}){detail}"
    media, data = image.inline
    return f"BinaryData.FromBytes(Convert.FromBase64String({quote(data)})), {quote(media)}{detail}"


def chat_options(known: Mapping[str, Any]) -> list[str]:
    made = [f"{PROPERTIES[name]} = {number(value)}," for name, value in known.items() if name in PROPERTIES]
    if effort := known.get("reasoning_effort"):
        made.append(f"ReasoningEffortLevel = new ChatReasoningEffortLevel({quote(effort)}),")
    if form := known.get("response_format"):
        made.append(f"ResponseFormat = {format_of('ChatResponseFormat', form, form.get('json_schema'))},")
    if stop := known.get("stop"):
        texts = [stop] if isinstance(stop, str) else stop
        made.append(f"StopSequences = {{ {', '.join(quote(text) for text in texts)} }},")
    return made


def format_of(name: str, form: Mapping[str, Any], schema: Mapping[str, Any] | None) -> str:
    if schema is None:
        return f"{name}.Create{'JsonObject' if form.get('type') == 'json_object' else 'Text'}Format()"
    strict = f",\n{INDENT * 2}jsonSchemaIsStrict: {number(schema['strict'])}" if "strict" in schema else ""
    described = schema.get("description")
    about = f",\n{INDENT * 2}jsonSchemaFormatDescription: {quote(described)}" if described else ""
    shown = raw(schema.get("schema", {}), 2)
    return f"{name}.CreateJsonSchemaFormat({quote(schema['name'])}, BinaryData.FromString({shown}){about}{strict})"


def responses(plan: CallPlan) -> WrittenCode:
    found = typed_body(plan, OF_RESPONSES)
    by_policy, credential = credential_of(plan)
    client = f"""\
ResponsesClient client = new(
    {credential},
    options: new ResponsesClientOptions {{ Endpoint = new Uri({quote(f"{plan.address.base}/")}) }});"""
    effort = dict(found.others.get("reasoning") or {})
    text = dict(found.others.get("text") or {})
    typed_form = text.get("format")
    others = {name: value for name, value in found.others.items() if name not in ("reasoning", "text")}
    others |= {f"text.{name}": value for name, value in text.items() if name != "format"}
    others |= {f"reasoning.{name}": value for name, value in effort.items() if name != "effort"}
    given = [f"Model = {quote(plan.model)},"]
    if instructions := found.known.get("instructions"):
        given.append(f"Instructions = {text_literal(instructions, 2)},".replace("= \n", "=\n"))
    given.append(indented_block("InputItems =", "{}", [response_item(turn) for turn in found.turns]))
    given += [f"{PROPERTIES[name]} = {number(value)}," for name, value in found.known.items() if name in PROPERTIES]
    if "effort" in effort:
        level = f"new ResponseReasoningEffortLevel({quote(effort['effort'])})"
        given.append(f"ReasoningOptions = new ResponseReasoningOptions {{ ReasoningEffortLevel = {level} }},")
    if typed_form:
        schema = typed_form if typed_form.get("type") == "json_schema" else None
        made = format_of("ResponseTextFormat", typed_form, schema)
        given.append(f"TextOptions = new ResponseTextOptions {{ TextFormat = {made} }},")
    if found.streams:
        given.append("StreamingEnabled = true,")
    options = assignment("CreateResponseOptions options = new()", given)
    usings = ["System.ClientModel.Primitives" if by_policy else "System.ClientModel", "OpenAI.Responses"]
    if plan.sdk_header:
        usings.append("System.ClientModel")
    warnings = ["OPENAI001", *(["SCME0001"] if others else [])]
    return draft(
        plan,
        usings,
        warnings,
        ["OpenAI"],
        client,
        "\n".join([options, *patches(others)]),
        RESPONSES_STREAM if found.streams else RESPONSES_WHOLE,
    )


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
    name = f"ResponseItem.Create{turn.role.capitalize()}MessageItem("
    if turn.text is not None:
        return f"{name}{text_literal(turn.text, 3)})"
    parts = [
        f"ResponseContentPart.CreateInputTextPart({text_literal(part, 4)})"
        if isinstance(part, str)
        else f"ResponseContentPart.CreateInputImagePart({response_image(part)})"
        for part in turn.parts
    ]
    inner = INDENT * 3
    return f"{name}[\n{inner}" + f",\n{inner}".join(parts) + "])"


def response_image(image: MessageImage) -> str:
    detail = f", new ResponseImageDetailLevel({quote(image.detail)})" if image.detail else ""
    if image.inline is None:
        return f"new Uri({quote(image.url)}){detail}"
    media, data = image.inline
    return f"BinaryData.FromBytes(Convert.FromBase64String({quote(data)}), {quote(media)}){detail}"


def credential_of(plan: CallPlan) -> tuple[bool, str]:
    """Whether it is a policy, and the argument."""
    if plan.entra:
        return True, f"authenticationPolicy: new BearerTokenPolicy(new DefaultAzureCredential(), {quote(plan.scope)})"
    if plan.sdk_header and plan.sdk_header != BEARER:
        made = f"ApiKeyAuthenticationPolicy.CreateHeaderApiKeyPolicy({KEY_CREDENTIAL}, {quote(plan.sdk_header)})"
        return True, f"authenticationPolicy: {made}"
    return False, f"credential: {KEY_CREDENTIAL}"


def patches(others: Mapping[str, Any]) -> list[str]:
    """What the SDK has no property for."""
    return [
        f'options.Patch.Set("$.{name}"u8, {quote(value)});'
        if isinstance(value, str)
        else f'options.Patch.Set("$.{name}"u8, BinaryData.FromString({raw(value, 1)}));'
        for name, value in others.items()
    ]
