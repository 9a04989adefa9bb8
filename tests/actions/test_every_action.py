"""The contract of all action types; a new folder is tested before its author writes a test."""

import ast
import json
import re
from pathlib import Path

import pytest

import flows
from flows.actions import registry
from flows.actions.services import MemoryServices
from flows.catalog.files import export_text, import_flow
from flows.designer.edits import new_action, property_form
from flows.designer.fields import PanelContext
from flows.designer.open_flow import OpenFlow
from flows.designer.panel import stored_panel
from flows.designer.regions import field_region
from flows.flowchart.chart import ports
from flows.interpreter.journal import MemoryJournal
from flows.interpreter.property_reader import PropertyReader
from flows.language.document import parse
from flows.language.errors import ActionError
from flows.language.scope import Scope
from flows.language.values import display_json
from flows.lint.linter import problems
from flows.models import Flow
from flows.properties.base import properties_of
from foundryflow.regions import partial

TYPES = [known.type for known in registry.all_types()]
PROPERTIES = [(known.type, name) for known in registry.all_types() for name in properties_of(known.properties)]
SAMPLES = {
    "address": "{{ question }}",
    "agent_connection": "contoso",
    "assigned_value": "{{ question }}",
    "code": "def main():\n    return 1",
    "condition": "question == 1",
    "connection": "contoso",
    "connection_variable": "question",
    "declarations": [{"name": "a", "type": "text", "value": "{{ question }}"}],
    "named_values": {"a": "{{ question }}"},
    "new_variable": "made",
    "number": 1,
    "sql": "SELECT 1",
    "variable": "question",
}


EMPTY = {"format": "foundryflow/1", "name": "x", "actions": []}
ROWS = [{"name": "note", "type": "text"}, {"name": "rows", "type": "list"}]
DECLARED = {"id": "declare", "type": "declare_variables", "properties": {"variables": ROWS}}
CONNECTED = {"id": "connect", "type": "create_azure_ai_connection", "properties": {"connection_variable_name": "made"}}


def property_of(type, name):
    return registry.properties_of_type(type)[name]


def sample(property):
    if property.kind == "choice":
        return property.choices[-1]
    if property.kind == "number":
        return max(SAMPLES["number"], property.minimum or 0)
    return SAMPLES.get(property.kind, "{{ question }}")


def full(type):
    return {name: sample(property) for name, property in registry.properties_of_type(type).items()}


def action(type, properties):
    return {"id": "a", "type": type, "properties": properties}


