"""Literal secrets of a document: wherever they are typed, only encrypted storage holds them."""

import importlib
import json

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection as database
from django.urls import reverse

from connections.secret import Secret
from flows.actions.services import MemoryServices
from flows.catalog.files import import_flow
from flows.engine.configuration import problems_of
from flows.interpreter.journal import MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import DocumentError, parse
from flows.lint import linter
from flows.lint.literal_secrets import (
    LITERAL,
    MIXED,
    SHAPE,
    SecretPlace,
    literal_of,
    refusal_of,
    refusals,
    replace_literals,
    secret_names,
    secrets_of,
    text_inputs_in_secrets,
    without_literals,
)
from flows.models import Flow, FlowSecret, Revision

CANARY = "sk-canary-5d0e1b"
HTMX = {"HX-Request": "true"}


def document(*actions, inputs=(), name="Keys"):
    return {"format": "foundryflow/1", "name": name, "inputs": list(inputs), "actions": list(actions)}


def secret_input(name="token", **more):
    return {"name": name, "type": "secret", **more}


def declare(**row):
    return {"id": "vars", "type": "declare_variables", "properties": {"variables": [{"name": "key", **row}]}}


def connect(api_key, **more):
    properties = {"api_key": api_key, "endpoint": "https://contoso.openai.azure.com"}
    return {"id": "conn", "type": "create_azure_ai_connection", "properties": properties, **more}


def assign(value, variable="key"):
    return {"id": "set", "type": "set_variable", "properties": {"variable": variable, "value": value}}


def call(inputs):
    return {"id": "call", "type": "run_flow", "properties": {"flow": "callee", "inputs": inputs}}


def inside(action):
    return {
        "id": "if", "type": "if_else", "properties": {},
        "branches": [{"id": "one", "condition": "true", "actions": [
            {"id": "each", "type": "for_each", "properties": {"items": [1]}, "branches": [{"id": "body", "actions": [action]}]}
        ]}],
    }  # fmt: skip


EVERYWHERE = [
    document(inputs=[secret_input(default=CANARY)]),
    document(inputs=[secret_input(default="{{ " + CANARY)]),
    document(inputs=[secret_input(default=[CANARY])]),
    document(declare(type="secret", value=CANARY)),
    document(connect(CANARY)),
    document(connect(CANARY, disabled=True)),
    document(inside(connect(CANARY))),
    document(inside({**connect(CANARY), "disabled": True})),
    document(declare(type="secret", value=""), assign(CANARY)),
    document(declare(type="secret", value=""), inside(assign(CANARY))),
    document(assign(CANARY, "token"), inputs=[secret_input()]),
    document(call({"token": CANARY, "q": "{{ 1 }}"})),
    document(call(json.dumps({"token": CANARY, "q": "{{ 1 }}"}))),
]


def everything_stored():
    """All rows of all tables, as text."""
    with database.cursor() as cursor:
        for name in database.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {database.ops.quote_name(name)}")
            yield from (str(row) for row in cursor.fetchall())


@pytest.fixture
def callee(db):
    return Flow.objects.create_flow(
        parse(document(name="callee", inputs=[secret_input(), {"name": "q", "type": "text"}])), by=None
    )


@pytest.mark.parametrize("data", EVERYWHERE)
def test_a_literal_is_in_encrypted_storage_only(client_alice, callee, data):
    file = SimpleUploadedFile("flow.json", json.dumps(data).encode())
    assert client_alice.post(reverse("flows:import"), {"file": file}).status_code == 302
    flow = Flow.objects.get(name="Keys")
    assert CANARY in FlowSecret.objects.get(flow=flow).value.reveal()
    assert not any(CANARY in row for row in everything_stored())
    slug = [flow.slug]
    pages = [reverse("flows:export", args=slug), reverse("runs:start", args=slug)]
    pages += [reverse("designer:show", args=slug) + f"?action={id}" for id in ("start", "conn", "vars", "set", "call")]
    for page in pages:
        assert CANARY not in client_alice.get(page).content.decode()


