"""A key of the API is made by keyboard, copied, and gone with the page."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_a_key_is_made_in_place_and_shown_once(installation, ada):
    page, kept = ada.page, []
    page.on(
        "response", lambda answer: kept.append(answer.headers.get("cache-control")) if "/new/" in answer.url else None
    )
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{installation.url}/api-keys/")
    page.get_by_role("link", name="New key").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("billing export")
    page.get_by_role("radio", name="Only these").check()
    page.get_by_role("button", name="Create key").press("Enter")
    expect(page.get_by_text("Choose what the key may do.")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("billing export")
    assert ada.axe() == []
    page.get_by_role("radio", name="All flows").check()
    page.get_by_role("checkbox", name="Read usage").check()
    page.get_by_role("button", name="Create key").press("Enter")

    field = page.get_by_label("The key", exact=True)
    expect(field).to_be_focused()
    key = field.input_value()
    assert key.startswith("ffk_")
    expect(page.get_by_role("row", name="billing export")).to_contain_text("Read usage")
    assert ada.axe() == []
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key
    assert kept
    assert set(kept) == {"no-store"}

    page.goto(f"{installation.url}/usage/")
    page.go_back()
    expect(page.get_by_role("row", name="billing export")).to_be_visible()
    assert key[10:] not in page.content()
    page.reload()
    expect(page.get_by_role("row", name="billing export")).to_have_count(1)
    assert key[10:] not in page.content()
    # The form that was refused above.
    assert [each for each in ada.complaints if "422" not in each] == []


def test_a_key_is_revoked_and_focus_goes_back_to_the_list(installation, ada):
    installation.manage("apikey", "create", "portal", "--scope", "run")
    page = ada.page
    page.goto(f"{installation.url}/api-keys/")
    more = page.get_by_label("More for portal")
    more.press("Enter")
    page.keyboard.press("ArrowDown")
    page.get_by_role("link", name="Revoke…").press("Enter")
    expect(page.get_by_role("heading", name="Revoke portal?")).to_be_visible()
    page.get_by_role("link", name="Cancel").press("Enter")
    expect(more).to_be_focused()
    more.press("Enter")
    page.get_by_role("link", name="Revoke…").press("Enter")
    page.get_by_role("button", name="Revoke").press("Enter")
    expect(page.get_by_role("row", name="portal")).to_contain_text("Revoked")
    assert ada.complaints == []
