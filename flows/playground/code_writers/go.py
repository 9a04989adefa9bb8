"""Go: net/http; what the SDK shares with it."""

from __future__ import annotations

from collections.abc import Iterable

from connections.foundry.routes import Api
from flows.playground.code_writers.call_plan import CallPlan, SentHeader
from flows.playground.code_writers.choices import WrittenCode
from flows.playground.code_writers.lines import json_text, lines_of, quote_with

WIDTH, TAB = 100, 4


def escape_of(char: str) -> str:
    """Half a surrogate pair has no place in a text of Go."""
    code = ord(char)
    if 0xD800 <= code < 0xE000:
        return "\\ufffd"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quote(text: str) -> str:
    return quote_with(text, escape_of)


def text_literal(text: str, depth: int, plus: str = " +") -> str:
    """A sum of one literal for each line."""
    lines = lines_of(text, WIDTH - TAB * depth - 4)
    return (f"{plus}\n" + "\t" * depth).join(quote("".join(map(str, line))) for line in lines)


def raw_string(value: object) -> str:
    """JSON as a raw string literal, which holds everything but the quote that ends it."""
    return f"`{json_text(value, {'`': chr(92) + 'u0060'})}`"


def environment(name: str) -> str:
    return f'os.Getenv("{name}")'


def write_rest(plan: CallPlan) -> WrittenCode:
    headers = [SentHeader("Content-Type", "application/json"), *plan.rest_headers]
    token = [f"// {plan.secret_name} comes from: {plan.token_command}"] if plan.entra else []
    lines = [
        *token,
        f"request, err := http.NewRequest(http.MethodPost, {quote(plan.url)}, strings.NewReader(body))",
        *CHECKED,
        *(f"request.Header.Set({quote(each.name)}, {each.sum_of(quote, environment, '+')})" for each in headers),
        "",
        *ANSWERED,
        *(scan_lines(EVENTS[plan.api]) if plan.streams else WHOLE[plan.api]),
    ]
    imports = ["encoding/json", "fmt", "log", "net/http", "os", "strings", *(["bufio"] if plan.streams else [])]
    return WrittenCode(program(imports, lines, f"const body = {raw_string(dict(plan.body))}"), "")


CHECKED = ("if err != nil {", "\tlog.Fatal(err)", "}")
ANSWERED = (
    "response, err := http.DefaultClient.Do(request)",
    *CHECKED,
    "defer response.Body.Close()",
    "if response.StatusCode != http.StatusOK {",
    "\tlog.Fatal(response.Status)",
    "}",
    "",
)
EVENTS = {
    Api.CHAT: (
        "var event struct {",
        "\tChoices []struct {",
        "\t\tDelta struct{ Content string }",
        "\t}",
        "}",
        "if err := json.Unmarshal([]byte(data), &event); err != nil {",
        "\tlog.Fatal(err)",
        "}",
        "for _, choice := range event.Choices {",
        "\tfmt.Print(choice.Delta.Content)",
        "}",
    ),
    Api.RESPONSES: (
        "var event struct{ Type, Delta string }",
        'if json.Unmarshal([]byte(data), &event) == nil && event.Type == "response.output_text.delta" {',
        "\tfmt.Print(event.Delta)",
        "}",
    ),
    Api.MESSAGES: (
        "var event struct {",
        "\tType  string",
        "\tDelta struct{ Text string }",
        "}",
        'if json.Unmarshal([]byte(data), &event) == nil && event.Type == "content_block_delta" {',
        "\tfmt.Print(event.Delta.Text)",
        "}",
    ),
}
WHOLE = {
    Api.CHAT: (
        "var completion struct {",
        "\tChoices []struct {",
        "\t\tMessage struct{ Content string }",
        "\t}",
        "}",
        "if err := json.NewDecoder(response.Body).Decode(&completion); err != nil {",
        "\tlog.Fatal(err)",
        "}",
        "for _, choice := range completion.Choices {",
        "\tfmt.Println(choice.Message.Content)",
        "}",
    ),
    Api.RESPONSES: (
        "var answer struct {",
        "\tOutput []struct {",
        "\t\tContent []struct{ Text string }",
        "\t}",
        "}",
        "if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {",
        "\tlog.Fatal(err)",
        "}",
        "for _, item := range answer.Output {",
        "\tfor _, part := range item.Content {",
        "\t\tfmt.Print(part.Text)",
        "\t}",
        "}",
    ),
    Api.MESSAGES: (
        "var message struct{ Content []struct{ Text string } }",
        "if err := json.NewDecoder(response.Body).Decode(&message); err != nil {",
        "\tlog.Fatal(err)",
        "}",
        "for _, block := range message.Content {",
        "\tfmt.Print(block.Text)",
        "}",
    ),
}


def scan_lines(event: Iterable[str]) -> list[str]:
    """Reads the lines of a stream; one may be longer than the scanner takes unless told so."""
    return [
        "scanner := bufio.NewScanner(response.Body)",
        "scanner.Buffer(nil, 16<<20)",
        "for scanner.Scan() {",
        '\tdata := strings.TrimPrefix(scanner.Text(), "data: ")',
        '\tif !strings.HasPrefix(data, "{") {',
        "\t\tcontinue",
        "\t}",
        *(f"\t{line}" for line in event),
        "}",
        "if err := scanner.Err(); err != nil {",
        "\tlog.Fatal(err)",
        "}",
    ]


def program(imports: Iterable[str], lines: Iterable[str], *before: str) -> str:
    """`imports` of the standard library come before those of modules."""
    paths = sorted(set(imports), key=lambda path: ("." in path, path))
    groups = [[path for path in paths if ("." in path) is module] for module in (False, True)]
    imported = "\n\n".join("\n".join(f'\t"{path}"' for path in group) for group in groups if group)
    inner = "\n".join(f"\t{line}".rstrip() for line in lines)
    return "\n\n".join(
        ["package main", f"import (\n{imported}\n)", *before, f"func main() {{\n{inner}\n}}\n"],
    )
