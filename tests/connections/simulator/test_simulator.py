"""The simulator answers like the service, refuses like it, and always says that it is simulated."""

import asyncio
import json

import httpx
import pytest

from connections.simulator.app import Simulator, answer_until_gone
from connections.simulator.faults import __doc__ as FAULTS

ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Where?"}]}
AZURE, BEARER = {"api-key": "simulator"}, {"Authorization": "Bearer simulator"}
DATED = "?api-version=2024-10-21"

CHAT = [
    ("/openai/v1/chat/completions", AZURE),
    ("/openai/v1/chat/completions", BEARER),
    (f"/openai/deployments/gpt-4o/chat/completions{DATED}", AZURE),
    ("/models/chat/completions?api-version=2024-05-01-preview", AZURE),
    ("/api/projects/P/openai/v1/chat/completions", AZURE),
    ("/v1/chat/completions", BEARER),
]


@pytest.fixture
async def http():
    app = httpx.ASGITransport(Simulator(delay=0))
    async with httpx.AsyncClient(transport=app, base_url="http://simulator") as client:
        yield client


def events(response):
    lines = [line.removeprefix("data: ") for line in response.text.split("\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"], lines[-1] == "[DONE]"


@pytest.mark.parametrize(("path", "headers"), CHAT)
async def test_every_family_of_paths_answers_and_says_that_it_is_simulated(http, path, headers):
    response = await http.post(path, headers=headers, json=ASK)
    answer = response.json()
    assert (response.status_code, response.headers["x-simulated"]) == (200, "true")
    assert answer["choices"][0]["message"]["content"] == "Simulated answer of gpt-4o. You said: Where?"
    assert answer["system_fingerprint"] == "simulated"
    assert answer["usage"]["total_tokens"] > 0
    assert response.headers["apim-request-id"]


@pytest.mark.parametrize("usage", [True, False])
async def test_a_stream_has_the_shape_of_the_service(http, usage):
    options = {"stream_options": {"include_usage": True}} if usage else {}
    response = await http.post("/openai/v1/chat/completions", headers=AZURE, json=ASK | {"stream": True} | options)
    chunks, done = events(response)
    assert done
    assert chunks[0]["choices"] == []
    assert chunks[0]["prompt_filter_results"][0]["content_filter_results"]["hate"]["filtered"] is False
    text = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])
    assert text == "Simulated answer of gpt-4o. You said: Where?"
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][-1] == "stop"
    assert bool(chunks[-1].get("usage")) is usage


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/openai/v1/chat/completions", {}),
        ("/openai/v1/chat/completions", {"api-key": "wrong"}),
        (f"/openai/deployments/gpt-4o/chat/completions{DATED}", BEARER),
        ("/v1/chat/completions", AZURE),
    ],
)
async def test_a_wrong_or_misplaced_key_is_refused(http, path, headers):
    assert (await http.post(path, headers=headers, json=ASK)).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/openai/v1/chat/completions?api-version=preview", ASK, 400, "api-version query parameter is not allowed"),
        ("POST", "/openai/deployments/gpt-4o/chat/completions", ASK, 404, "Resource not found"),
        ("POST", "/models/chat/completions", ASK, 404, "Resource not found"),
        ("POST", "/models/chat/completions?api-version=2024-05-01-preview", ASK | {"seed": 1, "n": 2}, 400, "Extra parameters ['n']"),
        ("POST", "/openai/v1/nonsense", ASK, 404, "Resource not found"),
        ("GET", "/openai/v1/chat/completions", None, 404, "Resource not found"),
        ("POST", "/openai/v1/models", ASK, 404, "Resource not found"),
        ("POST", "/openai/v1/chat/completions", [], 400, "not a JSON object"),
        ("POST", "/openai/v1/chat/completions", {"model": "m"}, 400, "Missing required parameter: 'messages'"),
        ("POST", "/openai/v1/chat/completions", {"messages": [{}]}, 400, "model is missing"),
    ],
)  # fmt: skip
async def test_what_the_service_refuses_is_refused(http, method, path, body, status, words):
    response = await http.request(method, path, headers=AZURE, json=body)
    assert response.status_code == status
    assert words in response.text


async def test_broken_json_is_refused(http):
    response = await http.post("/openai/v1/chat/completions", headers=AZURE, content=b"{half")
    assert response.status_code == 400


@pytest.mark.parametrize("body", [{"stream_options": []}, {"max_tokens": "x"}, {"messages": [7, {"content": [7]}]}])
async def test_a_compatible_server_takes_odd_values(http, body):
    response = await http.post("/v1/chat/completions", headers=BEARER, json=ASK | {"stream": True} | body)
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/openai/v1/models", "data"),
        (f"/openai/models{DATED}", "data"),
        ("/openai/deployments?api-version=2023-03-15-preview", "data"),
        ("/api/projects/P/deployments?api-version=v1", "value"),
    ],
)
async def test_lists_are_given(http, path, where):
    response = await http.get(path, headers=AZURE)
    assert response.status_code == 200
    assert response.json()[where]


