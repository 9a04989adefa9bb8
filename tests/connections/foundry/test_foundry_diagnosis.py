"""Testing a connection: what was tried, what is wrong, what would answer."""

import json

import httpx
import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.errors import ErrorKind
from connections.foundry.values import ListedDeployment, Target
from connections.secret import Secret
from connections.simulator.app import KEY as SIMULATED
from connections.simulator.app import Simulator
from tests.connections.foundry.stub import DONE, KEY, event, word

ROOT = "https://r.openai.azure.com"
USAGE = event({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}})


class Resource:
    """Answers on the given paths alone, and lists its deployments when it has some to list."""

    def __init__(self, *paths, deployments=None, status=404, error=None):
        self.paths, self.deployments, self.asked = paths, deployments, []
        self.status, self.error = status, error or {"code": "404", "message": "Resource not found"}

    def __call__(self, request):
        self.asked.append(str(request.url).removeprefix(ROOT))
        if request.method == "GET":
            return httpx.Response(200 if self.deployments else 404, json={"data": self.deployments or []})
        if any(self.asked[-1].startswith(path) for path in self.paths):
            headers = {"content-type": "text/event-stream"}
            return httpx.Response(200, headers=headers, content=word("Ready.", "stop") + USAGE + DONE)
        return httpx.Response(self.status, json={"error": self.error})


async def outcome(resource, endpoint=f"{ROOT}/openai/v1", model="my-gpt"):
    client = FoundryClient(destinations=Destinations(), transport=httpx.MockTransport(resource))
    return await client.test(Target("contoso", parse_endpoint(endpoint), Secret(KEY)), model)


async def test_a_deployment_that_answers_is_tried_once():
    result = await outcome(Resource("/openai/v1"))
    assert (result.ok, result.status, result.text, result.wrong, result.better) == (True, 200, "Ready.", "", None)
    assert [(tried.url, tried.ok) for tried in result.tried] == [(f"{ROOT}/openai/v1/chat/completions", True)]
    assert result.usage.total_tokens == 11


async def test_another_shape_that_answers_is_offered():
    result = await outcome(Resource("/openai/v1"), f"{ROOT}/models")
    assert (result.ok, result.wrong) == (False, "path")
    assert result.better == parse_endpoint(f"{ROOT}/openai/v1")
    assert [(tried.status, tried.ok) for tried in result.tried] == [(404, False), (200, True)]
    assert result.usage.total_tokens == 11


async def test_an_invented_version_is_what_is_wrong():
    good = "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21"
    result = await outcome(Resource(good), f"{ROOT}/openai/deployments/my-gpt?api-version=2031-01-01")
    assert result.wrong == "api-version"
    assert result.better is not None
    assert result.better.api_version == "2024-10-21"


async def test_a_wrong_name_is_answered_with_the_names_there_are():
    error = {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}
    result = await outcome(Resource(deployments=[{"id": "gpt-prod", "model": "gpt-4o"}], error=error))
    assert (result.wrong, result.deployments) == ("deployment", (ListedDeployment("gpt-prod", "gpt-4o"),))
    assert len(result.tried) == 1


@pytest.mark.parametrize(
    ("status", "error", "wrong"),
    [
        (401, {"code": "401", "message": "Access denied due to invalid subscription key."}, "key"),
        (401, {"code": "PermissionDenied", "message": "Principal does not have access to API/Operation."}, "role"),
        (403, {"code": "AccessDenied", "message": "Access denied due to Virtual Network/Firewall rules."}, "network"),
    ],
)
async def test_what_no_other_address_mends_is_not_tried_elsewhere(status, error, wrong):
    resource = Resource(status=status, error=error)
    result = await outcome(resource)
    assert (result.ok, result.wrong, len(result.tried)) == (False, wrong, 1)
    assert len([path for path in resource.asked if "chat" in path]) == 1


