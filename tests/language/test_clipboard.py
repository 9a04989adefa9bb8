"""What is on the clipboard of a person: actions that name their format, without secrets."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.language.clipboard import (
    LARGEST,
    ClipboardError,
    MissingSecret,
    actions_in,
    clipboard_text,
    without_missing_secrets,
)
from flows.language.document import parse
from foundryflow.strict_json import JsonError, storable_json
from tests.language.test_document import documents, flow, log

KEY = {"secret": "s0123456789ab"}


@given(documents())
def test_what_was_copied_is_pasted_as_it_was(data):
    actions, text = parse(data).json["actions"], clipboard_text("Any", parse(data).json["actions"])
    try:
        storable_json(text)
    except JsonError:  # no flow that is stored is like that
        return
    assert not actions or actions_in(text) == actions


def test_an_exported_flow_can_be_pasted_too():
    assert actions_in(json.dumps(flow(log("a")))) == [log("a")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello", "is no actions of a flow. Copy actions in the designer"),
        ("", "is no actions of a flow"),
        ("[]", "is no actions of a flow"),
        ('{"a": 1}', "is no actions of a flow"),
        ('{"format": 7, "actions": []}', "is no actions of a flow"),
        (json.dumps({"format": "foundryflow-actions/2", "actions": [log("a")]}), r"another version of FoundryFlow \(foundryflow-actions/2\)"),
        (json.dumps({"format": "foundryflow/9", "actions": [log("a")]}), r"another version of FoundryFlow \(foundryflow/9\)"),
        (json.dumps({"format": "foundryflow-actions/1", "actions": []}), "no action in what you pasted"),
        (json.dumps({"format": "foundryflow-actions/1", "actions": [{"id": "a"}]}), "is broken: actions"),
        (json.dumps({"format": "foundryflow-actions/1", "actions": "x"}), "is broken: actions is not a list"),
        ('{"format": "foundryflow-actions/1", "actions": ' + "[" * 100_000, "is no actions of a flow"),
        ("x" * (LARGEST + 1), "is 5 MB; at most 5 MB"),
        ("x" * 10_000_000, "is 10 MB; at most 5 MB"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_a_sentence(text, words):
    with pytest.raises(ClipboardError, match=words):
        actions_in(text)


@given(st.text(max_size=200))
def test_no_text_does_anything_but_that(text):
    with pytest.raises(ClipboardError):
        actions_in(text)


def test_secrets_that_are_not_here_are_left_out_and_named():
    inner = {"id": "in", "type": "http_request", "properties": {"headers": {"Accept": "x", "Authorization": KEY}}}
    rows = [{"name": "apiKey", "type": "secret", "value": KEY}, {"name": "tone", "value": "calm"}]
    actions = [
        {"id": "vars", "type": "declare_variables", "properties": {"variables": rows}},
        {"id": "loop", "type": "for_each", "branches": [{"id": "body", "actions": [inner]}]},
        {"id": "conn", "type": "create_azure_ai_connection", "properties": {"api_key": {"secret": "left-out"}}},
    ]
    clean, missing = without_missing_secrets(actions, set())
    assert missing == [
        MissingSecret("vars", "variables", "apiKey"),
        MissingSecret("in", "headers", "Authorization"),
        MissingSecret("conn", "api_key", ""),
    ]
    assert "s0123456789ab" not in json.dumps(clean)
    assert clean[1]["branches"][0]["actions"][0]["properties"]["headers"] == {"Accept": "x", "Authorization": None}
    assert without_missing_secrets(actions[:2], {KEY["secret"]}) == (actions[:2], [])
