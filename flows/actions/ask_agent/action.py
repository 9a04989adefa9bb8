"""One message to an agent of a Foundry project, its answer streamed, the conversation kept where that is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connections.foundry.agents import AgentRequest, Memory, label_of
from connections.foundry.errors import FoundryError
from connections.foundry.values import Completion, Message, Target, WhenReached
from flows.actions.ask_agent.conversation import Conversation, conversation_in
from flows.actions.ask_agent.tool_calls import approvals_of, approve, tool_calls_of, waiting_words
from flows.actions.base import ActionType, Group, Result, Step
from flows.actions.chat_completion.answer import answer_shape, usage_of, warning_of
from flows.actions.chat_completion.call import facts_of_answer, facts_of_call, stream_answer
from flows.actions.chat_completion.structured import summed_usage
from flows.actions.model_call import ConnectionProperties, Timings, call_error, choose_connection
from flows.language.errors import ActionError
from flows.language.nodes import Action
from flows.language.shape import TEXT, Shape, object_shape
from flows.language.values import Response
from flows.properties.agent import agent
from flows.properties.agent_connection import agent_connection
from flows.properties.choice import choice
from flows.properties.long_text import long_text
from flows.properties.new_variable import new_variable, result_variable
from flows.properties.text import text

NOT_IN_MESSAGES = "secrets can't go into a message"
KEPT_AS = {"conversation": Memory.CONVERSATION, "previous answer": Memory.RESPONSES}
STOP, APPROVE = "stop", "approve"
MOST_APPROVALS = 10  # times that one answer asks


def agent_answer_shape(properties: Mapping[str, Any]) -> Shape:
    """What is known of an answer before a run."""
    return object_shape(**answer_shape({}).parts, conversation=TEXT)


@dataclass(frozen=True)
class Properties(ConnectionProperties):
    connection: str | None = agent_connection(
        "Connection",
        required=True,
        overridden_by="dynamic_connection",
        when_missing="Choose one to a Foundry project or to an agent, or create it in the panel.",
        on_card=True,
    )
    agent: str | None = agent(
        "Agent",
        of="connection",
        empty="the agent of the endpoint",
        hint="Its name in the project. It has its own model, instructions and tools.",
        on_card=True,
    )
    message: str = long_text("Message", required=True, no_secrets=NOT_IN_MESSAGES, on_card=True)
    conversation: str | None = new_variable(
        "Conversation",
        type="text",
        empty="a new one each time",
        hint="A variable that keeps it: another message with the same variable goes on.",
        on_card=True,
    )
    version: str | None = text("Version", empty="the newest", hint="Of the agent, such as 2.", advanced=True)
    kept_as: str | None = choice("Conversation kept as", choices=tuple(KEPT_AS), default="conversation", advanced=True)
    approvals: str | None = choice(
        "Tools that ask first",
        choices=(STOP, APPROVE),
        default=STOP,
        hint="stop: the answer ends there, and says which tool asks.",
        advanced=True,
    )
    result_variable_name: str = result_variable("answer", type="object", shape=agent_answer_shape)


class AskAgent(ActionType):
    type = "ask_agent"
    title = "Ask an agent"
    purpose = "a message to an agent of a Foundry project"
    group = Group.AZURE
    calls_model = True
    properties = Properties

    def problems(self, action: Action) -> list[tuple[str | None, str]]:
        kept, result = action.properties.get("conversation"), action.properties.get("result_variable_name") or "answer"
        if kept and kept == result:
            return [("conversation", f"{kept} is the result variable, too. Give the conversation one of its own.")]
        return []

    async def execute(self, properties: Properties, step: Step) -> Result:
        target, reason = await choose_connection(properties, step)
        before = await conversation_in(properties.conversation, step)
        request = agent_request(properties, target, before)
        if request.memory is not Memory.NOWHERE:
            target = staying(target)
        timings, facts = Timings(), step.facts
        facts.update(facts_of_call(target, reason, request), **facts_of_agent(request, target))
        if properties.dynamic_connection:
            facts["connection_variable"] = properties.dynamic_connection
        turn = AgentTurn(target, request, approves=properties.approvals == APPROVE)
        try:
            completion = await turn.take(step, timings)
        except FoundryError as error:
            raise call_error(target, error, {**facts, **timings.facts()}) from None
        kept = before.after(turn.request, completion, target) if properties.conversation else None
        known = {**facts, **facts_of_answer(completion), **facts_of_tools(completion), **timings.facts()}
        known |= {"conversation": kept if isinstance(kept, str) else None, "usage": None}
        known["agent_sent_with"] = before.id or facts.get("conversation")
        if request.memory is Memory.NOWHERE and completion.raw.get("store") is True:
            await step.log("warning", "The service keeps this answer, although it was asked not to.")
        response = Response(
            text=completion.text,
            usage=turn.usage,
            finish_reason=completion.finish_reason,
            model=completion.model,
            raw=completion.raw,
            conversation=known["conversation"],
        )
        return Result(
            output=response,
            variables={
                properties.result_variable_name: response,
                **({properties.conversation: kept} if properties.conversation else {}),
            },
            usage=turn.usage,
            warning=waiting_words(completion) or warning_of(completion),
            facts={name: value for name, value in known.items() if value not in (None, "")},
        )


@dataclass
class AgentTurn:
    """A message and the answer to it, with all that has to be approved in between. `usage` is of all calls."""

    target: Target
    request: AgentRequest
    approves: bool
    usage: Mapping[str, Any] = field(default_factory=dict)

    async def take(self, step: Step, timings: Timings) -> Completion:
        """Raises FoundryError, ActionError."""
        for _ in range(MOST_APPROVALS):
            completion = await stream_answer(self.target, self.request, step, timings)
            self._count(completion, step)
            if opened := step.facts.get("conversation"):
                self.request = replace(self.request, goes_on_from=str(opened))
            elif self.request.keeps_conversation and not self.request.goes_on_from:
                self.request = replace(self.request, memory=Memory.RESPONSES)  # it keeps no conversations
            wanted = approvals_of(completion) if self.approves else ()
            if not wanted:
                return completion
            await step.log("info", f"Approved: {', '.join(each.words for each in wanted)}.")
            self.request = approve(self.request, wanted, str(completion.raw.get("id") or ""))
        raise ActionError(
            "approvals", f"The agent asked {MOST_APPROVALS} times for approval.", "Let its tools run without it."
        )

    def _count(self, completion: Completion, step: Step) -> None:
        """Tokens are spent, whatever comes of the answer."""
        self.usage = summed_usage(self.usage, usage_of(completion))
        step.facts["usage"] = self.usage


def agent_request(properties: Properties, target: Target, before: Conversation) -> AgentRequest:
    """Raises ActionError."""
    named, own = (properties.agent or "").strip(), target.endpoint.agent_name
    if named and own and named != own:
        raise ActionError(
            "agent",
            f"{target.name} is the endpoint of agent {own}, and not of {named}.",
            "Empty the property Agent, or choose a connection to the project.",
        )
    if not named and not own:
        raise ActionError(
            "property_missing", "Agent is missing.", f"{target.name} is no endpoint of one agent: name the agent."
        )
    memory = Memory.NOWHERE
    if properties.conversation:
        memory = before.memory or KEPT_AS[properties.kept_as or "conversation"]
    elif properties.approvals == APPROVE:
        memory = Memory.RESPONSES  # what is approved must be there still
    return AgentRequest(
        model=label_of(own or named),
        messages=(*before.turns, Message("user", properties.message)),
        agent=own or named,
        version=(properties.version or "").strip(),
        memory=memory,
        goes_on_from=before.id,
    )


def staying(target: Target) -> Target:
    """A conversation is where it was opened: its calls wait for a limit, and go to no other connection."""
    if target.limits is None or target.limits.when_reached is not WhenReached.SPILL:
        return target
    return replace(target, limits=replace(target.limits, when_reached=WhenReached.WAIT))


def facts_of_agent(request: AgentRequest, target: Target) -> dict[str, Any]:
    goes_on = request.goes_on_from or len(request.messages) > 1
    kept = "" if target.endpoint.is_application else request.memory.value
    return {"agent": request.agent, "agent_memory": kept, **({"goes_on": True} if goes_on else {})}


def facts_of_tools(completion: Completion) -> dict[str, Any]:
    """What the service tells of the agent that has answered: its version, and the tools that it has called."""
    reference = completion.raw.get("agent_reference") or completion.raw.get("agent")
    version = reference.get("version") if isinstance(reference, Mapping) else None
    calls = tool_calls_of(completion)
    return {
        **({"agent_version": str(version)[:40]} if version else {}),
        **({"agent_tools": [call.to_json() for call in calls]} if calls else {}),
    }
