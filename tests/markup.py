"""HTML as a browser reads it, for tests that look for elements: how a template is broken over lines says nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser

INLINE = frozenset(
    ("a", "b", "code", "del", "em", "i", "ins", "label", "path", "small", "span", "strong", "time", "use")
)
REPLACED = frozenset(("button", "img", "input", "select", "svg", "textarea"))  # stand in a line, too, each like a word
VERBATIM = frozenset(("pre", "script", "textarea"))
BLANKS = re.compile(r"""(?P<quoted>"[^"]*"|'[^']*')|(?P<last>\s+(?=/?>$))|\s+""")  # of a tag


def one_line(html: str) -> str:
    """The same elements and words with whitespace only where a browser shows it, and one blank for each run of it.

    Within `pre` and `textarea` everything stays as it is, as do the order of attributes and entities.
    """
    reader = OneLine()
    reader.feed(html)
    reader.close()
    return "".join(reader.parts).strip()


class OneLine(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []
        self.verbatim = 0
        self.at_edge = True  # a blank that follows is not shown

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.begin(tag)
        self.verbatim += tag in VERBATIM

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.begin(tag)

    def handle_endtag(self, tag: str) -> None:
        self.verbatim -= tag in VERBATIM
        if tag not in INLINE and tag not in VERBATIM:
            self.drop_blank()
        self.parts.append(f"</{tag}>")
        if tag not in INLINE:
            self.at_edge = tag not in REPLACED

    def handle_data(self, data: str) -> None:
        if self.verbatim:
            self.parts.append(data)
            return
        words = re.sub(r"\s+", " ", data)
        self.write(words.removeprefix(" ") if self.at_edge else words)

    def handle_entityref(self, name: str) -> None:
        self.write(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.write(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        self.parts.append(f"<!{decl}>")

    def begin(self, tag: str) -> None:
        if tag not in INLINE and tag not in REPLACED:
            self.drop_blank()
        self.parts.append(BLANKS.sub(blank_of, self.get_starttag_text() or ""))
        if tag not in INLINE:
            self.at_edge = tag not in ("img", "input", "svg")

    def write(self, text: str) -> None:
        if text:
            self.parts.append(text)
            self.at_edge = text.endswith(" ")

    def drop_blank(self) -> None:
        """A blank at the end of a block is not shown, whatever inline elements end there too."""
        for at in range(len(self.parts) - 1, -1, -1):
            self.parts[at] = self.parts[at].removesuffix(" ")
            if not self.parts[at].startswith("</"):
                return


def blank_of(match: re.Match[str]) -> str:
    return match["quoted"] or ("" if match["last"] else " ")
