"""The reader of markup tells apart what a browser tells apart, and nothing else."""

from __future__ import annotations

import pytest

from tests.markup import one_line


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("<p\n  class='a'\n>\n  Hi  <b>you</b>\n</p>\n<p> x</p>", "<p class='a'>Hi <b>you</b></p><p>x</p>"),
        ("<p>a <b>b </b> c</p>", "<p>a <b>b </b>c</p>"),
        ("<dt>n</dt>\n<dd>\n  <div>1</div>\n</dd>", "<dt>n</dt><dd><div>1</div></dd>"),
        ("<input\n  checked\n>\nOn", "<input checked> On"),
        ("<button>\n Go\n</button>\nnow", "<button>Go</button> now"),
        ("<pre>\n a <b> b</b>\n</pre>", "<pre>\n a <b> b</b>\n</pre>"),
        ("<textarea\n>\n a </textarea>", "<textarea>\n a </textarea>"),
        ('<a title="two  blanks &lt;">&amp; &#39;</a>', '<a title="two  blanks &lt;">&amp; &#39;</a>'),
    ],
)
def test_lines_of_the_source_are_not_seen(written, read):
    assert one_line(written) == read


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<b>x</b>.", "<b>x</b> ."),
        ("<p>a<span>b</span></p>", "<p>a <span>b</span></p>"),
        ("<pre>x</pre>", "<pre>x </pre>"),
        ("<textarea>x</textarea>", "<textarea>\n  x\n</textarea>"),
        ("<input>On", "<input> On"),
        ("<p>ab</p>", "<p>a b</p>"),
    ],
)
def test_a_blank_that_is_shown_is_one(one, other):
    assert one_line(one) != one_line(other)
