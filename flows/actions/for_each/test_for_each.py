import pytest

from flows.actions.for_each.action import ForEach
from flows.document import parse
from flows.errors import RunFailed
from flows.journal import ActionFinished, LogLine, MemoryJournal
from flows.runner import execute
from flows.services import MemoryServices


async def lines(items, message="{{ index }}: {{ item }}", **properties):
    body = [{"id": "say", "type": "log", "properties": {"message": message}}]
    action = {
        "id": "each",
        "type": "for_each",
        "properties": {"items": items, **properties},
        "branches": [{"id": "body", "actions": body}],
    }
    journal = MemoryJournal()
    document = parse({"format": "foundryflow/1", "name": "x", "actions": [action]})
    await execute(document, {}, journal, MemoryServices())
    return [(event.path, event.message) for event in journal.events if isinstance(event, LogLine)], journal


@pytest.mark.parametrize("items", [["a", "b"], '["a", "b"]', "{{ 'a\nb' | lines }}", "{{ ['a', 'b'] }}"])
async def test_its_actions_run_once_for_every_item(items):
    said, journal = await lines(items)

    assert said == [("each[0]/say", "0: a"), ("each[1]/say", "1: b")]
    assert journal.events[-1] == ActionFinished("each", journal.events[-1].at, output="2 of 2", facts={"iterations": 2})


async def test_item_and_index_can_have_other_names():
    said, _ = await lines([7], "{{ n }}/{{ word }}", item_variable_name="word", index_variable_name="n")

    assert said == [("each[0]/say", "0/7")]


@pytest.mark.parametrize(
    ("items", "kind"),
    [
        (None, "property_missing"),
        ("two words", "not_a_list"),
        ({"a": 1}, "not_a_list"),
        ([0] * 10_001, "too_many_items"),
    ],
)
async def test_anything_but_a_list_stops_the_run(items, kind):
    with pytest.raises(RunFailed) as failed:
        await lines(items)
    assert failed.value.error.kind == kind


def test_item_and_index_exist_only_inside():
    assert ForEach().declares({}) == []
    assert ForEach().inside({"item_variable_name": "word"}) == [("word", ""), ("index", "number")]
