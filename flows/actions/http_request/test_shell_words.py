"""The words of a command, as the shells hand them over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.actions.http_request.shell_words import ShellCommand, WordsError, read_command


@pytest.mark.parametrize(
    ("text", "words", "rest"),
    [
        ("a\r\nb", ["a"], "b"),
        ("a \\\n b", ["a", "b"], ""),
        ("a\\\nb", ["a", "b"], ""),
        ("a`\nb", ["a", "b"], ""),
        ("a ; b", ["a"], "; b"),
        ("a&b", ["a"], "&b"),
        ("a > out", ["a"], "> out"),
        ("a < in ", ["a"], "< in"),
        ("a\\ b \\", ["a b", "\\"], ""),
        ("''", [""], ""),
        ('"a\\"b\\$c\\\\d\\`e\\nf"', ['a"b$c\\d`e\\nf'], ""),
        ('"a\\\nb"', ["ab"], ""),
        ('"a`b"', ["a`b"], ""),
        ("$5 $ ${A}b $A_1", ["$5", "$", "\ue000A\ue001b", "\ue000A_1\ue001"], ""),
        (
            "$env:TOKEN ${env:TOKEN} $env $env: ${1}",
            ["\ue000TOKEN\ue001", "\ue000TOKEN\ue001", "\ue000env\ue001", "\ue000env\ue001:", "${1}"],
            "",
        ),
        ("$'\\n\\t\\\\\\'\\q\\x41\\u00e4\\U0001F600\\101'", ["\n\t\\'\\qAä\U0001f600A"], ""),
        ("$'\\U00110000\\ud83d\\ude00\\ud83d'", ["\ufffd\U0001f600\ufffd"], ""),
        ('^"a b^" ^&', ["a b"], "&"),
        ("a ^\n  b", ["a", "b"], ""),
        ("\ue000a\ue001", ["a"], ""),
        ("", [], ""),
    ],
)
def test_words_of_a_command(text, words, rest):
    assert read_command(text) == ShellCommand(words, rest)


@pytest.mark.parametrize("text", ["'a", '"a', "$'a", '"a\\', "$'a\\"])
def test_a_quotation_mark_that_is_not_closed_is_said(text):
    with pytest.raises(WordsError, match="A quotation mark is not closed"):
        read_command(text)


def test_a_word_may_be_of_several_quotes():
    assert read_command("""a'b c'"d $X"$'e\\x41\\101\\n' \\f""").words == ["ab cd \ue000X\ue001eAA\n", "f"]
    with pytest.raises(WordsError):
        read_command('a "b')


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\ue000\ue001\r\0")), max_size=6))
def test_quoted_words_come_out_as_they_went_in(words):
    quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
    assert read_command(f"x {quoted}").words == ["x", *words]
