"""The answer of a model as HTML. The answer is hostile: whatever it says, its HTML does nothing and loads nothing.

markdown-it parses with HTML off, and nh3 lets through only what is listed here, should anything slip past.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from foundryflow.highlight import CLASSES, Highlighter

LONGEST = 200_000  # characters
MOST_STEPS = 50_000  # of the parser; the longest prose takes 30,000
STEPS_A_LINK = 5  # or what looks like the begin of one
STEPS_A_BLOCK = 20  # of code: its HTML is long
DEEPEST = 20  # quotes and lists inside each other
LONGEST_LANGUAGE = 30  # characters of the name above a code block
PAGE_LEVEL = 2  # of the heading above an answer
ADDRESS = re.compile(r"https?://|mailto:", re.IGNORECASE)
ALIGNMENT = re.compile(r"text-align:(left|center|right)")

# fmt: off
TAGS = {
    "a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "strong", "ul",
    "table", "tbody", "td", "th", "thead", "tr", "div", "figcaption", "figure", "span",
}
# fmt: on
ALIGNMENTS = {"align-left", "align-center", "align-right"}
CLEANER = nh3.Cleaner(
    tags=TAGS,
    attributes={"*": set(), "a": {"href"}, "ol": {"start"}},
    tag_attribute_values={
        "div": {"tabindex": {"0"}, "role": {"group"}, "aria-label": {"Table"}},
        "figure": {"data-copy": {""}},
        "pre": {"tabindex": {"0"}},
    },
    allowed_classes={
        "code": {"highlight"},
        "div": {"table-scroll"},
        "figure": {"code-block"},
        "span": set(CLASSES),
        "td": ALIGNMENTS,
        "th": ALIGNMENTS,
    },
    set_tag_attribute_values={"a": {"target": "_blank"}},
    link_rel="noopener noreferrer nofollow",
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
)


class TooManySteps(Exception):
    """The text would take too long."""


class StepBudget:
    """What the parser may still do. Counted and not timed, so that the same text is always shown in the same way."""

    def __init__(self) -> None:
        self._left = MOST_STEPS

    def take(self, steps: int = 1) -> None:
        self._left -= steps
        self.check(0)

    def check(self, steps: int) -> None:
        if steps > self._left:
            raise TooManySteps


def render_markdown(text: str) -> str:
    """Safe HTML; text that is too long or made to take long is shown as it is, in a `<pre>`."""
    text = text.encode("utf-8", "replace").decode()  # half a surrogate pair is no text
    if len(text) > LONGEST:
        return render_plain(text)
    try:
        html = PARSER.render(text, {"steps": StepBudget(), "highlighter": Highlighter()})
    except (TooManySteps, RecursionError):
        return render_plain(text)
    return CLEANER.clean(html)


def render_plain(text: str) -> str:
    return f'<pre class="markdown-plain" tabindex="0">{escape(text)}</pre>'


class Parser(MarkdownIt):
    def __init__(self) -> None:
        super().__init__("js-default", {"html": False, "maxNesting": DEEPEST})
        self.block.ruler.before(
            "table", "steps", count_block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
        )
        self.core.ruler.before("inline", "steps", count_tokens)
        self.inline.ruler.before("text", "steps", count_inline)
        self.core.ruler.push("house_style", apply_house_style)
        self.add_render_rule("fence", render_fence)
        self.add_render_rule("code_block", render_code_block)
        self.add_render_rule("table_open", render_table_open)
        self.add_render_rule("table_close", render_table_close)

    def validateLink(self, url: str) -> bool:
        """A link to anywhere else stays the text that it is."""
        return ADDRESS.match(url) is not None


def count_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    state.env["steps"].take()
    state.env["steps"].check(len(state.tokens))
    return False


def count_tokens(state: StateCore) -> None:
    state.env["steps"].take(len(state.tokens))


def count_inline(state: StateInline, silent: bool) -> bool:
    state.env["steps"].take(STEPS_A_LINK if state.src[state.pos] in "<[" else 1)
    return False


def apply_house_style(state: StateCore) -> None:
    level_headings(state.tokens)
    for at, token in enumerate(state.tokens):
        if token.type in ("th_open", "td_open"):
            style_cell(token, state.tokens[at + 1], state.tokens[at + 2])
        elif token.type == "inline":
            token.children = name_empty_links(replace_images(token.children or []))


def level_headings(tokens: Sequence[Token]) -> None:
    """Headings go one level down at a time, whatever the answer began with; an empty one is none."""
    above: list[str] = []
    for at, token in enumerate(tokens):
        if token.type != "heading_open":
            continue
        if not tokens[at + 1].content:
            level = "p"
        else:
            while above and above[-1] >= token.tag:
                above.pop()
            above.append(token.tag)
            level = f"h{min(PAGE_LEVEL + len(above), 6)}"
        token.tag = tokens[at + 2].tag = level


def style_cell(opening: Token, content: Token, closing: Token) -> None:
    if alignment := ALIGNMENT.fullmatch(str(opening.attrs.pop("style", ""))):
        opening.attrs["class"] = f"align-{alignment[1]}"
    if not content.content:  # as in the corner of many tables: heads nothing
        opening.tag = closing.tag = "td"


def replace_images(tokens: Sequence[Token]) -> list[Token]:
    """Images become their alternative text and a link: a page that loads one tells its host who reads what."""
    kept: list[Token] = []
    inside_link = False
    for token in tokens:
        if token.type != "image":
            inside_link = token.type == "link_open" or (inside_link and token.type != "link_close")
            kept.append(token)
            continue
        alternative, address = text_of(token.children or []).strip(), str(token.attrs["src"])
        if inside_link:
            kept.append(text_token(alternative or address))
        else:
            kept += [text_token(f"{alternative} (" if alternative else "("), *link_to(address), text_token(")")]
    return kept


def text_of(tokens: Sequence[Token]) -> str:
    """What a reader without images hears."""
    return "".join(
        text_of(token.children) if token.children else token.content or " " * (token.tag == "br") for token in tokens
    )


def name_empty_links(tokens: Sequence[Token]) -> list[Token]:
    """A link without text shows its address."""
    kept: list[Token] = []
    opened = 0
    for token in tokens:
        if token.type == "link_open":
            opened = len(kept)
        elif token.type == "link_close" and not text_of(kept[opened:]).strip():
            kept.append(text_token(str(kept[opened].attrs["href"])))
        kept.append(token)
    return kept


def link_to(address: str) -> list[Token]:
    return [Token("link_open", "a", 1, {"href": address}), text_token(address), Token("link_close", "a", -1)]


def text_token(text: str) -> Token:
    return Token("text", "", 0, content=text)


def render_fence(self: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    language, *_ = tokens[at].info.split(maxsplit=1) or [""]
    return code_figure(tokens[at].content, language, env)


def render_code_block(self: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    return code_figure(tokens[at].content, "", env)


def code_figure(code: str, language: str, env: EnvType) -> str:
    env["steps"].take(STEPS_A_BLOCK)
    caption = escape(language[:LONGEST_LANGUAGE]) or "Text"
    return (
        f'<figure class="code-block" data-copy><figcaption>{caption}</figcaption>'
        f'<pre tabindex="0"><code class="highlight">{env["highlighter"].html(code, language)}</code></pre></figure>\n'
    )


def render_table_open(self: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    return '<div class="table-scroll" tabindex="0" role="group" aria-label="Table"><table>\n'


def render_table_close(self: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    return "</table></div>\n"


PARSER = Parser()
