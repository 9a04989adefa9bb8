"""Runs in memory: of documents that are written in a few words, with a model that answers what it is told to."""

import asyncio

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.values import Completion, Target, TextDelta, Usage
from connections.secret import Secret
from flows.actions.services import MemoryServices
from flows.interpreter.journal import (
    ActionCancelled,
    ActionFailed,
    ActionFinished,
    ActionSkipped,
    MemoryJournal,
)
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from tests.documents_of import load

KEY = "planted-key"


class Chat:
    """Answers what it is told to, and remembers its calls."""

    def __init__(self, text="An answer", finish="stop", error=None, hang=False):
        self.text, self.finish, self.error, self.hang = text, finish, error, hang
        self.calls = []

    async def chat(self, target, request):
        self.calls.append((target, request))
        if self.error:
            raise self.error
        yield TextDelta(self.text[:3])
        if self.hang:
            await asyncio.sleep(60)
        yield TextDelta(self.text[3:])
        yield Completion(self.text, None, self.finish, Usage(5, 7, 12), "gpt-x", "id-1", 200, "https://x/chat")


def target(name="simulator"):
    return Target(name, parse_endpoint("https://contoso.openai.azure.com/openai/v1"), Secret(KEY))


async def run(document, chat=None, journal=None, **inputs):
    journal = journal or MemoryJournal()
    data = load(document) if isinstance(document, str) else document
    services = MemoryServices(chat or Chat(), {"simulator": target(), "contoso": target("contoso")})
    return await execute(parse(data), inputs, journal, services), journal


def flow(*actions, inputs=()):
    return {"format": "foundryflow/1", "name": "x", "inputs": list(inputs), "actions": list(actions)}


def ends_of(journal):
    """How each action ended, by its path."""
    return {
        e.path: e
        for e in journal.events
        if isinstance(e, ActionFinished | ActionFailed | ActionCancelled | ActionSkipped)
    }


def action(id, type, /, *branches, **properties):
    made = {"id": id, "type": type, "properties": properties}
    return {**made, "branches": list(branches)} if branches else made


def branch(id, *actions, **more):
    return {"id": id, "title": "", "actions": list(actions), **more}


def log(id="a", message="x", **more):
    return {**action(id, "log", message=message), **more}


def ret(value):
    return action("ret", "return", value=value)


def each(items, *body, id="each", **properties):
    return action(id, "for_each", branch(f"{id}-body", *body), items=items, **properties)


def only_if(condition, inner):
    return action(f"{inner['id']}-if", "if_else", branch(f"{inner['id']}-lane", inner, condition=condition))


def declare(name, value, type="text", **more):
    return action("vars", "declare_variables", variables=[{"name": name, "type": type, "value": value, **more}])


LOG = log("log", "{{ item }}")
THROW = action("throw", "throw", message="No.")


async def failure_of(document, chat=None, journal=None, **inputs):
    """How the run of it failed."""
    with pytest.raises(RunFailed) as failed:
        await run(document, chat, journal, **inputs)
    return failed.value
