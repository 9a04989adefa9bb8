"""What is embedded, what is told of it, and what is refused; without a run."""

from types import SimpleNamespace

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.values import EmbeddingRequest, Embeddings, Target, Usage
from connections.secret import Secret
from flows.actions import model_call
from flows.actions.generate_embedding.action import (
    MOST_NUMBERS,
    MOST_TEXTS,
    GenerateEmbedding,
    MadeVectors,
    Properties,
    embedding_shape,
    facts_of_answer,
    refuse_wrong_answer,
    texts_of,
)
from flows.language.errors import ActionError
from flows.language.scope import Scope
from flows.language.shape import NUMBER, TEXT, Shape, object_shape
from flows.language.values import ConnectionValue, Response

CONTOSO = Target("contoso", parse_endpoint("https://contoso.openai.azure.com/openai/v1"), Secret("planted-key"))


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ("one", ["one"]),
        (5, ["5"]),
        (["one", 2.5, True], ["one", "2.5", "true"]),
        (("one",), ["one"]),
        (Response("Hi", {}, None, None, None, {}), ["Hi"]),
        (["x"] * MOST_TEXTS, ["x"] * MOST_TEXTS),
    ],
)
def test_a_text_or_a_list_of_texts_is_embedded(given, texts):
    assert texts_of(given) == texts


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "Input is an empty list."),
        (["a", " "], "Input: text 2 is empty, or is no text."),
        ({"a": 1}, "Input: text 1 is empty, or is no text."),
        (["x"] * (MOST_TEXTS + 1), "Input has 2,049 texts; at most 2,048 are embedded at once."),
    ],
)
def test_what_cannot_be_embedded_is_refused(given, message):
    with pytest.raises(ActionError) as refused:
        texts_of(given)
    assert (refused.value.kind, refused.value.message, bool(refused.value.hint)) == ("input", message, True)


def answer(*vectors, **usage):
    return Embeddings(vectors, "emb-x", Usage(3, 0, 3, **usage), "id-1", 200, "https://x/embeddings")


def made(*vectors):
    found = MadeVectors()
    found.add(answer(*vectors))
    return found


@pytest.mark.parametrize(
    ("vectors", "asked", "most", "error"),
    [
        ([(1.0,), (2.0,)], 2, 2, None),
        ([(1.0,)], 2, 2, ("protocol", "contoso gave 1 vectors for 2 texts.", "Try again.")),
        ([(1.0,), ()], 2, 2, ("protocol", "contoso gave 2 vectors for 2 texts.", "Try again.")),
        ([(1.0,) * 1_000], 1, MOST_NUMBERS // 1_000, None),
        ([(1.0,) * 1_000], 1, MOST_NUMBERS // 1_000 + 1,
         ("too_large", "1,001 vectors of 1,000 numbers are more than 1,000,000 numbers.",
          "Embed fewer texts at once, or set Dimensions.")),
    ],
)  # fmt: skip
def test_vectors_that_are_missing_or_too_many_are_refused(vectors, asked, most, error):
    if error is None:
        refuse_wrong_answer(CONTOSO, made(*vectors), asked, most)
        return
    with pytest.raises(ActionError) as refused:
        refuse_wrong_answer(CONTOSO, made(*vectors), asked, most)
    assert (refused.value.kind, refused.value.message, refused.value.hint) == error


def test_what_several_calls_have_given_adds_up():
    found = MadeVectors()
    assert (found.counts, facts_of_answer(found)) == ({"prompt_tokens": 0, "total_tokens": 0}, {})
    found.add(answer((1.0,)))
    found.add(answer((2.0,), estimated_tokens=4))
    assert (found.vectors, found.model) == ([(1.0,), (2.0,)], "emb-x")
    assert found.counts == {"prompt_tokens": 6, "total_tokens": 6, "estimated_tokens": 4}
    assert facts_of_answer(found) == {
        "model": "emb-x", "url": "https://x/embeddings", "status": 200, "request_id": "id-1",
    }  # fmt: skip


class Service:
    """Gives each text a vector of its length."""

    def __init__(self):
        self.requests, self.foundry = [], None

    @property
    def embeddings(self):
        return self

    async def connection(self, name):
        return CONTOSO

    async def embedding_events(self, target, request):
        self.requests.append(request)
        yield answer(*[(float(len(text)), 0.0) for text in request.inputs])


@pytest.mark.parametrize(
    ("given", "texts", "more"),
    [("one", "1 vector of 2 numbers", {}), (["one", "two"], "2 vectors of 2 numbers", {"user": "p"})],
)
async def test_the_result_has_the_vectors_and_the_record_what_was_asked(monkeypatch, given, texts, more):
    monkeypatch.setattr(model_call, "time", SimpleNamespace(monotonic=lambda: 7.0, time=lambda: 7.0))
    service, scope = Service(), Scope()
    scope.bind("made", ConnectionValue("made", CONTOSO))
    step = SimpleNamespace(services=service, scope=scope, facts={})
    properties = Properties(
        connection="contoso", dynamic_connection="made", model=" emb ", input=given, dimensions=2, **more
    )
    done = await GenerateEmbedding().execute(properties, step)
    counts, listed = {"prompt_tokens": 3, "total_tokens": 3}, texts_of(given)
    vectors = [[3.0, 0.0] for _ in listed]
    assert service.requests == [EmbeddingRequest("emb", listed, 2, user=more.get("user"))]
    assert done.output == {"text": texts, "model": "emb-x", "usage": counts}
    assert done.variables == {
        "embedding": {"vector": vectors[0], "vectors": vectors, "dimensions": 2, "model": "emb-x", "usage": counts}
    }
    assert {name: value for name, value in done.facts.items() if name != "total_ms"} == {
        "connection": "contoso", "connection_reason": "from variable made, instead of contoso",
        "host": "contoso.openai.azure.com", "key_fingerprint": CONTOSO.fingerprint, "deployment": "emb",
        "model_requested": "emb", "texts": len(listed), "connection_variable": "made", "usage": counts,
        "model": "emb-x", "url": "https://x/embeddings", "status": 200, "request_id": "id-1",
    }  # fmt: skip
    assert "total_ms" in done.facts


def test_what_is_known_of_vectors_before_a_run():
    vector = Shape("list", item=NUMBER)
    assert embedding_shape({}) == object_shape(
        vector=vector, vectors=Shape("list", item=vector), dimensions=NUMBER, model=TEXT,
        usage=object_shape(prompt_tokens=NUMBER, total_tokens=NUMBER),
    )  # fmt: skip
