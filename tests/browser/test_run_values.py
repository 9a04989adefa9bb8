"""Values of a run in a real Chromium: a tree by keyboard, a table, and what is copied."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

ROWS = [{"city": f"City {number}", "n": number} for number in range(120)]
VALUE = {"order": {"lines": ROWS, "note": "x" * 500}, "odd key": True}
FLOW = {
    "format": "foundryflow/1",
    "name": "Values",
    "inputs": [{"name": "value", "type": "object", "default": VALUE}, {"name": "rows", "type": "list"}],
    "actions": [
        {"id": "answer", "type": "chat_completion", "title": "Answer", "properties": {
            "connection": "contoso", "model": "fast", "user_prompt": "Why?", "result_variable_name": "answer"}},
        {"id": "ret", "type": "return", "properties": {"value": "{{ value }}"}}],
}  # fmt: skip


@pytest.fixture
def installation(connected):
    with connected.served() as installation:
        yield installation


@pytest.fixture
def page(installation, connected, visitor, tmp_path):
    cookies = [{"name": name, "value": value, "url": installation.url} for name, value in connected.cookies.items()]
    visitor.page.context.add_cookies(cookies)
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    file = tmp_path / "values.json"
    file.write_text(json.dumps(FLOW))
    assert installation.manage("flow", "import", str(file)).returncode == 0
    assert installation.manage("flow", "run", "values", "--input", json.dumps({"rows": ROWS})).returncode == 0
    return visitor.page


def copied(page):
    expect(page.locator("#copy-status")).to_have_text("Copied")
    page.evaluate("document.getElementById('copy-status').textContent = ''")
    return page.evaluate("navigator.clipboard.readText()")


def test_a_value_is_explored_by_keyboard_and_copied(installation, page, visitor):
    page.goto(f"{installation.url}/runs/1/?tab=values")
    tree = page.locator("[data-tree][aria-label=output]")
    tree.locator("summary").first.focus()
    page.keyboard.press("ArrowDown")
    expect(tree.locator("summary", has_text="lines")).to_be_focused()
    page.keyboard.press("ArrowRight")
    group = tree.locator("summary", has_text="100 to 119")
    expect(group).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(group).to_be_focused()
    page.keyboard.press("Enter")
    expect(tree.locator("summary", has_text="119 2 fields")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert copied(page) == "output.order.lines[100].city"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert copied(page) == "City 100"
    assert visitor.axe() == []

    rows = page.locator("[id=value-input-rows-ways]")
    expect(rows.locator("tbody tr")).to_have_count(50)
    rows.get_by_role("link", name="Later rows").click()
    expect(rows).to_contain_text("City 99")
    with page.expect_download() as download:
        rows.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "run-1-input-rows.csv"
    rows.get_by_text("Tree").click()
    expect(rows.locator("table")).to_be_hidden()

    page.goto(f"{installation.url}/runs/1/")
    page.evaluate("document.documentElement.dataset.loaded = 'once'")
    page.locator("#step-ret a").click()
    expect(page.locator("#run-detail h2")).to_have_text("Return")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("#run-detail h2")).to_have_text("Answer")
    expect(page.locator("#step-answer a")).to_be_focused()
    assert page.locator("html").get_attribute("data-loaded") == "once"

    for name in ("Prompt", "Request", "Raw", "Input"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.locator(f"#detail-{name.lower()}")).to_be_visible()
        assert visitor.axe() == []
    page.go_back()
    expect(page.locator("#detail-raw")).to_be_visible()
    assert visitor.complaints == []
