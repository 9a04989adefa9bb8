"""Go: the OpenAI SDK."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from connections.endpoint.hosts import CLASSIC_SCOPE
from connections.foundry.auth import BEARER
from connections.foundry.routes import Api
from flows.playground.code_writers.call_plan import KEY, OPERATIONS, CallPlan, SdkAddress
from flows.playground.code_writers.choices import WrittenCode
from flows.playground.code_writers.go import CHECKED, environment, program, quote, raw_string, text_literal
from flows.playground.code_writers.typed_body import OF_RESPONSES, MessageImage, MessageTurn, typed_body

MODULE, IDENTITY = "github.com/openai/openai-go/v3", "github.com/Azure/azure-sdk-for-go/sdk"
FIELDS = {
    "temperature": "Temperature",
    "top_p": "TopP",
    "frequency_penalty": "FrequencyPenalty",
    "presence_penalty": "PresencePenalty",
    "max_completion_tokens": "MaxCompletionTokens",
    "max_tokens": "MaxTokens",
    "max_output_tokens": "MaxOutputTokens",
    "seed": "Seed",
    "store": "Store",
}
OF_CHAT = (*FIELDS, "reasoning_effort", "stop")


def write_openai(plan: CallPlan) -> WrittenCode:
    """Raises SnippetRefusal."""
    imports = {"context", "fmt", "log", MODULE}
    client = client_lines(plan, imports)
    call = chat(plan, imports) if plan.api is Api.CHAT else responses(plan, imports)
    if plan.env_names:
        imports.add("os")
    packages = [MODULE, *([f"{IDENTITY}/azidentity"] if plan.entra else [])]
    return WrittenCode(program(imports, [*client, "", *call]), f"go get {' '.join(packages)}")


def client_lines(plan: CallPlan, imports: set[str]) -> list[str]:
    address = plan.address
    lines = credential_lines(plan, imports)
    if takes_azure_options(address):
        imports.add(f"{MODULE}/azure")
        options = [f"azure.WithEndpoint({quote(address.base)}, {quote(address.api_version)}),"]
        options.append(azure_authentication(plan))
        query: Mapping[str, str] = address.query
    else:
        imports.add(f"{MODULE}/option")
        base = plan.path.removesuffix(OPERATIONS[plan.api])
        options = [f"option.WithBaseURL({quote(f'{base}/')}),", authentication(plan)]
        query = plan.query
    extra = [(plan.extra.name, environment(plan.extra_name))] if plan.extra else []
    added = [f"option.WithQuery({quote(name)}, {quote(value)})," for name, value in query.items()]
    added += [f"option.WithHeader({quote(name)}, {value})," for name, value in extra]
    added += [f"option.WithHeader({quote(name)}, {quote(value)})," for name, value in plan.headers.items()]
    if added:
        imports.add(f"{MODULE}/option")
    return [*lines, "client := openai.NewClient(", *(f"\t{option}" for option in [*options, *added]), ")"]


def takes_azure_options(address: SdkAddress) -> bool:
    """They put /openai before every path, so they are for hosts without a prefix."""
    return address.azure and bool(re.fullmatch(r"https?://[^/]+", address.base))


def credential_lines(plan: CallPlan, imports: set[str]) -> list[str]:
    if not plan.entra:
        return []
    imports.add(f"{IDENTITY}/azidentity")
    lines = ["credential, err := azidentity.NewDefaultAzureCredential(nil)", *CHECKED]
    if takes_azure_options(plan.address):
        return lines
    imports.add(f"{IDENTITY}/azcore/policy")
    return [
        *lines,
        "token, err := credential.GetToken(context.Background(), policy.TokenRequestOptions{",
        f"\tScopes: []string{{{quote(plan.scope)}}},",
        "})",
        *CHECKED,
    ]


def azure_authentication(plan: CallPlan) -> str:
    if not plan.entra:
        return f"azure.WithAPIKey({environment(KEY)}),"
    scopes = f", azure.WithTokenCredentialScopes([]string{{{quote(plan.scope)}}})" * (plan.scope != CLASSIC_SCOPE)
    return f"azure.WithTokenCredential(credential{scopes}),"


def authentication(plan: CallPlan) -> str:
    if plan.entra:
        return "option.WithAPIKey(token.Token),"
    header = plan.header if plan.address.azure else plan.sdk_header
    if header in ("", BEARER):
        return f"option.WithAPIKey({environment(KEY)}),"
    return f"option.WithHeader({quote(header)}, {environment(KEY)}),"


def chat(plan: CallPlan, imports: set[str]) -> list[str]:
    found = typed_body(plan, OF_CHAT)
    entries = [model_entry(plan)]
    messages = [f"\t\t{chat_message(turn)}," for turn in found.turns]
    entries.append(("Messages", lines_of_list("[]openai.ChatCompletionMessageParamUnion", messages)))
    entries += fields(found.known)
    if effort := found.known.get("reasoning_effort"):
        entries.append(("ReasoningEffort", f"openai.ReasoningEffort({quote(effort)}),"))
    if isinstance(stop := found.known.get("stop"), str):
        entries.append(("Stop", f"openai.ChatCompletionNewParamsStopUnion{{OfString: openai.String({quote(stop)})}},"))
    elif stop:
        texts = ", ".join(map(quote, stop))
        entries.append(("Stop", f"openai.ChatCompletionNewParamsStopUnion{{OfStringArray: []string{{{texts}}}}},"))
    if "stream_options" in plan.body:
        usage = "openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)},"
        entries.append(("StreamOptions", usage))
    return call_lines(plan, imports, "Chat.Completions", "openai.ChatCompletionNewParams", entries, found.others)


def model_entry(plan: CallPlan) -> tuple[str, str]:
    return "Model", f"{quote(plan.model)},{plan.model_comment()}"


def chat_message(turn: MessageTurn) -> str:
    name = f"openai.{turn.role.capitalize()}Message"
    if turn.text is not None:
        return f"{name}({text_literal(turn.text, 4)})"
    parts = "".join(f"\t\t\t\t{chat_part(part)},\n" for part in turn.parts)
    return f"{name}([]openai.ChatCompletionContentPartUnionParam{{\n{parts}\t\t\t}})"


def chat_part(part: str | MessageImage) -> str:
    if isinstance(part, str):
        return f"openai.TextContentPart({text_literal(part, 5)})"
    detail = f", Detail: {quote(part.detail)}" if part.detail else ""
    url = f"openai.ChatCompletionContentPartImageImageURLParam{{URL: {quote(part.url)}{detail}}}"
    return f"openai.ImageContentPart({url})"


def responses(plan: CallPlan, imports: set[str]) -> list[str]:
    found = typed_body(plan, OF_RESPONSES)
    imports.add(f"{MODULE}/responses")
    entries = [model_entry(plan)]
    if instructions := found.known.get("instructions"):
        entries.append(("Instructions", f"openai.String({text_literal(instructions, 3)}),"))
    entries.append(("Input", response_input(plan, found.turns)))
    entries += fields(found.known)
    others = dict(found.others)
    if (reasoning := others.get("reasoning")) and reasoning.keys() == {"effort"}:
        del others["reasoning"]
        effort = f"openai.ReasoningEffort({quote(reasoning['effort'])})"
        entries.append(("Reasoning", f"openai.ReasoningParam{{Effort: {effort}}},"))
    return call_lines(plan, imports, "Responses", "responses.ResponseNewParams", entries, others)


def response_input(plan: CallPlan, turns: Iterable[MessageTurn]) -> str:
    union = "responses.ResponseNewParamsInputUnion"
    if isinstance(plan.body["input"], str):
        return f"{union}{{OfString: openai.String({text_literal(plan.body['input'], 3)})}},"
    items = [f"\t\t\t{response_item(turn)}," for turn in turns]
    return f"{union}{{\n\t\t\tOfInputItemList: {lines_of_list('responses.ResponseInputParam', items, 3)}\n\t\t}},"


def response_item(turn: MessageTurn) -> str:
    role = f"responses.EasyInputMessageRole{turn.role.capitalize()}"
    if turn.text is not None:
        # gofmt sets a sum apart from its neighbours by leaving out the blanks.
        return f"responses.ResponseInputItemParamOfMessage({text_literal(turn.text, 5, '+')}, {role})"
    parts = "".join(f"\t\t\t\t\t{response_part(part)},\n" for part in turn.parts)
    content = f"responses.ResponseInputMessageContentListParam{{\n{parts}\t\t\t\t}}"
    return f"responses.ResponseInputItemParamOfMessage({content}, {role})"


def response_part(part: str | MessageImage) -> str:
    if isinstance(part, str):
        return f"{{OfInputText: &responses.ResponseInputTextParam{{Text: {text_literal(part, 6)}}}}}"
    url, detail = f"ImageURL: openai.String({quote(part.url)})", f"Detail: {quote(part.detail or 'auto')}"
    return f"{{OfInputImage: &responses.ResponseInputImageParam{{{url}, {detail}}}}}"


def fields(known: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(FIELDS[name], f"{number(value, name)},") for name, value in known.items() if name in FIELDS]


def number(value: Any, name: str) -> str:
    if isinstance(value, bool):
        return f"openai.Bool({'true' if value else 'false'})"
    return f"openai.Float({value})" if "penalty" in name or name in ("temperature", "top_p") else f"openai.Int({value})"


def call_lines(
    plan: CallPlan,
    imports: set[str],
    service: str,
    params: str,
    entries: list[tuple[str, str]],
    others: Mapping[str, Any],
) -> list[str]:
    """The call, with what the SDK has no simple field for as JSON, and the loop that prints."""
    options = [f"option.WithJSONSet({quote(name)}, {json_value(value, imports)})" for name, value in others.items()]
    if options:
        imports.add(f"{MODULE}/option")
    end = ["}, " + ", ".join(options) + ")"] if options else ["})"]
    name = "New" + "Streaming" * plan.streams
    result = "stream :=" if plan.streams else "answer, err :="
    return [
        f"{result} client.{service}.{name}(context.Background(), {params}{{",
        *(f"\t{line}" for line in align(entries)),
        *end,
        *(STREAMS if plan.streams else WHOLE)[plan.api],
    ]


STREAMS = {
    Api.CHAT: (
        "for stream.Next() {",
        "\tfor _, choice := range stream.Current().Choices {",
        "\t\tfmt.Print(choice.Delta.Content)",
        "\t}",
        "}",
        "if err := stream.Err(); err != nil {",
        "\tlog.Fatal(err)",
        "}",
    ),
    Api.RESPONSES: (
        "for stream.Next() {",
        '\tif event := stream.Current(); event.Type == "response.output_text.delta" {',
        "\t\tfmt.Print(event.Delta)",
        "\t}",
        "}",
        "if err := stream.Err(); err != nil {",
        "\tlog.Fatal(err)",
        "}",
    ),
}
WHOLE = {
    Api.CHAT: (*CHECKED, "fmt.Println(answer.Choices[0].Message.Content)"),
    Api.RESPONSES: (*CHECKED, "fmt.Println(answer.OutputText())"),
}


def json_value(value: Any, imports: set[str]) -> str:
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    imports.add("encoding/json")
    return f"json.RawMessage({raw_string(value)})"


def lines_of_list(kind: str, lines: Iterable[str], depth: int = 2) -> str:
    return f"{kind}{{\n" + "".join(f"\t{line}\n" for line in lines) + "\t" * depth + "},"


def align(entries: list[tuple[str, str]]) -> list[str]:
    """As gofmt has it: values of neighbouring lines begin in one column; one of several lines stands alone."""
    made: list[str] = []
    group: list[tuple[str, str]] = []
    for name, value in entries:
        if "\n" in value:
            made += in_one_column(group)
            made.append(f"{name}: {value}")
            group = []
        else:
            group.append((name, value))
    return made + in_one_column(group)


def in_one_column(group: list[tuple[str, str]]) -> list[str]:
    width = max((len(name) for name, _ in group), default=0) + 1
    return [f"{name + ':':<{width}} {value}" for name, value in group]
