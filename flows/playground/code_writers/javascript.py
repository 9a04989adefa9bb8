"""JavaScript on Node.js: OpenAI SDK, fetch, and the retired Azure AI Inference SDK."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from connections.foundry.routes import Api
from flows.playground.code_writers.call_plan import KEY, CallPlan, SentHeader
from flows.playground.code_writers.choices import SnippetRefusal, WrittenCode
from flows.playground.code_writers.lines import Part, escape, indent, lines_of
from flows.playground.code_writers.literals import LiteralStyle, RawCode, block, value_literal, with_lead
from flows.playground.code_writers.templated_text import TextVariable

INDENT, WIDTH = "  ", 80
KNOWN = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
QUOTE, BACKTICK = {'"': '\\"'}, {"`": "\\`", "$": "\\$"}
MOST_EXACT = 2**53 - 1  # whole numbers that are exact
WORDS = (  # of the language, and of snippets
    "arguments as async await break case catch class const continue debugger default delete do else enum eval"
    " export extends false finally for from function get if implements import in instanceof interface let new null"
    " of package private protected public return set static super switch this throw true try typeof undefined var"
    " void while with yield AzureKeyCredential AzureOpenAI DefaultAzureCredential Error JSON ModelClient OpenAI"
    " TextDecoderStream buffer client completion console createSseStream fetch getBearerTokenProvider"
    " isUnexpected output process response stream tokenProvider"
)
RESERVED = frozenset(WORDS.split())


def escape_of(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\u{{{code:x}}}"


def quote(text: str) -> str:
    return f'"{escape(text, KNOWN | QUOTE, escape_of)}"'


def literal(line: Iterable[Part]) -> str:
    parts = list(line)
    if not any(isinstance(part, TextVariable) for part in parts):
        return quote("".join(str(part) for part in parts))
    inner = (f"${{{p.name}}}" if isinstance(p, TextVariable) else escape(p, KNOWN | BACKTICK, escape_of) for p in parts)
    return f"`{''.join(inner)}`"


def text_literal(text: str, depth: int, taken: int) -> str:
    """One literal where it fits, else a sum of one for each line, below its name."""
    inner = INDENT * (depth + 1)
    lines = lines_of(text, WIDTH - max(taken, len(inner)) - 2)
    if len(lines) == 1:
        return literal(lines[0])
    lines = lines_of(text, WIDTH - len(inner) - 4)
    return f"\n{inner}" + f" +\n{inner}".join(literal(line) for line in lines)


def number(value: int | float) -> str:
    if isinstance(value, int) and abs(value) > MOST_EXACT:
        raise SnippetRefusal(f"JavaScript has no exact number for {value}. Choose another language.")
    return repr(value)


def key(name: str) -> str:
    if name == "__proto__":
        return '["__proto__"]:'  # else it would be no property
    return f"{name}:" if re.fullmatch(r"[A-Za-z_$][\w$]*", name, re.ASCII) else f"{quote(name)}:"


STYLE = LiteralStyle(
    width=WIDTH,
    indent=INDENT,
    none="null",
    true="true",
    false="false",
    key=key,
    number=number,
    text=text_literal,
    blank=" ",
)


def value(given: Any, depth: int = 0, taken: int = 0) -> str:
    return value_literal(given, STYLE, depth, taken)


def options(entries: Mapping[str, Any]) -> str:
    """An object on several lines."""
    return "{" + block([(key(name), given) for name, given in entries.items()], STYLE, 0) + "}"


def environment(name: str) -> str:
    return f"process.env.{name}"


def write_openai(plan: CallPlan) -> WrittenCode:
    plan = plan.with_variables(RESERVED)
    address = plan.address
    method = "chat.completions" if plan.api is Api.CHAT else "responses"
    result = "stream" if plan.streams else "completion" if plan.api is Api.CHAT else "response"
    # The client for Azure has the deployment, so that the call does not repeat it.
    named = {} if address.azure and plan.deployment else {"model": plan.model}
    body = options({**named, **plan.body})
    if named:
        body = comment_model(plan, body)
    package = "import { AzureOpenAI } from" if address.azure else "import OpenAI from"
    return join_sections(
        plan,
        ["openai", *(["@azure/identity"] if plan.entra else [])],
        imports(plan, f'{package} "openai";', ["getBearerTokenProvider"]),
        client_of(plan),
        assignments(plan),
        f"const {result} = await client.{method}.create({body}{request_options(plan)});",
        OPENAI_PRINTS[plan.api, plan.streams],
    )


OPENAI_PRINTS = {
    (Api.CHAT, True): """\