def document(type, properties):
    inputs = [{"name": "question", "type": "text"}]
    return parse({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": [action(type, properties)]})


def form_of(type, stored, data=None):
    return property_form(document(type, stored).find("a"), PanelContext(), data)


def posted(type, stored):
    """What a browser sends for the panel as it is rendered."""
    data = {}
    form = form_of(type, stored)
    for name, field in form.property_fields():
        shown = form[name].value()
        if field.property.kind == "declarations":
            for at, row in enumerate(shown):
                data.update({f"{name}-{at}-{part}": value for part, value in row.items() if part != "global"})
        else:
            data[name] = shown
            data[f"{name}-on"] = "on"
    return data


def said_by_panel(type, name, value):
    """What the panel complains of when this is typed."""
    form = form_of(type, {}, {**posted(type, full(type)), name: str(value)})
    return [str(sentence) for sentence in form.errors.get(name, [])]


def said_by_lint(type, name, value):
    found = problems(document(type, {**full(type), name: value}), connections={"contoso"})
    return [problem.message for problem in found if problem.property == name and problem.severity == "error"]


async def said_by_run(type, name, value):
    try:
        await property_of(type, name).read(value, Scope())
    except ValueError as error:
        return [str(error)]
    return []


async def read_properties(type, stored):
    """What the interpreter hands to the action. Raises ActionError."""
    reader = PropertyReader(MemoryJournal(), MemoryServices(), None)
    scope = Scope()
    scope.declare("question", "text", "Why?")
    return await reader.read(registry.action_type(type).properties, document(type, stored).find("a"), scope)


def without(type, name):
    """All properties but this one, and those that take its place."""
    left_out = {name, property_of(type, name).overridden_by}
    return {key: value for key, value in full(type).items() if key not in left_out}


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("stored", ["full", "empty"])
def test_properties_survive_a_round_trip_through_the_panel(type, stored):
    given = full(type) if stored == "full" else {}
    form = form_of(type, given, posted(type, given))
    assert form.is_valid(), form.errors
    assert form.properties() == given


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("wrong", [None, "", 5, "{{ broken", [], {}, {"secret": 5}, [[]], True])
def test_properties_of_any_shape_never_break_lint_and_card(type, wrong):
    given = document(type, dict.fromkeys(full(type), wrong))
    assert all(problem.action_id == "a" for problem in problems(given, connections=set()))
    assert ports(given.find("a"), set()) is not None


def fields_of(flow, request):
    """Of the panel of the action: the fields by name, and their HTML."""
    panel = stored_panel(OpenFlow(request, flow), flow.current.parsed().find("a"))
    found = [*panel.fields, *panel.advanced, *([panel.result] if panel.result else [])]
    return {field.name: (field.field, partial(field_region(panel, field))) for field in found}


@pytest.mark.parametrize("type", TYPES)
def test_its_panel_opens_and_a_field_says_whether_it_names_the_variables_in_scope(type, rf, alice):
    request = rf.get("/")
    request.user, request.htmx = alice, False
    made = {**new_action(parse(EMPTY), type), "id": "a"}
    flow = Flow.objects.create_flow(parse({**EMPTY, "actions": [made]}), by=alice)
    before = fields_of(flow, request)
    flow.commit(parse({**EMPTY, "actions": [DECLARED, CONNECTED, made]}), by=alice, base=1)
    after = fields_of(flow, request)

    assert set(before) == set(full(type))
    differing = [name for name in before if before[name][1] != after[name][1]]
    assert differing == [name for name, (field, _) in before.items() if field.names_variables]


@pytest.mark.parametrize("type", TYPES)
def test_it_says_what_it_is_and_brings_help_and_icon(type):
    known, folder = registry.action_type(type), registry.folder(type)
    assert len((folder / "help.md").read_text()) > 40
    assert "currentColor" in (folder / "icon.svg").read_text()
    assert known.title
    assert known.purpose
    assert not known.purpose.endswith(".")
    assert display_json(full(type)) is not None


# A property is said once


@pytest.mark.parametrize("type", TYPES)
def test_the_panel_has_its_properties_in_their_order(type):
    fields = dict(form_of(type, {}).property_fields())

    assert list(fields) == list(registry.properties_of_type(type))
    for name, field in fields.items():
        assert (field.property, field.label) == (property_of(type, name), property_of(type, name).label)


@pytest.mark.parametrize(("type", "name"), PROPERTIES)
def test_what_is_missing_is_the_same_everywhere(type, name):
    property, given = property_of(type, name), document(type, without(type, name))
    missing = f"{property.label} is missing."

    assert any(problem.message.startswith(missing) for problem in problems(given)) is property.required
    assert not (property.required and property.default), "a default is what the action gets, so nothing is missing"
    if property.on_card and property.kind != "declarations":
        label = property.card_label or property.label
        assert label in [port.label for port in ports(given.find("a"), set())]
        assert f"{label} missing" in [port.label for port in ports(given.find("a"), {("a", name)})]


@pytest.mark.parametrize(("type", "name"), [each for each in PROPERTIES if not property_of(*each).required])
def test_what_may_be_empty_says_what_that_means(type, name):
    assert property_of(type, name).empty_words


@pytest.mark.parametrize(("type", "name"), [each for each in PROPERTIES if property_of(*each).required])
async def test_a_run_stops_where_one_is_missing(type, name):
    with pytest.raises(ActionError, match=f"^{property_of(type, name).label} is missing") as stopped:
        await read_properties(type, without(type, name))
    assert stopped.value.kind == property_of(type, name).error_when_missing


@pytest.mark.parametrize(("type", "name"), [each for each in PROPERTIES if not property_of(*each).required])
async def test_a_run_reads_the_others_without_one_that_is_not_required(type, name):
    assert await read_properties(type, without(type, name)) is not None


@pytest.mark.parametrize(("type", "name"), [each for each in PROPERTIES if property_of(*each).kind == "number"])
async def test_bounds_are_the_same_everywhere(type, name):
    property = property_of(type, name)
    for bound, beyond in ((property.minimum, -1), (property.maximum, 1)):
        for value, is_wrong in ((bound, False), (bound + beyond, True)) if bound is not None else ():
            said = (
                said_by_panel(type, name, value),
                said_by_lint(type, name, value),
                await said_by_run(type, name, value),
            )
            assert [bool(each) for each in said] == [is_wrong] * 3, said


@pytest.mark.parametrize(("type", "name"), [each for each in PROPERTIES if property_of(*each).kind == "choice"])
async def test_choices_are_the_same_everywhere(type, name):
    choices = property_of(type, name).choices
    assert [key for key, _ in form_of(type, {}).fields[name].choices] == ["", *choices]
    for value, is_wrong in [*((each, False) for each in choices), ("nothing of it", True)]:
        said = said_by_panel(type, name, value), said_by_lint(type, name, value), await said_by_run(type, name, value)
        assert [bool(each) for each in said] == [is_wrong] * 3, said


@pytest.mark.parametrize(
    ("type", "name", "wrong"),
    [(*each, wrong) for each in PROPERTIES for wrong in (True, 5, [5], "nope", {"a": "{{ nope }}"}, "{{ nope }}")],
)
def test_a_sentence_of_lint_calls_it_as_the_panel_does(type, name, wrong):
    """By its label, or by what is wrong in it: the name of a variable or of a connection."""
    for message in said_by_lint(type, name, wrong):
        assert (
            property_of(type, name).label in message or "`" in message or "nope" in message or "Variable 1" in message
        )


# Nothing else knows it


@pytest.mark.django_db
def test_a_property_that_no_kind_knows_is_kept_by_an_import_and_named_by_lint():
    given = document("log", {"message": "x", "colour": {"name": "red", "value": "{{ 1 }}"}}).to_json()

    flow, _ = import_flow(json.dumps(given), by=None)

    assert json.loads(export_text(flow.current.document))["actions"] == given["actions"]
    (problem,) = problems(flow.current.parsed())
    assert (problem.severity, problem.message) == (
        "warning",
        "There is no property colour; it is kept and does nothing. Properties: message, level.",
    )


ROOT = Path(flows.__file__).parent
FOLDERS = {type: registry.folder(type) for type in TYPES}
MODULES = [path for path in ROOT.rglob("*.py") if "migrations" not in path.parts and not path.name.startswith("test_")]


def named_in(module):
    """Action types that a module writes down: with an underscore anywhere, other words where a type is meant."""
    tree = ast.parse(module.read_text())
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(word)) if "_" in word:
                yield word
            case ast.Dict(keys=keys, values=values):
                pairs = zip(keys, values, strict=True)
                yield from (constant(value) for key, value in pairs if constant(key) == "type")
            case ast.keyword(arg="type" | "type__in", value=value):
                yield constant(value)
            case ast.Compare(left=left, comparators=others):
                compared = [left, *others]
                if any(isinstance(each, ast.Attribute) and each.attr == "type" for each in compared):
                    yield from map(constant, compared)


def constant(node):
    return node.value if isinstance(node, ast.Constant) else None


def test_no_action_type_is_named_outside_its_folder():
    named = [
        (module.relative_to(ROOT).as_posix(), word)
        for module in MODULES
        for word in named_in(module)
        if word in FOLDERS and not module.is_relative_to(FOLDERS[word])
    ]
    assert named == []


def test_no_property_hides_what_templates_ask_of_the_form():
    """In a template a field comes before an attribute of its form."""
    templates = Path(flows.__file__).parents[1] / "templates"
    texts = [file.read_text() for room in ("designer", "properties") for file in (templates / room).rglob("*.html")]
    asked = {name for text in texts for name in re.findall(r"\bform\.(\w+)", text)}
    assert "panel_context" in asked
    assert not asked & {name for _, name in PROPERTIES}
