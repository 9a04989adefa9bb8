"""Which parameters of a request an error names as refused, in the dialects of the services. Pure.

Sources: Microsoft's references of chat completions and of the model inference route; the validation errors of servers
built with FastAPI (Mistral, vLLM), whole, as text, or as the text that Python prints; agents of a Foundry project; the
sentences of Claude, which are all that names a parameter there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from connections.foundry.json_parsing import parse_json

DEEPEST = 4  # of errors inside errors
LONGEST_SEARCHED = 20_000  # characters of a text
REFUSING_CODES = ("unsupported_parameter", "unsupported_value", "unknown_parameter", "extra_forbidden")
TOP_WORDS = ("not supported", "unsupported", "unrecognized", "not permitted", "unknown parameter")
REFUSING_WORDS = (*TOP_WORDS, "not allowed")  # which is also said of values
NAMING = (
    r"['\"`]([\w.]+)['\"`] (?:parameter )?is only allowed when",
    r"unrecognized request arguments? supplied: ([\w.]+(?:, ?[\w.]+)*)",
    r"(?:unsupported|unknown|unrecognized|extra) (?:parameters?|values?|fields?|arguments?|names?):? "
    r"(\[[^\]]{1,500}\]|['\"`][\w.]+)",
    r"['\"`]([\w.]+)['\"`] (?:of type \S+ )?(?:is|does|are) not (?:support|permitted)",
    r"['\"`]([\w.]+)['\"`] is deprecated for this model",
    r"['\"`]\w+['\"`] and ['\"`](\w+)['\"`] cannot both be specified",
    r"(?:^|[\s\"'])([a-z]\w*(?:\.\w+)*): extra inputs are not permitted",
    # Of Claude
    r"['\"`]?\badaptive['\"`]? (thinking) (?:is not supported|is not available|is not enabled|cannot be used)",
    r"\b(thinking)(?:\.type)?: input tag ['\"`]\w+['\"`] found",
    r"does not support (?:the )?['\"`]?([\w.]+)['\"`]? parameter",
    r"\b(effort)\b (?:level |value )?['\"`]\w+['\"`] (?:is not supported|is not available)",
    r"output_config\.(effort): (?:input should be|['\"`]\w+['\"`] is not)",
    r"['\"`](temperature|top_p|top_k)['\"`] (?:may only be set to|must be (?:unset|greater)).{0,80}thinking",
    r"\b(max_tokens): \d+ > \d+\b",
    r"(?:output_config\.|output[_ ])(format)['\"`]? (?:is|are) not supported",
    r"does not support (?:structured )?output[_ ]?(format)s?\b",
)
# What a sentence names without the name that it has on the wire.
DESCRIBED = {"structured outputs are not supported": "format", "does not support structured outputs": "format"}
# Of the form of an answer, which some refuse by the value of its type.
FORMAT_WORDS = (
    *("response_format type is unavailable", "does not support response format"),
    *("invalid value: 'json_schema'", "invalid value: 'json_object'"),
)
FORMATS = ("response_format", "text.format")
INVALID_SCHEMA = "invalid schema for"  # which its author corrects: another one may be taken
# {'type': 'extra_forbidden', 'loc': ('body', 'user'), ...} as Python prints it
REPR = re.compile(r"'type': 'extra_forbidden', 'loc': \(([^)]{1,300})\)")


def refused_parameters(error: Mapping[str, Any], message: str) -> tuple[str, ...]:
    """Names as they stand on the wire, each once, the plainest first. What is only out of range is for its user to
    correct, and not among them."""
    if message.lower().startswith(INVALID_SCHEMA):
        return ()
    found = dict.fromkeys(
        [
            *(*names_in_fields(error), *names_of_format(error, message)),
            *(*names_at_locations(error), *names_in_repr(message), *names_in_sentences(message)),
        ]
    )
    return tuple(found)


def names_of_format(error: Mapping[str, Any], message: str) -> Iterator[str]:
    """The form of the answer, where a sentence says that its type is not taken."""
    if any(words in message[:LONGEST_SEARCHED].lower() for words in FORMAT_WORDS):
        param = str(error.get("param") or "")
        yield next((name for name in FORMATS if param.startswith(name)), FORMATS[0])


def names_in_fields(error: Mapping[str, Any]) -> Iterator[str]:
    """The field `param` of the error itself, and of each of its details."""
    details = error.get("details")
    for each in (error, *(details if isinstance(details, list) else ())):
        param = each.get("param") if isinstance(each, Mapping) else None
        if isinstance(param, str) and param and refuses(each, REFUSING_WORDS if each is not error else TOP_WORDS):
            yield param


def refuses(error: Mapping[str, Any], words: tuple[str, ...]) -> bool:
    said = f"{error.get('code') or ''} {error.get('message') or ''}".lower()
    return error.get("code") in REFUSING_CODES or any(word in said for word in words)


def names_at_locations(value: Any, depth: int = 0) -> Iterator[str]:
    """From {"loc": ["body", "seed"], ...}, however deep it is inside the error, also inside its texts."""
    if depth > DEEPEST:
        return
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            yield from names_at_locations(parse_json(value[:LONGEST_SEARCHED]), depth + 1)
        except ValueError:
            return
    elif isinstance(value, list):
        for entry in value[:100]:
            yield from names_at_locations(entry, depth + 1)
    elif isinstance(value, Mapping):
        if name := name_at_location(value):
            yield name
        for field in ("detail", "message", "details", "error"):
            yield from names_at_locations(value.get(field), depth + 1)


def name_at_location(entry: Mapping[str, Any]) -> str | None:
    """The parameter of one validation error that says that there should be none."""
    where, kind = entry.get("loc"), entry.get("type")
    if not isinstance(where, list):
        return None
    if where[-2:] == ["response_format", "type"]:
        return "response_format"
    if kind not in (None, "extra_forbidden") and not forbids_extra(entry):
        return None
    return next((part for part in where if isinstance(part, str) and part != "body"), None)


def forbids_extra(entry: Mapping[str, Any]) -> bool:
    return "extra inputs are not permitted" in str(entry.get("msg") or "").lower()


def names_in_repr(message: str) -> Iterator[str]:
    for found in REPR.finditer(message[:LONGEST_SEARCHED]):
        names = [name for name in re.findall(r"'([\w.-]+)'", found[1]) if name != "body"]
        yield from names[:1]


def names_in_sentences(message: str) -> Iterator[str]:
    for pattern in NAMING:
        for found in re.finditer(pattern, message[:LONGEST_SEARCHED], re.IGNORECASE):
            listed = found[1]
            yield from re.findall(r"['\"`]([\w.]+)" if listed[0] in "['\"`" else r"[\w.]*\w", listed)
    yield from (name for words, name in DESCRIBED.items() if words in message[:LONGEST_SEARCHED].lower())
