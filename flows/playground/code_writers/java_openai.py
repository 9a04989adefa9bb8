"""Java: the OpenAI SDK."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from connections.foundry.auth import API_KEY
from connections.foundry.routes import Api
from flows.playground.code_writers.call_plan import KEY, CallPlan
from flows.playground.code_writers.choices import WrittenCode
from flows.playground.code_writers.java import (
    INDENT,
    JavaProgram,
    environment,
    install,
    number,
    quote,
    text_block,
    text_literal,
)
from flows.playground.code_writers.typed_body import OF_RESPONSES, MessageImage, MessageTurn, typed_body

CHAT, RESPONSES, INFERENCE = (
    "com.openai.models.chat.completions",
    "com.openai.models.responses",
    "com.azure.ai.inference",
)
# Hosts on which the SDK guesses at paths unless they end with /openai/v1.
GUESSED = (".openai.azure.com", ".services.ai.azure.com", ".azure-api.net", ".cognitiveservices.azure.com")
SETTERS = {
    "temperature": "temperature",
    "top_p": "topP",
    "frequency_penalty": "frequencyPenalty",
    "presence_penalty": "presencePenalty",
    "max_completion_tokens": "maxCompletionTokens",
    "max_tokens": "maxTokens",
    "max_output_tokens": "maxOutputTokens",
    "seed": "seed",
    "store": "store",
}
OF_CHAT = (*SETTERS, "reasoning_effort", "stop")


def write_openai(plan: CallPlan) -> WrittenCode:
    code = JavaProgram()
    code.uses("com.openai.client", "OpenAIClient", "okhttp.OpenAIOkHttpClient")
    code.add_builder("OpenAIClient client = OpenAIOkHttpClient.builder()", client_calls(plan, code))
    if plan.api is Api.CHAT:
        chat(plan, code)
    else:
        responses(plan, code)
    packages = ["com.openai:openai-java", *(["com.azure:azure-identity"] if plan.entra else [])]
    return code.write(install(packages))


def client_calls(plan: CallPlan, code: JavaProgram) -> list[str]:
    calls, mode = address_calls(plan, code)
    if plan.entra:
        code.uses("com.azure.identity", "AuthenticationUtil", "DefaultAzureCredentialBuilder")
        code.uses("com.openai.credential", "BearerTokenCredential")
        calls += [
            ".credential(BearerTokenCredential.create(AuthenticationUtil.getBearerTokenSupplier(",
            f"    new DefaultAzureCredentialBuilder().build(), {quote(plan.scope)})))",
        ]
    elif plan.address.azure or plan.sdk_header == API_KEY:
        code.uses("com.openai.azure.credential", "AzureApiKeyCredential")
        calls.append(f".credential(AzureApiKeyCredential.create({environment(KEY)}))")
    else:
        calls.append(f".apiKey({environment(KEY)})")
    if plan.sdk_header not in ("", API_KEY):
        calls.append(f".putHeader({quote(plan.sdk_header)}, {environment(KEY)})")
    if plan.extra:
        calls.append(f".putHeader({quote(plan.extra.name)}, {environment(plan.extra_name)})")
    calls += [f".putHeader({quote(name)}, {quote(value)})" for name, value in plan.headers.items()]
    if mode:
        code.uses("com.openai.azure", "AzureUrlPathMode")
        calls.append(f".azureUrlPathMode(AzureUrlPathMode.{mode})")
    return calls


def address_calls(plan: CallPlan, code: JavaProgram) -> tuple[list[str], str]:
    """Where to call, and the path mode when the SDK would guess another one."""
    address, guessed = plan.address, (urlsplit(plan.url).hostname or "").endswith(GUESSED)
    if address.azure and plan.deployment:
        code.uses("com.openai.azure", "AzureOpenAIServiceVersion")
        calls = [
            f".baseUrl({quote(address.base)})",
            f".azureServiceVersion(AzureOpenAIServiceVersion.fromString({quote(address.api_version)}))",
        ]
        query, mode = dict(address.query), "" if guessed else "LEGACY"
    else:
        base = f"{address.base}/openai" if address.azure else address.base
        calls, query = [f".baseUrl({quote(base)})"], plan.query
        mode = "UNIFIED" if guessed and not base.endswith("/openai/v1") else ""
    return calls + [f".putQueryParam({quote(name)}, {quote(value)})" for name, value in query.items()], mode


def chat(plan: CallPlan, code: JavaProgram) -> None:
    found = typed_body(plan, OF_CHAT)
    code.uses(CHAT, "ChatCompletionCreateParams")
    calls = [model_call(plan), *(chat_message(turn, code) for turn in found.turns)]
    calls += settings(found.known, code)
    if "stream_options" in plan.body:
        code.uses(CHAT, "ChatCompletionStreamOptions")
        calls.append(".streamOptions(ChatCompletionStreamOptions.builder().includeUsage(true).build())")
    calls += body_calls(found.others, code)
    code.add_builder("ChatCompletionCreateParams params = ChatCompletionCreateParams.builder()", calls)
    if plan.streams:
        code.uses(CHAT, "ChatCompletionChunk")
        code.uses("com.openai.core.http", "StreamResponse")
        code.add(*CHAT_STREAM)
    else:
        code.add(*CHAT_WHOLE)


CHAT_STREAM = (
    "try (StreamResponse<ChatCompletionChunk> stream =",
    "        client.chat().completions().createStreaming(params)) {",
    "    stream.stream()",
    "        .flatMap(chunk -> chunk.choices().stream())",
    "        .flatMap(choice -> choice.delta().content().stream())",
    "        .forEach(System.out::print);",
    "}",
)
CHAT_WHOLE = (
    "client.chat().completions().create(params).choices().stream()",
    "    .flatMap(choice -> choice.message().content().stream())",
    "    .forEach(System.out::println);",
)


def model_call(plan: CallPlan) -> str:
    return f".model({quote(plan.model)}){plan.model_comment()}"


def chat_message(turn: MessageTurn, code: JavaProgram) -> str:
    if turn.text is not None:
        return f".add{turn.role.capitalize()}Message({text_literal(turn.text, 4)})"
    code.uses("java.util", "List")
    code.uses(CHAT, "ChatCompletionContentPart")
    parts = ",\n".join(f"{INDENT * 4}{chat_part(part, code)}" for part in turn.parts)
    return f".addUserMessageOfArrayOfContentParts(List.of(\n{parts}))"


def chat_part(part: str | MessageImage, code: JavaProgram) -> str:
    if isinstance(part, str):
        code.uses(CHAT, "ChatCompletionContentPartText")
        made = f"ChatCompletionContentPartText.builder().text({text_literal(part, 5)}).build()"
        return f"ChatCompletionContentPart.ofText({made})"
    code.uses(CHAT, "ChatCompletionContentPartImage")
    detail = f".detail(ChatCompletionContentPartImage.ImageUrl.Detail.of({quote(part.detail)}))" if part.detail else ""
    url = f"ChatCompletionContentPartImage.ImageUrl.builder().url({text_literal(part.url, 5)}){detail}.build()"
    made = f"ChatCompletionContentPartImage.builder().imageUrl({url}).build()"
    return f"ChatCompletionContentPart.ofImageUrl({made})"


def responses(plan: CallPlan, code: JavaProgram) -> None:
    found = typed_body(plan, OF_RESPONSES)
    code.uses(RESPONSES, "ResponseCreateParams")
    calls = [model_call(plan)]
    if instructions := found.known.get("instructions"):
        calls.append(f".instructions({text_literal(instructions, 4)})")
    calls += [response_input(plan, found.turns, code), *settings(found.known, code)]
    others = dict(found.others)
    if (reasoning := others.get("reasoning")) and reasoning.keys() == {"effort"}:
        del others["reasoning"]
        code.uses("com.openai.models", "Reasoning", "ReasoningEffort")
        effort = f"ReasoningEffort.of({quote(reasoning['effort'])})"
        calls.append(f".reasoning(Reasoning.builder().effort({effort}).build())")
    calls += body_calls(others, code)
    code.add_builder("ResponseCreateParams params = ResponseCreateParams.builder()", calls)
    if plan.streams:
        code.uses(RESPONSES, "ResponseStreamEvent")
        code.uses("com.openai.core.http", "StreamResponse")
        code.add(*RESPONSES_STREAM)
    else:
        code.add(*RESPONSES_WHOLE)


RESPONSES_STREAM = (
    "try (StreamResponse<ResponseStreamEvent> stream = client.responses().createStreaming(params)) {",
    "    stream.stream()",
    "        .flatMap(event -> event.outputTextDelta().stream())",
    "        .forEach(text -> System.out.print(text.delta()));",
    "}",
)
RESPONSES_WHOLE = (
    "client.responses().create(params).output().stream()",
    "    .flatMap(item -> item.message().stream())",
    "    .flatMap(message -> message.content().stream())",
    "    .flatMap(content -> content.outputText().stream())",
    "    .forEach(text -> System.out.println(text.text()));",
)


def response_input(plan: CallPlan, turns: Iterable[MessageTurn], code: JavaProgram) -> str:
    if isinstance(plan.body["input"], str):
        return f".input({text_literal(plan.body['input'], 4)})"
    code.uses("java.util", "List")
    code.uses(RESPONSES, "ResponseInputItem")
    items = ",\n".join(f"{INDENT * 4}{response_item(turn, code)}" for turn in turns)
    return f".inputOfResponse(List.of(\n{items}))"


def response_item(turn: MessageTurn, code: JavaProgram) -> str:
    role = turn.role.upper()
    if turn.text is not None:
        code.uses(RESPONSES, "EasyInputMessage")
        text = text_literal(turn.text, 5)
        made = f"EasyInputMessage.builder().role(EasyInputMessage.Role.{role}).content({text}).build()"
        return f"ResponseInputItem.ofEasyInputMessage({made})"
    code.uses(RESPONSES, "ResponseInputImage")
    parts = "".join(f"\n{INDENT * 5}{response_part(part)}" for part in turn.parts)
    return (
        "ResponseInputItem.ofMessage(ResponseInputItem.Message.builder()"
        f"\n{INDENT * 5}.role(ResponseInputItem.Message.Role.{role}){parts}\n{INDENT * 5}.build())"
    )


def response_part(part: str | MessageImage) -> str:
    if isinstance(part, str):
        return f".addInputTextContent({text_literal(part, 6)})"
    detail = f"ResponseInputImage.Detail.of({quote(part.detail or 'auto')})"
    return f".addContent(ResponseInputImage.builder().detail({detail}).imageUrl({text_literal(part.url, 6)}).build())"


def settings(known: Mapping[str, Any], code: JavaProgram) -> list[str]:
    calls = [f".{SETTERS[name]}({number(value, name)})" for name, value in known.items() if name in SETTERS]
    if effort := known.get("reasoning_effort"):
        code.uses("com.openai.models", "ReasoningEffort")
        calls.append(f".reasoningEffort(ReasoningEffort.of({quote(effort)}))")
    if isinstance(stop := known.get("stop"), str):
        calls.append(f".stop({quote(stop)})")
    elif stop:
        code.uses("java.util", "List")
        calls.append(f".stopOfStrings(List.of({', '.join(map(quote, stop))}))")
    return calls


def body_calls(others: Mapping[str, Any], code: JavaProgram) -> list[str]:
    """What is easier to read as JSON than as builders in builders."""
    if not others:
        return []
    code.uses("com.openai.core", "JsonValue")
    if not all(isinstance(value, str | bool) for value in others.values()):
        code.uses("com.openai.core", "ObjectMappers")
    return [f".putAdditionalBodyProperty({quote(name)}, {json_value(value)})" for name, value in others.items()]


def json_value(value: Any) -> str:
    if isinstance(value, bool):
        return f"JsonValue.from({'true' if value else 'false'})"
    if isinstance(value, str):
        return f"JsonValue.from({quote(value)})"
    return f"ObjectMappers.jsonMapper().readValue({text_block(value, 4)}, JsonValue.class)"
