"""Python: OpenAI SDK, requests, and the retired Azure AI Inference SDK."""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping
from typing import Any

from connections.foundry.routes import Api
from flows.playground.code_writers.call_plan import KEY, CallPlan, SentHeader
from flows.playground.code_writers.choices import WrittenCode
from flows.playground.code_writers.lines import KNOWN, Part, escape, lines_of, quote_with
from flows.playground.code_writers.literals import LiteralStyle, RawCode, value_literal
from flows.playground.code_writers.templated_text import TextVariable

INDENT, WIDTH = "    ", 88
BRACES = {"{": "{{", "}": "}}"}
RESERVED = frozenset(keyword.kwlist) | {
    "AzureKeyCredential", "AzureOpenAI", "ChatCompletionsClient", "DefaultAzureCredential", "Omit", "OpenAI", "choice",
    "client", "completion", "event", "get_bearer_token_provider", "json", "line", "load_dotenv", "os", "print",
    "requests", "response", "stream", "token_provider",
}  # fmt: skip


def escape_of(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quote(text: str) -> str:
    return quote_with(text, escape_of)


def literal(line: Iterable[Part]) -> str:
    parts = list(line)
    if not any(isinstance(part, TextVariable) for part in parts):
        return quote("".join(str(part) for part in parts))
    inner = (
        f"{{{p.name}}}" if isinstance(p, TextVariable) else escape(p, {**KNOWN, **BRACES}, escape_of) for p in parts
    )
    return f'f"{"".join(inner)}"'


def text_literal(text: str, depth: int, taken: int) -> str:
    """One literal where it fits, else one for each line, which Python joins."""
    inner = INDENT * (depth + 1)
    lines = lines_of(text, WIDTH - max(taken, len(inner)) - 2)
    if len(lines) == 1:
        return literal(lines[0])
    lines = lines_of(text, WIDTH - len(inner) - 2)
    return "(\n" + "".join(f"{inner}{literal(line)}\n" for line in lines) + INDENT * depth + ")"


STYLE = LiteralStyle(
    width=WIDTH,
    indent=INDENT,
    none="None",
    true="True",
    false="False",
    key=lambda name: f"{quote(name)}:",
    number=repr,
    text=text_literal,
)


def value(given: Any, depth: int, taken: int = 0) -> str:
    return value_literal(given, STYLE, depth, taken)


def call(function: str, arguments: Iterable[str], depth: int = 0) -> str:
    inner = INDENT * (depth + 1)
    return f"{function}(\n" + "".join(f"{inner}{line}\n" for line in arguments) + INDENT * depth + ")"


def argument(name: str, given: Any, comment: str = "") -> str:
    return f"{name}={value(given, 1, len(INDENT) + len(name) + 2)},{comment}"


def body_arguments(plan: CallPlan, body: Mapping[str, Any]) -> list[str]:
    return [argument(name, given, plan.model_comment("  #") if name == "model" else "") for name, given in body.items()]


def environment(name: str) -> str:
    return f'os.environ["{name}"]'


def write_openai(plan: CallPlan) -> WrittenCode:
    plan = plan.with_variables(RESERVED)
    model = {"model": plan.model}
    method = "chat.completions" if plan.api is Api.CHAT else "responses"
    arguments = body_arguments(plan, {**model, **plan.named_body})
    headers: dict[str, Any] = dict(plan.headers)
    if plan.sdk_header:
        # Only a call may leave out what the client sends by itself.
        headers |= {plan.sdk_header: RawCode(environment(KEY)), "Authorization": RawCode("Omit()")}
    beside = {"extra_headers": headers, "extra_body": plan.extra_body}
    arguments += [argument(name, given) for name, given in beside.items() if given]
    result = "stream" if plan.streams else "completion" if plan.api is Api.CHAT else "response"
    packages = ["openai", *(["azure-identity"] if plan.entra else [])]
    imported = ["Omit", client_class(plan)] if plan.sdk_header else [client_class(plan)]
    return join_sections(
        plan,
        packages,
        imports(plan, {"openai": imported, **identity_imports(plan, ["get_bearer_token_provider"])}),
        client_of(plan),
        assignments(plan),
        f"{result} = {call(f'client.{method}.create', arguments)}",
        OPENAI_PRINTS[plan.api, plan.streams],
    )


OPENAI_PRINTS = {
    (Api.CHAT, True): """\
for event in stream:
    for choice in event.choices:
        if choice.delta and choice.delta.content:
            print(choice.delta.content, end="", flush=True)""",
    (Api.CHAT, False): "print(completion.choices[0].message.content)",
    (Api.RESPONSES, True): """\
for event in stream:
    if event.type == "response.output_text.delta":
        print(event.delta, end="", flush=True)""",
    (Api.RESPONSES, False): "print(response.output_text)",
}


def client_class(plan: CallPlan) -> str:
    return "AzureOpenAI" if plan.address.azure else "OpenAI"


def client_of(plan: CallPlan) -> str:
    address = plan.address
    if address.azure:
        arguments = [argument("azure_endpoint", address.base), argument("api_version", address.api_version)]
    else:
        arguments = [argument("base_url", f"{address.base}/")]
    if plan.entra:
        arguments.append(f"{'azure_ad_token_provider' if address.azure else 'api_key'}=token_provider,")
    else:
        arguments.append(f"api_key={environment(KEY)},")
    if address.query:
        arguments.append(argument("default_query", address.query))
    if plan.extra:
        arguments.append(argument("default_headers", {plan.extra.name: RawCode(environment(plan.extra_name))}))
    return f"{token_provider(plan)}client = {call(client_class(plan), arguments)}"


def token_provider(plan: CallPlan) -> str:
    """What signs in, above a client that takes it; nothing where a key does."""
    credential = ["DefaultAzureCredential(),", f"{quote(plan.scope)},"]
    return f"token_provider = {call('get_bearer_token_provider', credential)}\n" if plan.entra else ""


def write_rest(plan: CallPlan) -> WrittenCode:
    plan = plan.with_variables(RESERVED)
    arguments = [
        f"{quote(plan.url)},",
        argument("headers", {header.name: header_value(header) for header in plan.rest_headers}),
        argument("json", plan.body),
        *(["stream=True,"] if plan.streams else []),
        "timeout=600,",
    ]
    return join_sections(
        plan,
        ["requests"],
        imports(plan, {"requests": []}, standard=["json", "os"] if plan.streams else ["os"]),
        f"# {plan.secret_name} comes from: {plan.token_command}" if plan.entra else "",
        assignments(plan),
        f"response = {call('requests.post', arguments)}\nresponse.raise_for_status()",
        REST_PRINTS[plan.api, plan.streams],
    )


def header_value(header: SentHeader) -> str | RawCode:
    if not header.variable:
        return header.text
    secret = environment(header.variable)
    # Before Python 3.12 an f-string holds no quotes of its own kind.
    return RawCode(f'f"{header.text}{{{secret.replace(chr(34), chr(39))}}}"' if header.text else secret)


REST_PRINTS = {
    (Api.CHAT, True): """\
for line in response.iter_lines():
    if line.startswith(b"data: ") and line != b"data: [DONE]":
        event = json.loads(line.removeprefix(b"data: "))
        for choice in event.get("choices", []):
            print(choice.get("delta", {}).get("content") or "", end="", flush=True)""",
    (Api.CHAT, False): 'print(response.json()["choices"][0]["message"]["content"])',
    (Api.RESPONSES, True): """\
for line in response.iter_lines():
    if line.startswith(b"data: {"):
        event = json.loads(line.removeprefix(b"data: "))
        if event["type"] == "response.output_text.delta":
            print(event["delta"], end="", flush=True)""",
    (Api.RESPONSES, False): """\
for item in response.json()["output"]:
    for part in item.get("content") or []:
        print(part.get("text", ""), end="")""",
    (Api.MESSAGES, True): """\
for line in response.iter_lines():
    if line.startswith(b"data: {"):
        event = json.loads(line.removeprefix(b"data: "))
        if event["type"] == "content_block_delta":
            print(event["delta"].get("text", ""), end="", flush=True)""",
    (Api.MESSAGES, False): """\
for block in response.json()["content"]:
    print(block.get("text", ""), end="")""",
}


def write_inference(plan: CallPlan) -> WrittenCode:
    plan = plan.with_variables(RESERVED)
    credential = "DefaultAzureCredential()" if plan.entra else f"AzureKeyCredential({environment(KEY)})"
    arguments = [argument("endpoint", plan.address.base), f"credential={credential},"]
    if plan.entra:
        arguments.append(argument("credential_scopes", [plan.scope]))
    if version := plan.address.query.get("api-version"):
        arguments.append(argument("api_version", version))
    result = "stream" if plan.streams else "completion"
    body = value(plan.body, 0, len(result) + 19)
    headers = f", headers={value(plan.headers, 0)}" if plan.headers else ""
    modules = {"azure.ai.inference": ["ChatCompletionsClient"], **identity_imports(plan, [])}
    if not plan.entra:
        modules["azure.core.credentials"] = ["AzureKeyCredential"]
    return join_sections(
        plan,
        ["azure-ai-inference", *(["azure-identity"] if plan.entra else [])],
        imports(plan, modules),
        f"client = {call('ChatCompletionsClient', arguments)}",
        assignments(plan),
        f"{result} = client.complete({body}{headers})",
        OPENAI_PRINTS[plan.api, plan.streams],
    )


def identity_imports(plan: CallPlan, more: list[str]) -> dict[str, list[str]]:
    return {"azure.identity": ["DefaultAzureCredential", *more]} if plan.entra else {}


def imports(plan: CallPlan, modules: dict[str, list[str]], standard: Iterable[str] = ("os",)) -> str:
    """Modules of Python, then those of packages; a module without names is imported itself."""
    dotenv = {"dotenv": ["load_dotenv"]} if plan.choice.env_file and plan.env_names else {}
    own = [f"import {module}" for module in standard if module != "os" or plan.env_names]
    others = [
        f"from {module} import {', '.join(names)}" if names else f"import {module}"
        for module, names in sorted({**modules, **dotenv}.items(), key=lambda found: (bool(found[1]), found[0]))
    ]
    loaded = ["", "load_dotenv()"] if dotenv else []
    return "\n".join([*own, *([""] if own else []), *others, *loaded])


def assignments(plan: CallPlan) -> str:
    return "\n".join(f"{name} = {value(given, 0, len(name) + 3)}" for name, given in plan.variables.items())


def join_sections(plan: CallPlan, packages: list[str], *sections: str) -> WrittenCode:
    if plan.choice.env_file and plan.env_names:
        packages = [*packages, "python-dotenv"]
    return WrittenCode("\n\n".join(filter(None, sections)) + "\n", f"pip install {' '.join(packages)}")
