"""The response format: a form and a text view of one JSON Schema."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

KEPT = {"$defs": {"id": {"type": "integer", "maximum": 9223372036854775807}}, "anyOf": [{"$ref": "#/$defs/id"}]}
SCHEMA = {"type": "object", "properties": {"id": KEPT, "old": {"type": ["string", "null"]}}, "minProperties": 1}
ACTIONS = [
    {"id": "chat", "type": "chat_completion", "properties": {"user_prompt": "Hi"}},
    {"id": "parse", "type": "parse_json", "properties": {"text": "{}", "schema": SCHEMA}},
]


@pytest.fixture
def page(installation, ada, tmp_path):
    file = tmp_path / "schemas.json"
    file.write_text(json.dumps({"format": "foundryflow/1", "name": "Schemas", "actions": ACTIONS}))
    assert installation.manage("flow", "import", str(file)).returncode == 0
    ada.page.goto(f"{installation.url}/flows/schemas/?action=chat")
    yield ada.page
    assert ada.complaints == []


def test_a_schema_is_made_by_its_form_and_shown_as_text(page, ada):
    page.locator("summary", has_text="Advanced").click()
    page.get_by_label("Response format", exact=True).select_option("schema")
    page.get_by_role("button", name="Add a property").click()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("tone")
    page.get_by_label("Allowed values").fill("calm, angry")
    page.get_by_label("Description", exact=True).first.fill("How it sounds")
    assert ada.axe() == []
    page.get_by_role("button", name="Text", exact=True).click()
    tone = {"type": "string", "enum": ["calm", "angry"], "description": "How it sounds"}
    inner = {"type": "object", "properties": {"tone": tone}, "required": ["tone"], "additionalProperties": False}
    text = page.get_by_label("Response format, as text")
    assert json.loads(text.input_value()) == {"name": "answer", "strict": True, "schema": inner}
    expect(page.locator("#base")).not_to_have_value("1")
    page.reload()
    page.locator("summary", has_text="Advanced").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("tone")


def test_the_form_leaves_what_it_does_not_show(page):
    page.locator("[data-card=parse]").click()
    name = page.get_by_label("Name", exact=True)
    expect(name).to_have_count(2)
    expect(page.locator("#field-schema")).to_contain_text("In the text view, too: $defs, anyOf.")
    name.nth(1).fill("new")
    page.locator("[data-part=required]").nth(1).check()
    page.get_by_role("button", name="Text", exact=True).click()
    text = page.get_by_label("JSON Schema, as text")
    made = {"id": KEPT, "new": {"type": ["string", "null"]}}
    assert json.loads(text.input_value()) == {**SCHEMA, "properties": made, "required": ["new"]}
    text.fill("{{ format }}")
    page.get_by_role("button", name="Form", exact=True).click()
    expect(page.locator("#field-schema")).to_contain_text("The text is not JSON yet.")
