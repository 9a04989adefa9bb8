"""What a call of the playground is made of, and the document that it becomes: one chat completion."""

from __future__ import annotations

import dataclasses
import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile
from typing import Any

from flows.actions.chat_completion.action import PARAMETERS, ChatCompletion
from flows.actions.return_value.action import Return
from flows.language.document import Document, parse
from flows.language.expressions import is_plain, templates_in
from flows.language.schema import FORMAT
from flows.playground.variables import types_of

ACTION = "answer"  # id, and so the path, of the chat completion
CONVERSATION, IMAGES = "playground_conversation", "playground_images"  # inputs beside the variables
LETTERS = "ABC"  # of the columns of a comparison and the variants of a batch
CHARACTERS_A_TOKEN = 4  # for the window, which is an estimate
TEXTS, WINDOW = ("connection", "model", "instructions"), ("history_messages", "history_tokens")

Message = Mapping[str, Any]  # role and content, as the chat API takes them


@dataclass(frozen=True)
class Example:
    """A pair that shows the model how to answer."""

    user: str
    assistant: str

    @property
    def is_whole(self) -> bool:
        """Whether both sides are typed; others are not sent."""
        return bool(self.user.strip() and self.assistant.strip())


@dataclass(frozen=True)
class Setup:
    """The settings of one column. Texts are templates; `parameters` are those properties of an action that are set."""

    connection: str = ""
    model: str = ""
    instructions: str = ""
    examples: tuple[Example, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    history_messages: int | None = None  # the newest that are sent; None for all
    history_tokens: int | None = None  # about so many

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Setup:
        """Lenient: what is not there or not known is left at its default."""
        texts = {name: data[name] for name in TEXTS if isinstance(data.get(name), str)}
        numbers = {name: data[name] for name in WINDOW if is_count(data.get(name))}
        pairs = data.get("examples")
        examples = tuple(
            Example(as_template(pair.get("user")), as_template(pair.get("assistant")))
            for pair in (pairs if isinstance(pairs, list) else [])
            if isinstance(pair, Mapping)
        )
        given = data.get("parameters")
        parameters = {
            name: value
            for name, value in (given.items() if isinstance(given, Mapping) else ())
            if name in PARAMETERS and value not in (None, "")
        }
        known: dict[str, Any] = {**texts, **numbers, "examples": examples, "parameters": parameters}
        return cls(**known)

    def to_json(self) -> dict[str, Any]:
        return {
            "connection": self.connection,
            "model": self.model,
            "instructions": self.instructions,
            "examples": [dataclasses.asdict(example) for example in self.examples],
            "parameters": dict(self.parameters),
            "history_messages": self.history_messages,
            "history_tokens": self.history_tokens,
        }

    def with_overrides(self, overrides: Mapping[str, Any]) -> Setup:
        """With what a column sets for itself: fields of the setup by name, parameters one by one (None unsets)."""
        own = overrides.get("parameters")
        parameters = {**self.parameters, **(own if isinstance(own, Mapping) else {})}
        return Setup.from_json({**self.to_json(), **overrides, "parameters": parameters})

    @property
    def as_sent(self) -> Setup:
        """Without examples that are not typed yet."""
        return dataclasses.replace(self, examples=tuple(each for each in self.examples if each.is_whole))

    def templates(self) -> Iterable[str]:
        """Every text in which a variable may be named."""
        yield from (text for text in templates_in([self.model, dict(self.parameters)]) if not is_plain(text))
        yield self.instructions
        for example in self.examples:
            yield example.user
            yield example.assistant

    def properties(self, prompt: str) -> dict[str, Any]:
        """Those of a chat completion that asks `prompt`. The conversation and the images come as inputs."""
        history: list[Any] = []
        for example in self.examples:
            history += [{"role": "user", "content": example.user}, {"role": "assistant", "content": example.assistant}]
        return {
            "connection": self.connection,
            "model": self.model,
            **({"system_prompt": self.instructions} if self.instructions else {}),
            "user_prompt": prompt,
            "history": [*history, "{{ " + CONVERSATION + " }}"],
            "images": "{{ " + IMAGES + " }}",
            **self.parameters,
        }

    def newest_in_window(self, messages: Sequence[Message]) -> list[Message]:
        """The newest messages that the window lets through, the first of them from the user."""
        most = len(messages) if self.history_messages is None else self.history_messages
        kept: deque[Message] = deque()
        tokens = 0
        for message in reversed(messages):
            tokens += tokens_of(message)
            if len(kept) == most or (self.history_tokens is not None and tokens > self.history_tokens):
                break
            kept.appendleft(message)
        return list(dropwhile(lambda message: message.get("role") == "assistant", kept))


def is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def tokens_of(message: Message) -> int:
    """About how many; an image counts as a thousand."""
    content = message.get("content")
    if isinstance(content, list):
        return sum(
            len(str(part.get("text", ""))) // CHARACTERS_A_TOKEN if part.get("type") == "text" else 1_000
            for part in content
        )
    return len(str(content or "")) // CHARACTERS_A_TOKEN


def user_message(text: str, images: Sequence[str]) -> Message:
    """`images` are data URIs."""
    if not images:
        return {"role": "user", "content": text}
    shown = [{"type": "image_url", "image_url": {"url": image}} for image in images]
    return {"role": "user", "content": [{"type": "text", "text": text}, *shown]}


def document_of(name: str, setup: Setup, prompt: str, variables: Mapping[str, Any]) -> Document:
    """A flow of one chat completion. `variables` are the values, which decide the types of the inputs.

    Raises DocumentError.
    """
    types = types_of(variables, [*setup.templates(), prompt])
    inputs = [{"name": variable, "type": type} for variable, type in types.items()]
    inputs += [{"name": CONVERSATION, "type": "list"}, {"name": IMAGES, "type": "list"}]
    return parse(
        {
            "format": FORMAT,
            "name": name,
            "inputs": inputs,
            "actions": [
                {"id": ACTION, "type": ChatCompletion.type, "title": "Answer", "properties": setup.properties(prompt)},
                {"id": "return", "type": Return.type, "properties": {"value": "{{ response }}"}},
            ],
        }
    )


def setup_of(properties: Mapping[str, Any]) -> tuple[Setup, str]:
    """The setup and the prompt template of a chat completion in a flow; what a playground cannot hold is left out."""
    context, template = as_template(properties.get("context")), properties.get("prompt_template")
    prompt = as_template(properties.get("user_prompt"))
    if isinstance(template, str) and template:
        prompt = prompt.join(part.replace("@@context", context) for part in template.split("@@userPrompt"))
    elif context:
        prompt = f"Context:\n{context}\n\n{prompt}"
    setup = Setup(
        connection=as_template(properties.get("connection")),
        model=as_template(properties.get("model")),
        instructions=as_template(properties.get("system_prompt")),
        examples=examples_in(properties.get("history")),
        parameters={name: properties[name] for name in PARAMETERS if properties.get(name) not in (None, "")},
    )
    return setup, prompt


def examples_in(history: Any) -> tuple[Example, ...]:
    """The pairs that a literal history begins with."""
    pairs, messages = [], history if isinstance(history, list) else []
    for asked, answered in zip(messages[::2], messages[1::2], strict=False):
        if not (has_role(asked, "user") and has_role(answered, "assistant")):
            break
        pairs.append(Example(as_template(asked.get("content")), as_template(answered.get("content"))))
    return tuple(pairs)


def has_role(message: Any, role: str) -> bool:
    return isinstance(message, Mapping) and message.get("role") == role


def as_template(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def templates_of(properties: Mapping[str, Any]) -> list[str]:
    """Every template of an action's properties."""
    return list(templates_in(dict(properties)))
