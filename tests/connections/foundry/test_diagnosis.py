"""What a test of a connection asks of its client, and what it makes of the answers. The client is a twin."""

import asyncio
from dataclasses import replace

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.agent_list import ListedAgent
from connections.foundry.agents import AgentRequest, label_of
from connections.foundry.diagnosis import (
    ProbedAddress,
    TestResult,
    asked_version,
    culprit_of,
    diagnose,
    diagnose_embedding,
    is_reachable,
    other_shapes,
    probed_address,
    spent_its_budget,
)
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import (
    Adapted,
    ChatRequest,
    Completion,
    EmbeddingRequest,
    Embeddings,
    ListedDeployment,
    Message,
    Target,
    TextDelta,
    Usage,
)
from connections.secret import Secret
from tests.connections.jumping_time import run

ROOT = "https://r.openai.azure.com"
V1, OLD, NEW = (
    parse_endpoint(f"{ROOT}{path}")
    for path in (
        "/openai/v1",
        "/openai/deployments/d?api-version=2024-02-01",
        "/openai/deployments/d?api-version=2024-10-21",
    )
)
GATEWAY, SERVERLESS = "https://gw.contoso.example", "https://x.y.models.ai.azure.com"
DATED = "/openai/deployments/my%20gpt%2F2?api-version=2024-10-21"  # of the model "my gpt/2"
INFERENCE = "/models?api-version=2024-05-01-preview"


@pytest.mark.parametrize(
    ("pasted", "shapes"),
    [
        (f"{ROOT}/openai/v1", [f"{ROOT}{DATED}", f"{ROOT}{INFERENCE}"]),
        (
            f"{ROOT}/openai/deployments/other?api-version=2023-05-15",
            [
                f"{ROOT}/openai/deployments/other?api-version=2024-10-21",
                *(f"{ROOT}{path}" for path in ("/openai/v1", DATED, INFERENCE)),
            ],
        ),
        (
            f"{ROOT}/openai/responses?api-version=2025-04-01-preview",
            [f"{ROOT}{path}" for path in ("/openai/v1", DATED, INFERENCE)],
        ),
        (SERVERLESS, [f"{SERVERLESS}/v1"]),
        (f"{SERVERLESS}/a", [f"{SERVERLESS}/a/v1", SERVERLESS, f"{SERVERLESS}/v1"]),
        (
            f"{GATEWAY}/team/v1",
            [f"{GATEWAY}{path}" for path in ("/openai/v1", DATED, "/v1", "/team/openai/v1", f"/team{DATED}")],
        ),
        (  # the sixth is one too many
            f"{GATEWAY}/team/x",
            [f"{GATEWAY}{path}" for path in ("/openai/v1", DATED, "/v1", "/team/x/openai/v1", f"/team/x{DATED}")],
        ),
        (f"{GATEWAY}/team/openai/v1", [f"{GATEWAY}/team{DATED}", f"{GATEWAY}/team/v1"]),
        ("https://api.anthropic.com", [f"https://api.anthropic.com{DATED}"]),  # its other addresses do not chat
    ],
)
def test_other_shapes_of_an_address_the_likeliest_first(pasted, shapes):
    assert [endpoint.url for endpoint in other_shapes(parse_endpoint(pasted), "my gpt/2")] == shapes


def test_a_name_that_no_address_can_hold_leaves_the_others():
    assert [endpoint.url for endpoint in other_shapes(V1, "..")] == [f"{ROOT}{INFERENCE}"]


def result(kind=None, url=f"{ROOT}/x", status=404, **more):
    error = (
        None if kind is None else FoundryError(kind, more.pop("message", "no"), status=status, raw=more.pop("raw", ""))
    )
    return TestResult(kind is None, url, status, 1.0, error=error, **more)


K = ErrorKind
WRONG = {
    **dict.fromkeys((K.DNS, K.CONNECT, K.TLS, K.TIMEOUT, K.BLOCKED_DESTINATION), "host"),
    K.AUTH_KEY: "key",
    K.AUTH_TOKEN: "token",
    K.PERMISSION: "role",
    K.NETWORK_RULE: "network",
    K.NOT_FOUND_DEPLOYMENT: "deployment",
    K.NOT_FOUND_AGENT: "agent",
    K.NOT_FOUND_ROUTE: "path",
}


