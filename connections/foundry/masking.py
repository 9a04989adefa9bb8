"""Known secrets in a text from outside -> a mask, whatever form they came back in.

A text is searched as it stands and as it reads once its escapes are undone (JSON, percent, HTML, also mixed, partial
and several deep), so that one literal stands for all of these forms. Hexadecimal and base64 are literals of their
own. Everything works on UTF-8 bytes and takes time in proportion to the text.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from html.entities import html5
from typing import Any, NamedTuple

import re2  # type: ignore[import-untyped]

from connections.secret import MASK

SHORTEST = 8  # characters; a shorter secret would be found in ordinary words
PUBLISHED = frozenset({"simulator"})  # keys that everybody reads in the documentation
DEEPEST = 4  # escapes of escapes
DEEPEST_VALUE = 100  # levels of a JSON value; what lies deeper is hidden whole
SLICE = 32_768  # characters that are masked at a time; each takes some dozen bytes meanwhile
LONGEST_ESCAPE = 12  # bytes that stand for one, in what a window holds back
MANY = 1_024  # sets of secrets whose masker is kept

# At most eight backslashes: each level of JSON inside JSON doubles them.
CODES = (
    rb"\\{1,8}u[dD][89abAB][0-9a-fA-F]{2}\\{1,8}u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?:\\{1,8}|%)u[0-9a-fA-F]{4}|\\{1,8}x[0-9a-fA-F]{2}|\\{1,8}/|%[0-9a-fA-F]{2}"
    rb"|&(?:#[xX]0{0,4}[0-9a-fA-F]{1,6}|#0{0,4}[0-9]{1,7}|[A-Za-z]{2,8});"
)
ESCAPE = re.compile(CODES)
# Line ends, quotes and backslashes are escaped in every answer, but few secrets hold any.
EVERY_ESCAPE = re.compile(CODES + rb"|\\{1,8}[\"'nrtbf]|\\{2,8}")
# Texts are full of what may begin an escape, and hardly ever have one: this looks for it fifty times as fast.
FINDS_ESCAPE, FINDS_EVERY_ESCAPE = re2.compile(ESCAPE.pattern), re2.compile(EVERY_ESCAPE.pattern)
SIGNS_OF_ITS_OWN = frozenset("\"'\\\n\r\t\b\f")
# What may become one of these with the next piece of a stream.
HALF_ESCAPE = re.compile(
    rb"(?:\\{1,8}u[dD][89abAB][0-9a-fA-F]{2}(?:\\{1,8}(?:u(?:[dD](?:[c-fC-F][0-9a-fA-F]?)?)?)?)?"
    rb"|(?:\\{1,8}|%)u[0-9a-fA-F]{0,3}|\\{1,8}(?:x[0-9a-fA-F]?)?|%[0-9a-fA-F]?"
    rb"|&(?:#(?:[xX][0-9a-fA-F]{0,10}|[0-9]{0,11})?|[A-Za-z]{0,8}))\Z"
)
LONGEST_HALF_ESCAPE = 32  # bytes, at the end of which one is looked for
CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
NAMED = {name.encode(): sign.encode() for name, sign in html5.items() if name.endswith(";") and sign.isascii()}


@lru_cache(maxsize=4_096)
def meaning(escape: bytes) -> bytes:
    """What one escape stands for; itself when that is nothing."""
    if escape[:1] == b"&":
        return meaning_of_entity(escape)
    if escape[:1] == b"%" and escape[1:2] != b"u":
        return bytes.fromhex(escape[1:].decode())
    name = escape.lstrip(b"\\%")
    if not name:
        return b"\\"
    if name[:1] == b"x":
        return bytes.fromhex(name[1:].decode())
    if name[:1] == b"u":
        units = [int(digits, 16) for digits in re.findall(rb"u([0-9a-fA-F]{4})", name)]
        pair = b"".join(unit.to_bytes(2, "big") for unit in units)
        return pair.decode("utf-16-be", "surrogatepass").encode("utf-8", "surrogatepass")
    return CONTROLS.get(name, name)


def meaning_of_entity(entity: bytes) -> bytes:
    if entity[1:2] != b"#":
        return NAMED.get(entity[1:], entity)
    number = int(entity[3:-1], 16) if entity[2:3] in b"xX" else int(entity[2:-1])
    return chr(number).encode("utf-8", "surrogatepass") if number < 0x110000 else entity


def readings_of(data: bytes, *, with_signs: bool) -> Iterator[bytes]:
    """The text as it stands, then with its escapes undone, again and again; `with_signs` those of line ends, quotes
    and backslashes, too."""
    yield data
    escape, finds_escape = (EVERY_ESCAPE, FINDS_EVERY_ESCAPE) if with_signs else (ESCAPE, FINDS_ESCAPE)
    for _ in range(DEEPEST):
        if not finds_escape.search(data):
            return
        undone = escape.sub(lambda found: meaning(found[0]), data)
        if undone == data:
            return
        data = undone
        yield data


class Reading(NamedTuple):
    """A text with its escapes undone, and where each of its bytes (and its end) stood in the original."""

    data: bytes
    origins: list[int]

    def unescaped(self, escape: re.Pattern[bytes]) -> Reading:
        made, origins, passed = bytearray(), list[int](), 0
        for found in escape.finditer(self.data):
            sign = meaning(found[0])
            made += self.data[passed : found.start()] + sign
            origins += self.origins[passed : found.start()] + [self.origins[found.start()]] * len(sign)
            passed = found.end()
        return Reading(bytes(made + self.data[passed:]), origins + self.origins[passed:])

    def upto(self, end: int) -> Reading:
        return Reading(self.data[:end], self.origins[: end + 1])


class SecretForms:
    """Every form that secrets may come back in, and where such forms stand in a text of bytes."""

    def __init__(self, secrets: Iterable[str]) -> None:
        kept = {secret.strip() for secret in secrets}
        texts = [text.encode("utf-8", "surrogatepass") for text in kept if len(text) >= SHORTEST]
        texts = [text for text in texts if text.decode("utf-8", "surrogatepass") not in PUBLISHED]
        # Letters count in either case: what differs in case alone still tells the secret.
        self.have_signs = any(SIGNS_OF_ITS_OWN & set(text) for text in kept)  # that are escaped in any JSON
        self._escape = EVERY_ESCAPE if self.have_signs else ESCAPE
        plain = {reading.lower() for text in texts for reading in readings_of(text, with_signs=self.have_signs)}
        self.folded = sorted(plain | {text.hex().encode() for text in texts})
        self.exact = sorted({form for text in texts for form in base64_forms(text)})
        self._ended = sorted({form for text in texts for form in ended_base64_forms(text)} - {*self.exact})
        self.longest_beginning = LONGEST_ESCAPE * max(map(len, plain), default=0) + 256  # bytes

    def __bool__(self) -> bool:
        return bool(self.folded)

    @cached_property
    def suspicion(self) -> re.Pattern[str] | None:
        return suspicion_pattern((*self.folded, *self.exact, *self._ended))

    def stand_in(self, data: bytes) -> bool:
        """Whether any form of any secret stands in it; of JSON also what stands in its strings."""
        return any(self._stand_unescaped_in(reading) for reading in readings_of(data, with_signs=self.have_signs))

    def places_in(self, data: bytes, *, final: bool) -> tuple[set[tuple[int, int]], set[int]]:
        """Where forms stand in the original and, unless the text ends there, where they may have begun at its end."""
        found, begun = set[tuple[int, int]](), set[int]()
        reading = Reading(data, list(range(len(data) + 1)))
        for _ in range(DEEPEST + 1):
            found |= self._found_in(reading)
            if not final:
                begun |= self._begun_in(reading)
                if half := half_escape(reading.data):
                    begun.add(reading.origins[half.start()])
                    reading = reading.upto(half.start())
                    begun |= self._begun_in(reading)
            undone = reading.unescaped(self._escape)
            if undone.data == reading.data:
                break
            reading = undone
        return found, begun

    def _stand_unescaped_in(self, data: bytes) -> bool:
        for form in self.exact:
            if form in data:
                return True
        lowered = data.lower()
        for form in self.folded:  # noqa: SIM110 - a generator costs more than the search
            if form in lowered:
                return True
        return False

    def _found_in(self, reading: Reading) -> set[tuple[int, int]]:
        lowered = reading.data.lower()
        places = {place for form in self.folded for place in occurrences(form, lowered)}
        places |= {place for form in (*self.exact, *self._ended) for place in occurrences(form, reading.data)}
        return {(reading.origins[start], reading.origins[end]) for start, end in places}

    def _begun_in(self, reading: Reading) -> set[int]:
        lowered = reading.data.lower()
        places = {place for form in self.folded for place in beginnings(form, lowered)}
        places |= {place for form in (*self.exact, *self._ended) for place in beginnings(form, reading.data)}
        return {reading.origins[place] for place in places}


class Masker:
    """Masks these secrets. Made once for a set of them; see `masker_of`."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self.forms = SecretForms(secrets)

    def __bool__(self) -> bool:
        return bool(self.forms)

    def finds(self, data: bytes) -> bool:
        return self.forms.stand_in(data)

    def text(self, text: str) -> str:
        if not self.forms:
            return text
        data = text.encode("utf-8", "surrogatepass")
        if not self.finds(data):
            return text
        if len(text) > SLICE:
            window = self.window()
            return window.feed(text) + window.finish()
        return self.mask_bytes(data, final=True)[0]

    def value(self, value: Any) -> Any:
        """The same of every text in a JSON value, its names too, and of dataclasses. What holds none stays as it is."""
        return value if self._is_clean(value) else self._masked_value(value, DEEPEST_VALUE)

    def fields(self, made: dict[str, Any]) -> dict[str, Any]:
        """The same of values whose names are ours."""
        if self._is_clean(made):
            return made
        return {name: self._masked_value(value, DEEPEST_VALUE) for name, value in made.items()}

    def window(self) -> MaskingWindow:
        """For a text that comes in pieces."""
        return MaskingWindow(self)

    def mask_bytes(self, data: bytes, *, final: bool) -> tuple[str, bytes]:
        """The text with masks, the leftmost and longest form first; and, unless it is final, its end from where a
        form may have begun."""
        found, begun = self.forms.places_in(data, final=final)
        pieces, passed = list[str](), 0
        for start, end in sorted(found, key=lambda place: (place[0], -place[1])):
            if start < passed:
                continue
            if any(passed <= place <= start for place in begun):
                break
            pieces += (decode(data[passed:start]), MASK)
            passed = end
        held = min((place for place in begun if place >= passed), default=len(data))
        return "".join(pieces) + decode(data[passed:held]), data[held:]

    def _is_clean(self, value: Any) -> bool:
        """Its JSON shows everything that stands in it, in one piece, which is quicker than a walk."""
        if not self.forms:
            return True
        try:
            written = json.dumps(value, ensure_ascii=False, default=repr)
        except (RecursionError, TypeError, ValueError):
            return False
        return not self.finds(written.encode("utf-8", "surrogatepass"))

    def _masked_value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value)
        nested = isinstance(value, Mapping | list | tuple) or is_record(value)
        if nested and not depth:
            return MASK
        if isinstance(value, Mapping):
            pairs = ((self._masked_value(name, depth - 1), inner) for name, inner in value.items())
            return {name: self._masked_value(inner, depth - 1) for name, inner in pairs}
        if isinstance(value, list | tuple):
            return type(value)([self._masked_value(inner, depth - 1) for inner in value])
        if is_record(value):
            named = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            masked = {name: self._masked_value(inner, depth - 1) for name, inner in named.items()}
            return dataclasses.replace(value, **masked)
        return value


