"""Publish… from the designer, with something typed a moment before; then the page of revisions, by keyboard."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Installation, Visitor

pytestmark = pytest.mark.browser


def test_what_is_typed_is_published_after_it_was_seen(installation: Installation, ada: Visitor) -> None:
    log = {"id": "log", "type": "log", "title": "Note", "properties": {"message": "Be brief and kind."}}
    document = {"format": "foundryflow/1", "name": "Say", "inputs": [], "actions": [log]}
    assert installation.manage("flow", "import", "-", given=json.dumps(document)).returncode == 0
    assert installation.manage("flow", "publish", "say").returncode == 0
    page, revisions = ada.page, f"{installation.url}/flows/say/revisions/"
    page.goto(f"{installation.url}/flows/say/?action=log")
    expect(page.locator("#revision-tag")).to_contain_text("Published r1")
    page.locator("#panel [name=message]").fill("Be brief and exact.")
    page.get_by_role("link", name="Publish…").click()  # before it was saved by itself
    dialog = page.locator("#publish-dialog")
    expect(dialog.get_by_role("heading", name="Publish r2")).to_be_visible()
    expect(dialog.locator("del")).to_have_text("kind.")
    expect(dialog.locator("ins")).to_have_text("exact.")
    expect(page.locator("#publish-note")).to_be_focused()
    assert ada.axe() == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("link", name="Publish…").click()
    page.locator("#publish-note").fill("More exact")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator("#revision-tag")).to_contain_text("Published r2")

    page.goto(revisions)
    expect(page.locator("[aria-current] .revision-said")).to_contain_text("More exact")
    page.locator(".revision-row", has_text="r1").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#difference-title")).to_have_text("r1, the first revision")
    expect(page).to_have_url(re.compile(r"\?r=1$"))
    expect(page.locator(".revision-row", has_text="r1")).to_be_focused()
    page.select_option("#compare-with", "2")
    expect(page.locator("#difference-title")).to_have_text("r1 against r2, published")
    page.go_back()
    expect(page.locator("#difference-title")).to_have_text("r1, the first revision")
    page.get_by_role("button", name="Publish r1 again").click()
    expect(page.locator(".revision-row", has_text="r1")).to_contain_text("Published")
    for width in (1440, 768, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        assert ada.axe() == []