@pytest.mark.parametrize(
    ("data", "value"),
    [(document(connect(mixed)), mixed) for mixed in ("sk-{{ x }}", "{{ x }}sk", "{{ x }}{{ x }}", "{% if x %}{{ x }}{% endif %}", "sk-{{ x",
                                                     "{{ 'sk-1' }}", "{{ x or 'sk-1' }}", "{{ x | default('sk-1') }}", "{{ 'sk-' ~ x }}", "{{ 'sk' if x else x }}")]
    + [(document(declare(type="secret", value="sk-{{ x }}")), "variables"), (document(declare(type="secret", value=""), assign("sk-{{ x }}")), "set"),
       (document(inside({**connect("sk-{{ x }}"), "disabled": True})), "nested")],
)  # fmt: skip
def test_a_literal_mixed_with_a_template_is_refused(db, data, value):
    with pytest.raises(DocumentError, match=r"cannot be mixed|would stay readable"):
        import_flow(json.dumps(data), by=None)
    assert not Flow.objects.exists()
    assert "disabled" in json.dumps(data) or any(
        "mixed" in p.message or "readable" in p.message for p in linter.problems(parse(data))
    )


@pytest.mark.parametrize(
    "value",
    [
        "{{ x }}",
        " {{ x }} ",
        "{{ inputs['x'] }}",
        "{{ x if x == 'a' else y }}",
        "{{ keys['prod'] }}",
        "{{ x | replace('Bearer ', '') }}",
    ],
)
def test_exactly_one_expression_is_welcome(value):
    assert not refusals(parse(document(connect(value), declare(type="secret", value=value))))


@pytest.mark.parametrize(
    ("value", "refusal"),
    [
        (None, ""),
        ("", ""),
        ("sk-1", ""),
        ({"secret": "s0"}, ""),
        ({"secret": "s0", "more": "{{ x }}"}, SHAPE),
        (["{{ x }}"], SHAPE),
        ("{{ x", MIXED),
        ("sk {{ x }}", MIXED),
        ("{{ x }}{{ y }}", MIXED),
        ("{{ x + }}", ""),
        ("{{ 1 }}", ""),
        ("{{ ' ' ~ x }}", ""),
        ("{{ 'sk' if x }}", LITERAL),
        ("{{ x if y else 'sk' }}", LITERAL),
        ("{{ x if y }}", ""),
        ("{{ x ~ y ~ 'sk' }}", LITERAL),
        ("{{ x or 'sk' }}", LITERAL),
        ("{{ 'sk' + x }}", LITERAL),
        ("{{ x + y }}", ""),
        ("{{ x | d('sk') }}", LITERAL),
        ("{{ 'sk' | upper }}", LITERAL),
        ("{{ x | replace('sk', '') }}", ""),
        ("{{ {'a': 'sk'}.a }}", LITERAL),
        ("{{ ['sk'][0] }}", LITERAL),
        ("{{ ('sk', x)[0] }}", LITERAL),
        ("{{ {'sk': x} }}", ""),
    ],
)
def test_what_may_stand_where_a_secret_is_taken(value, refusal):
    assert refusal_of(SecretPlace("a", "api_key", "API key"), value) == refusal


def test_a_default_is_a_literal_whatever_it_looks_like():
    default, action = SecretPlace(None, "inputs", "The default"), SecretPlace("a", "api_key", "API key")
    found = [
        (literal_of(default, value), literal_of(action, value)) for value in ("{{ x }}", "sk", 5, "", {"secret": "s0"})
    ]
    assert found == [("{{ x }}", None), ("sk", "sk"), ("5", "5"), (None, None), (None, None)]


def test_every_literal_is_replaced_or_left_out_and_nothing_else():
    inputs = [secret_input(default=CANARY), secret_input("none"), {"name": "t", "type": "text", "default": "stays"}]
    rows = (
        declare(type="secret", value=CANARY),
        connect("{{ key }}"),
        {"id": "log", "type": "log", "properties": {"message": "stays"}},
    )
    before = parse(document(*rows, inputs=inputs))
    assert [(place.action_id, place.property, value) for place, value in secrets_of(before)] == [
        (None, "inputs", CANARY), ("vars", "variables", CANARY), ("conn", "api_key", "{{ key }}"),
    ]  # fmt: skip
    stored = replace_literals(before, lambda literal: {"secret": f"of {literal}"})
    text = json.dumps(before.json)
    assert stored.json == json.loads(text.replace(f'"{CANARY}"', json.dumps({"secret": f"of {CANARY}"})))
    assert without_literals(before).json == json.loads(text.replace(f'"{CANARY}"', '{"secret": "left-out"}'))
    assert without_literals(stored) is stored
    mixed = parse(document(connect("sk-{{ x }}")))
    assert without_literals(mixed).find("conn").properties["api_key"] == {"secret": "left-out"}
    assert secret_names(before) == {"token", "none", "key"}


