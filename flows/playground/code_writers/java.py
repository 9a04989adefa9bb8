"""Java: the HttpClient of the JDK; what the SDKs share with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flows.playground.code_writers.call_plan import CallPlan, SentHeader
from flows.playground.code_writers.choices import WrittenCode
from flows.playground.code_writers.lines import indent, json_text, lines_of, quote_with, utf16_escapes

INDENT, WIDTH = "    ", 100
LONGEST_CONSTANT = 60_000  # bytes; the format of class files takes 65,535
CHUNK = 15_000  # characters, of at most four bytes
EVENTS_AS_THEY_COME = "The JDK reads no JSON, so the answer is printed as it comes."


def escape_of(char: str) -> str:
    """In octal where a Unicode escape could end the literal: Java reads those before anything else."""
    code = ord(char)
    return f"\\{code:03o}" if code < 0x80 else utf16_escapes(char)


def quote(text: str) -> str:
    return quote_with(text, escape_of)


def text_literal(text: str, depth: int) -> str:
    """One literal where it fits, else a sum of one for each line, below what it is for."""
    inner = INDENT * depth
    if is_too_long(text):
        return join_chunks(text, inner)
    lines = lines_of(text, WIDTH - len(inner) - 4)
    if len(lines) == 1:
        return quote(text)
    return f"\n{inner}" + f"\n{inner}+ ".join(quote("".join(map(str, line))) for line in lines)


def is_too_long(text: str) -> bool:
    return len(text.encode("utf-8", "surrogatepass")) > LONGEST_CONSTANT


def join_chunks(text: str, inner: str) -> str:
    """Put together when the program runs, as no constant holds it."""
    parts = (text[at : at + CHUNK] for at in range(0, len(text), CHUNK))
    return 'String.join("", ' + ", ".join(f"\n{inner}{quote(part)}" for part in parts) + ")"


def text_block(value: object, depth: int) -> str:
    """JSON as a text block. Three quotes in a row are no part of any JSON."""
    text, inner = json_text(value), INDENT * depth
    if is_too_long(text):
        return join_chunks(text, inner)
    shown = text.replace("\\", "\\\\")
    return f'"""\n{inner}{indent(shown, inner)}\n{inner}"""'


def environment(name: str) -> str:
    return f'System.getenv("{name}")'


def number(value: Any, name: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if name in ("seed",):
        return f"{value}L"
    return f"{float(value)}" if "penalty" in name or name in ("temperature", "top_p") else str(value)


class JavaProgram:
    """Lines of a program, and what they import."""

    def __init__(self) -> None:
        self._imports: set[str] = set()
        self._lines: list[str] = []

    def uses(self, package: str, *names: str) -> None:
        self._imports |= {f"{package}.{name}" for name in names}

    def add(self, *lines: str) -> None:
        self._lines += lines

    def add_builder(self, start: str, calls: Iterable[str]) -> None:
        """A builder, a call a line."""
        self.add(start, *(f"{INDENT}{call}" for call in calls), f"{INDENT}.build();", "")

    def write(self, install: str, notes: tuple[str, ...] = ()) -> WrittenCode:
        return WrittenCode(program(self._imports, self._lines), install, notes)


def install(packages: Iterable[str], version: str = "latest.release") -> str:
    """For Gradle."""
    return "; ".join(f'implementation("{package}:{version}")' for package in packages)


def write_rest(plan: CallPlan) -> WrittenCode:
    headers = [SentHeader("Content-Type", "application/json"), *plan.rest_headers]
    lines = [
        *([f"// {plan.secret_name} comes from: {plan.token_command}"] if plan.entra else []),
        f"String body = {text_block({**plan.body}, 3)};",
        f"HttpRequest request = HttpRequest.newBuilder(URI.create({quote(plan.url)}))",
        *(f"    .header({quote(each.name)}, {each.sum_of(quote, environment)})" for each in headers),
        "    .POST(HttpRequest.BodyPublishers.ofString(body))",
        "    .build();",
        "",
        *(STREAMED if plan.streams else WHOLE),
    ]
    imports = ["java.net.URI", *(f"java.net.http.{name}" for name in ("HttpClient", "HttpRequest", "HttpResponse"))]
    return WrittenCode(program([*imports, *(["java.util.stream.Stream"] if plan.streams else [])], lines), "", NOTES)


NOTES = (EVENTS_AS_THEY_COME,)
STREAMED = (
    "HttpResponse<Stream<String>> response =",
    "    HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofLines());",
    "response.body().forEach(System.out::println);",
)
WHOLE = (
    "HttpResponse<String> response =",
    "    HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());",
    "System.out.println(response.body());",
)


def program(imports: Iterable[str], lines: Iterable[str]) -> str:
    """A class with a main method of these lines, each of which may be several."""
    imported = "\n".join(f"import {name};" for name in sorted(set(imports)))
    inner = "\n".join(f"{INDENT * 2}{line}".rstrip() for line in lines)
    return f"""\
{imported}

public class Main {{
    public static void main(String[] args) throws Exception {{
{inner}
    }}
}}
"""
