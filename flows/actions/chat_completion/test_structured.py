"""Answers that are to be JSON: read, checked by their schema, and corrected once where wanted."""

import asyncio
import json
from dataclasses import replace

import httpx
import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import Target, TextDelta, Usage
from connections.secret import Secret
from connections.simulator.app import Simulator
from flows.actions.chat_completion.structured import (
    LONGEST_INLINE,
    CheckedAnswer,
    check_answer,
    checked_text,
    misfit_error,
    value_in,
)
from flows.actions.chat_completion.test_chat_completion import Chat, asked, completion
from flows.actions.services import MemoryServices
from flows.interpreter import journal as events
from flows.interpreter.journal import ActionFailed, ActionLogged, MemoryJournal
from flows.language.errors import RunFailed
from foundryflow.strict_json import JsonError

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "array", "items": {"type": "integer"}}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
WRONG, RIGHT = '{"city": 3, "days": [1, "x"]}', '{"city": "Bonn", "days": [1]}'
WRONG_PATHS = ("At city: 3 is not of type 'string'.", "At days[1]: 'x' is not of type 'integer'.")


class Answers(Chat):
    """Answers each call with the next of some lists of events."""

    def __init__(self, *answers):
        super().__init__()
        self.left = list(answers)

    def chat(self, target, request):
        self.answer = self.left.pop(0)
        return super().chat(target, request)


async def failure(chat, **properties):
    journal = MemoryJournal()
    with pytest.raises(RunFailed):
        await asked(chat, journal, **properties)
    (failed,) = [event.error for event in journal.events if isinstance(event, ActionFailed)]
    return failed


# Reading


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        ' \n{"a": 1}\n',
        'Here it is:\n```json\n{"a": 1}\n```\nAnything else?',
        "```\n" + '{"a": 1}' + "\n```",
        '<think>First {"b": 2}.</think>\n\n{"a": 1}',
        '<think>Hm.</think>```json\n{"a": 1}\n```',
        ' \n<think>Hm.</think>{"a": 1}',
    ],
)
def test_json_is_read_out_of_what_models_put_around_it(text):
    assert value_in(text) == {"a": 1}


def test_only_the_thoughts_in_front_are_left_out():
    assert value_in('<think>Hm.</think>{"a": "<think>b</think>"}') == {"a": "<think>b</think>"}


def test_a_schema_that_is_none_leaves_the_answer_unchecked():
    found = checked_text('{"a": 1}', {"type": "thing"})
    assert (found.value, found.problems, found.unchecked.startswith("Not checked: ")) == ({"a": 1}, (), True)


async def test_a_text_is_not_read_as_json():
    assert await check_answer(completion("no json"), {"type": "text"}) == CheckedAnswer()
    assert CheckedAnswer().unchecked == ""


@pytest.mark.parametrize(
    ("checked", "finish", "corrected", "repair", "error"),
    [
        (CheckedAnswer(problems=("At a: b.", "At c: d.")), "stop", False, None,
         ("schema_mismatch", "The answer does not fit the schema. At a: b. At c: d.",
          "Describe the form in the prompt, or set Repair to once.")),
        (CheckedAnswer(problems=("x",), is_json=False), "stop", False, "once",
         ("invalid_json", "The answer is not JSON. x", "Describe the form in the prompt.")),
        (CheckedAnswer(problems=("x",)), "stop", True, "once",
         ("schema_mismatch", "The answer does not fit the schema. x It was asked once to correct it.",
          "Describe the form in the prompt, or make the schema simpler.")),
        (CheckedAnswer(problems=("x",)), "length", True, "once",
         ("schema_mismatch", "The answer does not fit the schema. x It was cut at its token limit.",
          "Raise Max completion tokens.")),
    ],
)  # fmt: skip
def test_an_answer_of_no_use_says_why_and_what_to_do(checked, finish, corrected, repair, error):
    made = misfit_error(completion("text", finish), checked, corrected=corrected, repair=repair)
    assert ((made.kind, made.message, made.hint), made.raw) == (error, "text")


@pytest.mark.parametrize("text", ["", "none", "```json\nnone\n```", '{"a": NaN}', "[" * 5_000])
def test_what_is_no_json_is_none(text):
    with pytest.raises(JsonError):
        value_in(text)


