"""Code as HTML with the class names of Pygments, in bounded time.

The expressions of Pygments can take minutes on hostile text, and nothing can interrupt one of them. So code is read
in pieces that are too short for that, and the time for all pieces of a text is limited; what is left stays plain.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby

from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES, _TokenType

SECONDS = 0.25  # for all the code of a text
LONGEST_PIECE = 2_000  # characters; the slowest lexer here takes 0.2 s for a hostile piece
WORDS_ONLY = re.compile(r"[\w\s]{400}")  # lexers that look for a declaration try every split of such a run
BREAKS = ("\n\n", "\n")  # where a piece may end, best first

# Those that were measured on hostile text, by the names that models give them.
LANGUAGES = {
    name: lexer
    for lexer, names in {
        "bash": "bash sh shell zsh",
        "c": "c h",
        "console": "console",
        "cpp": "cpp c++ cc hpp",
        "csharp": "csharp c# cs",
        "css": "css",
        "diff": "diff patch",
        "docker": "docker dockerfile",
        "go": "go golang",
        "graphql": "graphql",
        "html": "html htm",
        "http": "http",
        "ini": "ini cfg conf properties env dotenv",
        "java": "java",
        "javascript": "javascript js mjs cjs node",
        "jinja": "jinja jinja2",
        "json": "json jsonc json5 jsonl ndjson",
        "jsx": "jsx",
        "kotlin": "kotlin kt",
        "lua": "lua",
        "php": "php",
        "powershell": "powershell ps1 pwsh",
        "pycon": "pycon",
        "python": "python py python3",
        "r": "r",
        "ruby": "ruby rb",
        "rust": "rust rs",
        "scss": "scss",
        "sql": "sql",
        "swift": "swift",
        "toml": "toml",
        "typescript": "typescript ts tsx",
        "xml": "xml svg xsd",
        "yaml": "yaml yml",
    }.items()
    for name in names.split()
}
CLASSES = frozenset(STANDARD_TYPES.values()) - {"", "w"}


class OutOfTime(Exception):
    """The time for colours is used up."""


class Highlighter:
    """For all the code of one text."""

    def __init__(self) -> None:
        self._left = SECONDS

    def html(self, code: str, language: str) -> str:
        """Plain when the language is not known."""
        lexer = LANGUAGES.get(language.lower())
        if lexer is None:
            return escape(code)
        return "".join(self._piece(piece, lexer) for piece in pieces_of(code))

    def _piece(self, code: str, lexer: str) -> str:
        if self._left <= 0 or len(code) > LONGEST_PIECE or WORDS_ONLY.search(code):
            return escape(code)
        begun = time.thread_time()
        tokens = get_lexer_by_name(lexer, stripnl=False, ensurenl=False).get_tokens(code)
        try:
            read = list(tokens_until(begun + self._left, tokens))
        except OutOfTime:
            return escape(code)
        finally:
            self._left -= time.thread_time() - begun
        lossless = "".join(value for _, value in read) == code  # some lexers swallow what they do not expect
        return "".join(colour_spans(read)) if lossless else escape(code)


def pieces_of(code: str) -> Iterator[str]:
    """The code cut where it hurts least: between paragraphs, else between lines. A longer line stays whole."""
    start = 0
    while len(code) - start > LONGEST_PIECE:
        cuts = (code.rfind(at, start, start + LONGEST_PIECE) + len(at) for at in BREAKS)
        end = next((cut for cut in cuts if cut > start + 1), 0) or code.find("\n", start) + 1 or len(code)
        yield code[start:end]
        start = end
    yield code[start:]


def tokens_until(deadline: float, tokens: Iterable[tuple[_TokenType, str]]) -> Iterator[tuple[_TokenType, str]]:
    for token in tokens:
        if time.thread_time() > deadline:
            raise OutOfTime
        yield token


def colour_spans(tokens: Iterable[tuple[_TokenType, str]]) -> Iterator[str]:
    for name, group in groupby(tokens, key=lambda token: class_of(token[0])):
        text = escape("".join(value for _, value in group))
        yield f'<span class="{name}">{text}</span>' if name in CLASSES else text


def class_of(kind: _TokenType) -> str:
    while kind not in STANDARD_TYPES and kind.parent is not None:
        kind = kind.parent
    return STANDARD_TYPES.get(kind, "")
