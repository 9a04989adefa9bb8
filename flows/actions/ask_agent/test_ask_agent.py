import asyncio
import json

import httpx
import pytest

from connections.endpoint.agent_place import AgentPlace
from connections.endpoint.recognise import parse_endpoint
from connections.foundry.agents import AgentRequest, ConversationOpened, Memory
from connections.foundry.backoff import RetryPolicy
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.values import Limits, Target, TextDelta, WhenReached
from connections.secret import Secret
from connections.simulator.app import KEY, Simulator
from flows.actions.services import MemoryServices
from flows.interpreter.journal import (
    ActionFailed,
    ActionFinished,
    ActionLogged,
    ActionNoted,
    ActionStreamed,
    MemoryJournal,
)
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.lint.linter import problems

HOST = "http://127.0.0.1:9"
PROJECT = f"{HOST}/api/projects/P"
ADDRESSES = {
    "project": PROJECT,
    "published": f"{PROJECT}/agents/helper/endpoint/protocols/openai",
    "referred": f"{PROJECT}/openai/v1/responses?agent_reference=helper%3A2",
    "application": f"{PROJECT}/applications/helper/protocols/openai",
    "resource": f"{HOST}/openai/v1",
}


class Service:
    """The simulator behind the real client; keeps what it was asked."""

    def __init__(self, without=""):
        self.asked, self._without = [], without
        self._simulator = httpx.ASGITransport(Simulator(delay=0))
        transport = httpx.MockTransport(self._answer)
        destinations = Destinations.parse("127.0.0.1:9")
        self.client = FoundryClient(
            destinations=destinations, transport=transport, retry=RetryPolicy(first=0, most=0), store_responses=False
        )

    async def _answer(self, request):
        body = json.loads(request.content or b"null")
        self.asked.append((request.url.path.removeprefix("/api/projects/P"), body))
        if self._without and self._without in request.url.path:
            return httpx.Response(404, json={"error": {"code": "404", "message": "Resource not found"}})
        answer = await self._simulator.handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

    @property
    def services(self):
        targets = {name: Target(name, parse_endpoint(url), Secret(KEY)) for name, url in ADDRESSES.items()}
        return MemoryServices(self.client, targets)


def document(*asked, first=None):
    """Actions that ask, behind one that declares `chat`."""
    declared = {"variables": [{"name": "chat", "type": "text", "value": first}]}
    given = {"connection": "project", "agent": "helper", "message": "Hi"}
    actions = [{"id": "vars", "type": "declare_variables", "properties": declared}] if first is not None else []
    for at, properties in enumerate(asked):
        stored = {name: value for name, value in {**given, **properties}.items() if value is not None}
        actions.append({"id": f"ask{at}", "type": "ask_agent", "properties": stored})
    return parse({"format": "foundryflow/1", "name": "x", "actions": actions})


async def asked(*properties, service=None, journal=None, first=None):
    """The outcomes of the actions that ask."""
    service, journal = service or Service(), journal or MemoryJournal()
    await execute(document(*properties, first=first), {}, journal, service.services)
    return [event for event in journal.events if isinstance(event, ActionFinished) and event.path.startswith("ask")]


async def failure(*properties, **more):
    journal = MemoryJournal()
    with pytest.raises(RunFailed):
        await asked(*properties, journal=journal, **more)
    return next(event.error for event in journal.events if isinstance(event, ActionFailed))


async def test_an_agent_of_a_project_is_asked_and_its_answer_streams():
    service, journal = Service(), MemoryJournal()
    (done,) = await asked({}, service=service, journal=journal)

    reference = {"type": "agent_reference", "name": "helper"}
    body = {"input": "Hi", "agent_reference": reference, "store": False, "stream": True}
    assert service.asked == [("/openai/v1/responses", body)]
    assert str(done.output) == "Simulated answer of helper. You said: Hi"
    assert len([event for event in journal.events if isinstance(event, ActionStreamed)]) > 1
    assert done.variables == {"answer": done.output}
    assert done.usage["total_tokens"] > 0
    facts = {name: done.facts[name] for name in ("agent", "agent_version", "deployment", "model", "connection")}
    assert facts == {
        "agent": "helper",
        "agent_version": "3",
        "deployment": "agent helper",
        "model": "gpt-5.2",
        "connection": "project",
    }