def test_a_text_reaches_a_key_through_as_many_variables_as_there_are():
    actions = [
        connect("{{ b ~ inputs.y }}"),
        assign("{% if a %}{{ a }}{% endif %}", "b"),
        {**assign("{{ x }}{{ a }}", "a"), "id": "set2"},
        {**assign("{{ broken", "b"), "id": "set3"},
    ]
    inputs = [{"name": name, "type": "text"} for name in ("y", "x", "unused")] + [secret_input(default="{{ unused }}")]
    assert [name for _, name in text_inputs_in_secrets(parse(document(*actions, inputs=inputs)))] == ["x", "y"]


@pytest.mark.parametrize(
    ("action", "field", "rest"),
    [("conn", "api_key", {"endpoint": "{{ x }}", "connection_variable_name": "c"}), ("set", "value", {"variable": "token"}),
     ("vars", "variables", {"variables-0-name": "key", "variables-0-type": "secret", "variables-0-value": "sk-{{ token }}"})],
)  # fmt: skip
def test_the_panel_refuses_a_mixture(client_alice, db, action, field, rest):
    data = document(
        declare(type="secret", value=""),
        assign("{{ token }}", "token"),
        connect("{{ token }}"),
        inputs=[secret_input(), {"name": "x", "type": "text"}],
    )
    flow = Flow.objects.create_flow(parse(data), by=None)
    address = reverse("designer:save_properties", args=[flow.slug, action])
    answer = client_alice.post(address, {"base": 1, field: f"{CANARY}{{{{ x }}}}", **rest}, headers=HTMX)
    assert answer.status_code == 422
    assert "cannot be mixed" in answer.content.decode()
    assert Flow.objects.get().current.number == 1


def test_a_literal_typed_for_a_secret_variable_is_stored_and_its_field_is_write_only(client_alice, db):
    flow = Flow.objects.create_flow(parse(document(assign("{{ token }}", "token"), inputs=[secret_input()])), by=None)
    address = reverse("designer:save_properties", args=[flow.slug, "set"])
    answer = client_alice.post(address, {"base": 1, "variable": "token", "value": CANARY}, headers=HTMX)
    page = answer.content.decode()
    assert (answer.status_code, CANARY in page, "Secret stored" in page) == (200, False, True)
    stored = Flow.objects.get().current.parsed().find("set").properties["value"]
    assert FlowSecret.objects.get(key=stored["secret"]).value.reveal() == CANARY
    again = client_alice.post(address, {"base": 2, "variable": "token", "value": "", "title": "x"}, headers=HTMX)
    assert again.status_code == 200
    assert Flow.objects.get().current.parsed().find("set").properties["value"] == stored


def test_the_default_of_a_secret_input_is_replaced_kept_and_removed(client_alice, db):
    flow = Flow.objects.create_flow(parse(document(inputs=[secret_input(default=CANARY)])), by=None)
    row = {"name": "Keys", "input-0-name": "token", "input-0-type": "secret", "input-0-default": ""}

    def save(base, **more):
        posted = {**row, "base": base, **{f"input-0-{name}": value for name, value in more.items()}}
        answer = client_alice.post(reverse("designer:save_inputs", args=[flow.slug]), posted, headers=HTMX)
        assert (answer.status_code, CANARY in answer.content.decode()) == (200, False)
        return Flow.objects.get().current.parsed().inputs[0].default

    first = flow.current.parsed().inputs[0].default
    assert save(1, description="kept") == first
    other = save(2, default="another")
    assert other != first
    assert FlowSecret.objects.get(key=other["secret"]).value.reveal() == "another"
    renamed = save(3, name="key", kept=other["secret"])
    assert renamed == other
    assert save(4, name="key", kept=other["secret"], forget="on") is None


def test_a_secret_that_becomes_a_text_takes_no_default_along(client_alice, db):
    flow = Flow.objects.create_flow(parse(document(inputs=[secret_input(default=CANARY)])), by=None)
    kept = flow.current.parsed().inputs[0].default["secret"]
    posted = {
        "base": 1,
        "name": "Keys",
        "input-0-name": "token",
        "input-0-type": "text",
        "input-0-default": "",
        "input-0-kept": kept,
    }
    assert client_alice.post(reverse("designer:save_inputs", args=[flow.slug]), posted, headers=HTMX).status_code == 200
    assert Flow.objects.get().current.parsed().inputs[0].default is None


