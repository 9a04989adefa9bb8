"""The secrets that a run has met, and masks for them in whatever leaves it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

from ahocorasick_rs import BytesAhoCorasick

from connections.foundry.masking import PUBLISHED, SHORTEST, MaskingWindow, SecretForms, masker_of, readings_of
from connections.secret import Secret

LONGEST_END = 16  # bytes
MERGED = 4  # groups of about one size that become one
WITHOUT_TEXT = frozenset({type(None), bool, int, float, datetime})
MOST_STREAMED = 50  # secrets that are looked for in streaming text, the newest of its lane


@lru_cache(maxsize=4_096)
def forms_of(secret: str) -> SecretForms:
    return SecretForms((secret,))


class Patterns:
    """Finds which of some secrets stand in a text of bytes, in time that does not depend on how many there are."""

    def __init__(self, secrets: list[str]) -> None:
        self.secrets = secrets
        found = [(forms_of(secret), secret) for secret in secrets]
        exact = [(form, True, secret) for forms, secret in found for form in forms.exact]
        self._forms = exact + [(form, False, secret) for forms, secret in found for form in forms.folded]
        # One search in small letters for all. The end of a form tells it from nearly all others.
        ends = [form[-LONGEST_END:].lower() for form, _, _ in self._forms]
        self._find_ends = BytesAhoCorasick(ends).find_matches_as_indexes

    def found_in(self, data: bytes, lowered: bytes) -> Iterator[str]:
        for index, _, end in self._find_ends(lowered, overlapping=True):
            form, is_exact, secret = self._forms[index]
            if (data if is_exact else lowered).endswith(form, 0, end):
                yield secret


def gather_texts(value: Any, texts: list[str]) -> None:
    # Of every record of every run: what is most frequent comes first, and types are compared before they are asked.
    kind = type(value)
    if kind is str:
        texts.append(value)
    elif kind in WITHOUT_TEXT:
        return
    elif isinstance(value, dict):
        texts += value
        for inner in value.values():
            gather_texts(inner, texts)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            gather_texts(inner, texts)
    elif isinstance(value, str):
        texts.append(value)


@lru_cache(maxsize=4_096)
def patterns_of(*secrets: str) -> Patterns:
    """Made once: many runs use the same key."""
    return Patterns(list(secrets))


class KnownSecrets:
    """Learns on the loop of the run, and masks in any thread: what it looks through is replaced, never changed."""

    def __init__(self) -> None:
        self._learned_at: dict[str, str] = {}  # secret -> path of the block that it became known in
        self._patterns: tuple[Patterns, ...] = ()  # in groups of falling size, so that another one costs little
        self._have_signs = False
        self._stood_in_text = False  # one of them was an ordinary text before, which may have been recorded
        self._search_is_due = False
        self.are_texts_too = False  # variables may hold one as an ordinary text
        self._searched_at = float("-inf")  # time.monotonic()
        self.are_sealed = False  # checkpoints hold one that only its text gave away

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def learn(self, secrets: Iterable[Secret], path: str = "", *, from_text: bool = False) -> None:
        """From now on they are masked. `path` is that of the action that brought them, empty for the whole run;
        `from_text` says that they were ordinary text until now."""
        texts = {secret.reveal().strip() for secret in secrets}
        new = [text for text in texts if self._is_new(text)]
        if not new:
            return
        self._stood_in_text |= from_text
        self._search_is_due |= from_text
        self.are_texts_too |= from_text
        block = path.rpartition("/")[0]
        self._learned_at.update(dict.fromkeys(new, block))
        self._have_signs = self._have_signs or any(forms_of(text).have_signs for text in new)
        groups = [*self._patterns, patterns_of(*sorted(new))]
        while len(groups) >= MERGED and len(groups[-MERGED].secrets) <= len(groups[-1].secrets) * 2:
            merged = [secret for group in groups[-MERGED:] for secret in group.secrets]
            groups[-MERGED:] = [Patterns(merged)]
        self._patterns = tuple(groups)

    def _is_new(self, text: str) -> bool:
        return len(text) >= SHORTEST and text not in PUBLISHED and text not in self._learned_at

    def found_in(self, data: bytes) -> set[str]:
        """The secrets that stand in a text, or in what it reads as once its escapes are undone."""
        found = set[str]()
        for reading in readings_of(data, with_signs=self._have_signs):
            lowered = reading.lower()
            for patterns in self._patterns:
                found.update(patterns.found_in(reading, lowered))
        return found

    def mask(self, value: Any) -> Any:
        """A JSON value with masks; itself when no secret stands in it. Moments and other leaves stay as they are."""
        if not self._patterns or value is None:
            return value
        found = self.found_among([value])
        return masker_of(*sorted(found)).value(value) if found else value

    def found_among(self, values: Iterable[Any]) -> set[str]:
        """The secrets that stand in JSON values, names included."""
        texts: list[str] = []
        try:
            for value in values:
                gather_texts(value, texts)
        except RecursionError:
            return set(self._learned_at)
        return self.found_in("\0".join(texts).encode("utf-8", "surrogatepass"))

    def stand_in(self, text: str) -> bool:
        return bool(self._patterns and self.found_in(text.encode("utf-8", "surrogatepass")))

    def take_search(self, every: float, *, ends: bool) -> bool:
        """Whether what was recorded so far is to be searched now: at most once in so many seconds before the end."""
        now = time.monotonic()
        # At the end once more: a transaction with a search in it may have been rolled back.
        if not (self._stood_in_text if ends else self._search_is_due and now - self._searched_at >= every):
            return False
        self._search_is_due, self._searched_at = False, now
        return True

    def window(self, path: str) -> MaskingWindow:
        """For text that an action streams: over the seams of its pieces, what is known in its lane is masked.

        All lanes together may know thousands, which would cost more than the stream; what is stored is masked by all.
        """
        lane = [secret for secret, block in self._learned_at.items() if not block or path.startswith(f"{block}/")]
        return masker_of(*lane[-MOST_STREAMED:]).window()