@pytest.mark.parametrize(
    ("properties", "version"),
    [
        ({"version": "2"}, "2"),
        ({"connection": "referred", "agent": None}, "2"),
        ({"connection": "referred", "agent": None, "version": "1"}, "1"),
    ],
)
async def test_a_version_is_asked_for(properties, version):
    service = Service()
    await asked(properties, service=service)
    path, body = service.asked[0]
    assert path == "/openai/v1/responses"
    assert body["agent_reference"] == {"type": "agent_reference", "name": "helper", "version": version}


async def test_a_published_agent_is_asked_without_a_name():
    service = Service()
    (done,) = await asked({"connection": "published", "agent": None}, service=service)
    path = "/agents/helper/endpoint/protocols/openai/responses"
    assert service.asked == [(path, {"input": "Hi", "store": False, "stream": True})]
    assert done.facts["agent"] == "helper"


@pytest.mark.parametrize("connection", ["project", "published"])
async def test_a_conversation_is_opened_and_goes_on_with_the_same_variable(connection):
    service = Service()
    first, second = await asked(
        {"connection": connection, "conversation": "chat"},
        {"connection": connection, "conversation": "chat", "message": "And now?"},
        service=service,
    )
    kept = first.variables["chat"]
    assert kept.startswith("conv_")
    assert second.variables["chat"] == kept == second.output.conversation == second.facts["conversation"]
    assert str(second.output).endswith("Before that you said: Hi")
    opened, one, two = service.asked
    assert (opened[0].endswith("/conversations"), opened[1]) == (True, {})
    assert one[1]["conversation"] == two[1]["conversation"] == kept
    assert "store" not in one[1]
    assert (first.facts.get("goes_on"), second.facts["goes_on"]) == (None, True)


async def test_a_conversation_may_be_kept_as_the_previous_answer():
    kept_as = {"conversation": "chat", "kept_as": "previous answer"}
    service = Service()
    first, second = await asked(kept_as, {**kept_as, "message": "And now?"}, service=service)
    assert service.asked[1][1]["previous_response_id"] == first.variables["chat"]
    assert str(second.output).endswith("Before that you said: Hi")
    assert second.variables["chat"] != first.variables["chat"]


async def test_where_no_conversations_are_kept_the_previous_answer_is_gone_on_from():
    service = Service(without="/conversations")
    first, second = await asked({"conversation": "chat"}, {"conversation": "chat"}, service=service)
    assert first.variables["chat"].startswith("resp_")
    assert str(second.output).endswith("Before that you said: Hi")


async def test_an_application_is_sent_all_that_was_said():
    asking = {"connection": "application", "agent": None, "conversation": "chat"}
    service = Service()
    _, second = await asked(asking, {**asking, "message": "And now?"}, service=service)
    assert [turn["role"] for turn in second.variables["chat"]] == ["user", "assistant", "user", "assistant"]
    assert [item["role"] for item in service.asked[1][1]["input"]] == ["user", "assistant", "user"]
    assert service.asked[1][1]["store"] is False


async def test_a_conversation_that_was_opened_before_a_restart_is_not_opened_again():
    service = Service()
    request = AgentRequest("agent helper", (), agent="helper", memory=Memory.CONVERSATION)
    created = await anext(service.client.chat(await service.services.connection("project"), request))
    assert isinstance(created, ConversationOpened)
    journal = MemoryJournal(notes={"ask0": {"conversation": created.id}})
    (done,) = await asked({"conversation": "chat"}, service=service, journal=journal)
    assert done.variables["chat"] == created.id
    assert sum(path.endswith("/conversations") for path, _ in service.asked) == 1


async def test_the_tools_that_were_called_are_facts():
    (done,) = await asked({"agent": "researcher"})
    assert done.facts["agent_tools"] == [
        {"tool": "web_search", "status": "completed", "detail": "simulated"},
        {"tool": "find_order", "status": "completed", "detail": '{"number": 7}', "server": "shop"},
    ]


@pytest.mark.parametrize(("agent", "words"), [("approver", "may call refund_order of shop"), ("clerk", "look_up")])
async def test_an_answer_that_waits_for_somebody_says_so(agent, words):
    (done,) = await asked({"agent": agent})
    assert words in done.warning


@pytest.mark.parametrize("conversation", [None, "chat"])
async def test_a_tool_that_asks_first_is_approved(conversation):
    journal = MemoryJournal()
    (done,) = await asked({"agent": "approver", "approvals": "approve", "conversation": conversation}, journal=journal)
    assert str(done.output).startswith("Simulated answer of approver.")
    assert done.warning is None
    logged = [event.message for event in journal.events if isinstance(event, ActionLogged)]
    assert logged == ["Approved: refund_order of shop."]


