"""Lists in a real Chromium: what is chosen or typed applies at once, menus stay open, nothing scrolls sideways."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

FLOW = {"format": "foundryflow/1", "actions": [{"id": "l", "type": "log", "properties": {"message": "x"}}]}
LONG = "Translate product descriptions " * 6
# Whether a request for news would go out.
LOOKS_FOR_NEWS = """() => {
    const sourceElement = document.querySelector("[data-looks-for-news]"), detail = { ctx: { sourceElement } };
    return sourceElement.dispatchEvent(new CustomEvent("htmx:before:request", { bubbles: true, cancelable: true, detail }));
}"""
WIDTHS = (1440, 1200, 768, 390, 320)
LISTS = ("flows/", "runs/", "playground/sessions/", "playground/prices/", "batches/", "usage/", "usage/budgets/")


def test_filters_apply_as_they_are_chosen_and_lists_are_read_at_every_width(installation, ada, tmp_path):
    page = ada.page
    for name in ("First", LONG.strip()):
        file = tmp_path / "flow.json"
        file.write_text(json.dumps({**FLOW, "name": name}))
        assert installation.manage("flow", "import", str(file)).returncode == 0
    assert installation.manage("flow", "run", "first").returncode == 0

    # Words and menus, by keyboard; the rest of the page stays.
    page.goto(f"{installation.url}/runs/")
    page.evaluate("window.same = true")
    search = page.get_by_role("searchbox", name="Find a run")
    search.press_sequentially("firs", delay=20)
    expect(page.locator("#runs-count")).to_contain_text("1 of 1")
    expect(search).to_be_focused()
    expect(search).to_have_value("firs")
    page.locator("#runs-menus summary", has_text="State").press("Enter")
    page.keyboard.press("ArrowDown")
    page.get_by_role("link", name="Failed", exact=True).press("Enter")
    expect(page.locator("#runs-found")).to_contain_text("No run matches")
    assert page.url.endswith("?state=failed&q=firs")
    page.get_by_role("link", name="Clear state").click()
    expect(page.locator("#runs-found tbody tr")).to_have_count(1)
    page.go_back()
    expect(page.locator("#runs-found")).to_contain_text("No run matches")
    assert page.evaluate("window.same")

    # News come by themselves, but not while a menu is open.
    page.goto(f"{installation.url}/runs/")
    page.get_by_label("Run 1: menu").click()
    assert page.evaluate(LOOKS_FOR_NEWS) is False
    assert installation.manage("flow", "run", "first").returncode == 0
    expect(page.get_by_role("link", name="Only its runs")).to_be_visible()
    page.keyboard.press("Escape")
    assert page.evaluate(LOOKS_FOR_NEWS) is True
    expect(page.get_by_role("link", name="1 new run")).to_be_visible(timeout=15_000)

    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        for address in LISTS:
            page.goto(f"{installation.url}/{address}")
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, (address, width)
    assert ada.axe() == []

    # Narrow, the whole row leads there, and a long name is cut with its text in the title.
    page.goto(f"{installation.url}/flows/")
    row = page.locator("#flows-found tbody tr", has_text="First")
    box = row.bounding_box()
    assert box["height"] < 62
    expect(page.locator("#flows-found .row-link").first).to_have_attribute("title", LONG.strip())
    assert ada.axe() == []
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] - 8)
    page.wait_for_url("**/flows/first/")
    assert ada.complaints == []
