"""Runs of flows made up on the spot, none of them stored: what a session of any of their calls sends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connections.foundry.values import ChatRequest, Completion, Target, Usage
from flows.actions.services import MemoryServices
from flows.interpreter.checkpoint import pack_outcome, unpack_outcome
from flows.interpreter.journal import ActionFailed, ActionFinished, ActionStarted, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.playground.roundtrip.rehearsal import NAME, NOWHERE, messages_in, rehearse
from flows.playground.roundtrip.replay import RecordedOutcomes, scope_before
from flows.playground.roundtrip.replay_records import containers
from flows.playground.roundtrip.session_of_call import RecordedCall, opening_of_call

Json = dict[str, Any]


class Echo:
    """Answers with the end of the last message, and its length."""

    async def chat(self, target: Target, request: ChatRequest) -> AsyncGenerator[Any, None]:
        said = str(request.messages[-1].content)
        yield Completion(
            f"<{said[-20:]}>", None, "stop", Usage(len(said), 1, len(said) + 1), "m", "id", 200, "https://x"
        )


TEXT = st.text(st.sampled_from('ab1 \n"\\{}%ä€'), max_size=6).filter(lambda text: "\r" not in text)
NAMES = {"question": "text", "count": "number", "words": "list", "customer": "object"}
WORDS = st.lists(TEXT.filter(bool), min_size=1, max_size=3)
INPUTS = st.fixed_dictionaries(
    {
        "question": TEXT,
        # 1.0 reads 1 alone and 1.0 inside a text, which no one text that is typed can be; the session says so.
        "count": st.integers(1, 50) | st.floats(0.25, 9, width=16).filter(lambda count: not count.is_integer()),
        "words": WORDS,
        "customer": st.fixed_dictionaries({"name": TEXT, "tags": WORDS}),
    }
)
READ = ("{{ question }}", "{{ inputs.question | upper }}", "{{ count }}", "{{ count + 1 }}", "{{ words }}", "{{ words | length }} {{ words | join('-') }}", "{% for w in words %}{{ loop.index }}{{ w }}{% endfor %}", "{{ customer.name | default('?') }}", "{{ customer.tags[0] }}", "{{ customer | tojson }}", "{{ said }}", "{% if said %}s{% endif %}", "{{ answer }}", "{{ answer.text }}{{ answer.usage.total_tokens }}", "{{ item }}", "{{ index * 2 }}", "{% if index %}, {% endif %}", "{{ exception.kind }}", "{{ found | join(';') }}")  # fmt: skip
PROMPTS = st.lists(st.sampled_from(READ), min_size=1, max_size=3, unique=True).map(" ".join)


def start() -> list[Json]:
    """Every variable there is, so that each template has its own."""
    rows = [
        {"name": "said", "type": "text", "value": "s"},
        {"name": "item", "type": "text", "value": "none"},
        {"name": "index", "type": "number", "value": 0},
        {"name": "exception", "type": "object", "value": {"kind": "none"}},
        {"name": "found", "type": "list", "value": ["x"]},
    ]
    first = {"connection": NAME, "model": "m", "user_prompt": "Hi {{ question }}", "result_variable_name": "answer"}
    return [
        {"id": "vars", "type": "declare_variables", "properties": {"variables": rows}},
        {"id": "first", "type": "chat_completion", "properties": first},
    ]


def block(depth: int) -> st.SearchStrategy[list[Json]]:
    leaf = st.one_of(calls(), assigned())
    return st.lists(leaf if depth == 0 else st.one_of(leaf, containing(depth)), min_size=1, max_size=3)


@st.composite
def calls(draw: Any) -> Json:
    properties = {
        "connection": NAME,
        "model": "m",
        "user_prompt": draw(PROMPTS),
        "system_prompt": draw(st.none() | PROMPTS),
        "context": draw(st.none() | st.sampled_from(["{{ words }}", "{{ question }}!", "fixed"])),
        "prompt_template": draw(st.none() | st.just("@@context / {{ said }} / @@userPrompt")),
        "result_variable_name": "answer",
    }
    return {"type": "chat_completion", "properties": properties}


@st.composite
def assigned(draw: Any) -> Json:
    value = draw(
        st.sampled_from(["{{ said }}+{{ item }}", "{{ question }}", "{{ answer.text }}", "{{ said | upper }}"])
    )
    return {"type": "set_variable", "properties": {"variable": "said", "value": value}}


@st.composite
def containing(draw: Any, depth: int) -> Json:
    inside = block(depth - 1)
    match draw(st.sampled_from(["for_each", "wide", "if_else", "while", "try_catch"])):
        case "for_each":
            found = {"result": "{{ answer }}", "results_variable_name": "found"}
            properties = {"items": "{{ words }}", **draw(st.sampled_from([{}, found]))}
            return {"type": "for_each", "properties": properties, "branches": [draw(inside)]}
        case "wide":
            return {
                "type": "for_each",
                "properties": {"items": "{{ words }}", "parallelism": 2},
                "branches": [draw(inside)],
            }
        case "if_else":
            return {
                "type": "if_else",
                "properties": {"condition": "count > 5"},
                "branches": [draw(inside), draw(inside)],
            }
        case "while":
            return {"type": "while", "properties": {"condition": "index < 2"}, "branches": [draw(inside)]}
    thrown = {"type": "throw", "properties": {"message": "no {{ said }}", "kind": "no_stock"}}
    return {"type": "try_catch", "properties": {}, "branches": [[*draw(inside), thrown], draw(inside)]}


def numbered(actions: list[Json], ids: list[int]) -> list[Json]:
    """With ids, and branches as a document has them."""
    return [numbered_one(action, ids) for action in actions]


def numbered_one(action: Json, ids: list[int]) -> Json:
    if "id" in action:
        return action
    ids[0] += 1
    made = {"id": f"a{ids[0]}", **action}
    if "branches" in action:
        roles = ("try", "catch") if action["type"] == "try_catch" else ("one", "two")
        made["branches"] = [
            {"id": f"{made['id']}-{role}", "title": role, "actions": numbered(inner, ids)}
            for role, inner in zip(roles, action["branches"], strict=False)
        ]
    if action["type"] == "if_else":
        made["branches"][0]["condition"] = action["properties"]["condition"]
    return made


FLOWS = block(2).map(lambda actions: numbered([*start(), *actions], [0]))


def past_of(journal: MemoryJournal, path: str) -> RecordedOutcomes:
    """As the records of a run would give it."""
    started = {event.path: event for event in journal.events if isinstance(event, ActionStarted)}
    around = dict(containers(path))
    wide = {
        loop: own
        for loop, own in around.items()
        if own != f"{loop}/" and (started[loop].inputs.get("parallelism") or 1) > 1
    }
    before = list(started).index(path)
    leaves = {each for each in list(started)[:before] if not started[each].container}
    outcomes = {
        event.path: unpack_outcome(event.path, pack_outcome(event).text)
        for event in journal.events
        if isinstance(event, ActionFinished | ActionFailed) and event.path in leaves
    }
    return RecordedOutcomes(
        {each: ended for each, ended in outcomes.items() if not RecordedOutcomes(apart=wide).beside(each)}, apart=wide
    )


async def walked(actions: list[Json], inputs: Json) -> None:
    declared = [{"name": name, "type": type} for name, type in NAMES.items()]
    document = parse({"format": "foundryflow/1", "name": "x", "inputs": declared, "actions": actions})
    journal = MemoryJournal()
    with suppress(RunFailed):  # what was called before counts all the same
        await execute(document, inputs, journal, MemoryServices(Echo(), {NAME: NOWHERE}))
    for event in journal.events:
        if not isinstance(event, ActionFinished) or "prompt" not in event.facts:
            continue
        action = document.find(event.path.split("/")[-1])
        assert action
        scope = await scope_before(document, inputs, past_of(journal, event.path), event.path)
        assert scope is not None, event.path
        made = await opening_of_call(RecordedCall(action.properties, scope, walked=True, sent=event.facts["prompt"]))
        assert made.notes == []
        assert await rehearse(made.setup, made.prompt, made.variables, made.earlier) == event.facts["prompt"]
        assert await messages_in(action.properties, scope) == event.facts["prompt"]
        json.dumps(made.variables)


def mixes(actions: list[Json]) -> bool:
    """Whether a call takes an answer as a text and apart: what is typed is the one or the other."""
    texts = [json.dumps(each) for each in flat(actions) if each["type"] == "chat_completion"]
    return any("{{ answer }}" in text and "answer.text" in text for text in texts)


def flat(actions: list[Json]) -> list[Json]:
    inside = [branch["actions"] for action in actions for branch in action.get("branches", [])]
    return [*actions, *(each for inner in inside for each in flat(inner))]


@given(FLOWS.filter(lambda actions: not mixes(actions)), INPUTS)
@settings(max_examples=60, deadline=None)
def test_a_session_of_any_call_of_any_flow_sends_what_the_run_sent(actions: list[Json], inputs: Json) -> None:
    asyncio.run(walked(actions, inputs))
