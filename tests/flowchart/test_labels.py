"""What actions, their properties and edits are called."""

import pytest

from flows.flowchart.labels import deed_of, edited_note, label_of, lower_first, title_of
from flows.language.document import parse


def document(**more):
    actions = [{"id": "a", "type": "chat_completion", "title": "Answer"}, {"id": "b", "type": "log"}]
    return parse({"format": "foundryflow/1", "name": "x", "actions": actions, **more})


FLOW = document()


def test_an_action_is_called_by_its_title_or_its_type_in_whichever_version_has_it():
    empty = parse({"format": "foundryflow/1", "name": "x", "actions": []})
    assert [title_of(id, empty, FLOW) for id in (None, "a", "b", "gone")] == ["Start", "Answer", "Log", "gone"]


@pytest.mark.parametrize(
    ("key", "label"),
    [
        (("properties", "user_prompt"), "user prompt"),
        (("properties", "unknown"), "unknown"),
        (("properties",), "properties"),
        (("branches", "yes", "condition"), "condition of a branch"),
        (("branches", "yes"), "branches"),
        (("inputs", "question"), "input question"),
        (("inputs",), "inputs"),
        (("settings", "concurrency"), "runs at the same time"),
        (("settings", "deadline"), "deadline"),
        (("settings", "other"), "other"),
        (("settings",), "settings"),
        (("added",), "new"),
        (("title",), "title"),
    ],
)
def test_a_value_is_called_as_the_panel_calls_it(key, label):
    assert label_of("chat_completion", key) == label


def test_what_begins_with_an_abbreviation_keeps_its_capitals():
    assert [lower_first(label) for label in ("User prompt", "URL", "X", "")] == ["user prompt", "URL", "x", ""]


@pytest.mark.parametrize(
    ("edited", "note"),
    [
        (FLOW, "Answer edited"),
        (FLOW.with_action("a", title="Reply"), "Answer edited: title"),
        (FLOW.with_properties("a", {"model": "m", "user_prompt": "x"}), "Answer edited: model, user prompt"),
        (FLOW.with_properties("a", {"model": "m", "temperature": 1, "user_prompt": "x"}),
         "Answer edited: model, temperature, user prompt"),
        (FLOW.with_properties("a", {"model": "m", "temperature": 1, "user_prompt": "x", "context": "y"}),
         "Answer edited: 4 changes"),
        (FLOW.with_action("a", title="Reply").with_action("b", title="Say"), "Answer edited: title"),
        (FLOW.with_name("y"), "Answer edited: name"),
    ],
)  # fmt: skip
def test_the_note_of_a_revision_names_what_was_edited(edited, note):
    assert edited_note("Answer", FLOW, edited) == note


@pytest.mark.parametrize(
    ("note", "deed"),
    [("Answer edited: title, model", "Answer edited"), ("Answer edited", "Answer edited"), ("2 removed", "2 removed")],
)
def test_a_note_without_its_values_is_the_deed(note, deed):
    assert deed_of(note) == deed
