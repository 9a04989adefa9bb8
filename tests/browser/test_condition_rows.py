"""Conditions as rows: they write the expression, and an expression that is typed becomes rows."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

INPUTS = [{"name": "question", "type": "text"}, {"name": "tier", "type": "number"}]
BRANCHES = [{"id": "yes", "title": "Yes", "condition": "", "actions": []}, {"id": "no", "title": "No", "actions": []}]


@pytest.fixture
def page(installation, ada, tmp_path):
    file = tmp_path / "rows.json"
    actions = [{"id": "route", "type": "if_else", "branches": BRANCHES}]
    file.write_text(json.dumps({"format": "foundryflow/1", "name": "Rows", "inputs": INPUTS, "actions": actions}))
    assert installation.manage("flow", "import", str(file)).returncode == 0
    ada.page.goto(f"{installation.url}/flows/rows/?action=route")
    yield ada.page
    assert ada.complaints == []


def test_rows_write_the_expression_and_the_expression_gives_rows(page, ada):
    branch = page.get_by_role("group", name="Branch 1")
    expression = page.get_by_label("Condition of branch 1")
    add = branch.get_by_role("button", name="Add a condition")
    row = branch.locator(".condition-row")
    add.press("Enter")
    expect(row.get_by_label("Value", exact=True)).to_be_focused()
    page.keyboard.press("Control+Space")
    page.keyboard.type("tie")
    page.keyboard.press("Enter")
    expect(row.get_by_label("Value", exact=True)).to_have_value("tier")
    row.get_by_label("Comparison").select_option("is at least")
    row.get_by_label("Compared with").fill("2")
    expect(expression).to_have_value("tier >= 2")
    add.click()
    row.nth(1).get_by_label("Value", exact=True).fill("question")
    row.nth(1).get_by_label("Comparison").select_option("contains")
    row.nth(1).get_by_label("Compared with").fill("March invoice")
    expect(expression).to_have_value('tier >= 2 and "March invoice" in question')
    branch.get_by_label("How many have to hold").select_option("or")
    expect(expression).to_have_value('tier >= 2 or "March invoice" in question')
    assert ada.axe() == []
    row.nth(0).get_by_role("button", name="Remove the condition").click()
    expect(expression).to_have_value('"March invoice" in question')
    expect(page.locator("#base")).not_to_have_value("1")

    expression.fill("tier is defined and not question")
    expect(row).to_have_count(2)
    expect(row.nth(0).get_by_label("Comparison")).to_have_value("is set")
    expect(row.nth(1).get_by_label("Comparison")).to_have_value("is false")
    expect(row.nth(1).get_by_label("Compared with")).to_be_hidden()
    expression.fill("1 < tier < 3")
    expect(branch).to_contain_text("more than rows can show")
    expect(page.locator("[data-saved]")).to_contain_text("Saved")
