"""Splits a text into chunks, in a time that grows as the text does. For threads.

The splitter looks at all the text that is left for each chunk, which a text without blanks makes a matter of minutes.
So it is handed windows of the text, each of which begins where the last chunk of the one before did.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import lru_cache

from semantic_text_splitter import TextSplitter

SMALLEST_WINDOW = 20_000  # characters
CHUNKS_IN_WINDOW = 12
CHARACTERS = "characters"
MODEL_OF_ENCODING = {"o200k_base": "gpt-4o", "cl100k_base": "gpt-4"}  # as the splitter names encodings


class Stopped(Exception):
    """Nobody waits for the chunks any more."""


@lru_cache(maxsize=16)
def make_splitter(unit: str, size: int, overlap: int) -> TextSplitter:
    """One for chunks of at most `size` characters, or tokens of the encoding that `unit` names."""
    if unit == CHARACTERS:
        return TextSplitter(size, overlap=overlap)
    return TextSplitter.from_tiktoken_model(MODEL_OF_ENCODING[unit], size, overlap=overlap)


def split_text(text: str, splitter: TextSplitter, size: int, stop: threading.Event) -> Iterator[str]:
    """The chunks in their order. Raises Stopped soon after `stop` is set."""
    smallest = max(SMALLEST_WINDOW, CHUNKS_IN_WINDOW * size)
    at, window = 0, smallest
    while at < len(text):
        if stop.is_set():
            raise Stopped
        chunks = splitter.chunk_indices(text[at : at + window])
        if at + window >= len(text):
            yield from (chunk for _, chunk in chunks)
            return
        if not chunks:
            at += window  # of blanks only
        elif chunks[-1][0] == 0:
            window *= 2  # a chunk that may not be at its end yet
        else:
            yield from (chunk for _, chunk in chunks[:-1])
            at, window = at + chunks[-1][0], smallest