@pytest.mark.parametrize(
    ("found", "better", "culprit"),
    [
        (result(), None, ""),
        (result(), NEW, ""),
        (result(ErrorKind.NOT_FOUND_ROUTE), None, "path"),
        (result(ErrorKind.NOT_FOUND_ROUTE), NEW, "api-version"),
        (result(ErrorKind.NOT_FOUND_ROUTE), V1, "path"),
        *((result(kind), None, wrong) for kind, wrong in WRONG.items()),
        (result(ErrorKind.SERVER), None, ""),
    ],
)
def test_what_is_wrong_is_named(found, better, culprit):
    assert culprit_of(found, OLD, better) == culprit


def test_the_version_that_was_used_is_told_where_it_is_another():
    newer = f"{OLD.base}/chat/completions?api-version=2025-01-01"
    assert asked_version(result(url=newer), OLD) == "2025-01-01"
    assert asked_version(result(url=f"{OLD.base}/chat/completions?x=1&api-version=2024-02-01"), OLD) == ""
    assert asked_version(result(url=f"{ROOT}/openai/deployments/d2/chat?api-version=2025-01-01"), OLD) == ""
    assert asked_version(result(ErrorKind.SERVER, newer), OLD) == ""
    assert asked_version(result(url=f"{ROOT}/openai/v1/x?api-version=2025-01-01"), V1) == ""
    assert asked_version(result(url=f"{OLD.base}/chat/completions"), OLD) == ""


def test_what_an_address_answered_is_said_in_short():
    assert probed_address(result(text=f"  {'x' * 90}"), OLD).said == "x" * 80
    assert probed_address(result(text=" "), OLD).said == "answered"
    assert probed_address(result(ErrorKind.SERVER, status=500, message="500: It failed."), OLD).said == "It failed."
    assert (result(ErrorKind.SERVER).kind, result().kind) == (ErrorKind.SERVER, "")
    assert result(tried=(probed_address(result(ErrorKind.SERVER), OLD), probed_address(result(), NEW))).better_answered
    assert not result(tried=(probed_address(result(ErrorKind.SERVER), OLD),)).better_answered


def test_a_model_that_used_up_the_words_of_the_test_has_answered():
    said = "the model output limit was reached"
    assert spent_its_budget(FoundryError(ErrorKind.PROTOCOL, "no", status=400, raw=said))
    assert not spent_its_budget(FoundryError(ErrorKind.PROTOCOL, "no", status=500, raw=said))
    assert not spent_its_budget(FoundryError(ErrorKind.PROTOCOL, "no", status=400))


@pytest.mark.parametrize("kind", [*WRONG, K.SERVER, None])
def test_nothing_is_listed_where_nobody_is_reached_or_lets_in(kind):
    assert is_reachable(result(kind)) is (WRONG.get(kind, "") in ("", "role", "deployment", "agent", "path"))


SECOND = 1.00004  # times are told in milliseconds, with one decimal


class Client:
    """Answers each address with events, a second before each; an error is raised. What it has not, is not found."""

    def __init__(self, chats=(), vectors=None, listed=None, agent=None):
        self.chats, self.vectors, self.listed, self.known_agent = dict(chats), vectors, listed, agent
        self.asked = []

    async def chat(self, target, request, *, retry=None):
        self.asked.append((target.endpoint.url, request, retry.attempts))
        for event in self.chats.get(target.endpoint.url, [NOWHERE]):
            await asyncio.sleep(SECOND)
            if isinstance(event, FoundryError):
                raise event
            yield event

    async def embed(self, target, request, *, retry=None):
        self.asked.append((target.endpoint.url, request, retry.attempts))
        await asyncio.sleep(SECOND)
        if isinstance(self.vectors, FoundryError):
            raise self.vectors
        return self.vectors

    async def deployments(self, target):
        self.asked.append(("list", target.endpoint.url))
        return self.listed

    async def agent(self, target):
        self.asked.append(("agent", target.endpoint.url))
        return self.known_agent