def test_each_part_that_does_not_fit_is_named():
    assert checked_text(WRONG, SCHEMA).problems == WRONG_PATHS
    assert checked_text(RIGHT, SCHEMA).value == json.loads(RIGHT)
    assert checked_text("{}", SCHEMA).problems == (
        "'city' is a required property.",
        "'days' is a required property.",
    )
    assert checked_text('{"a": ]', SCHEMA).problems == ("Line 1, column 7: Expecting value.",)
    many = {"type": "array", "items": {"type": "integer"}}
    assert len(checked_text(json.dumps(["x"] * 50), many).problems) == 10


async def test_a_schema_that_cannot_be_checked_here_is_a_warning():
    elsewhere = {"type": "object", "properties": {"a": {"$ref": "https://contoso.example/a.json"}}}
    done = await asked(Chat(completion('{"a": 1}')), response_format=elsewhere)
    assert done.output.json == {"a": 1}
    assert done.warning.startswith("Not checked: The schema refers to https://contoso.example/a.json.")


async def test_a_long_answer_is_read_beside_the_loop():
    long = json.dumps({"city": "x" * LONGEST_INLINE, "days": []})
    assert (await asked(Chat(completion(long)), response_format="json_object")).output.json == json.loads(long)
    assert (await asked(Chat(completion(long)), response_format=SCHEMA)).output.json == json.loads(long)


# Without repair


async def test_an_answer_that_does_not_fit_fails_and_names_the_paths():
    error = await failure(Chat(completion(WRONG)), response_format=SCHEMA)
    assert error.kind == "schema_mismatch"
    assert all(path in error.message for path in WRONG_PATHS)
    assert error.hint == "Describe the form in the prompt, or set Repair to once."
    assert (error.raw, error.facts["usage"]["total_tokens"]) == (WRONG, 12)
    assert error.facts["finish_reason"] == "stop"


# With one


async def test_an_answer_that_does_not_fit_is_corrected_once():
    journal = MemoryJournal()
    chat = Answers([TextDelta(WRONG), completion(WRONG)], [TextDelta(RIGHT), completion(RIGHT)])
    done = await asked(chat, journal, response_format=SCHEMA, repair="once", system_prompt="S", temperature=0)

    assert (done.output.text, done.output.json) == (RIGHT, json.loads(RIGHT))
    first, second = chat.requests
    assert (second.response_format, second.temperature) == (first.response_format, 0)
    assert second.messages[:-2] == first.messages
    answer, correction = second.messages[-2:]
    assert (answer.role, answer.content, correction.role) == ("assistant", WRONG, "user")
    assert all(path in correction.content for path in WRONG_PATHS)
    assert correction.content.endswith("Send the corrected JSON and nothing else.")

    assert done.usage["total_tokens"] == done.output.usage["total_tokens"] == 24
    assert done.usage["reasoning_tokens"] == 4
    repair = done.facts["repair"]
    assert (repair["answer"], repair["problems"]) == (WRONG, list(WRONG_PATHS))
    assert repair["usage"]["total_tokens"] == repair["corrected_usage"]["total_tokens"] == 12
    assert [message["role"] for message in done.facts["prompt"]] == ["system", "user"]
    assert done.warning is None
    # The text of before stands there until the corrected one is whole.
    assert [e.text for e in journal.events if isinstance(e, events.ActionStreamed)] == [WRONG]
    (line,) = [event for event in journal.events if isinstance(event, ActionLogged)]
    assert "does not fit the schema" in line.message
    assert "asked to correct it" in line.message


async def test_text_that_is_no_json_is_corrected_too():
    chat = Answers([completion("Bonn!")], [completion(RIGHT)])
    done = await asked(chat, response_format="json_object", repair="once")
    assert done.output.json == json.loads(RIGHT)
    assert "Your answer is not JSON:\n- Line 1, column 1: Expecting value." in chat.requests[1].messages[-1].content


async def test_a_second_answer_that_does_not_fit_is_an_error_with_both_kept():
    error = await failure(
        Answers([completion(WRONG)], [completion('{"city": "Bonn"}')]), response_format=SCHEMA, repair="once"
    )
    assert error.kind == "schema_mismatch"
    assert "'days' is a required property. It was asked once to correct it." in error.message
    assert error.raw == '{"city": "Bonn"}'
    assert (error.facts["repair"]["answer"], error.facts["usage"]["total_tokens"]) == (WRONG, 24)
    assert json.dumps(error.facts)


