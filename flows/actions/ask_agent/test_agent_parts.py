"""What is sent to an agent, what its answer tells, and what is kept of the conversation; without a call."""

from types import SimpleNamespace

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.agents import AgentRequest, Memory
from connections.foundry.values import Completion, Limits, Message, Target, Usage, WhenReached
from connections.secret import Secret
from flows.actions.ask_agent.action import (
    APPROVE,
    AskAgent,
    Properties,
    agent_answer_shape,
    agent_request,
    facts_of_agent,
    facts_of_tools,
    staying,
)
from flows.actions.ask_agent.conversation import MOST_TURNS, Conversation, conversation_in, read_conversation
from flows.actions.ask_agent.tool_calls import (
    LONGEST,
    MOST,
    AgentToolCall,
    ApprovalRequest,
    approvals_of,
    approve,
    tool_calls_of,
    waiting_words,
)
from flows.language.errors import ActionError
from flows.language.nodes import Action
from flows.language.scope import Scope
from flows.language.shape import TEXT
from flows.language.values import Response


def answer(*output, text="", **raw):
    return Completion(text, None, "stop", Usage(1, 1, 2), "m", "r", 200, "u", raw={"output": [*output], **raw})


def place(agent_name="", *, is_application=False):
    return SimpleNamespace(
        name="contoso", endpoint=SimpleNamespace(agent_name=agent_name, is_application=is_application)
    )


SEND = {"type": "mcp_approval_request", "id": "a1", "name": "send", "server_label": "mail"}


def properties(**more):
    return Properties(**{"connection": "contoso", "message": "Hi", **more})


@pytest.mark.parametrize(
    ("given", "own", "before", "request_"),
    [
        ({"agent": " helper "}, "", Conversation(), {"agent": "helper"}),
        ({}, "helper", Conversation(), {"agent": "helper"}),
        ({"agent": "helper", "version": " 2 "}, "helper", Conversation(), {"agent": "helper", "version": "2"}),
        ({"agent": "helper", "conversation": "talk"}, "", Conversation(),
         {"agent": "helper", "memory": Memory.CONVERSATION}),
        ({"agent": "helper", "conversation": "talk", "kept_as": "previous answer"}, "", Conversation(),
         {"agent": "helper", "memory": Memory.RESPONSES}),
        ({"agent": "helper", "conversation": "talk"}, "", Conversation("resp_1"),
         {"agent": "helper", "memory": Memory.RESPONSES, "goes_on_from": "resp_1"}),
        ({"agent": "helper", "conversation": "talk"}, "", Conversation("conv_1"),
         {"agent": "helper", "memory": Memory.CONVERSATION, "goes_on_from": "conv_1"}),
        ({"agent": "helper", "approvals": APPROVE}, "", Conversation(),
         {"agent": "helper", "memory": Memory.RESPONSES}),
    ],
)  # fmt: skip
def test_a_message_goes_to_its_agent_in_its_conversation(given, own, before, request_):
    made = agent_request(properties(**given), place(own), before)
    plain = {"version": "", "memory": Memory.NOWHERE, "goes_on_from": ""}
    assert {name: getattr(made, name) for name in ("agent", *plain)} == {**plain, **request_}
    assert made.messages == (Message("user", "Hi"),)


def test_what_was_said_before_stands_before_the_message():
    said = (Message("user", "a"), Message("assistant", "b"))
    assert agent_request(properties(agent="x"), place(), Conversation(turns=said)).messages == (
        *said,
        Message("user", "Hi"),
    )


@pytest.mark.parametrize(
    ("agent", "own", "kind", "message"),
    [
        ("other", "helper", "agent", "contoso is the endpoint of agent helper, and not of other."),
        (None, "", "property_missing", "Agent is missing."),
        (" ", None, "property_missing", "Agent is missing."),
    ],
)
def test_an_agent_that_is_not_there_is_refused(agent, own, kind, message):
    with pytest.raises(ActionError) as refused:
        agent_request(properties(agent=agent), place(own), Conversation())
    assert (refused.value.kind, refused.value.message, bool(refused.value.hint)) == (kind, message, True)


