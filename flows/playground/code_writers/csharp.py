"""C#: HttpClient; what the SDKs share with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from connections.foundry.routes import Api
from flows.playground.code_writers.call_plan import CallPlan
from flows.playground.code_writers.choices import WrittenCode
from flows.playground.code_writers.lines import indent, json_text, lines_of, quote_with
from flows.playground.code_writers.typed_body import MessageImage, MessageTurn

INDENT, WIDTH = "    ", 100
PartWriter = Callable[[str | MessageImage, int], str]  # a part of a message, at a depth


def escape_of(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quote(text: str) -> str:
    return quote_with(text, escape_of)


def text_literal(text: str, depth: int) -> str:
    """One literal where it fits, else a sum of one for each line, below what it is for."""
    inner = INDENT * depth
    lines = lines_of(text, WIDTH - len(inner) - 4)
    if len(lines) == 1:
        return quote(text)
    return f"\n{inner}" + f" +\n{inner}".join(quote("".join(map(str, line))) for line in lines)


def raw_string(value: object, depth: int) -> str:
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


def block(start: str, brackets: str, entries: Iterable[str], depth: int = 0) -> str:
    """A statement, or deeper inside one of its entries."""
    outer = INDENT * depth
    inner = "".join(f"{outer}{INDENT}{entry},\n" for entry in entries)
    return f"{start}\n{outer}{brackets[0]}\n{inner}{outer}{brackets[1]}{',' if depth else ';'}"


def message(start: str, turn: MessageTurn, part_of: PartWriter, depth: int, brackets: Sequence[str] = ("", "")) -> str:
    """The call that makes a message, of its text or of its parts; `part_of` writes one of these."""
    if turn.text is not None:
        return f"{start}({text_literal(turn.text, depth)})"
    inner = INDENT * depth
    parts = f",\n{inner}".join(part_of(part, depth + 1) for part in turn.parts)
    return f"{start}({brackets[0]}\n{inner}{parts}{brackets[1]})"


def stop_sequences(texts: Iterable[str]) -> str:
    return f"StopSequences = {{ {', '.join(map(quote, texts))} }},"


class CSharpProgram:
    """Sections of a program, with what they need."""

    def __init__(self, plan: CallPlan, package: str) -> None:
        self._usings = {"Azure.Identity"} if plan.entra else set[str]()
        self._packages = [package, *self._usings]
        self._warnings: dict[str, None] = {}  # in order
        self._sections: list[str] = []

    def uses(self, *namespaces: str) -> None:
        self._usings.update(namespaces)

    def suppress(self, warning: str) -> None:
        self._warnings[warning] = None

    def add(self, *sections: str) -> None:
        self._sections += sections

    def write(self) -> WrittenCode:
        usings = "\n".join(f"using {name};" for name in sorted(self._usings, key=system_first))
        pragmas = "\n".join(f"#pragma warning disable {warning}" for warning in self._warnings)
        text = "\n\n".join(filter(None, (usings, pragmas, *self._sections))) + "\n"
        return WrittenCode(text, " && ".join(f"dotnet add package {package}" for package in self._packages))


def system_first(name: str) -> tuple[bool, str]:
    return not name.startswith("System"), name


def write_rest(plan: CallPlan) -> WrittenCode:
    headers = ((quote(header.name), header.sum_of(quote, environment)) for header in plan.rest_headers)
    added = "\n".join(f"request.Headers.Add({name}, {value});" for name, value in headers)
    waits = "HttpCompletionOption.ResponseHeadersRead" if plan.streams else "HttpCompletionOption.ResponseContentRead"
    token = f"// {plan.secret_name} comes from: {plan.token_command}\n" if plan.entra else ""
    return WrittenCode(
        f"""\
using System.Text;
using System.Text.Json.Nodes;

{token}using HttpClient client = new();
using HttpRequestMessage request = new(HttpMethod.Post, {quote(plan.url)});
{added}
request.Content = new StringContent({raw_string(plan.body, 1)}, Encoding.UTF8, "application/json");

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