@pytest.mark.parametrize(
    ("properties", "kind", "words"),
    [
        ({"agent": "nobody"}, "not_found_agent", "has no agent nobody"),
        ({"agent": "asst_abc"}, "not_found_agent", "classic agent"),
        ({"agent": None}, "property_missing", "Agent is missing"),
        ({"agent": "entra-only"}, "auth_key", "want Microsoft Entra ID"),
        ({"connection": "published", "agent": "other"}, "agent", "is the endpoint of agent helper, and not of other"),
        ({"connection": "resource"}, "not_found_route", "has no agents"),
        ({"agent": "bad-json"}, "protocol", "cannot be read"),
        ({"agent": "content-filter"}, "content_filter", "content filter"),
    ],
)
async def test_refusals_are_sentences_about_agents(properties, kind, words):
    error = await failure(properties)
    assert error.kind == kind
    assert words in error.message


@pytest.mark.parametrize(
    ("held", "kind"),
    [
        ("conv_gone", "not_found_conversation"),
        ("resp_gone", "not_found_conversation"),
        ("[1]", "conversation"),
        ("[" * 9_999, "conversation"),
    ],
)
async def test_a_conversation_that_cannot_go_on_says_so(held, kind):
    error = await failure({"conversation": "chat"}, first=held)
    assert error.kind == kind


async def test_a_failure_that_passes_is_tried_again():
    service = Service()
    (done,) = await asked({"agent": "fail-503-1"}, service=service)
    assert len(service.asked) == 2
    assert "You said: Hi" in str(done.output)


class Silent:
    """Begins an answer, and falls silent."""

    def __init__(self):
        self.began, self.is_closed = asyncio.Event(), False

    async def chat(self, target, request):
        try:
            yield ConversationOpened("conv_1")
            yield TextDelta("Well")
            self.began.set()
            await asyncio.Event().wait()
        finally:
            self.is_closed = True


async def test_a_run_that_is_stopped_closes_the_call():
    silent, journal = Silent(), MemoryJournal()
    target = Target("project", parse_endpoint(PROJECT), Secret(KEY))
    services = MemoryServices(silent, {"project": target})
    run = asyncio.create_task(execute(document({"conversation": "chat"}), {}, journal, services))
    await silent.began.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert silent.is_closed
    assert [event.value for event in journal.events if isinstance(event, ActionNoted)] == [{"conversation": "conv_1"}]


class Recorder:
    def __init__(self):
        self.targets = []

    async def chat(self, target, request):
        self.targets.append(target)
        yield TextDelta("x")
        raise AssertionError("asked far enough")


@pytest.mark.parametrize(
    ("properties", "when"), [({"conversation": "chat"}, WhenReached.WAIT), ({}, WhenReached.SPILL)]
)
async def test_a_conversation_does_not_spill_over(properties, when):
    limits = Limits(calls=1, when_reached=WhenReached.SPILL, spill_over_to="other")
    recorder = Recorder()
    target = Target("project", parse_endpoint(PROJECT), Secret(KEY), limits=limits)
    with pytest.raises(RunFailed):
        await execute(document(properties), {}, MemoryJournal(), MemoryServices(recorder, {"project": target}))
    assert recorder.targets[0].limits.when_reached is when


def said_by_lint(**properties):
    places = {"project": AgentPlace.PROJECT, "published": AgentPlace.AGENT, "resource": AgentPlace.NONE}
    found = problems(document(properties), connections=set(places), agent_places=places)
    return [(problem.property, problem.message) for problem in found]


@pytest.mark.parametrize(
    ("properties", "property", "words"),
    [
        ({"agent": None}, "agent", "Agent is missing. project is a Foundry project"),
        ({"connection": "resource"}, "connection", "resource has no agents"),
        ({"conversation": "answer"}, "conversation", "is the result variable, too"),
    ],
)
def test_lint_says_what_a_run_would_stop_at(properties, property, words):
    (found,) = said_by_lint(**properties)
    assert found[0] == property
    assert words in found[1]


@pytest.mark.parametrize("properties", [{}, {"connection": "published", "agent": None}])
def test_lint_takes_an_agent_by_name_or_by_address(properties):
    assert said_by_lint(**properties) == []
