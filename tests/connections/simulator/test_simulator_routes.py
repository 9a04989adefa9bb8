"""Which face of the simulator answers where, to whom, and to which api-version."""

import base64
import json
import time

import httpx
import pytest

from connections.simulator.app import Simulator

ASK = {"model": "fast", "messages": [{"role": "user", "content": "Where?"}]}
CLAUDES = {"anthropic-version": "2023-06-01"}
INPUT = {"model": "fast", "input": "Where?"}
KEY = {"api-key": "simulator"}
CHAT = "chat/completions"
PREVIEW = "?api-version=2025-11-15-preview"
SERVERLESS = "http://phi-4.eastus2.models.ai.azure.com"


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def jwt(**claims):
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"h.{part}.s"


def client(base="http://simulator", **options):
    return httpx.AsyncClient(transport=httpx.ASGITransport(Simulator(delay=0, **options)), base_url=base)


@pytest.fixture
async def http():
    async with client() as made:
        yield made


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        (f"/api/projects/P/openai/responses{PREVIEW}", INPUT, 200, "Simulated answer of fast"),
        ("/api/projects/P/openai/responses", INPUT, 400, "Missing required query parameter: api-version"),
        ("/api/projects/P/openai/responses?api-version=2", INPUT, 400, "API version not supported"),
        (f"/api/projects/P/agents/A/endpoint/protocols/openai/responses{PREVIEW}", {"input": "x"}, 200, "answer of A."),
        ("/api/projects/P/agents/A/endpoint/protocols/openai/responses", INPUT, 400, "Missing required query"),
        ("/api/projects/P/applications/A/protocols/openai/responses?api-version=v1", {"input": "x"}, 200, "answer of A."),
        ("/api/projects/P/openai/v1/embeddings", INPUT, 404, "Resource not found"),
        (f"/api/projects/P/{CHAT}", ASK, 400, "Missing required query parameter: api-version"),
        (f"/api/projects/P/{CHAT}?api-version=2024-10-21", ASK, 404, "Resource not found"),
        ("/api/projects/P", {}, 400, "Missing required query parameter: api-version"),
        (f"/resource-old/openai/v1/{CHAT}", ASK, 404, "Resource not found"),
        (f"/resource-old/openai/deployments/fast/{CHAT}?api-version=2024-10-21", ASK, 200, "answer of fast"),
        (f"/resource-new/openai/v1/{CHAT}", ASK, 200, "answer of fast"),
        (f"/resource-new/openai/deployments/fast/{CHAT}?api-version=2024-10-21", ASK, 404, "Resource not found"),
        (f"/{CHAT}", ASK, 404, "Resource not found"),
        (f"/openai/deployments/a%20b%2Fc/{CHAT}?api-version=2024-10-21", ASK, 200, "answer of a b/c."),
        ("/openai/deployments/fast/responses?api-version=2025-04-01-preview", INPUT, 404, "Resource not found"),
        ("/openai/responses?api-version=2025-04-01-preview", INPUT, 200, "Simulated answer of fast"),
        ("/openai/responses?api-version=2024-10-21", INPUT, 404, "Resource not found"),
        ("/openai/responses?api-version=2024-12-01-preview", INPUT, 404, "Resource not found"),
        (f"/openai/deployments/fast/{CHAT}?api-version=2031-01-01", ASK, 404, "Resource not found"),
    ],
)  # fmt: skip
async def test_a_path_leads_where_it_leads_in_the_service(http, path, body, status, words):
    response = await http.post(path, headers=KEY, json=body)
    assert (response.status_code, words in response.text) == (status, True), response.text


