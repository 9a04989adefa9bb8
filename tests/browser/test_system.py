"""The System page in a real Chromium: it renews itself under the hands of whoever reads, copies, and saves."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

WIDTHS = (1440, 1024, 768, 390, 320)


def test_the_page_renews_itself_and_saves_at_once(installation, ada):
    page = ada.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{installation.url}/system/")
    expect(page.locator("#engine-title")).to_have_text("Engine and workers")
    expect(page.locator(".is-engine tbody")).to_contain_text("web-1", timeout=30_000)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    page.set_viewport_size({"width": 1440, "height": 900})
    assert ada.axe() == []

    # By keyboard: a choice is saved, and taken back; the field keeps the focus.
    kept = page.get_by_label("Audit log")
    kept.focus()
    kept.select_option("90")
    expect(page.locator("#retention")).to_contain_text("Saved · Undo")
    expect(kept).to_be_focused()
    page.get_by_role("button", name="Undo").press("Enter")
    expect(kept).to_have_value("365")
    expect(kept).to_be_focused()

    # The poll leaves the focus and the fields alone.
    command = page.get_by_role("button", name="Copy the command").first
    command.press("Enter")
    assert page.evaluate("navigator.clipboard.readText()") == "manage.py backup FILE"
    with page.expect_response(lambda answer: answer.url.endswith("/system/"), timeout=15_000) as polled:
        pass
    assert polled.value.request.headers["x-unattended"] == "1"
    expect(command).to_be_focused()
    expect(command).to_have_text("Copy the command")

    page.get_by_role("button", name="Copy as text").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("FoundryFlow ")
    page.get_by_role("link", name="What is new").click()
    expect(page.get_by_role("heading", name="Unreleased")).to_be_visible()
    assert ada.axe() == []
    assert ada.complaints == []
