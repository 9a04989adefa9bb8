"""The inputs of a run as its first variables."""

import pytest

from connections.secret import MASK, Secret
from flows.actions.services import MemoryServices
from flows.interpreter.inputs import check_files, first_scope, with_stored_defaults
from flows.language.document import parse
from flows.language.errors import ActionError
from flows.language.files import HOW, GivenFile

FILE = GivenFile("a.txt", "text/plain", b"A")


def flow(*inputs):
    return parse({"format": "foundryflow/1", "name": "x", "inputs": list(inputs), "actions": []})


def declared(name, type="text", **more):
    return {"name": name, "type": type, **more}


STORED = flow(
    declared("token", "secret", default={"secret": "s1"}, required=True), declared("note", default={"secret": "s1"})
)


def test_inputs_are_variables_by_their_names_and_together():
    document = flow(declared("q", required=True), declared("n", "number", default=3), declared("rest", "list"))
    scope, together = first_scope(document, {"q": "Hi", "n": None}), {"q": "Hi", "n": 3, "rest": None}
    assert {name: scope.get(name) for name in scope.names()} == {**together, "inputs": together}
    assert first_scope(document, {"q": "Hi", "n": "4"}).get("n") == 4


def test_secret_parts_are_sealed_wherever_the_input_is_read():
    document = flow(declared("c", "object", secret_parts=["key"], default={"key": "planted", "name": "Ada"}))
    sealed = {"key": Secret("planted"), "name": "Ada"}
    scope = first_scope(document, {})
    assert (scope.get("c"), scope.get("inputs")) == (sealed, {"c": sealed})


@pytest.mark.parametrize(
    ("inputs", "message", "hint"),
    [
        ({}, "The input q is missing.", "It is required; fill it in."),
        ({"q": ""}, "The input q is missing.", "It is required; fill it in."),
        ({"q": 1, "n": "x"}, "The input n is not a number: 'x'.", "Its type is number."),
        ({"q": 1, "z": 1, "b": 2}, "There is no input b.", "Inputs of this flow: n, q."),
    ],
)
def test_what_is_wrong_with_an_input_is_said(inputs, message, hint):
    with pytest.raises(ActionError) as caught:
        first_scope(flow(declared("q", required=True), declared("n", "number")), inputs)
    assert (caught.value.kind, caught.value.message, caught.value.hint) == ("input", message, hint)


def test_a_flow_without_inputs_says_so():
    with pytest.raises(ActionError) as caught:
        first_scope(flow(), {"z": 1})
    assert caught.value.hint == "Inputs of this flow: none."


async def test_a_stored_default_is_opened_only_where_nothing_is_given():
    services = MemoryServices(secrets={"s1": Secret("planted")})
    assert first_scope(STORED, {}).get("token") == Secret(MASK)
    assert await with_stored_defaults(STORED, {}, services) == {"token": Secret("planted")}
    assert await with_stored_defaults(STORED, {"token": None, "note": "a"}, services) == {
        "token": Secret("planted"), "note": "a",
    }  # fmt: skip
    given = {"token": "mine"}
    assert await with_stored_defaults(STORED, given, services) is given


def test_files_stand_where_they_belong():
    document = flow(declared("f", "file"), declared("t"))
    check_files(document, {"f": FILE, "t": "text"})
    check_files(document, {"f": None})
    for inputs, message, hint in (
        ({"t": FILE}, "The input t is no file.", "Its type is text."),
        ({"f": "text"}, "The input f is not a file.", f"{HOW}."),
        ({"f": ""}, "The input f is not a file.", f"{HOW}."),
    ):
        with pytest.raises(ActionError) as caught:
            check_files(document, inputs)
        assert (caught.value.message, caught.value.hint) == (message, hint)