NOWHERE = FoundryError(K.NOT_FOUND_ROUTE, "404: no such path.", status=404, request_id="r-1", raw="Not found.")
UNKNOWN = FoundryError(K.NOT_FOUND_DEPLOYMENT, "404: no such deployment.", status=404)
NO_CHAT = FoundryError(K.NOT_FOUND_ROUTE, "400: another API.", status=400, raw="OperationNotSupported")
ANSWER = Completion(" Ready. ", None, "stop", Usage(3, 4, 7), "gpt-4o", "r-2", 200, f"{ROOT}/x", raw={"text": "é"})
QUESTION = (Message("user", "Answer with one word: ready?"),)
LISTED = [ListedDeployment("gpt-prod", "gpt-4o")]
SENT = {"messages": [{"role": "user", "content": QUESTION[0].content}], "max_completion_tokens": 16}


def target(endpoint=V1):
    return Target("contoso", endpoint, Secret("k"))


def test_an_answer_is_told_with_what_was_sent_and_its_times():
    client = Client({V1.url: [Adapted(()), TextDelta("Rea"), TextDelta("dy."), ANSWER]}, listed=LISTED)
    expected = TestResult(
        True, ANSWER.url, 200, 4000.2, 2000.1, Usage(3, 4, 7), "gpt-4o", " Ready. ", "r-2",
        answer='{\n  "text": "é"\n}', tried=(ProbedAddress(ANSWER.url, V1, True, 200, "Ready."),),
        deployments=tuple(LISTED), newer=f"{ROOT}/openai/v1",
    )  # fmt: skip
    found = run(diagnose(client, target(), "d"))
    assert replace(found, request={}) == expected
    assert found.request["url"] == f"{V1.url}/chat/completions"
    assert {**SENT, "model": "d"}.items() <= found.request["body"].items()
    assert client.asked == [
        (V1.url, ChatRequest("d", QUESTION, max_completion_tokens=16), 1), ("list", V1.url),
    ]  # fmt: skip


def test_a_refusal_is_told_with_what_else_was_tried():
    models = parse_endpoint(f"{ROOT}/models")
    client = Client({V1.url: [UNKNOWN], models.url: [UNKNOWN]}, listed=LISTED)
    found = run(diagnose(client, target(OLD), "d"))
    tried = [
        (f"{OLD.base}/chat/completions?api-version=2024-02-01", OLD, "no such path."),
        (f"{OLD.base}/chat/completions?api-version=2024-10-21", NEW, "no such path."),
        (f"{V1.url}/chat/completions", V1, "no such deployment."),
        (f"{ROOT}/models/chat/completions?api-version=2024-05-01-preview", models, "no such deployment."),
    ]  # fmt: skip
    assert replace(found, request={}) == TestResult(
        False, tried[0][0], 404, 1000.0, usage=Usage(0, 0, 0, 0, 0, 0), request_id="r-1", error=NOWHERE, answer="Not found.", better=V1, text="",
        tried=tuple(ProbedAddress(url, endpoint, False, 404, said) for url, endpoint, said in tried),
        wrong="path", deployments=tuple(LISTED), newer=f"{ROOT}/openai/v1",
    )  # fmt: skip
    assert found.request["url"] == tried[0][0]
    assert client.asked[-1] == ("list", V1.url)


def test_a_call_that_ends_without_an_answer_is_an_error():
    found = run(diagnose(Client({V1.url: [TextDelta("Rea")]}), target(), "d"))
    assert (found.ok, found.error.kind, found.error.message) == (False, K.PROTOCOL, "The call ended without an answer.")


def test_what_cannot_be_sent_at_all_shows_no_request():
    embeds = parse_endpoint(f"{ROOT}/openai/deployments/d/embeddings?api-version=2023-05-15")
    found = run(diagnose(Client(), target(embeds), "d"))
    assert (found.url, found.request) == (embeds.url, {})


