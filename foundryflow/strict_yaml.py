"""YAML from outside as JSON values, and JSON values as YAML that versions of can be compared. Knows no Django.

Plain scalars are what YAML 1.2 calls its JSON schema: `on`, `yes`, `2027-01-31` and `007` are texts. Anchors and
aliases are taken as long as what they stand for, written out, is no larger than the text may be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from foundryflow.strict_json import DEEPEST, JsonError, bounded_integer, check_values, deeper_than, too_deep

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
STANDARD = "tag:yaml.org,2002:"
WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)")
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    spelled: truth for truth in (True, False) for spelled in (str(truth), str(truth).lower(), str(truth).upper())
}
MOST_VALUES = 100_000  # aliases count once
LONGEST_LINE = 80  # characters of a text that stands beside its name
BREAKS = re.compile(r"[\r\x85\u2028\u2029]")  # of lines, which readers do not agree upon
# A block of lines cannot say these, or editors lose them.
NOT_IN_A_BLOCK = re.compile(
    r"[^\n\t -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\x7f-\xa0\u2028\u2029\ufeff]|[ \t](?:\n|$)"
)


def read_yaml(text: str | bytes, most: int) -> Any:
    """The one value in the text, which a database can keep; `most` characters with all aliases written out. Raises
    JsonError."""
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
    except UnicodeDecodeError:
        raise JsonError("is not text") from None
    try:
        value = YamlReader(decoded, most).read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise JsonError(f"not YAML ({error.problem or error.context})", mark.line + 1 if mark else None) from None
    except yaml.YAMLError:  # of characters that no YAML has
        raise JsonError("has characters that YAML does not take") from None
    if deeper_than(value, DEEPEST):
        raise too_deep(DEEPEST)
    check_values(value)
    return value


def write_yaml(value: Any) -> str:
    """The names of objects in the order that they have; texts that are long or of several lines as blocks of lines."""
    return str(yaml.dump(value, Dumper=YamlWriter, sort_keys=False, allow_unicode=True, width=1_000_000))


class YamlReader:
    """Makes values of what the parser tells, one after the other, so that nothing grows before it was counted."""

    def __init__(self, text: str, most: int) -> None:
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=LOADER))
        self._most, self._size, self._values = most, 0, 0
        self._anchored: dict[str, tuple[Any, int]] = {}  # values with their sizes
        self._open: set[str] = set()  # anchors of what is not read to its end

    def read(self) -> Any:
        next(self._events)  # of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise JsonError("is empty")
        value = self._value(next(self._events), 0)
        next(self._events)  # of the document
        end = next(self._events)
        if not isinstance(end, yaml.StreamEndEvent):
            raise JsonError("another document begins here; one file holds one", end.start_mark.line + 1)
        return value

    def _value(self, event: Any, depth: int) -> Any:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            return self._value_of_alias(str(event.anchor), line)
        if depth > DEEPEST:
            raise too_deep(DEEPEST)
        self._values += 1
        if self._values > MOST_VALUES:
            raise JsonError(f"it holds more than {MOST_VALUES:,} values", line)
        before, anchor = self._size, event.anchor
        if anchor:
            self._open.add(anchor)
        value = self._fresh_value(event, depth, line)
        if anchor:
            self._open.discard(anchor)
            self._anchored[anchor] = value, self._size - before
        return value

    def _fresh_value(self, event: Any, depth: int, line: int) -> Any:
        match event:
            case yaml.ScalarEvent():
                self._count(len(event.value) + 1, line)
                return scalar_of(event, line)
            case yaml.SequenceStartEvent():
                check_tag(event, "seq", line)
                self._count(1, line)
                return self._items(depth)
            case _:
                check_tag(event, "map", line)
                self._count(1, line)
                return self._entries(depth)

    def _items(self, depth: int) -> list[Any]:
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, depth + 1))
        return items

    def _entries(self, depth: int) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            name = self._name(event, line)
            if name in entries:
                raise JsonError(f"{name!r} is there twice; one of the two would be lost", line)
            entries[name] = self._value(next(self._events), depth + 1)
        return entries

    def _name(self, event: Any, line: int) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise JsonError("a name is a text, not a list, an object or an alias", line)
        if event.value == "<<" and event.implicit[0]:
            raise JsonError("`<<` merges objects, which is not taken; write their values out", line)
        self._count(len(event.value) + 1, line)
        return str(event.value)

    def _value_of_alias(self, anchor: str, line: int) -> Any:
        if anchor in self._open:
            raise JsonError(f"*{anchor} stands inside of what it stands for", line)
        if anchor not in self._anchored:
            raise JsonError(f"*{anchor} stands for nothing above it", line)
        value, size = self._anchored[anchor]
        self._count(size, line)
        return value

    def _count(self, size: int, line: int) -> None:
        self._size += size
        if self._size > self._most:
            raise JsonError(f"with its aliases written out it has more than {self._most:,} characters", line)


def scalar_of(event: yaml.ScalarEvent, line: int) -> Any:
    text = str(event.value)
    if event.tag not in (None, "!", f"{STANDARD}str"):
        raise JsonError(f"the tag {event.tag.replace(STANDARD, '!!')} is not taken", line)
    if event.tag is not None or not event.implicit[0]:
        return text
    if text in WORDS:
        return WORDS[text]
    if WHOLE.fullmatch(text):
        return bounded_integer(text)
    return float(text) if NUMBER.fullmatch(text) else text


def check_tag(event: Any, kind: str, line: int) -> None:
    if event.tag not in (None, "!", f"{STANDARD}{kind}"):
        raise JsonError(f"the tag {event.tag.replace(STANDARD, '!!')} is not taken", line)


class YamlWriter(yaml.SafeDumper):
    """Writes what `read_yaml` reads, and other readers of YAML alike."""

    def ignore_aliases(self, data: Any) -> bool:
        """What is there twice is written twice."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Lists stand further in than the name before them."""
        super().increase_indent(flow, False)

    def represent_text(self, text: str) -> yaml.ScalarNode:
        is_long = "\n" in text.strip("\n") or len(text) > LONGEST_LINE
        style = '"' if BREAKS.search(text) else "|" if is_long and not NOT_IN_A_BLOCK.search(text) else None
        return self.represent_scalar(f"{STANDARD}str", text, style=style)


YamlWriter.add_representer(str, YamlWriter.represent_text)
# Texts that look like numbers to `read_yaml` alone are quoted, too.
YamlWriter.add_implicit_resolver(f"{STANDARD}float", re.compile(f"(?:{NUMBER.pattern})$"), list("-0123456789"))