async def test_a_refused_correction_keeps_what_was_spent():
    refused = FoundryError(ErrorKind.RATE_LIMIT, "429", status=429)
    error = await failure(Answers([completion(WRONG)], [refused]), response_format=SCHEMA, repair="once")
    assert (error.kind, error.facts["usage"]["total_tokens"]) == ("rate_limit", 12)
    assert error.facts["repair"]["problems"] == list(WRONG_PATHS)


@pytest.mark.parametrize("finish", ["length"])
async def test_an_answer_that_was_cut_is_not_asked_for_again(finish):
    error = await failure(Answers([completion('{"city": "Bo', finish)]), response_format=SCHEMA, repair="once")
    assert "It was cut at its token limit." in error.message
    assert error.hint == "Raise Max completion tokens."


@pytest.mark.parametrize("answer", [completion(RIGHT), completion("", refusal="No."), completion("", "content_filter")])
async def test_whatever_fits_or_is_refused_is_asked_for_once(answer):
    chat = Answers([answer])
    await asked(chat, response_format=SCHEMA, repair="once")
    assert len(chat.requests) == 1


async def test_an_answer_without_text_is_not_sent_back():
    chat = Answers([completion(" ")], [completion(RIGHT)])
    await asked(chat, response_format=SCHEMA, repair="once")
    assert [message.role for message in chat.requests[1].messages] == ["user", "user"]


async def test_tokens_that_only_one_answer_counts_are_kept():
    counted = replace(completion(RIGHT), usage=Usage(1, 1, 2, estimated_tokens=2))
    done = await asked(Answers([completion(WRONG)], [counted]), response_format=SCHEMA, repair="once")
    assert (done.usage["reasoning_tokens"], done.usage["estimated_tokens"], done.usage["total_tokens"]) == (2, 2, 14)


async def test_a_stop_ends_the_correction_at_once():
    journal, chat = MemoryJournal(), Answers([TextDelta(WRONG), completion(WRONG)], ["hang"])
    task = asyncio.create_task(asked(chat, journal, response_format=SCHEMA, repair="once"))
    await chat.hangs.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert chat.closed
    assert isinstance(journal.events[-1], events.ActionCancelled)


async def test_the_timeout_of_the_action_holds_for_both_calls():
    with pytest.raises(RunFailed) as failed:
        await asked(
            Answers([completion(WRONG)], ["hang"]), more={"timeout": 0.5}, response_format=SCHEMA, repair="once"
        )
    assert failed.value.error.facts["usage"]["total_tokens"] == 12


# On each API, as the simulator speaks it


def simulated(path):
    """A client of a resource that is simulated, and services with a connection to it."""
    transport = httpx.ASGITransport(Simulator(delay=0))
    client = FoundryClient(destinations=Destinations(), transport=transport)
    endpoint = parse_endpoint(f"https://contoso.services.ai.azure.com{path}")
    return client, MemoryServices(client, {"contoso": Target("contoso", endpoint, Secret("simulator"))})


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/openai/v1", "misfit"),
        ("/openai/v1", "no-schema-misfit-fenced"),
        ("/openai/v1", "no-format-misfit-fenced"),
        ("/openai/v1/responses", "misfit"),
        ("/openai/v1/responses", "no-format-misfit"),
        ("/anthropic", "claude-misfit"),
        ("/anthropic", "claude-no-format-misfit-fenced"),
        ("/models", "misfit-fenced"),
    ],
)
async def test_every_api_is_asked_for_a_correction(path, model):
    client, services = simulated(path)
    done = await asked(client, services=services, model=model, response_format=SCHEMA, repair="once")
    assert done.output.json == {"city": "simulated", "days": []}
    assert done.facts["repair"]["problems"] == [
        "At city: 0 is not of type 'string'.",
        "'days' is a required property.",
    ]
    assert done.usage["completion_tokens"] == sum(
        done.facts["repair"][name]["completion_tokens"] for name in ("usage", "corrected_usage")
    )
