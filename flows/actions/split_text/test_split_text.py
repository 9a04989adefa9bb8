import asyncio
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semantic_text_splitter import TextSplitter

from flows.actions.services import MemoryServices
from flows.actions.split_text.splitting import Stopped, make_splitter, split_text
from flows.interpreter.journal import MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.lint.linter import problems

PARAGRAPH = "The tower was built in 1889. It has 1,665 steps; most people take the lift.\n\n"


def document(**properties):
    actions = [
        {"id": "split", "type": "split_text", "properties": {"text": "{{ text }}", **properties}},
        {"id": "ret", "type": "return", "properties": {"value": "{{ chunks }}"}},
    ]
    inputs = [{"name": "text", "type": "text"}]
    return parse({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": actions})


async def chunks_of(text, journal=None, **properties):
    return await execute(document(**properties), {"text": text}, journal or MemoryJournal(), MemoryServices())


def split(text, size, overlap=0, unit="characters"):
    return list(split_text(text, make_splitter(unit, size, overlap), size, threading.Event()))


async def test_a_text_is_split_where_it_hurts_least():
    assert await chunks_of("One two.\n\nThree four. Five six.", size=12) == ["One two.", "Three four.", "Five six."]
    assert await chunks_of("abcdefgh", size=3) == ["abc", "def", "gh"]
    assert await chunks_of("short") == ["short"]
    assert await chunks_of(" \n ") == []


async def test_chunks_may_overlap():
    assert await chunks_of("a b c d e f", size=5, overlap=3) == ["a b c", "b c d", "c d e", "d e f"]


async def test_tokens_are_counted_without_asking_anybody():
    chunks = await chunks_of(PARAGRAPH * 20, unit="tokens", size=50)
    assert len(chunks) == 10
    assert await chunks_of("Grüße", unit="tokens", size=1, encoding="cl100k_base") != ["Grüße"]


async def test_how_many_chunks_there_are_is_recorded():
    journal = MemoryJournal()
    await chunks_of("a b c", journal, size=1)
    assert next(event.facts for event in journal.events if getattr(event, "facts", None)) == {"chunks": 3}


@settings(deadline=None, max_examples=60)
@given(
    text=st.text(st.sampled_from("ab .\nü漢"), max_size=400),
    size=st.integers(1, 30),
    overlap=st.integers(0, 29),
)
def test_chunks_are_parts_of_the_text_in_order_and_lose_nothing(text, size, overlap):
    overlap = min(overlap, size - 1)
    chunks = split(text * 120, size, overlap)

    assert all(0 < len(chunk) <= size and chunk in text * 120 for chunk in chunks)
    if overlap == 0:
        assert "".join("".join(chunks).split()) == "".join((text * 120).split())


def test_what_fits_into_one_window_is_split_as_the_library_does():
    text = PARAGRAPH * 100
    assert split(text, 300, 50) == TextSplitter(300, overlap=50).chunks(text)


def test_windows_join_without_a_seam():
    chunks, whole = split(PARAGRAPH * 2_000, 300), TextSplitter(300).chunks(PARAGRAPH * 2_000)
    assert chunks == whole


def test_a_chunk_larger_than_a_window_is_found_all_the_same():
    blanks = "x" + " " * 30_000 + "y" + " " * 50_000 + "z"
    assert [chunk.split() for chunk in split(blanks, 1)] == [["x"], ["y"], ["z"]]


def test_a_text_without_blanks_takes_no_time_that_grows_with_its_square():
    began = time.thread_time()
    chunks = split("a" * 1_000_000, 1_000)

    assert len(chunks) == 1_000
    assert time.thread_time() - began < 15  # 57 s in one piece


async def test_the_loop_goes_on_meanwhile_and_a_stop_ends_it():
    task = asyncio.create_task(chunks_of("a" * 4_000_000, size=1_000))
    slowest = 0.0
    for _ in range(40):
        began = time.monotonic()
        await asyncio.sleep(0.01)
        slowest = max(slowest, time.monotonic() - began)
    assert not task.done()
    assert slowest < 0.5

    task.cancel()
    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 1
    assert await chunks_of("a b", size=1) == ["a", "b"]


def test_a_thread_hears_that_nobody_waits():
    stop = threading.Event()
    chunks = split_text(PARAGRAPH * 2_000, make_splitter("characters", 100, 0), 100, stop)
    next(chunks)
    stop.set()
    with pytest.raises(Stopped):
        list(chunks)


@pytest.mark.parametrize(
    ("properties", "kind", "words"),
    [
        ({"size": 10, "overlap": 10}, "property_wrong", "Overlap is as large as Size"),
        ({"size": 0}, "expression", "Size: 0 is less than 1"),
        ({"size": 1, "text": "a" * 60_000}, "too_large", "more than 50,000 chunks"),
    ],
)
async def test_what_cannot_be_split_stops_the_run_with_a_sentence(properties, kind, words):
    with pytest.raises(RunFailed, match=words) as failed:
        await execute(document(**properties), {"text": "text"}, MemoryJournal(), MemoryServices())
    assert failed.value.error.kind == kind


def test_lint_says_that_the_overlap_is_too_large():
    assert problems(document(size=10, overlap=9)) == []
    (found,) = problems(document(overlap=1_000))
    assert found.message == "Overlap is as large as Size. Make it smaller than that."