@pytest.mark.parametrize(
    ("version", "field", "refused"),
    [
        ("2024-05-01-preview", {"stream": True, "stream_options": {"include_usage": True}}, "stream_options"),
        ("2024-05-01-preview", {"max_completion_tokens": 50}, "max_completion_tokens"),
        ("2024-06-01", {"max_completion_tokens": 50}, "max_completion_tokens"),
        ("2024-06-01", {"max_tokens": 50}, None),
        ("2024-09-01-preview", {"max_completion_tokens": 50}, None),
        ("2024-10-21", {"stream": True, "stream_options": {"include_usage": True}, "seed": 1}, None),
        ("2024-10-21", {"reasoning_effort": "low"}, "reasoning_effort"),
        ("2024-12-01-preview", {"reasoning_effort": "low"}, None),
    ],
)
async def test_an_old_api_version_does_not_know_young_fields(http, version, field, refused):
    path = f"/openai/deployments/fast/{CHAT}?api-version={version}"
    response = await http.post(path, headers=KEY, json=ASK | field)
    assert response.status_code == (400 if refused else 200)
    if refused:
        error = response.json()["error"]
        assert error["message"].startswith(f"Unrecognized request argument supplied: {refused}")
        assert error["param"] is None


async def test_a_schema_is_younger_than_an_old_api_version(http):
    schema = {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}}
    for version, status in (("2024-06-01", 400), ("2024-08-01-preview", 200)):
        path = f"/openai/deployments/fast/{CHAT}?api-version={version}"
        assert (await http.post(path, headers=KEY, json=ASK | schema)).status_code == status


async def test_a_list_of_deployments_has_what_can_be_called_and_the_catalogue_does_not(http):
    deployed = (await http.get("/openai/deployments?api-version=2023-03-15-preview", headers=KEY)).json()["data"]
    project = (await http.get("/api/projects/P/deployments?api-version=v1", headers=KEY)).json()["value"]
    catalogue = (await http.get("/openai/v1/models", headers=KEY)).json()["data"]
    names = [entry["id"] for entry in deployed]
    assert [entry["name"] for entry in project] == names
    assert "gpt-4o-mini" in names
    assert not {entry["id"] for entry in catalogue} & set(names)
    assert (await http.get("/openai/deployments?api-version=2024-10-21", headers=KEY)).status_code == 404
    called = await http.post(f"/openai/v1/{CHAT}", headers=KEY, json=ASK | {"model": catalogue[0]["id"]})
    assert called.json()["error"]["code"] == "DeploymentNotFound"


async def test_the_list_of_a_project_goes_on_at_its_next_link(http):
    url, names = "/api/projects/paged/deployments?api-version=v1", []
    while url:
        page = (await http.get(url, headers=KEY)).json()
        names += [entry["name"] for entry in page["value"]]
        url = page.get("nextLink")
    assert len(names) == len(set(names)) == 5


@pytest.mark.parametrize(
    ("project", "link"), [("endless", "http://simulator/api"), ("elsewhere", "https://elsewhere.invalid/")]
)
async def test_a_next_link_may_be_a_trap(http, project, link):
    page = (await http.get(f"/api/projects/{project}/deployments?api-version=v1", headers=KEY)).json()
    assert page["nextLink"].startswith(link)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/projects/P/deployments", 400),
        ("/api/projects/firewall/deployments?api-version=v1", 403),
        ("/openai/deployments", 404),
        ("/models/info?api-version=2024-05-01-preview", 404),
        ("/info?api-version=2024-05-01-preview", 404),
    ],
)
async def test_a_list_may_be_refused(http, path, status):
    assert (await http.get(path, headers=KEY)).status_code == status


async def test_a_serverless_host_has_one_model_at_its_root():
    async with client(SERVERLESS) as http:
        for path in (f"/{CHAT}", f"/{CHAT}?api-version=2024-05-01-preview", f"/v1/{CHAT}"):
            response = await http.post(path, headers=bearer("simulator") | KEY, json={"messages": ASK["messages"]})
            assert response.json()["choices"][0]["message"]["content"].startswith("Simulated answer of phi-4.")
        assert (await http.post("/embeddings", headers=bearer("simulator"), json={"input": "x"})).status_code == 200
        assert (await http.get("/info", headers=bearer("simulator"))).json()["model_name"] == "phi-4"
        assert (await http.post(f"/{CHAT}", headers=KEY, json=ASK)).status_code == 401
        assert (await http.post(f"/openai/v1/{CHAT}", headers=bearer("simulator"), json=ASK)).status_code == 404
        extra = await http.post(f"/{CHAT}", headers=bearer("simulator"), json=ASK | {"n": 2})
        assert "Extra parameters ['n']" in extra.text


