"""A run over many in a real Chromium: the failed ones are one press away, arrows lead through them, they go again."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

FAILING = {"id": "check", "type": "if_else", "properties": {}, "branches": [{"id": "b", "condition": "index in [4, 9]",
           "actions": [{"id": "t", "type": "throw", "properties": {"kind": "no_stock", "message": "Nothing left."}}]}]}  # fmt: skip
LANES = [{"id": "a-try", "title": "Try", "actions": [FAILING]}, {"id": "a-catch", "title": "Catch", "actions": []}]
BODY = [{"id": "a", "type": "try_catch", "properties": {}, "branches": LANES}]
MANY = {
    "format": "foundryflow/1", "name": "Many", "inputs": [{"name": "people", "type": "list", "required": True}],
    "actions": [{"id": "each", "type": "for_each", "title": "For each customer", "properties": {"items": "{{ people }}"},
                 "branches": [{"id": "each-body", "title": "", "actions": BODY}]}],
}  # fmt: skip


def test_the_failed_are_a_press_away_and_go_again(installation, ada, tmp_path):
    file, page = tmp_path / "many.json", ada.page
    file.write_text(json.dumps(MANY))
    assert installation.manage("flow", "import", str(file)).returncode == 0
    people = json.dumps([f"Customer {number}" for number in range(1, 31)])
    assert installation.manage("flow", "run", "many", "--input", f'{{"people": {people}}}').returncode == 0

    page.goto(f"{installation.url}/runs/1/")
    expect(page.locator("[data-run-state]")).to_contain_text("2 of 30 failed")
    page.get_by_role("group", name="Outcome").get_by_role("link", name="Failed").click()
    expect(page.locator(".iteration-link")).to_have_text(["Customer 5", "Customer 10"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".iteration-link").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#run-detail h2")).to_have_text("Customer 10")
    expect(page.locator("#run-detail")).to_contain_text("Nothing left.")
    expect(page.locator(".iteration-link").nth(1)).to_be_focused()
    assert ada.axe() == []
    page.go_back()
    expect(page.locator("#iteration-10")).not_to_have_class("is-selected")

    page.set_viewport_size({"width": 768, "height": 1024})
    page.get_by_role("link", name="Customer 5").click()
    expect(page.locator("#iteration-5 + tr #run-detail h2")).to_have_text("Customer 5")
    page.get_by_role("link", name="Customer 10").click()
    expect(page.locator("#iteration-10 + tr #run-detail h2")).to_have_text("Customer 10")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("#run-iterations")).to_be_hidden()
    page.get_by_role("link", name="Back to iterations").click()
    expect(page.locator("#run-detail")).to_be_hidden()
    assert ada.axe() == []

    page.get_by_role("button", name="Retry these 2").click()
    page.wait_for_url("**/runs/2/")
    expect(page.locator("[data-run-state]")).to_contain_text("2 of 30 failed")
    expect(page.get_by_role("link", name="run 1", exact=True)).to_be_visible()
    assert ada.complaints == []
