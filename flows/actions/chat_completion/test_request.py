"""The request that is made of the properties of a chat completion."""

import pytest

from connections.foundry.values import ChatRequest, Message
from flows.actions.chat_completion.action import MOST_IMAGES, Properties, chat_request, content, history, user_message
from flows.language.errors import ActionError


def properties(**more):
    return Properties(**{"model": "m", "user_prompt": "Hi", **more})


def test_everything_that_is_set_is_asked_for():
    numbers = {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_completion_tokens": 300,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
    }
    words = {
        "reasoning_effort": "low",
        "verbosity": "high",
        "seed": 7,
        "service_tier": "flex",
        "reasoning_summary": "auto",
    }
    given = properties(
        model=" gpt-4o ", **numbers, **words, response_format="json_object", stop=["END"], user="person-7",
        top_logprobs=0, extra_parameters={"top_k": 5}, system_prompt="S",
    )  # fmt: skip
    assert chat_request(given) == ChatRequest(
        "gpt-4o", (Message("system", "S"), Message("user", "Hi")), **numbers, **words,
        response_format={"type": "json_object"}, stop=["END"], user="person-7", logprobs=True, top_logprobs=0,
        extra={"top_k": 5},
    )  # fmt: skip


def test_what_is_left_empty_is_not_asked_for():
    assert chat_request(properties(stop=[], user="", system_prompt="")) == ChatRequest("m", (Message("user", "Hi"),))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Hi"),
        ({"context": ["a"]}, 'Context:\n["a"]\n\nHi'),
        ({"prompt_template": "@@userPrompt (@@context)"}, "Hi ()"),
        ({"context": "@@userPrompt", "prompt_template": "@@context: @@userPrompt"}, "@@userPrompt: Hi"),
        ({"user_prompt": "@@context", "context": "c"}, "Context:\nc\n\n@@context"),
    ],
)
def test_context_and_prompt_meet_in_the_template(given, said):
    assert user_message(properties(**given)) == said


PICTURE = "https://a.example/x.png"


@pytest.mark.parametrize(
    ("images", "count"), [(None, 0), ("", 0), ([], 0), (PICTURE, 1), ([PICTURE] * MOST_IMAGES, MOST_IMAGES)]
)
def test_images_are_parts_behind_the_text(images, count):
    parts = [{"type": "image_url", "image_url": {"url": PICTURE}}] * count
    assert content(properties(images=images)) == ([{"type": "text", "text": "Hi"}, *parts] if count else "Hi")


@pytest.mark.parametrize("images", [[PICTURE] * (MOST_IMAGES + 1), 5, [5], ["ftp://a.example"]])
def test_what_is_no_image_is_refused(images):
    with pytest.raises(ActionError) as refused:
        content(properties(images=images))
    assert (refused.value.kind, refused.value.message) == (
        "images",
        f"Images are at most {MOST_IMAGES} addresses of images.",
    )


PARTS = [{"type": "text", "text": "x"}]


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        (None, []),
        ("", []),
        ([], []),
        (
            [{"role": "user", "content": "a"}, [{"role": "assistant", "content": None}]],
            [("user", "a"), ("assistant", "")],
        ),
        ([{"role": "user", "content": PARTS}], [("user", PARTS)]),
        ([{"role": "user", "content": [{"text": "x"}]}], [("user", '[{"text": "x"}]')]),
        ([{"role": "user", "content": ["type"]}], [("user", '["type"]')]),
        ([{"role": "user", "content": {"type": "x"}}], [("user", '{"type": "x"}')]),
    ],
)
def test_earlier_messages_are_those_of_the_history(value, messages):
    assert [(message.role, message.content) for message in history(value)] == messages


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("before", "History is not a list of messages."),
        ([{"role": "user"}, {"role": "nobody"}], "History: message 2 has no known role."),
        (["x"], "History: message 1 has no known role."),
    ],
)
def test_a_broken_history_is_refused(value, message):
    with pytest.raises(ActionError) as refused:
        history(value)
    assert (refused.value.kind, refused.value.message) == ("history", message)
    assert refused.value.hint.startswith(("Roles: system, ", "Give [{"))
