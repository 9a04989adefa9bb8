"""A body of either API -> Ask: what matters for the answer, and nothing else.

Compatible servers take anything, so nothing here trusts the form of what came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connections.simulator.routes import SimulatedRoute
from connections.simulator.structured import WantedForm, sample

IMAGES = ("image_url", "input_image", "image")


@dataclass(frozen=True)
class ToolInvocation:
    """A call that the model decides on. Its arguments are samples that fit the schema of the tool."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class ModelRequest:
    route: SimulatedRoute
    deployment: str
    prompt: str  # the last words of the user
    tokens: int  # of everything that came, counted in words
    images: int = 0
    calls: tuple[ToolInvocation, ...] = ()
    tool_said: str | None = None  # the result of a tool, when the conversation ends with one
    limit: int | None = None  # tokens
    effort: str | None = None
    stream: bool = False
    stream_usage: bool = False
    choices: int = 1
    logprobs: int | None = None  # how many alternatives each token is told with; None: not asked for
    form: WantedForm | None = None  # of an answer that is to be JSON
    goes_on: bool = False  # the conversation holds an answer already
    echo: str = ""  # what stands in the answer of a deployment that sends the key back


def chat_request(route: SimulatedRoute, deployment: str, body: Mapping[str, Any]) -> ModelRequest:
    options = body.get("stream_options")
    return ModelRequest(
        **common_fields(route, deployment, body, messages_of(body.get("messages"))),
        limit=positive_integer(body.get("max_completion_tokens")) or positive_integer(body.get("max_tokens")),
        effort=body.get("reasoning_effort"),
        stream_usage=isinstance(options, Mapping) and options.get("include_usage") is True,
        choices=min(positive_integer(body.get("n")) or 1, 128),
        logprobs=min(positive_integer(body.get("top_logprobs")) or 0, 20) if body.get("logprobs") is True else None,
    )


def responses_request(route: SimulatedRoute, deployment: str, body: Mapping[str, Any]) -> ModelRequest:
    given = body.get("input")
    messages = messages_of([{"role": "user", "content": given}] if isinstance(given, str) else given)
    reasoning = body.get("reasoning")
    return ModelRequest(
        **common_fields(route, deployment, body, messages),
        limit=positive_integer(body.get("max_output_tokens")),
        effort=reasoning.get("effort") if isinstance(reasoning, Mapping) else None,
    )


def common_fields(
    route: SimulatedRoute, deployment: str, body: Mapping[str, Any], messages: list[Mapping[str, Any]]
) -> dict[str, Any]:
    prompt, result = last_text(messages), tool_result(messages)
    return {
        "route": route,
        "deployment": deployment,
        "prompt": prompt,
        "tokens": 4 + sum(len(text.split()) for message in messages for text in texts(message)),
        "images": sum(part.get("type") in IMAGES for message in messages for part in parts(message)),
        "calls": () if result is not None else tuple(tool_invocations(body, prompt)),
        "tool_said": result,
        "form": WantedForm.of(body, instructions_in(body, messages)),
        "goes_on": any(message.get("role") == "assistant" for message in messages),
        "stream": body.get("stream") is True,
    }


def positive_integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def messages_of(given: Any) -> list[Mapping[str, Any]]:
    return [message for message in given if isinstance(message, Mapping)] if isinstance(given, list) else []


def parts(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return messages_of(message.get("content"))


def texts(message: Mapping[str, Any]) -> Iterator[str]:
    content = message.get("content")
    if isinstance(content, str):
        yield content
    for part in parts(message):
        if isinstance(text := part.get("text"), str):
            yield text


def instructions_in(body: Mapping[str, Any], messages: list[Mapping[str, Any]]) -> list[str]:
    """The texts that say how to answer, wherever an API has them."""
    said = [text for message in messages if message.get("role") in ("system", "developer") for text in texts(message)]
    return [*said, *(text for name in ("system", "instructions") if isinstance(text := body.get(name), str))]


def last_text(messages: list[Mapping[str, Any]]) -> str:
    """Of the last message of the user; compatible servers take one without a role."""
    for message in reversed(messages):
        if message.get("role") == "user" or (message.get("role") is None and "content" in message):
            return " ".join(texts(message))
    return ""


def tool_result(messages: list[Mapping[str, Any]]) -> str | None:
    last: Mapping[str, Any] = messages[-1] if messages else {}
    if last.get("role") == "tool":
        return " ".join(texts(last))
    results = [part for part in parts(last) if part.get("type") == "tool_result"]
    if results:
        return " ".join(text for part in results for text in texts(part))
    return str(last.get("output")) if last.get("type") == "function_call_output" else None


def tool_invocations(body: Mapping[str, Any], prompt: str) -> Iterable[ToolInvocation]:
    """The tools to call: the one that is forced, or those that the prompt asks for with `call NAME`."""
    tools = {str(tool.get("name")): tool for tool in functions(body.get("tools"))}
    choice = body.get("tool_choice")
    if choice == "none" or not tools:
        return []
    if isinstance(choice, Mapping):
        inner = choice.get("function")
        forced = (inner if isinstance(inner, Mapping) else choice).get("name")
        return [invocation_of(tools[forced])] if forced in tools else []
    named = [name for name in tools if f"call {name}" in prompt]
    if choice == "required":
        named = named or list(tools)[:1]
    return [invocation_of(tools[name]) for name in (named[:1] if body.get("parallel_tool_calls") is False else named)]


def functions(tools: Any) -> Iterator[Mapping[str, Any]]:
    """Nested as in chat, or flat as in Responses."""
    for tool in messages_of(tools):
        inner = tool.get("function")
        found = inner if isinstance(inner, Mapping) else tool
        if found.get("name"):
            yield found


def invocation_of(tool: Mapping[str, Any]) -> ToolInvocation:
    parameters = tool.get("parameters") or tool.get("input_schema")
    properties = parameters.get("properties") if isinstance(parameters, Mapping) else None
    known = properties if isinstance(properties, Mapping) else {}
    return ToolInvocation(str(tool["name"]), {name: sample(schema, parameters) for name, schema in known.items()})
