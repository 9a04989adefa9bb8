"""The answer of a model is shown as Markdown, and whatever it says is harmless."""

import html
import time
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from foundryflow.markdown import LONGEST, render_markdown

LINK = '<a href="https://a.example/b" target="_blank" rel="noopener noreferrer nofollow">'
# fmt: off
PLAIN = {
    "blockquote", "br", "em", "figcaption", "h3", "h4", "h5", "h6", "hr", "li", "p", "s", "strong",
    "table", "tbody", "thead", "tr", "ul",
}
# fmt: on
ALLOWED = {
    **{tag: set() for tag in PLAIN},
    "a": {"href", "target", "rel"},
    "code": {"class"},
    "div": {"class", "tabindex", "role", "aria-label"},
    "figure": {"class", "data-copy"},
    "ol": {"start"},
    "pre": {"class", "tabindex"},
    "span": {"class"},
    "td": {"class"},
    "th": {"class"},
}
CLASSES = {"align-center", "align-left", "align-right", "code-block", "highlight", "markdown-plain", "table-scroll"}


class Reader(HTMLParser):
    """Reads HTML as a browser would, and keeps what it found."""

    def __init__(self, markup):
        super().__init__()
        self.elements, self.text, self.odd = [], "", []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, attrs))

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.odd.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def assert_harmless(markup):
    read = Reader(markup)
    assert read.odd == []
    for tag, attributes in read.elements:
        assert tag in ALLOWED, tag
        for name, value in attributes:
            assert name in ALLOWED[tag], (tag, name)
            if name == "href":
                assert value.lower().startswith(("http://", "https://", "mailto:")), value
            if name == "class" and tag != "span":
                assert set(value.split()) <= CLASSES, value


def show(text):
    """The one line that a short text becomes."""
    return render_markdown(text).strip()


def test_an_answer_becomes_html():
    answer = "Use **bold**, *soft*, ~~gone~~ and `x < y`:\n\n1. one\n2. two\n\n> said\n\n---\n"
    assert render_markdown(answer) == (
        "<p>Use <strong>bold</strong>, <em>soft</em>, <s>gone</s> and <code>x &lt; y</code>:</p>\n"
        "<ol>\n<li>one</li>\n<li>two</li>\n</ol>\n<blockquote>\n<p>said</p>\n</blockquote>\n<hr>\n"
    )


def test_nothing_becomes_nothing():
    assert render_markdown("") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# a\n## b\n### c\n", ["h3", "h4", "h5"]),
        ("# a\n## b\n### c\n#### d\n##### e\n###### f\n", ["h3", "h4", "h5", "h6", "h6", "h6"]),
        ("### a\n##### b\n# c\n", ["h3", "h4", "h3"]),
        ("a\n=\nb\n-\n", ["h3", "h4"]),
        ("#\n", ["p"]),
    ],
)
def test_headings_come_below_those_of_the_page_and_leave_no_level_out(text, expected):
    assert [tag for tag, _ in Reader(render_markdown(text)).elements] == expected


def test_links_lead_out_without_telling_from_where():
    assert show("[here](https://a.example/b 'title')") == f"<p>{LINK}here</a></p>"
    assert show("<https://a.example/b>") == f"<p>{LINK}https://a.example/b</a></p>"
    assert 'href="mailto:a@b.example"' in show("<a@b.example>")


def test_a_link_without_text_shows_its_address():
    assert show("[ ](https://a.example/b)") == f"<p>{LINK} https://a.example/b</a></p>"


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "&#106;avascript:alert(1)",
        "java&Tab;script:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:x",
        "/flows/",
        "//a.example",
        "#id",
        "?next=x",
        "https:a",
    ],
)
@pytest.mark.parametrize("text", ["[x]({})", "![x]({})", "[x]: {}\n\n[x]", "<{}>", "[x](<{}>)"])
def test_any_other_address_is_no_link(text, address):
    assert "<a" not in render_markdown(text.format(address))


def test_an_image_is_a_link_that_nobody_follows_unasked():
    assert show("![a *cat*](https://a.example/b)") == f"<p>a cat ({LINK}https://a.example/b</a>)</p>"
    assert show("![](https://a.example/b)") == f"<p>({LINK}https://a.example/b</a>)</p>"
    assert show("[![cat](https://c.example/d)](https://a.example/b)") == f"<p>{LINK}cat</a></p>"


def test_html_is_shown_and_not_obeyed():
    hostile = (
        '<script>alert(1)</script><img src=x onerror=alert(1)><iframe src="https://a.example"></iframe><b id=body>'
    )
    assert show(hostile) == f"<p>{html.escape(hostile, quote=False)}</p>"
    assert show("a &lt;b&gt; &amp;amp;") == "<p>a &lt;b&gt; &amp;amp;</p>"


def test_code_is_highlighted_by_the_name_of_its_fence_and_can_be_copied():
    assert show("```python title\nx = 1\n```") == (
        '<figure class="code-block" data-copy=""><figcaption>python</figcaption><pre tabindex="0">'
        '<code class="highlight"><span class="n">x</span> <span class="o">=</span> <span class="mi">1</span>\n'
        "</code></pre></figure>"
    )


