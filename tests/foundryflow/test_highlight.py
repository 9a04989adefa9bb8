"""Code is coloured, and hostile code is not worth the time."""

import html
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygments.lexers import get_lexer_by_name

from foundryflow.highlight import CLASSES, LANGUAGES, LONGEST_PIECE, SECONDS, Highlighter, pieces_of


def text_of(markup):
    return html.unescape(re.sub(r"</?span[^>]*>", "", markup))


def seconds_of(call):
    begun = time.thread_time()
    call()
    return time.thread_time() - begun


@pytest.mark.parametrize("lexer", sorted(set(LANGUAGES.values())))
def test_every_language_has_a_lexer(lexer):
    assert get_lexer_by_name(lexer)


def test_code_is_marked_with_the_classes_of_pygments():
    assert Highlighter().html("return 'a'  # <b>\n", "Python") == (
        '<span class="k">return</span> <span class="s1">&#x27;a&#x27;</span>  <span class="c1"># &lt;b&gt;</span>\n'
    )


@pytest.mark.parametrize("language", ["", "klingon", "terraform", "<script>"])
def test_a_language_that_is_not_known_stays_plain(language):
    assert Highlighter().html("if x < 1:", language) == "if x &lt; 1:"


@given(st.text(max_size=300), st.sampled_from(sorted(set(LANGUAGES.values()))))
def test_no_character_is_lost_and_no_markup_comes_from_the_code(code, language):
    markup = Highlighter().html(code, language)
    assert text_of(markup) == code
    assert set(re.findall(r'<span class="([^"]*)">', markup)) <= CLASSES
    assert not re.search(r"<(?!/?span)", markup)


@given(st.lists(st.text("ab \n", max_size=1_500), max_size=6).map("".join))
def test_pieces_are_short_and_make_up_the_code(code):
    made = list(pieces_of(code))
    assert "".join(made) == code
    assert all(len(piece) <= LONGEST_PIECE or "\n" not in piece[:-1] for piece in made)


def test_long_code_is_cut_between_paragraphs():
    paragraph = "x = 1\n" * 200 + "\n"
    assert list(pieces_of(paragraph * 3)) == [paragraph, paragraph, paragraph]


HOSTILE = [
    ("java", "a "),
    ("java", "a b\n"),
    ("csharp", "a\n"),
    ("javascript", '\\"\n'),
    ("typescript", "a.\n"),
    ("python", "\t\n"),
    ("ini", "[ \n"),
    ("css", "\\'\n"),
    ("r", "'>/\n"),
    ("ruby", "\\{!\n"),
]


@pytest.mark.parametrize(("language", "pattern"), HOSTILE)
def test_hostile_code_takes_bounded_time(language, pattern):
    code = pattern * (100_000 // len(pattern))
    Highlighter().html("a", language)  # its first use loads the lexer
    assert seconds_of(lambda: Highlighter().html(code, language)) < SECONDS + 0.75


def test_code_beyond_the_time_stays_plain():
    highlighter = Highlighter()
    markup = highlighter.html('x = "y"\n\n' * 100_000, "python")
    assert markup.startswith('<span class="n">x</span>')
    assert markup.endswith("x = &quot;y&quot;\n\n")
    assert highlighter.html("x = 1\n", "python") == "x = 1\n"
