"""C#: HttpClient; what the SDKs share with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connections.foundry.routes import Api
from flows.playground.code_writers.call_plan import CallPlan
from flows.playground.code_writers.choices import WrittenCode
from flows.playground.code_writers.lines import escape, indent, json_text, lines_of

INDENT, WIDTH = "    ", 100
KNOWN = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def unseen(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quote(text: str) -> str:
    return f'"{escape(text, KNOWN, unseen)}"'


def text_literal(text: str, depth: int) -> str:
    """One literal where it fits, else a sum of one for each line, below what it is for."""
    inner = INDENT * depth
    lines = lines_of(text, WIDTH - len(inner) - 4)
    if len(lines) == 1:
        return quote(text)
    return f"\n{inner}" + f" +\n{inner}".join(quote("".join(map(str, line))) for line in lines)


def raw(value: object, depth: int) -> str:
    """JSON as a raw string literal. Three quotes in a row are no part of any JSON."""
    text, inner = json_text(value), INDENT * depth
    if "\n" not in text:
        return quote(text)
    return f'"""\n{inner}{indent(text, inner)}\n{inner}"""'


def environment(name: str) -> str:
    return f'Environment.GetEnvironmentVariable("{name}")'


def number(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value}f" if isinstance(value, float) else str(value)


def assignment(start: str, lines: Iterable[str]) -> str:
    inner = "".join(f"{INDENT}{line}\n" for line in lines)
    return f"{start}\n{{\n{inner}}};" if inner else f"{start};"


def block(start: str, brackets: str, entries: Iterable[str]) -> str:
    inner = "".join(f"{INDENT}{entry},\n" for entry in entries)
    return f"{start}\n{brackets[0]}\n{inner}{brackets[1]};"


def indented_block(start: str, brackets: str, entries: Iterable[str]) -> str:
    inner = "".join(f"{INDENT * 2}{entry},\n" for entry in entries)
    return f"{start}\n{INDENT}{brackets[0]}\n{inner}{INDENT}{brackets[1]},"


def draft(plan: CallPlan, usings: list[str], warnings: list[str], packages: list[str], *sections: str) -> WrittenCode:
    if plan.entra:
        usings, packages = [*usings, "Azure.Identity"], [*packages, "Azure.Identity"]
    imported = "\n".join(f"using {name};" for name in sorted(set(usings), key=system_first))
    pragmas = "\n".join(f"#pragma warning disable {warning}" for warning in dict.fromkeys(warnings))
    text = "\n\n".join(filter(None, (imported, pragmas, *sections))) + "\n"
    return WrittenCode(text, " && ".join(f"dotnet add package {package}" for package in packages))


def system_first(name: str) -> tuple[bool, str]:
    return not name.startswith("System"), name


def rest(plan: CallPlan) -> WrittenCode:
    secret = environment(plan.secret_name)
    headers = {name: f"{quote(before)} + {secret}" if before else secret for name, before in plan.rest_headers}
    headers |= {name: quote(given) for name, given in plan.headers.items()}
    if plan.extra:
        headers[plan.extra.name] = environment(plan.extra_name)
    body = plan.body
    added = "\n".join(f"request.Headers.Add({quote(header)}, {given});" for header, given in headers.items())
    waits = "HttpCompletionOption.ResponseHeadersRead" if plan.streams else "HttpCompletionOption.ResponseContentRead"
    token = f"// {plan.secret_name} comes from: {plan.token_command}\n" if plan.entra else ""
    return WrittenCode(
        f"""\
using System.Text;
using System.Text.Json.Nodes;

{token}using HttpClient client = new();
using HttpRequestMessage request = new(HttpMethod.Post, {quote(plan.url)});
{added}
request.Content = new StringContent({raw(body, 1)}, Encoding.UTF8, "application/json");

using HttpResponseMessage response = await client.SendAsync(request, {waits});
response.EnsureSuccessStatusCode();

{PRINTS[plan.api, plan.streams]}
""",
        "",
    )


STREAMED = """\
using StreamReader reader = new(await response.Content.ReadAsStreamAsync());
while (await reader.ReadLineAsync() is { } line)
{
    if (!line.StartsWith("data: {")) continue;
    JsonNode data = JsonNode.Parse(line["data: ".Length..])!;
BODY
}"""
PRINTS = {
    (Api.CHAT, True): STREAMED.replace(
        "BODY",
        """\
    foreach (JsonNode? choice in data["choices"]!.AsArray())
    {
        Console.Write(choice?["delta"]?["content"]);
    }""",
    ),
    (Api.CHAT, False): """\
JsonNode data = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
Console.WriteLine(data["choices"]![0]!["message"]!["content"]);""",
    (Api.RESPONSES, True): STREAMED.replace(
        "BODY",
        """\
    if ((string?)data["type"] == "response.output_text.delta")
    {
        Console.Write(data["delta"]);
    }""",
    ),
    (Api.MESSAGES, True): STREAMED.replace(
        "BODY",
        """\
    if ((string?)data["type"] == "content_block_delta")
    {
        Console.Write(data["delta"]!["text"]);
    }""",
    ),
    (Api.MESSAGES, False): """\
JsonNode data = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
foreach (JsonNode? block in data["content"]!.AsArray())
{
    Console.Write(block?["text"]);
}""",
    (Api.RESPONSES, False): """\
JsonNode data = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
foreach (JsonNode? item in data["output"]!.AsArray())
{
    foreach (JsonNode? part in item?["content"]?.AsArray() ?? [])
    {
        Console.Write(part?["text"]);
    }
}""",
}