@pytest.mark.parametrize("text", ["```\n<b> & x\n```", "~~~\n<b> & x", "    <b> & x"])
def test_code_of_no_language_is_text(text):
    assert '<figcaption>Text</figcaption><pre tabindex="0"><code class="highlight">&lt;b&gt; &amp; x' in show(text)


def test_the_name_of_a_language_is_text_too():
    assert "<figcaption>&lt;script&gt;alert(1)&lt;/script&gt;</figcaption>" in show("```<script>alert(1)</script>\n```")
    assert f"<figcaption>{'x' * 30}</figcaption>" in show("```" + "x" * 500)


def test_a_table_scrolls_by_itself():
    assert show("||b|\n|:-|-:|\n|1|2|") == (
        '<div class="table-scroll" tabindex="0" role="group" aria-label="Table"><table>\n'
        '<thead>\n<tr>\n<td class="align-left"></td>\n<th class="align-right">b</th>\n</tr>\n</thead>\n'
        '<tbody>\n<tr>\n<td class="align-left">1</td>\n<td class="align-right">2</td>\n</tr>\n</tbody>\n'
        "</table></div>"
    )


def test_half_a_surrogate_pair_does_not_break_the_page():
    assert show("a\ud800b") == "<p>a?b</p>"


def test_text_over_the_limit_is_shown_as_it_is():
    text = "<b>" + "x" * LONGEST
    assert render_markdown(text) == f'<pre class="markdown-plain" tabindex="0">{html.escape(text)}</pre>'


def test_the_longest_prose_is_still_markdown():
    paragraph = (
        "The *quick* **brown** fox `jumps` over [the](https://a.example) dog, and so on it goes for a while.\n\n"
    )
    assert render_markdown(paragraph * (LONGEST // len(paragraph))).startswith("<p>The <em>quick</em>")


def repeated(pattern):
    return pattern * (LONGEST // len(pattern))


HALF = LONGEST // 2
HOSTILE = {
    "quotes": repeated("> "),
    "brackets": repeated("["),
    "pairs of brackets": "[" * HALF + "]" * HALF,
    "images": repeated("!["),
    "images in images": "![" * 15_000 + "](http://a)" * 15_000,
    "links": repeated("[a]("),
    "addresses": repeated("<http://a>"),
    "emphasis": repeated("*_"),
    "nested emphasis": "*a " * (LONGEST // 6) + "a* " * (LONGEST // 6),
    "backticks": " ".join("`" * length for length in range(1, 630)),
    "strikes": repeated("~~a"),
    "escapes": repeated("\\*"),
    "entities": repeated("&amp;"),
    "angles": repeated("<"),
    "lists": repeated("- a\n"),
    "nested lists": "\n".join(" " * depth + "- a" for depth in range(600)),
    "headings": repeated("# a\n"),
    "lines": repeated("a\n"),
    "paragraphs": repeated("a\n\n"),
    "definitions": repeated("[a]: b\n"),
    "lazy quotes": repeated("> a\nb\n"),
    "a table of 100,000 cells": "|a" * 50 + "|\n" + "|-" * 50 + "|\n" + ("|" * 51 + "\n") * 2_000,
    "a table of short rows": "|a" * 1_000 + "|\n" + "|-" * 1_000 + "|\n" + "b\n" * 90_000,
    "a wide table": "|".join("a" * 49_000) + "\n" + "|".join("-" * 49_000) + "\n",
    "code blocks": repeated("```py\nx=1\n```\n"),
    "a huge code block": "```java\n" + "a b\n" * 49_000,
    "a megabyte in a line": "*a* [" * 200_000,
    "null characters": repeated("\0"),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_takes_bounded_time_and_room(text):
    render_markdown("```java\na\n```")  # its first use loads the lexer
    begun = time.thread_time()
    markup = render_markdown(text)
    assert time.thread_time() - begun < 2  # 0.6 measured
    assert len(markup) < 10 * len(text) + 1_000
    assert_harmless(markup)


PIECES = st.sampled_from(
    [
        *"[]()!<>*_~`|#-:\\&;\"' \n",
        *("\n\n", "```", "```html\n", "    ", "> ", "- ", "1. ", "|-|\n", "![", "](", "[x]: ", "<!--", "-->", "]]>"),
        *(
            "javascript:",
            "data:text/html,",
            "vbscript:",
            "http://a",
            "https://a/b",
            "mailto:a@b.c",
            "//a",
            "\x00",
            "\u202e",
        ),
        *("<script>", "</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "<a href=javascript:x>"),
        *(" onclick=x ", ' style="color:red" ', " id=body name=x ", "<iframe srcdoc=x>", "<form action=x>", "</pre>"),
        *("&lt;", "&#106;", "&colon;", "&Tab;", "&quot;", "</code></pre></figure><script>", "<math><mtext><style>"),
        *("a", "b c", "é", "あ"),
    ]
)


@settings(max_examples=400)
@given(st.lists(PIECES | st.text(max_size=5), max_size=30).map("".join))
@example('```a"><script>x\n```')
@example('[a](https://b"onclick=x)')
@example('<https://a" onclick=x>')
@example("![\"><script>](https://b 'onerror=x')")
def test_whatever_is_said_is_harmless(text):
    assert_harmless(render_markdown(text))