for await (const event of stream) {
  process.stdout.write(event.choices[0]?.delta?.content ?? "");
}""",
    (Api.CHAT, False): "console.log(completion.choices[0].message.content);",
    (Api.RESPONSES, True): """\
for await (const event of stream) {
  if (event.type === "response.output_text.delta") {
    process.stdout.write(event.delta);
  }
}""",
    (Api.RESPONSES, False): "console.log(response.output_text);",
}


def request_options(plan: CallPlan) -> str:
    """The second argument of a call; nothing where none is needed."""
    return f", {options({'headers': dict(plan.headers)})}" if plan.headers else ""


def comment_model(plan: CallPlan, body: str) -> str:
    line = f"{INDENT}model: {quote(plan.model)},"
    return body.replace(f"{line}\n", f"{line}{plan.model_comment()}\n", 1)


def client_of(plan: CallPlan) -> str:
    address = plan.address
    given: dict[str, Any] = {"baseURL": f"{address.base}/"}
    if address.azure:
        given = {"endpoint": address.base, "apiVersion": address.api_version}
        if plan.deployment:
            given["deployment"] = plan.deployment
    if plan.entra:
        given["azureADTokenProvider" if address.azure else "apiKey"] = RawCode("tokenProvider")
    else:
        given["apiKey"] = RawCode(environment(KEY))
    if address.query:
        given["defaultQuery"] = address.query
    headers = {plan.sdk_header: RawCode(environment(KEY)), "Authorization": None} if plan.sdk_header else {}
    if plan.extra:
        headers[plan.extra.name] = RawCode(environment(plan.extra_name))
    if headers:
        given["defaultHeaders"] = headers
    client = "AzureOpenAI" if address.azure else "OpenAI"
    return f"{token_provider(plan)}const client = new {client}({options(given)});"


def token_provider(plan: CallPlan) -> str:
    """What signs in, above a client that takes it; nothing where a key does."""
    credential = f"  new DefaultAzureCredential(),\n  {quote(plan.scope)},\n"
    return f"const tokenProvider = getBearerTokenProvider(\n{credential});\n" if plan.entra else ""


def write_rest(plan: CallPlan) -> WrittenCode:
    plan = plan.with_variables(RESERVED)
    headers: dict[str, Any] = {"Content-Type": "application/json"}
    headers |= {header.name: header_value(header) for header in plan.rest_headers}
    body = indent(f"JSON.stringify({options(plan.body)})", INDENT)
    request = options({"method": "POST", "headers": RawCode(indent(options(headers), INDENT)), "body": RawCode(body)})
    return join_sections(
        plan,
        [],
        imports(plan),
        f"// {plan.secret_name} comes from:\n// {plan.token_command}" if plan.entra else "",
        assignments(plan),
        f"const response = await fetch({quote(plan.url)}, {request});\n{CHECKED}",
        REST_PRINTS[plan.api, plan.streams],
    )


def header_value(header: SentHeader) -> str | RawCode:
    if not header.variable:
        return header.text
    secret = environment(header.variable)
    return RawCode(f"`{header.text}${{{secret}}}`" if header.text else secret)


CHECKED = """\
if (!response.ok) {
  throw new Error(`${response.status}: ${await response.text()}`);
}"""
STREAMED = """\
let buffer = "";
for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
  const lines = (buffer + chunk).split("\\n");
  buffer = lines.pop();
  for (const line of lines) {
    if (!line.startsWith("data: {")) continue;
    const event = JSON.parse(line.slice("data: ".length));
    BODY
  }
}"""
REST_PRINTS = {
    (Api.CHAT, True): STREAMED.replace("BODY", 'process.stdout.write(event.choices?.[0]?.delta?.content ?? "");'),
    (Api.CHAT, False): "const completion = await response.json();\nconsole.log(completion.choices[0].message.content);",
    (Api.RESPONSES, True): STREAMED.replace(
        "BODY",
        'if (event.type === "response.output_text.delta") {\n      process.stdout.write(event.delta);\n    }',
    ),
    (Api.MESSAGES, True): STREAMED.replace(
        "BODY",
        'if (event.type === "content_block_delta") {\n      process.stdout.write(event.delta.text ?? "");\n    }',
    ),
    (Api.MESSAGES, False): """\