@lru_cache(maxsize=MANY)
def masker_of(*secrets: str) -> Masker:
    """The masker of these secrets, made once."""
    return Masker(secrets)


class MaskingWindow:
    """Masks a text that comes in pieces, over their seams: all that comes out is what `Masker.text` makes of the
    whole. What cannot be the beginning of a secret goes out at once."""

    def __init__(self, masker: Masker) -> None:
        self._masker, self._forms, self._held = masker, masker.forms, b""

    def feed(self, piece: str) -> str:
        if len(piece) > SLICE:
            return "".join(self.feed(piece[at : at + SLICE]) for at in range(0, len(piece), SLICE))
        suspicion = self._forms.suspicion
        if not self._held and not (suspicion and suspicion.search(piece)):
            return piece
        masked, self._held = self._masker.mask_bytes(self._held + piece.encode("utf-8", "surrogatepass"), final=False)
        if len(self._held) > self._forms.longest_beginning:
            # The beginning of a secret, spelt so that nobody needs to know how it goes on.
            masked, self._held = masked + MASK, b""
        return masked

    def finish(self) -> str:
        """What was held back, when the text ends there. A text that was cut off ends without it."""
        held, self._held = self._held, b""
        return self._masker.mask_bytes(held, final=True)[0] if held else ""