async def test_a_simulator_may_have_some_faces_only():
    async with client(routes={"deployment"}) as http:
        assert (await http.post(f"/openai/v1/{CHAT}", headers=KEY, json=ASK)).status_code == 404
        path = f"/openai/deployments/fast/{CHAT}?api-version=2024-10-21"
        assert (await http.post(path, headers=KEY, json=ASK)).status_code == 200
    with pytest.raises(ValueError, match="nonsense"):
        Simulator(routes={"nonsense"})


AI, CLASSIC = "https://ai.azure.com", "https://cognitiveservices.azure.com"
V1 = f"/openai/v1/{CHAT}"
DEPLOYMENT = f"/openai/deployments/fast/{CHAT}?api-version=2024-10-21"
PROJECT = f"/api/projects/P/openai/v1/{CHAT}"


@pytest.mark.parametrize(
    ("path", "audience", "wanted"),
    [
        (V1, AI, None),
        (V1, CLASSIC, None),
        (V1, "https://ml.azure.com", CLASSIC),
        (DEPLOYMENT, CLASSIC, None),
        (DEPLOYMENT, AI, CLASSIC),
        (PROJECT, AI, None),
        (PROJECT, CLASSIC, AI),
        ("/anthropic/v1/messages", AI, None),
        ("/anthropic/v1/messages", CLASSIC, AI),
    ],
)
async def test_a_token_is_for_an_audience(http, path, audience, wanted):
    for token in (
        f"token-for:{audience}",
        f"token-for:{audience}/.default",
        jwt(aud=audience, exp=time.time() // 1 + 60),
    ):
        response = await http.post(path, headers=bearer(token) | CLAUDES, json=ASK | {"max_tokens": 9})
        assert response.status_code == (401 if wanted else 200)
        if wanted:
            assert response.json()["statusCode"] == 401
            assert f"audience is incorrect ({wanted}), or have expired." in response.json()["message"]


@pytest.mark.parametrize(("token", "status"), [("a.b.c", 200), (jwt(aud=AI, exp=1), 401), ("no-token", 401), ("", 401)])
async def test_a_token_is_looked_at(http, token, status):
    assert (await http.post(V1, headers=bearer(token), json=ASK)).status_code == status


async def test_a_key_sent_as_bearer_to_the_classic_route_is_read_as_a_token(http):
    answer = (await http.post(DEPLOYMENT, headers=bearer("simulator"), json=ASK)).json()
    assert f"audience is incorrect ({CLASSIC})" in answer["message"]


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({"Ocp-Apim-Subscription-Key": "simulator"}, 200, "answer of fast"),
        ({"Ocp-Apim-Subscription-Key": "wrong"}, 401, "invalid subscription key"),
        (KEY, 401, "Access denied due to missing subscription key. Make sure to include subscription key"),
    ],
)
async def test_a_gateway_has_a_key_of_its_own(http, headers, status, words):
    response = await http.post(f"/gateway{DEPLOYMENT}", headers=headers, json=ASK)
    assert (response.status_code, words in response.text) == (status, True)


async def test_every_answer_can_be_traced_and_tells_the_limits(http):
    for key in ("simulator", "wrong"):
        headers = {"api-key": key, "x-ms-client-request-id": "mine"}
        response = await http.post(V1, headers=headers, json=ASK)
        assert response.headers["x-ms-client-request-id"] == "mine"
        assert response.headers["x-ratelimit-limit-requests"]
        assert response.headers["x-ratelimit-remaining-tokens"]


async def test_many_headers_are_too_many(http):
    headers = KEY | {f"x-own-{n}": "1" for n in range(11)}
    assert (await http.post(V1, headers=headers, json=ASK)).status_code == 431
