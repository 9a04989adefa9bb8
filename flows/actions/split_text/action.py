"""Splits a text into chunks that are small enough for a model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from flows.actions.base import ActionType, Group, Result, Step
from flows.actions.split_text.splitting import CHARACTERS, MODEL_OF_ENCODING, Stopped, make_splitter, split_text
from flows.language.errors import ActionError
from flows.language.nodes import Action
from flows.properties.choice import choice
from flows.properties.long_text import long_text
from flows.properties.new_variable import result_variable
from flows.properties.number import number

TOKENS = "tokens"
MOST_CHUNKS = 50_000
OVERLAP_TOO_LARGE = "Overlap is as large as Size. Make it smaller than that."

# Few, so that long texts have a part of the processor only.
_threads = ThreadPoolExecutor(2, thread_name_prefix="splitting")


@dataclass(frozen=True)
class Properties:
    text: str = long_text("Text", required=True, hint="Such as a document or the answer of a service.", on_card=True)
    unit: str = choice("Count", choices=(CHARACTERS, TOKENS), default=CHARACTERS, on_card=True)
    size: int = number(
        "Size", minimum=1, maximum=100_000, default=1_000, whole=True, hint="Of one chunk, at most.", on_card=True
    )
    overlap: int = number(
        "Overlap",
        minimum=0,
        maximum=50_000,
        default=0,
        whole=True,
        hint="How much of its end a chunk shares with the next one, at most.",
    )
    encoding: str = choice(
        "Encoding",
        choices=tuple(MODEL_OF_ENCODING),
        default="o200k_base",
        hint="Of tokens: o200k_base of GPT-4o and later, cl100k_base of GPT-4 and embeddings.",
        advanced=True,
    )
    result_variable_name: str = result_variable("chunks", type="list")


class SplitText(ActionType):
    type = "split_text"
    title = "Split text"
    purpose = "a long text in chunks"
    group = Group.BUILTIN
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        if properties.overlap >= properties.size:
            raise ActionError("property_wrong", OVERLAP_TOO_LARGE, "Correct it in the property panel.")
        stop = threading.Event()
        try:
            chunks = await asyncio.get_running_loop().run_in_executor(_threads, chunks_of, properties, stop)
        finally:
            stop.set()
        return Result(output=chunks, variables={properties.result_variable_name: chunks}, facts={"chunks": len(chunks)})

    def problems(self, action: Action) -> Sequence[tuple[str | None, str]]:
        """Numbers that do not go together, as far as they are written down."""
        size, overlap = stored_number(action, "size", 1_000), stored_number(action, "overlap", 0)
        return [(None, OVERLAP_TOO_LARGE)] if size is not None and overlap is not None and overlap >= size else []


def stored_number(action: Action, name: str, default: int) -> float | None:
    """A number as it is stored; None where a run decides it."""
    stored = action.properties.get(name)
    found = default if stored in (None, "") else stored
    return found if isinstance(found, int | float) else None


def chunks_of(properties: Properties, stop: threading.Event) -> list[str]:
    """For a thread. Raises ActionError, and Stopped."""
    unit = CHARACTERS if properties.unit == CHARACTERS else properties.encoding
    if stop.is_set():
        raise Stopped
    splitter = make_splitter(unit, properties.size, properties.overlap)
    chunks: list[str] = []
    for chunk in split_text(properties.text, splitter, properties.size, stop):
        chunks.append(chunk)
        if len(chunks) > MOST_CHUNKS:
            raise ActionError(
                "too_large",
                f"The text would be more than {MOST_CHUNKS:,} chunks.",
                "Make Size larger, or split a part.",
            )
    return chunks