def base64_forms(secret: bytes) -> Iterator[bytes]:
    """What stands in any base64 of a text that holds the secret, in either alphabet: all but the signs at its edges,
    which its neighbours have a part in."""
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + secret)[-(-8 * offset // 6) : 8 * (offset + len(secret)) // 6]
        yield from {encoded, encoded.translate(URL_SAFE)}


def ended_base64_forms(secret: bytes) -> Iterator[bytes]:
    """The same where the text ends with the secret, with its last sign and padding."""
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + secret)[-(-8 * offset // 6) :]
        for form in (encoded, encoded.rstrip(b"=")):
            yield from {form, form.translate(URL_SAFE)}


URL_SAFE = bytes.maketrans(b"+/", b"-_")


def is_record(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def decode(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:  # a secret with percent signs of its own may read as half a letter
        return data.decode("utf-8", "replace")


def occurrences(form: bytes, data: bytes) -> Iterator[tuple[int, int]]:
    start = data.find(form)
    while start >= 0:
        yield start, start + len(form)
        start = data.find(form, start + 1)


def beginnings(form: bytes, data: bytes) -> Iterator[int]:
    """Where at the end of the data the form may have begun."""
    start = data.find(form[:1], max(0, len(data) - len(form) + 1))
    while start >= 0:
        if form.startswith(data[start:]):
            yield start
        start = data.find(form[:1], start + 1)


def half_escape(data: bytes) -> re.Match[bytes] | None:
    return HALF_ESCAPE.search(data, max(0, len(data) - LONGEST_HALF_ESCAPE))


def suspicion_pattern(forms: Iterable[bytes]) -> re.Pattern[str] | None:
    """Finds in a piece of text whatever deserves a closer look: escapes, the first signs of a form, and at the end
    of the piece the beginning of them."""
    heads = sorted({decode(form)[:4] for form in forms})
    if not heads:
        return None
    first = "|".join(re.escape(head) for head in heads)
    last = "|".join(re.escape(head[:length]) for head in heads for length in range(1, len(head)))
    return re.compile(rf"[\\%&]|{first}|(?:{last})\Z", re.IGNORECASE)
