"""The wire form of embeddings: what is asked for, and vectors out of what comes back."""

import base64
import struct

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.embeddings import body_of, embeddings_fields, makes_none, vector
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import EmbeddingRequest, ErrorInAnswer, ProtocolError, Usage

V1 = parse_endpoint("https://r.openai.azure.com/openai/v1")
DATED = parse_endpoint("https://r.openai.azure.com/openai/deployments/e/embeddings?api-version=2023-05-15")


@pytest.mark.parametrize(
    ("endpoint", "asked", "body"),
    [
        (V1, EmbeddingRequest("e", "a"), {"input": "a", "model": "e"}),
        (V1, EmbeddingRequest("e", ("a", "b"), user="u"), {"input": ["a", "b"], "model": "e", "user": "u"}),
        (V1, EmbeddingRequest("", "a", dimensions=3), {"input": "a", "dimensions": 3}),
        (DATED, EmbeddingRequest("e", "a", encoding_format="float"), {"input": "a", "encoding_format": "float"}),
    ],
)
def test_only_what_is_set_is_sent(endpoint, asked, body):
    assert body_of(endpoint, asked) == body


def entry(number, **more):
    return {"embedding": [number], **more}


@pytest.mark.parametrize(
    ("entries", "numbers"),
    [
        ([entry(1), entry(2), entry(3)], [1, 2, 3]),
        ([entry(1, index=2), entry(2, index=0), entry(3, index=1)], [2, 3, 1]),
        ([entry(1, index="x"), entry(2, index=None)], [1, 2]),
        ([], []),
    ],
)
def test_vectors_come_in_the_order_of_their_inputs(entries, numbers):
    fields = embeddings_fields({"data": entries, "model": "ada", "usage": {"prompt_tokens": 4, "total_tokens": 4}})
    assert fields == {"vectors": tuple((number,) for number in numbers), "model": "ada", "usage": Usage(4, 0, 4)}


@pytest.mark.parametrize("data", [{}, [], {"data": {}}, {"data": [1]}, {"data": "x"}])
def test_an_answer_without_embeddings_is_against_the_protocol(data):
    with pytest.raises(ProtocolError, match="the answer has no embeddings"):
        embeddings_fields(data)


def test_an_error_inside_an_answer_is_told_as_one():
    with pytest.raises(ErrorInAnswer, match="It failed"):
        embeddings_fields({"error": {"message": "It failed."}})


def test_a_vector_is_a_list_of_numbers_or_packed():
    assert vector([1, 2.5]) == (1.0, 2.5)
    assert vector([]) == vector("") == ()
    assert vector(base64.b64encode(struct.pack("<3f", 1, 2.5, -3)).decode()) == (1.0, 2.5, -3.0)


@pytest.mark.parametrize("value", [None, 1, {}, ["x"], [1, None], "!", "AAAA", "é", "AAAAAA==\n"])
def test_what_is_no_vector_is_against_the_protocol(value):
    with pytest.raises(ProtocolError, match="an embedding is no list of numbers"):
        vector(value)


@pytest.mark.parametrize(
    ("raw", "message", "hint"),
    [
        (
            "OperationNotSupported",
            "400: gpt makes no embeddings.",
            "Choose a deployment of an embeddings model, such as",
        ),
        ("Something else", "no", "Look."),
    ],
)
def test_a_deployment_that_makes_none_is_told_in_words_about_embeddings(raw, message, hint):
    error = makes_none(FoundryError(ErrorKind.NOT_FOUND_ROUTE, "no", "Look.", status=400, raw=raw), "gpt")
    assert (error.message, error.hint[: len(hint)]) == (message, hint)