def test_a_conversation_stays_at_its_connection():
    endpoint = parse_endpoint("https://contoso.services.ai.azure.com/api/projects/Shop")

    def target(limits):
        return Target("contoso", endpoint, Secret("k"), limits=limits)

    spilling = target(Limits(1, None, None, None, WhenReached.SPILL, "spare"))
    failing = target(Limits(1, None, None, None, WhenReached.FAIL, ""))
    assert staying(spilling).limits.when_reached is WhenReached.WAIT
    assert staying(failing) is failing
    assert staying(target(None)).limits is None


def request(**more):
    return AgentRequest(**{"model": "m", "messages": (Message("user", "Hi"),), "agent": "helper", **more})


@pytest.mark.parametrize(
    ("made", "is_application", "facts"),
    [
        (request(), False, {"agent": "helper", "agent_memory": Memory.NOWHERE.value}),
        (request(memory=Memory.CONVERSATION), True, {"agent": "helper", "agent_memory": ""}),
        (request(goes_on_from="c"), False, {"agent": "helper", "agent_memory": Memory.NOWHERE.value, "goes_on": True}),
        (request(messages=(Message("user", "a"), Message("user", "b"))), False,
         {"agent": "helper", "agent_memory": Memory.NOWHERE.value, "goes_on": True}),
    ],
)  # fmt: skip
def test_facts_say_which_agent_was_asked_and_what_it_keeps(made, is_application, facts):
    assert facts_of_agent(made, place(is_application=is_application)) == facts


@pytest.mark.parametrize(
    ("raw", "facts"),
    [
        ({}, {}),
        ({"agent_reference": {"version": "2" * 50}}, {"agent_version": "2" * 40}),
        ({"agent": {"version": 3}}, {"agent_version": "3"}),
        ({"agent": "helper"}, {}),
    ],
)
def test_facts_say_which_version_answered(raw, facts):
    assert facts_of_tools(answer(**raw)) == facts


def test_tools_that_were_called_are_told_with_what_they_did():
    items = [
        {"type": "web_search_call", "status": "completed", "action": {"query": "weather"}},
        {"type": "web_search_call", "action": {"url": "https://a.example"}},
        {"type": "file_search_call", "queries": ["a", 1], "status": "x" * 50},
        {"type": "mcp_call", "name": "n" * 400, "arguments": "a" * 400, "server_label": "s" * 400, "error": "no"},
        {"type": "code_interpreter_call", "code": "1 + 1", "input": "other"},
        {"type": "message"}, "no item", {"no": "type"},
    ]  # fmt: skip
    assert tool_calls_of(answer(*items)) == [
        AgentToolCall("web_search", "completed", "weather"),
        AgentToolCall("web_search", "", "https://a.example"),
        AgentToolCall("file_search", "x" * 40, "a, 1"),
        AgentToolCall("n" * LONGEST, "failed", "a" * LONGEST, "s" * LONGEST),
        AgentToolCall("code_interpreter", "", "1 + 1"),
    ]
    assert len(tool_calls_of(answer(*[{"type": "x_call"}] * (MOST + 1)))) == MOST
    assert tool_calls_of(Completion("", None, None, Usage(), None, None, 200, "u", raw={"output": "odd"})) == []
    assert facts_of_tools(answer({"type": "x_call", "status": "ok"})) == {
        "agent_tools": [{"tool": "x", "status": "ok"}]
    }


def test_what_waits_for_an_approval_is_approved_in_the_next_message():
    asks = [
        {"type": "mcp_approval_request", "id": "a1", "name": "send", "server_label": "mail"},
        {"type": "mcp_approval_request"},
    ]
    wanted = approvals_of(answer(*asks, {"type": "message"}))
    assert wanted == [ApprovalRequest("a1", "send", "mail"), ApprovalRequest("", "a tool", "")]
    assert [each.words for each in wanted] == ["send of mail", "a tool"]
    made = approve(request(), wanted[:1], "resp_1")
    assert (made.messages, made.goes_on_from) == ((), "resp_1")
    assert made.items == ({"type": "mcp_approval_response", "approval_request_id": "a1", "approve": True},)
    kept = request(memory=Memory.CONVERSATION, goes_on_from="conv_1")
    assert approve(kept, wanted, "resp_1").goes_on_from == "conv_1"


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (answer(), None),
        (answer(SEND, {"type": "mcp_approval_request"}),
         "Waits for an approval: the agent asks whether it may call send of mail, a tool"),
        (answer({"type": "oauth_consent_request", "consent_link": "https://login.example/a?code=planted"}),
         "Waits for a consent: open the agent in its project and sign in to its tool https://login.example/a"),
        (answer({"type": "oauth_consent_request"}),
         "Waits for a consent: open the agent in its project and sign in to its tool"),
        (answer({"type": "function_call", "name": "look_up"}, {"type": "function_call"}),
         "The agent wants a function called that only a program has: look_up, one"),
        (answer({"type": "function_call", "name": "look_up"}, text="Hi"), None),
    ],
)  # fmt: skip
def test_why_an_answer_is_none_yet(made, words):
    assert waiting_words(made) == words


