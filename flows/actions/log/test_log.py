import pytest

from flows.actions.services import MemoryServices
from flows.interpreter.journal import ActionLogged, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse


@pytest.mark.parametrize(("level", "written"), [(None, "info"), ("", "info"), ("debug", "debug"), ("error", "error")])
async def test_a_line_is_written_with_its_level(level, written):
    action = {"id": "log", "type": "log", "properties": {"message": "{{ n }} tokens", "level": level}}
    data = {"format": "foundryflow/1", "name": "x", "inputs": [{"name": "n", "type": "number"}], "actions": [action]}
    journal = MemoryJournal()

    await execute(parse(data), {"n": 12}, journal, MemoryServices())

    (line,) = [event for event in journal.events if isinstance(event, ActionLogged)]
    assert (line.path, line.level, line.message) == ("log", written, "12 tokens")
