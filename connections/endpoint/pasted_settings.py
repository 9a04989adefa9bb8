"""NAME separator VALUE of whatever was pasted: shells, languages and settings files differ in everything else."""

from __future__ import annotations

import re
from itertools import islice
from typing import NamedTuple

LONGEST_VALUE = 4_200  # characters; the longest key, and a little to tell it from a longer one
# They bound the time a hostile text takes; a real one has some dozens, and a few names in a value.
MOST_SETTINGS, MOST_REFERENCES = 1_000, 10


# --- The text ---

TYPOGRAPHIC = str.maketrans("“”„‘’\u00a0\u2028\u2029", '"""\'\' \n\n', "\u200b\u2060\ufeff")
COMMENT_LINE = re.compile(r"^[ \t]*(?:#|//|::|rem\b).*$", re.IGNORECASE | re.MULTILINE)
CONTINUATION = re.compile(r"\\\n|(?<=\s)[\\^`](?=\s|-|$)")
TRIMMING = re.compile(r"\.(?:[lr]?strip|trim|trimend|removesuffix|tostring)\([^()]{0,20}\)", re.IGNORECASE)
# Where a line began before a one-line input removed its end.
GLUED = re.compile(
    r"(?<=[A-Za-z0-9;)])(?=(?:azure_endpoint|endpoint|base_url|deployment|deployment_name|model|model_name|api_key"
    r"|subscription_key|api_version) ?=)"
    r"|(?<=[^\s$%{\"':?&_])(?=(?:export |set )[A-Z_]{2,60}+=|(?:AZURE|OPENAI)_[A-Z_]{2,60}+[=:]|curl [\"'$h-])"
)


# name: X, value: Y and <add key="X" value="Y"/>: how hosting services and .NET write settings.
PAIR = re.compile(
    r"\b(?:name|key)[\"']?\s{0,9}[:=]\s{0,9}[\"']?([A-Za-z_][\w:.-]{1,80}+)[\"']?,?\s{0,40}"
    r"[\"']?(?<=[\s\"'])value[\"']?\s{0,9}[:=]\s{0,9}"
)


def is_single_token(text: str) -> bool:
    """One token, and not one such as NAME=https://... or {"endpoint":"https://..."}."""
    return not re.search(r"\s", text) and not re.match(r"[A-Za-z_]\w*=|[^/?]*[\"'=(]https?://", text, re.IGNORECASE)


def tidy(text: str) -> str:
    """Straight quotes, one statement per line where it can be told, no comments, no calls that only trim."""
    text = re.sub(r"\r\n?", "\n", text.translate(TYPOGRAPHIC)).replace('\\"', '"').replace('^"', '"')
    # In a single line a comment mark may stand before the whole rest of the program.
    text = COMMENT_LINE.sub("", text) if "\n" in text else GLUED.sub(" ", text)
    return PAIR.sub(r"\1=", TRIMMING.sub("", CONTINUATION.sub(" ", text)))


# --- NAME separator VALUE ---


class Setting(NamedTuple):
    name: str
    value: str

    @property
    def plain_name(self) -> str:
        """api-key, API_KEY and apiKey are one name."""
        return re.sub(r"[^a-z0-9]", "", self.name.lower())


SETTING = re.compile(
    r"(?<![\w?&])(?P<name>[A-Za-z_][\w-]{0,80}+)(?P<quote>[\"'`]?)[)\]]?\s*+"
    r"(?P<separator>(?::\s*+(?:str|string)\s*+)?=(?![=>])|=>|:=|:(?![/:=-])|\|\||\?\?|or\b|\(|,)(?P<gap>\s*+)"
)
PIECE = re.compile(
    r"(?:new\s+)?(?P<calls>(?:[\w.]{1,80}+[(\[]\s*+){0,3}+)"
    r"(?:[fFrRbBuU$@]{0,2}(?:\"(?P<double>[^\"\n]{0,4200}+)\"|'(?P<single>[^'\n]{0,4200}+)'|`(?P<back>[^`\n]{0,4200}+)`)"
    r"|(?P<word>(?i:Bearer )?[^\s\"'`]{1,4200}+))"
)
LONG_WORD = re.compile(r"[^\s\"'`]{300,4200}+")  # is one value, and what looks like settings inside is part of it
PLUS = re.compile(r"[)\]]{0,3}\s*+\+\s*+")
ENVIRONMENT = re.compile(r"env|\bget\(|\[$", re.IGNORECASE)  # the text inside is a name, not a value
WRAPPER = re.compile(r"(?:Uri|URL|Credential|Ptr|String|SecretStr|str|create|parse|\bF|ChatModel)\(\s*$", re.IGNORECASE)
IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*(?:[.:][A-Za-z_$][\w$]*)*!?")
REFERENCE = re.compile(
    r"\$\(?(?:env:)?(?P<shell>[A-Za-z_]\w*)\)?|\$?\{{1,2}(?P<code>[^{}\s]{1,300})\}{1,2}|%(?P<cmd>[A-Za-z_]\w+)%"
)