async def test_a_run_opens_stored_secrets(tmp_path):
    data = document(
        declare(type="secret", value=""),
        assign({"secret": "s0123456789ab"}),
        {"id": "call", "type": "run_flow", "properties": {"flow": "callee", "inputs": {
            "token": {"secret": "sba9876543210"}, "default": "{{ token }}", "set": "{{ key }}"}}},
        inputs=[secret_input(default={"secret": "sffffffffffff"}, required=True)],
    )  # fmt: skip
    got = {}
    services = MemoryServices(
        secrets={"s0123456789ab": Secret("set"), "sba9876543210": Secret("call"), "sffffffffffff": Secret("default")},
        flows={"callee": lambda inputs: got.update(inputs)},
    )
    await execute(parse(data), {}, MemoryJournal(), services)
    assert {name: value.reveal() for name, value in got.items()} == {
        "token": "call",
        "default": "default",
        "set": "set",
    }
    await execute(parse(data), {"token": "typed"}, MemoryJournal(), services)
    assert got["default"].reveal() == "typed"


def test_an_import_lists_what_must_be_filled_in(db, capsys, tmp_path):
    first = Flow.objects.create_flow(parse(document(connect(CANARY), inputs=[secret_input(default=CANARY)])), by=None)
    file = tmp_path / "flow.json"
    file.write_text(json.dumps({**first.current.document, "name": "Elsewhere"}))
    call_command("flow", "import", str(file))
    said = capsys.readouterr().err
    assert "warning: inputs: The default of the input token must be filled in" in said
    assert "error: conn.api_key: API key must be filled in" in said


@pytest.mark.parametrize(
    "actions",
    [
        [connect("{{ x }}")],
        [connect("{{ inputs.x }}")],
        [declare(type="text", value="{{ x }}"), connect("{{ key }}")],
        [declare(type="text", value=""), assign("Bearer {{ x }}"), connect("{{ key }}")],
        [declare(type="secret", value="{{ inputs['x'] }}")],
    ],
)
def test_a_text_input_used_as_a_key_is_a_warning(actions):
    found = linter.problems(parse(document(*actions, inputs=[{"name": "x", "type": "text"}])))
    assert [(p.severity, "text input x" in p.message) for p in found] == [("warning", True)]
    secret = linter.problems(parse(document(*actions, inputs=[{"name": "x", "type": "secret"}])))
    assert not [p for p in secret if "text input" in p.message]


def test_a_value_for_a_secret_input_of_another_flow_is_looked_at_too(db, callee):
    found = problems_of(parse(document(call({"token": "{{ x }}"}), inputs=[{"name": "x", "type": "text"}])))
    assert ["The input token comes from the text input x" in p.message for p in found] == [True]


def test_the_migration_moves_literals_out_of_all_revisions(db, callee):
    flow = Flow.objects.create_flow(parse(document()), by=None)
    parent = flow.current
    for number, data in enumerate([*EVERYWHERE, "broken", {"actions": [1], "inputs": {}}], 2):
        parent = flow.revisions.create(number=number, document=data, parent=parent)
    migration = importlib.import_module("flows.migrations.0007_secrets_leave_documents")
    migration.move(apps, None)
    assert not any(CANARY in row for row in everything_stored())
    assert flow.secrets.count() == 3  # the literal alone, as a list, and with braces
    for revision in Revision.objects.filter(flow=flow, number__lt=len(EVERYWHERE) + 2):
        assert revision.document == flow.store_secrets(parse(revision.document)).to_json()
    before = dict(Revision.objects.values_list("pk", "document"))
    migration.move(apps, None)
    assert before == dict(Revision.objects.values_list("pk", "document"))


def test_a_literal_for_a_flow_that_came_later_is_said_and_stored_with_the_next_edit(db):
    flow = Flow.objects.create_flow(parse(document(call({"token": CANARY}))), by=None)
    Flow.objects.create_flow(parse(document(name="callee", inputs=[secret_input()])), by=None)
    found = problems_of(flow.current.parsed(), flow)
    assert [(p.severity, "can be read in the document" in p.message) for p in found] == [("warning", True)]
    flow.commit(flow.current.parsed().with_name("Other"), by=None, base=1)
    assert CANARY not in json.dumps(flow.current.document)
    assert problems_of(flow.current.parsed(), flow) == []


@pytest.mark.parametrize("data", [*EVERYWHERE, document(connect(CANARY + "{{ x }}"))])
def test_an_export_leaves_out_what_an_old_revision_holds(client_alice, callee, data):
    flow = Flow.objects.create_flow(parse(document()), by=None)
    Revision.objects.filter(pk=flow.current.pk).update(document=data)
    exported = client_alice.get(reverse("flows:export", args=[flow.slug])).content.decode()
    assert CANARY not in exported
    assert "left-out" in exported