def test_reasons_are_short():
    for kind, name in (
        ("mcp_approval_request", "name"),
        ("oauth_consent_request", "consent_link"),
        ("function_call", "name"),
    ):
        assert len(waiting_words(answer({"type": kind, name: "x" * 500}))) == LONGEST


TURNS = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, Conversation()),
        ("", Conversation()),
        ([], Conversation()),
        (" conv_1 ", Conversation("conv_1")),
        ({"conversation": "conv_1", "id": "x"}, Conversation("conv_1")),
        ({"id": "resp_1"}, Conversation("resp_1")),
        (Response("Hi", {}, None, None, None, {}, conversation="conv_1"), Conversation("conv_1")),
        (TURNS, Conversation(turns=(Message("user", "a"), Message("assistant", "b")))),
        (' [{"role": "user", "content": "a"}]', Conversation(turns=(Message("user", "a"),))),
    ],
)
def test_a_variable_holds_a_conversation(value, found):
    assert read_conversation(value, "talk") == found


@pytest.mark.parametrize(
    "value", [5, ["x"], [{"role": "system", "content": "a"}], [{"role": "user", "content": 1}], "[", "[" * 100_000]
)
def test_a_variable_that_holds_none_is_named(value):
    with pytest.raises(ActionError) as refused:
        read_conversation(value, "talk")
    assert (refused.value.kind, refused.value.message) == ("conversation", "talk holds no conversation.")


async def test_what_was_opened_before_the_process_died_goes_on():
    def step(value, note):
        scope = Scope()
        scope.bind("talk", value)
        return SimpleNamespace(scope=scope, last_note=note)

    noted = {"conversation": "conv_2"}
    found = [await conversation_in(name, step(value, note)) for name, value, note in [
        (None, "conv_1", noted), ("talk", "conv_1", noted), ("talk", None, noted), ("talk", None, {}),
        ("talk", None, "odd"),
    ]]  # fmt: skip
    assert [each.id for each in found] == ["", "conv_1", "conv_2", "", ""]
    assert [Conversation(id).memory for id in ("", "conv_1", "resp_1")] == [None, Memory.CONVERSATION, Memory.RESPONSES]


def test_what_the_variable_keeps_now():
    before, made = Conversation(), answer(text="b", id="resp_2")
    assert before.after(request(), made, place()) == "resp_2"
    assert before.after(request(memory=Memory.CONVERSATION, goes_on_from="conv_1"), made, place()) == "conv_1"
    assert before.after(request(), answer(text="b"), place()) == ""
    kept = before.after(request(messages=(Message("user", "a"),)), made, place(is_application=True))
    assert kept == TURNS
    many = before.after(request(messages=(Message("user", "a"),) * MOST_TURNS), made, place(is_application=True))
    assert (len(many), many[-1]) == (MOST_TURNS, TURNS[-1])


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"conversation": "answer"}, ["conversation"]),
        ({"conversation": "x", "result_variable_name": "x"}, ["conversation"]),
        ({"conversation": "x"}, []),
        ({}, []),
    ],
)
def test_one_variable_does_not_keep_both(given, names):
    found = AskAgent().problems(Action({"id": "a", "type": "ask_agent", "properties": given}))
    assert [name for name, _ in found] == names


def test_an_answer_knows_its_conversation():
    assert agent_answer_shape({}).parts["conversation"] == TEXT