async def test_a_host_that_is_not_there_is_said_to_be_wrong():
    client = FoundryClient(destinations=Destinations.parse("127.0.0.1:1"))
    result = await client.test(Target("contoso", parse_endpoint("http://127.0.0.1:1/v1"), Secret(KEY)), "m")
    await client.aclose()
    assert result.error is not None
    assert (result.wrong, result.error.kind) == ("host", ErrorKind.CONNECT)


async def test_a_model_that_spent_its_budget_works():
    message = "Could not finish the message because max_tokens or model output limit was reached."
    result = await outcome(Resource(status=400, error={"message": message}))
    assert result.ok


async def test_nothing_shown_holds_the_key():
    result = await outcome(Resource())
    assert KEY not in json.dumps([str(result.request), result.answer, [tried.said for tried in result.tried]])


async def test_an_api_version_that_the_service_asks_for_is_said_with_the_address_that_takes_none():
    def resource(request):
        if request.url.params.get("api-version", "") < "2024-12-01-preview":
            message = "Model {modelName} is enabled only for api-versions 2024-12-01-preview and later"
            return httpx.Response(400, json={"error": {"code": "BadRequest", "message": message}})
        headers = {"content-type": "text/event-stream"}
        return httpx.Response(200, headers=headers, content=word("Ready.", "stop") + DONE)

    result = await outcome(resource, f"{ROOT}/openai/deployments/my-gpt")
    assert (result.ok, result.asked_version, result.newer) == (True, "2024-12-01-preview", f"{ROOT}/openai/v1")
    result = await outcome(resource, f"{ROOT}/openai/deployments/my-gpt?api-version=2025-01-01-preview")
    assert (result.ok, result.asked_version) == (True, "")


PROJECT = "https://r.services.ai.azure.com/api/projects/P"


async def outcome_of_agent(path, key=SIMULATED):
    client = FoundryClient(destinations=Destinations(), transport=httpx.ASGITransport(Simulator(delay=0)))
    return await client.test(Target("contoso", parse_endpoint(f"{PROJECT}{path}"), Secret(key)), "")


@pytest.mark.parametrize(
    "path", ["/agents/helper/endpoint/protocols/openai", "/openai/v1/responses?agent_reference=helper%3A3"]
)
async def test_an_agent_is_asked_without_a_deployment_and_says_what_it_is(path):
    result = await outcome_of_agent(path)
    assert (result.ok, result.error, result.text[:29]) == (True, None, "Simulated answer of helper. Y")
    assert (result.agent.name, str(result.agent)) == ("helper", "prompt agent · gpt-5.2 · version 3")
    assert result.request["body"]["input"] == "Answer with one word: ready?"
    assert "max_output_tokens" not in result.request["body"]
    assert (result.deployments, len(result.tried)) == (None, 1)


@pytest.mark.parametrize(
    ("path", "wrong", "words"),
    [
        ("/agents/entra-only/endpoint/protocols/openai", "key", "want Microsoft Entra ID"),
        ("/applications/entra-only/protocols/openai", "key", "Applications take no key"),
        ("/openai/v1/responses?agent_reference=nobody", "agent", "has no agent nobody"),
    ],
)
async def test_an_agent_that_does_not_answer_says_why(path, wrong, words):
    result = await outcome_of_agent(path)
    assert (result.ok, result.wrong) == (False, wrong)
    assert words in result.error.message


@pytest.mark.parametrize(
    ("knowing", "better"), [(("/openai/v1/", "/openai/deployments/"), f"{ROOT}/openai/v1"), ((), None)]
)
async def test_a_path_that_knows_no_such_deployment_is_the_right_one(knowing, better):
    def answer(request):
        known = request.method == "POST" and request.url.path.startswith(knowing)
        code = "DeploymentNotFound" if known else "404"
        message = "The API deployment for this resource does not exist." if known else "Resource not found"
        return httpx.Response(404, json={"error": {"code": code, "message": message}})

    result = await outcome(answer, f"{ROOT}/models")
    assert (result.better.url if result.better else None) == better
    assert (result.ok, result.better_answered, result.wrong) == (False, False, "path")
