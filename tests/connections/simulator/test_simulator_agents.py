"""Agents of a simulated project: listed, asked, with conversations that go on, and strict about what they refuse."""

import httpx
import pytest

from connections.simulator.app import KEY, Simulator

PROJECT = "/api/projects/P"
RESPONSES = f"{PROJECT}/openai/v1/responses"
PUBLISHED = f"{PROJECT}/agents/helper/endpoint/protocols/openai"
APPLICATION = f"{PROJECT}/applications/helper/protocols/openai/responses?api-version=2025-11-15-preview"


def reference(name="helper", **more):
    return {"agent_reference": {"type": "agent_reference", "name": name, **more}}


@pytest.fixture
async def service():
    transport = httpx.ASGITransport(Simulator(delay=0))
    async with httpx.AsyncClient(transport=transport, base_url="http://sim", headers={"api-key": KEY}) as client:
        yield client


async def said(service, url, body, status=200, **headers):
    answer = await service.post(url, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def text_of(response):
    return "".join(part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"])


async def test_agents_are_listed_page_by_page(service):
    first = (await service.get("/api/projects/paged/agents?api-version=v1")).json()
    assert [agent["name"] for agent in first["data"]] == ["helper", "translator"]
    assert (first["has_more"], first["last_id"]) == (True, "translator")
    second = (await service.get("/api/projects/paged/agents?api-version=v1&after=translator")).json()
    assert second["data"][0]["name"] == "researcher"


async def test_one_agent_tells_its_kind_and_model(service):
    agent = (await service.get(f"{PROJECT}/agents/helper?api-version=v1")).json()
    assert agent["versions"]["latest"]["definition"] == {"kind": "prompt", "model": "gpt-5.2"}
    assert (await service.get(f"{PROJECT}/agents/nobody?api-version=v1")).status_code == 404
    assert (await service.get(f"{PROJECT}/agents")).status_code == 400


async def test_an_agent_of_a_project_answers_with_the_model_that_it_has(service):
    response = await said(service, RESPONSES, {"input": "Hi", **reference()})
    assert text_of(response) == "Simulated answer of helper. You said: Hi"
    assert (response["model"], response["agent_reference"]["version"]) == ("gpt-5.2", "3")


async def test_a_conversation_goes_on(service):
    conversation = (await said(service, f"{PROJECT}/openai/v1/conversations", {}))["id"]
    await said(service, RESPONSES, {"input": "One", "conversation": conversation, **reference()})
    response = await said(service, RESPONSES, {"input": "Two", "conversation": conversation, **reference()})
    assert text_of(response).endswith("Before that you said: One")
    assert response["conversation"] == {"id": conversation}
    items = (await service.get(f"{PROJECT}/openai/v1/conversations/{conversation}/items")).json()
    assert [item["content"] for item in items["data"]] == ["One", "Two"]
    assert (await service.delete(f"{PROJECT}/openai/v1/conversations/{conversation}")).json()["deleted"]


async def test_an_answer_goes_on_from_the_one_before_it(service):
    first = await said(service, f"{PUBLISHED}/responses?api-version=v1", {"input": "One"})
    body = {"input": "Two", "previous_response_id": first["id"]}
    second = await said(service, f"{PUBLISHED}/responses?api-version=v1", body)
    assert text_of(second).endswith("Before that you said: One")


async def test_what_is_not_stored_cannot_be_gone_on_from(service):
    first = await said(service, RESPONSES, {"input": "One", "store": False, **reference()})
    body = {"input": "Two", "previous_response_id": first["id"], **reference()}
    assert "not found" in (await said(service, RESPONSES, body, 400))["error"]["message"]


async def test_all_fields_that_an_agent_has_of_its_own_are_named_in_one_refusal(service):
    body = {"input": "Hi", "temperature": 0.5, "tools": [], "instructions": "Be brief.", **reference()}
    error = (await said(service, RESPONSES, body, 400))["error"]
    assert error["code"] == "invalid_payload"
    assert {detail["param"] for detail in error["details"]} == {"temperature", "tools", "instructions"}


@pytest.mark.parametrize(
    ("url", "body", "status", "words"),
    [
        (RESPONSES, {"input": "Hi", **reference("nobody")}, 404, "Agent nobody doesn't exist"),
        (RESPONSES, {"input": "Hi", "agent_reference": {"name": "helper"}}, 400, "agent_reference"),
        (RESPONSES, {"input": "Hi"}, 400, "model is missing"),
        ("/openai/v1/responses", {"input": "Hi", "model": "m", **reference()}, 400, "Unknown parameter: 'agent_ref"),
        (RESPONSES, {"input": "Hi", "conversation": "mine", **reference()}, 400, "Malformed identifier"),
        (RESPONSES, {"input": "Hi", "conversation": "conv_gone", **reference()}, 404, "'conv_gone' not found"),
        (RESPONSES, {"input": "Hi", "conversation": "a", "previous_response_id": "b", **reference()}, 400, "exclusive"),
        (APPLICATION, {"input": "Hi", "conversation": "conv_1"}, 400, "Unknown parameter: 'conversation'"),
        (RESPONSES, {"input": "Hi", **reference("entra-only")}, 401, "Access denied"),
        (RESPONSES, {"input": "Hi", **reference("fail-503-1")}, 503, "high demand"),
        (f"{PUBLISHED}/conversations", {}, 400, "api-version"),
    ],
)
async def test_refusals(service, url, body, status, words):
    assert words in (await said(service, url, body, status))["error"]["message"]


async def test_a_token_opens_what_a_key_does_not(service):
    headers = {"api-key": "", "Authorization": "Bearer token-for:https://ai.azure.com"}
    await said(service, RESPONSES, {"input": "Hi", **reference("entra-only")}, **headers)


@pytest.mark.parametrize(
    ("agent", "types"),
    [
        ("researcher", ["web_search_call", "mcp_call", "message"]),
        ("approver", ["mcp_approval_request"]),
        ("clerk", ["function_call"]),
    ],
)
async def test_tools_stand_in_the_answer(service, agent, types):
    response = await said(service, RESPONSES, {"input": "Hi", **reference(agent)})
    assert [item["type"] for item in response["output"]] == types
    streamed = await service.post(RESPONSES, json={"input": "Hi", "stream": True, **reference(agent)})
    assert all(f'"type": "{type}"' in streamed.text for type in types)
    assert "response.completed" in streamed.text


async def test_an_approval_lets_the_agent_go_on(service):
    first = await said(service, RESPONSES, {"input": "Refund", **reference("approver")})
    request = first["output"][0]["id"]
    answer = {"type": "mcp_approval_response", "approval_request_id": request, "approve": True}
    body = {"input": [answer], "previous_response_id": first["id"], **reference("approver")}
    assert "Simulated answer of approver" in text_of(await said(service, RESPONSES, body))