def read_settings(text: str) -> list[Setting]:
    """In the order of the text. Read twice, as a name may be used above the line that defines it."""
    values: dict[str, str] = {}
    for _ in range(2):
        settings, passed = [], 0
        for found in islice(SETTING.finditer(text), MOST_SETTINGS):
            if found.start() < passed or (found["separator"] in ("or", ",") and not is_quoted(found)):
                continue
            if word := LONG_WORD.match(text, found.end()):
                passed = word.end()
            if value := read_value(text, found, values):
                values.setdefault(found["name"], value)
                settings.append(Setting(found["name"], value))
    return settings


def is_quoted(setting: re.Match[str]) -> bool:
    start = setting.start("name")
    return bool(setting["quote"]) and setting.string[max(start - 1, 0) : start] == setting["quote"]


def read_value(text: str, setting: re.Match[str], values: dict[str, str]) -> str | None:
    """The literal, the known name or the sum of both that follows; None when a part of it is not known."""
    value, start = "", setting.end()
    for _ in range(MOST_REFERENCES):
        piece = PIECE.match(text, start)
        part = read_piece(piece, setting, values) if piece else None
        if piece is None or part is None:
            return None
        value, start = value + part, piece.end()
        if plus := PLUS.match(text, start):
            start = plus.end()
        elif not (piece["word"] or "").endswith("+"):
            return value if len(value) <= LONGEST_VALUE else None
    return None


def read_piece(piece: re.Match[str], setting: re.Match[str], values: dict[str, str]) -> str | None:
    literal = next((piece[name] for name in ("double", "single", "back") if piece[name] is not None), None)
    if literal is None:
        return read_word(piece, setting, values)
    if piece["calls"] and ENVIRONMENT.search(piece["calls"]):
        return values.get(literal)
    if piece["calls"] and not WRAPPER.search(piece["calls"]):
        return None
    return fill_references(literal, values)


def read_word(piece: re.Match[str], setting: re.Match[str], values: dict[str, str]) -> str | None:
    """A word without quotes: the name of a value, or the value itself as in a .env file."""
    word = re.split(r"[,;)]", piece["word"], maxsplit=1)[0].rstrip("]}+")
    if len(word) < 100 and IDENTIFIER.fullmatch(word) and (known := values.get(last_name(word))):
        return known
    if piece["calls"] or "(" in setting["separator"] + word or is_reference(word, setting):
        return None
    # What follows NAME= may be the next setting already.
    is_next = "\n" in setting["gap"] or re.match(r"[A-Z][A-Z0-9_]*=|[A-Za-z_]\w*=[^=]|#|(?:export|set)$", word)
    return None if is_next else fill_references(word, values)


def is_reference(word: str, setting: re.Match[str]) -> bool:
    """A word that code would read as a name, in a place that is not clearly a settings file or a header."""
    name = setting["name"]
    if len(word) > 100 or not IDENTIFIER.fullmatch(word) or word.startswith("eyJ"):
        return False
    if "." in word or ":" in word:
        return True
    if "-" in name or (name.isupper() and (not setting["gap"] or setting["separator"] == ":")):
        return False
    has_digit = bool(re.search(r"\d", word))
    return not has_digit or (len(word) < 20 if name.lower().endswith("key") else "_" in word)


def fill_references(text: str, values: dict[str, str]) -> str:
    """With the known among $NAME, ${NAME}, ${NAME:-other}, {name}, %NAME%; the others stay."""

    def value_of(found: re.Match[str]) -> str:
        name, _, other = (found["code"] or found["shell"] or found["cmd"]).partition(":-")
        return values.get(last_name(name)) or other or found[0]

    return REFERENCE.sub(value_of, text, MOST_REFERENCES)


def last_name(text: str) -> str:
    """X of process.env.X, os.environ['X'] and self.X."""
    return next(reversed(re.findall(r"[A-Za-z_][\w-]*", text[:300])), "")