AGENT = parse_endpoint("https://r.services.ai.azure.com/api/projects/P/agents/helper/endpoint/protocols/openai")


@pytest.mark.parametrize(("known", "told"), [(ListedAgent("helper", "prompt"), "prompt agent"), (None, "agent")])
def test_an_agent_is_asked_by_its_name(known, told):
    client = Client({AGENT.url: [ANSWER]}, agent=known)
    found = run(diagnose(client, target(AGENT), ""))
    assert (found.agent.name, str(found.agent)) == ("helper", told)
    assert (found.ok, found.newer, found.tried[0].endpoint) == (True, "", AGENT)
    asked = AgentRequest(label_of("helper"), QUESTION, agent="helper")
    assert client.asked == [(AGENT.url, asked, 1), ("agent", AGENT.url)]


VECTORS = Embeddings(((0.12345678, *range(1, 10)),), "ada", Usage(2, 0, 2), "r-3", 200, f"{V1.url}/embeddings")
EMBEDDED = TestResult(
    True, VECTORS.url, 200, 1000.0, usage=VECTORS.usage, model="ada", text="A vector of 10 numbers", request_id="r-3",
    dimensions=10, first_values=(0.123457, 1, 2, 3, 4, 5, 6, 7),
)  # fmt: skip


def test_a_deployment_that_does_not_chat_is_asked_for_a_vector():
    client = Client({V1.url: [NO_CHAT]}, VECTORS)
    body = {"input": "ready?", "model": "d"}
    assert run(diagnose(client, target(), "d")) == replace(
        EMBEDDED, request={"url": VECTORS.url, "body": body}, newer=f"{ROOT}/openai/v1",
        tried=(ProbedAddress(VECTORS.url, V1, True, 200, "A vector of 10 numbers"),),
    )  # fmt: skip
    assert client.asked[1:] == [(V1.url, EmbeddingRequest("d", "ready?"), 1), ("list", V1.url)]


def test_a_deployment_that_neither_chats_nor_embeds_is_told_by_its_first_refusal():
    found = run(diagnose(Client({V1.url: [NO_CHAT]}, NOWHERE), target(), "d"))
    assert found.error is NO_CHAT


def test_a_text_that_is_to_be_embedded_is():
    expected = replace(EMBEDDED, request={"url": VECTORS.url, "body": {"input": "Two words", "model": "d"}})
    found = run(diagnose_embedding(Client(vectors=VECTORS), target(), "d", "Two words"))
    assert found == replace(expected, asked_to_embed=True)


@pytest.mark.parametrize(
    ("endpoint", "error", "url", "wrong"),
    [
        (V1, UNKNOWN, f"{V1.url}/embeddings", "deployment"),
        (V1, NOWHERE, f"{V1.url}/embeddings", "path"),
        (V1, NO_CHAT, f"{V1.url}/embeddings", ""),
        (V1, FoundryError(K.SERVER, "500: it failed.", status=500), f"{V1.url}/embeddings", ""),
        (parse_endpoint(f"{ROOT}/anthropic"), NOWHERE, f"{ROOT}/anthropic", "path"),
    ],
)
def test_a_text_that_is_not_embedded_says_why(endpoint, error, url, wrong):
    failed = FoundryError(error.kind, error.message, status=error.status, request_id="r", raw=error.raw)
    found = run(diagnose_embedding(Client(vectors=failed), target(endpoint), "d", "Two words"))
    assert found == TestResult(
        False, url, error.status, 1000.0, request_id="r", error=failed, answer=error.raw, wrong=wrong,
        request={"body": {"input": "Two words", "model": "d"}}, asked_to_embed=True,
    )  # fmt: skip


@pytest.mark.parametrize("vectors", [(), ((),)])
def test_an_answer_without_a_vector_is_an_error(vectors):
    found = run(diagnose_embedding(Client(vectors=replace(VECTORS, vectors=vectors)), target(), "d", "Two words"))
    assert (found.ok, found.error.kind, found.error.message, found.error.status, found.error.hint) == (
        False, K.PROTOCOL, "The answer has no vector.", 200, "Try again.",
    )  # fmt: skip
