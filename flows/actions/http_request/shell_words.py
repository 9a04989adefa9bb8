"""The words of one command, as a POSIX shell, the prompt of Windows or PowerShell would hand them over.

A variable of the shell stays in its word, between two characters that no text has, so that it can become a variable of
the flow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

VARIABLE, END = "\ue000", "\ue001"
FOUND_VARIABLE = re.compile(f"{VARIABLE}([^{END}]*){END}")
# In PowerShell $env:TOKEN, or ${env:TOKEN}.
NAME = re.compile(r"\$(?:\{(?:env:)?([A-Za-z_]\w*)\}|(?:env:)?([A-Za-z_]\w*))")
ESCAPES = dict(zip("ntr\\'\"?abfve", "\n\t\r\\'\"?\a\b\f\v\x1b", strict=True))
BLANKS = re.compile(r"[ \t]+|[\\`][ \t]*\n")
NUMBER = re.compile(r"x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})")
ENDS = ("|", ";", "&", ">", "<", "\n")


class WordsError(ValueError):
    """The text is no command; the message is a sentence."""


@dataclass(frozen=True)
class ShellCommand:
    words: list[str]
    rest: str  # what follows the command: a pipe, another command


def read_command(text: str) -> ShellCommand:
    """Raises WordsError."""
    text = text.replace("\r\n", "\n").replace(VARIABLE, "").replace(END, "")
    return ShellReader(from_windows(text) if is_of_windows(text) else text).read()


def is_of_windows(text: str) -> bool:
    """Whether carets escape in it, as browsers copy it for the prompt of Windows."""
    return bool(re.match(r"\s*\^\"", text) or re.search(r"\^[ \t]*\n", text))


def from_windows(text: str) -> str:
    """The same for a POSIX shell: a caret escapes what follows, a line goes on behind one at its end."""
    return re.sub(r"\^(.)", r"\1", re.sub(r"\^[ \t]*\n\s*", " ", text))


class ShellReader:
    """Reads the text from its beginning."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text.strip(), 0

    def read(self) -> ShellCommand:
        words: list[str] = []
        while self._skip_blanks():
            if self._text[self._at] in ENDS:
                break
            words.append(self._word())
        return ShellCommand(words, self._text[self._at :].strip())

    def _skip_blanks(self) -> bool:
        """Whether there is more."""
        while self._at < len(self._text):
            if found := BLANKS.match(self._text, self._at):
                self._at = found.end()
            else:
                return True
        return False

    def _word(self) -> str:
        word: list[str] = []
        while self._at < len(self._text):
            sign = self._text[self._at]
            if sign in " \t" or sign in ENDS or self._text.startswith(("\\\n", "`\n"), self._at):
                break
            word.append(self._piece(sign))
        return "".join(word)

    def _piece(self, sign: str) -> str:
        if self._text.startswith("$'", self._at):
            return self._escaped()
        if sign == "'":
            return self._until("'", 1)
        if sign == '"':
            return self._quoted()
        if sign == "$":
            return self._variable()
        self._at += 1
        if sign == "\\" and self._at < len(self._text):
            self._at += 1
            return self._text[self._at - 1]
        return sign

    def _until(self, end: str, skipped: int) -> str:
        start = self._at + skipped
        close = self._text.find(end, start)
        if close < 0:
            raise WordsError("A quotation mark is not closed. Copy the whole command.")
        self._at = close + 1
        return self._text[start:close]

    def _quoted(self) -> str:
        made: list[str] = []
        self._at += 1
        while self._at < len(self._text):
            sign = self._text[self._at]
            if sign == '"':
                self._at += 1
                return "".join(made)
            if sign == "$":
                made.append(self._variable())
                continue
            following = self._text[self._at + 1 : self._at + 2]
            if sign == "\\" and following and following in '"\\$`\n':
                made.append("" if following == "\n" else following)
                self._at += 2
                continue
            made.append(sign)
            self._at += 1
        raise WordsError("A quotation mark is not closed. Copy the whole command.")

    def _escaped(self) -> str:
        """What stands in $'…', where a backslash means what it means in C."""
        made: list[str] = []
        self._at += 2
        while self._at < len(self._text):
            sign = self._text[self._at]
            self._at += 1
            if sign == "'":
                return "".join(made).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            if sign != "\\":
                made.append(sign)
            elif found := NUMBER.match(self._text, self._at):
                self._at = found.end()
                number = int(found[4], 8) if found[4] else int(found[1] or found[2] or found[3], 16)
                made.append(chr(number) if number < 0x110000 else "\ufffd")
            else:
                following = self._text[self._at : self._at + 1]
                self._at += 1
                made.append(ESCAPES.get(following, f"\\{following}"))
        raise WordsError("A quotation mark is not closed. Copy the whole command.")

    def _variable(self) -> str:
        found = NAME.match(self._text, self._at)
        if found is None:
            self._at += 1
            return "$"
        self._at = found.end()
        return f"{VARIABLE}{found[1] or found[2]}{END}"
