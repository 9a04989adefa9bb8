"""How many tokens a call takes, where nobody has counted: by the length of its texts."""

import pytest

from connections.foundry.estimates import estimated_usage, with_estimated_usage
from connections.foundry.values import ChatRequest, Completion, EmbeddingRequest, Embeddings, Message, Usage


def request(*contents, **more):
    return ChatRequest("m", [Message("user", content) for content in contents], **more)


@pytest.mark.parametrize(
    ("asked", "prompt", "answer"),
    [
        (EmbeddingRequest("m", "a" * 40), 11, 0),
        (EmbeddingRequest("m", ["a" * 4, "b"]), 3, 0),
        (EmbeddingRequest("m", [5, 6, 7]), 3, 0),
        (request("a" * 40), 10, 500),
        (request("a" * 40, None, "b" * 3, max_completion_tokens=7), 10, 7),
        (request(["text", {"type": "text", "text": "b" * 4}]), 2, 500),
        (request([{"type": "image_url", "image_url": {"url": "data:" + "x" * 9_000}}]), 1_000, 500),
    ],
)
def test_what_a_call_may_take_is_estimated(asked, prompt, answer):
    assert estimated_usage(asked) == Usage(prompt, answer, prompt + answer)


def completion(usage):
    return Completion("x" * 41, None, "stop", usage, "m", None, 200, "https://x")


def test_tokens_are_estimated_only_where_none_were_counted():
    asked = ChatRequest("m", [Message("system", "y" * 20), Message("user", [{"type": "text", "text": "z" * 20}])])
    assert with_estimated_usage(asked, completion(Usage())).usage == Usage(10, 11, 21, estimated_tokens=21)
    vectors = Embeddings(((1.0,),), "m", Usage(), None, 200, "")
    assert with_estimated_usage(EmbeddingRequest("m", "a" * 7), vectors).usage == Usage(2, 0, 2, estimated_tokens=2)
    for counts in ((0, 0, 7), (7, 0, 0), (0, 7, 0)):
        counted = completion(Usage(*counts))
        assert with_estimated_usage(asked, counted) is counted
