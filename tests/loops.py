"""Loops that are left at an item, run in memory: for the tests of the actions that leave one."""

from flows.actions.services import MemoryServices
from flows.interpreter.journal import ActionLogged, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse

SAY = {"id": "say", "type": "log", "properties": {"message": "{{ item }}"}}
OUTER = {**SAY, "id": "outer"}


def at_b(leave):
    return {"id": "at-b", "type": "if_else", "branches": [{"id": "b", "condition": "item == 'b'", "actions": [leave]}]}


def over(type, *body, **properties):
    return {"id": "each", "type": type, "properties": properties, "branches": [{"id": "body", "actions": list(body)}]}


def document(*actions):
    return parse({"format": "foundryflow/1", "name": "x", "actions": list(actions)})


async def said(*actions, journal=None):
    """What was logged, and the journal."""
    journal = journal or MemoryJournal()
    await execute(document(*actions), {}, journal, MemoryServices())
    return [event.message for event in journal.events if isinstance(event, ActionLogged)], journal
