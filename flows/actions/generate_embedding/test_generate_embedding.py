import asyncio

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import Adapted, EmbeddingRequest, Embeddings, Spilled, Target, Usage, Waited, Waiting
from connections.secret import Secret
from flows.actions.services import MemoryServices
from flows.interpreter.journal import ActionCancelled, ActionLogged, ActionWaiting, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.lint.linter import problems

CONTOSO = Target("contoso", parse_endpoint("https://contoso.openai.azure.com/openai/v1"), Secret("planted-key"))


class Vectors:
    """Answers each call with a vector of two numbers a text, after the events it is given."""

    def __init__(self, *before, missing=0, size=2):
        self.before, self.missing, self.size, self.requests, self.hangs = before, missing, size, [], asyncio.Event()

    async def embedding_events(self, target, request):
        self.requests.append(request)
        for event in self.before:
            if isinstance(event, Exception):
                raise event
            if event == "hang":
                self.hangs.set()
                await asyncio.Event().wait()
            yield event
        made = tuple((float(len(text)),) * self.size for text in request.inputs)
        usage = Usage(len(made), 0, len(made))
        yield Embeddings(made[self.missing :], "emb-x", usage, "id-1", 200, "https://x/embeddings")


def document(**properties):
    stored = {"connection": "contoso", "model": "emb", "input": "{{ given }}", **properties}
    actions = [
        {"id": "embed", "type": "generate_embedding", "properties": stored},
        {"id": "ret", "type": "return", "properties": {"value": "{{ embedding }}"}},
    ]
    inputs = [{"name": "given", "type": "list"}, {"name": "key", "type": "secret", "required": False}]
    return parse({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": actions})


async def embedded(client, given=(), journal=None, inputs=None, **properties):
    services = MemoryServices(connections={"contoso": CONTOSO}, embeddings=client)
    given = {"given": list(given), **(inputs or {})}
    return await execute(document(**properties), given, journal or MemoryJournal(), services)


def done(journal):
    return next(event for event in journal.events if getattr(event, "usage", None))


async def test_texts_become_vectors():
    client, journal = Vectors(), MemoryJournal()
    found = await embedded(client, ["a", "bcd"], journal, dimensions=2, user="u-1")

    usage = {"prompt_tokens": 2, "total_tokens": 2}
    assert found == {
        "vector": [1.0, 1.0],
        "vectors": [[1.0, 1.0], [3.0, 3.0]],
        "dimensions": 2,
        "model": "emb-x",
        "usage": usage,
    }
    assert client.requests == [EmbeddingRequest("emb", ["a", "bcd"], 2, user="u-1")]
    assert done(journal).output == {"text": "2 vectors of 2 numbers", "model": "emb-x", "usage": usage}
    assert done(journal).usage == usage
    facts = done(journal).facts
    assert (facts["connection"], facts["deployment"], facts["texts"], facts["status"]) == ("contoso", "emb", 2, 200)


@pytest.mark.parametrize(("given", "texts"), [("one text", ["one text"]), (["a", "b"], ["a", "b"]), (7, ["7"])])
async def test_a_text_alone_is_embedded_too(given, texts):
    client = Vectors()
    found = await embedded(client, input=given)
    assert client.requests[0].inputs == texts
    assert found["vector"] == found["vectors"][0]


async def test_a_long_list_is_asked_for_in_several_calls():
    client, journal = Vectors(), MemoryJournal()
    found = await embedded(client, [f"text {n}" for n in range(600)], journal)

    assert [len(request.inputs) for request in client.requests] == [256, 256, 88]
    assert len(found["vectors"]) == 600
    assert done(journal).usage == {"prompt_tokens": 600, "total_tokens": 600}


async def test_waits_and_changes_are_told():
    elsewhere = Target("fabrikam", parse_endpoint("https://fabrikam.openai.azure.com/openai/v1"), Secret("other-key"))
    client = Vectors(
        Waiting("429: too many", 10.0, 1, 3, 429, "rate_limit"),
        Waited(1.5, throttled=True),
        Adapted(("dimensions is left out",)),
        Spilled(elsewhere, "its limit is reached"),
    )
    journal = MemoryJournal()
    await embedded(client, ["a"], journal)

    facts = done(journal).facts
    assert any(isinstance(event, ActionWaiting) and event.reason == "429: too many" for event in journal.events)
    assert (facts["waited_ms"], facts["throttled"], facts["connection"]) == (1500, 1, "fabrikam")
    assert [event.message for event in journal.events if isinstance(event, ActionLogged)] == [
        "emb refuses a part of the request: dimensions is left out.",
        "fabrikam is called instead of contoso, because its limit is reached.",
    ]


def refusal(raw, kind=ErrorKind.NOT_FOUND_ROUTE):
    return FoundryError(kind, "400: emb does not speak this API.", "Choose a chat model.", status=400, raw=raw)


OTHER_KIND = refusal('{"error": {"code": "OperationNotSupported", "message": "not with the specified model"}}')


@pytest.mark.parametrize(
    ("client", "given", "kind", "words"),
    [
        (Vectors(OTHER_KIND), ["a"], "not_found_route", "contoso: 400: emb makes no embeddings"),
        (Vectors(refusal("", ErrorKind.AUTH_KEY)), ["a"], "auth_key", "contoso: 400"),
        (Vectors(missing=1), ["a", "b"], "protocol", "contoso gave 1 vectors for 2 texts"),
        (Vectors(size=0), ["a"], "protocol", "contoso gave 1 vectors for 1 texts"),
        (
            Vectors(size=10_000),
            ["a"] * 101,
            "too_large",
            "101 vectors of 10,000 numbers are more than 1,000,000 numbers",
        ),
        (Vectors(), [], "input", "Input is an empty list"),
        (Vectors(), ["a", " "], "input", "Input: text 2 is empty, or is no text"),
        (Vectors(), ["a", {}], "input", "Input: text 2 is empty, or is no text"),
        (Vectors(), ["a"] * 2_049, "input", "Input has 2,049 texts; at most 2,048 are embedded at once"),
    ],
)
async def test_what_goes_wrong_stops_the_run_with_a_sentence(client, given, kind, words):
    with pytest.raises(RunFailed, match=words) as failed:
        await embedded(client, given, input="{{ given }}")
    assert (failed.value.error.kind, bool(failed.value.error.hint)) == (kind, True)


async def test_tokens_of_calls_before_the_one_that_failed_are_counted():
    client = Vectors()
    plain = client.embedding_events

    async def events(target, request):
        if len(client.requests) == 1:
            raise refusal("", ErrorKind.SERVER)
        async for event in plain(target, request):
            yield event

    client.embedding_events = events
    with pytest.raises(RunFailed) as failed:
        await embedded(client, ["a"] * 300)
    assert failed.value.error.facts["usage"] == {"prompt_tokens": 256, "total_tokens": 256}


async def test_a_secret_is_not_embedded():
    client = Vectors()
    with pytest.raises(RunFailed, match="Input would show a secret"):
        await embedded(client, inputs={"key": Secret("long-enough-key")}, input=["{{ key }}"])
    assert client.requests == []


async def test_a_stop_ends_it():
    client, journal = Vectors("hang"), MemoryJournal()
    task = asyncio.create_task(embedded(client, ["a"], journal))
    await client.hangs.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    assert isinstance(journal.events[-1], ActionCancelled)


def test_lint_asks_for_what_is_needed():
    assert problems(document(), connections={"contoso"}) == []
    (found,) = problems(document(input=""), connections={"contoso"})
    assert found.message.startswith("Input is missing.")