@pytest.mark.parametrize("path", ["/openai/v1/responses", "/api/projects/P/openai/v1/responses"])
@pytest.mark.parametrize("given", ["Where?", [{"role": "user", "content": [{"type": "input_text", "text": "Where?"}]}]])
async def test_responses_answer(http, path, given):
    whole = (await http.post(path, headers=AZURE, json={"model": "gpt-4o", "input": given})).json()
    text = whole["output"][0]["content"][0]["text"]
    assert (whole["status"], text) == ("completed", "Simulated answer of gpt-4o. You said: Where?")
    streamed = await http.post(path, headers=AZURE, json={"model": "gpt-4o", "input": given, "stream": True})
    chunks, _ = events(streamed)
    assert "".join(c["delta"] for c in chunks if c["type"] == "response.output_text.delta") == text
    assert (chunks[0]["type"], chunks[-1]["type"]) == ("response.created", "response.completed")


async def test_the_same_text_has_the_same_embedding(http):
    body = {"model": "text-embedding-3-small", "input": ["a", "b", "a"], "dimensions": 5}
    answer = (await http.post("/openai/v1/embeddings", headers=AZURE, json=body)).json()
    one, two, three = (entry["embedding"] for entry in answer["data"])
    assert (len(one), one == three, one == two) == (5, True, False)


@pytest.mark.parametrize(
    ("model", "status", "words"),
    [
        ("bad-key", 401, "invalid subscription key"),
        ("no-role", 401, "does not have access"),
        ("no-keys", 403, "AuthenticationTypeDisabled"),
        ("firewall", 403, "Firewall"),
        ("not-found", 404, "DeploymentNotFound"),
        ("no-chat", 400, "OperationNotSupported"),
        ("too-long", 400, "context_length_exceeded"),
        ("content-filter", 400, "ResponsibleAIPolicyViolation"),
        ("quota", 429, "86400"),
        ("html", 502, "<html>"),
        ("bad-json", 200, '{"choices": [simulated'),
        ("filtered-answer", 200, '"finish_reason": "content_filter"'),
        ("length", 200, '"finish_reason": "length"'),
        ("empty", 200, '"content": ""'),
        ("json", 200, "echo"),
        ("fast-long-50", 200, "word49"),
    ],
)
async def test_a_fault_is_chosen_by_the_name_of_the_deployment(http, model, status, words):
    response = await http.post("/openai/v1/chat/completions", headers=AZURE, json=ASK | {"model": model})
    assert response.status_code == status
    assert words in response.text
    assert "imulated" in response.text or response.headers["x-simulated"] == "true"
    assert model in FAULTS or "long-" in model


@pytest.mark.parametrize(
    ("model", "field", "refused"),
    [
        ("reasoning-1", {"max_tokens": 9}, "max_tokens"),
        ("reasoning-1", {"temperature": 0.2}, "temperature"),
        ("reasoning-1", {"temperature": 1}, None),
        ("old-1", {"stream_options": {"include_usage": True}}, "stream_options"),
        ("no-schema-1", {"response_format": {"type": "json_schema"}}, "response_format"),
        ("no-schema-1", {"response_format": {"type": "json_object"}}, None),
    ],
)
async def test_a_deployment_may_refuse_a_parameter(http, model, field, refused):
    response = await http.post("/openai/v1/chat/completions", headers=AZURE, json=ASK | {"model": model} | field)
    assert response.status_code == (400 if refused else 200)
    assert (refused or "simulated") in response.text


async def test_failures_are_counted_and_start_anew_after_the_answer(http):
    body = ASK | {"model": "fail-429-2"}
    found = [(await http.post("/openai/v1/chat/completions", headers=AZURE, json=body)) for _ in range(4)]
    assert [response.status_code for response in found] == [429, 429, 200, 429]
    assert found[0].headers["retry-after-ms"] == "100"


@pytest.mark.parametrize("model", ["cut-stream", "cut-in-word", "error-in-stream"])
async def test_a_stream_may_end_badly(http, model):
    response = await http.post(
        "/openai/v1/chat/completions", headers=AZURE, json=ASK | {"model": model, "stream": True}
    )
    assert response.status_code == 200
    assert "[DONE]" not in response.text
    assert '"finish_reason": "stop"' not in response.text


async def test_an_answer_ends_when_nobody_listens():
    begun, ended = asyncio.Event(), asyncio.Event()

    async def endless():
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    async def leaves():
        await begun.wait()
        return {"type": "http.disconnect"}

    async with asyncio.timeout(1):
        await answer_until_gone(endless(), leaves)
    assert ended.is_set()