for (const block of (await response.json()).content) {
  process.stdout.write(block.text ?? "");
}""",
    (Api.RESPONSES, False): """\
const { output } = await response.json();
for (const item of output) {
  for (const part of item.content ?? []) {
    process.stdout.write(part.text ?? "");
  }
}""",
}


def write_inference(plan: CallPlan) -> WrittenCode:
    plan = plan.with_variables(RESERVED)
    credential = "new DefaultAzureCredential()" if plan.entra else f"new AzureKeyCredential({environment(KEY)})"
    given: dict[str, Any] = {}
    if plan.entra:
        given["credentials"] = {"scopes": [plan.scope]}
    if version := plan.address.query.get("api-version"):
        given["apiVersion"] = version
    headers = {"headers": dict(plan.headers)} if plan.headers else {}
    body = options({"body": RawCode(indent(options(plan.body), INDENT)), **headers})
    events = ['import { createSseStream } from "@azure/core-sse";'] if plan.streams else []
    key_module = [] if plan.entra else ['import { AzureKeyCredential } from "@azure/core-auth";']
    client_arguments = [quote(plan.address.base), credential, *([value(given, 1, len(INDENT))] if given else [])]
    imported = "ModelClient" if plan.streams else "ModelClient, { isUnexpected }"
    modules = [f'import {imported} from "@azure-rest/ai-inference";', *key_module, *events]
    packages = ["@azure-rest/ai-inference", "@azure/identity" if plan.entra else "@azure/core-auth"]
    call = f'const response = await client.path("/chat/completions").post({body})'
    return join_sections(
        plan,
        [*packages, *(["@azure/core-sse"] if plan.streams else [])],
        imports(plan, "\n".join(modules), []),
        "const client = ModelClient(\n" + "".join(f"  {argument},\n" for argument in client_arguments) + ");",
        assignments(plan),
        (call + ".asNodeStream();" if plan.streams else call + ";"),
        INFERENCE_STREAM if plan.streams else INFERENCE_WHOLE,
    )


INFERENCE_STREAM = """\
if (response.status !== "200") {
  throw new Error(response.status);
}

for await (const event of createSseStream(response.body)) {
  if (event.data === "[DONE]") break;
  process.stdout.write(JSON.parse(event.data).choices[0]?.delta?.content ?? "");
}"""
INFERENCE_WHOLE = """\
if (isUnexpected(response)) {
  throw response.body.error;
}
console.log(response.body.choices[0].message.content);"""


def imports(plan: CallPlan, module: str = "", identity: list[str] | None = None) -> str:
    lines = [module] if module else []
    if plan.entra and identity is not None:
        lines.append(f'import {{ {", ".join(["DefaultAzureCredential", *identity])} }} from "@azure/identity";')
    if plan.choice.env_file and plan.env_names:
        lines += [""] if lines else []
        lines.append("process.loadEnvFile();")
    return "\n".join(lines)


def assignments(plan: CallPlan) -> str:
    leads = ((f"const {name} =", given) for name, given in plan.variables.items())
    return "\n".join(f"{with_lead(lead, value(given, 0, len(lead) + 1))};" for lead, given in leads)


def join_sections(plan: CallPlan, packages: list[str], *sections: str) -> WrittenCode:
    text = "\n\n".join(filter(None, sections)) + "\n"
    return WrittenCode(text, f"npm install {' '.join(packages)}" if packages else "")
