"""The own page by keyboard alone: theme, email, two-factor; where the focus stands after each swap."""

import pytest
from playwright.sync_api import expect

from tests.authenticator_app import code_of

pytestmark = pytest.mark.browser


def test_two_factor_is_set_up_and_turned_off(installation, ada, tmp_path):
    page = ada.page
    page.goto(f"{installation.url}/account/")
    assert ada.axe() == []
    page.get_by_role("button", name="Set up an app").press("Enter")
    code = page.get_by_label("Code that the app shows")
    expect(code).to_be_focused()
    assert ada.axe() == []
    secret = page.locator("#two-factor-secret").inner_text().replace(" ", "")
    code.fill(code_of(secret))
    code.press("Enter")
    expect(page.get_by_role("button", name="Copy", exact=True)).to_be_focused()
    assert ada.axe() == []
    codes = page.locator("#recovery-codes li").all_inner_texts()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").press("Enter")
    download.value.save_as(tmp_path / "codes.txt")
    assert set(codes) <= set((tmp_path / "codes.txt").read_text().splitlines())
    page.get_by_role("button", name="I have kept them").press("Enter")
    expect(page.get_by_role("heading", name="Two-factor")).to_be_focused()
    expect(page.locator("#two-factor")).to_contain_text("8 left")
    page.get_by_role("button", name="Turn off").press("Enter")
    expect(page.get_by_role("button", name="Set up an app")).to_be_visible()
    assert ada.complaints == []


def test_theme_password_and_email(installation, ada):
    page = ada.page
    page.goto(f"{installation.url}/account/")
    with page.expect_response("**/account/theme/"):
        page.get_by_role("radio", name="System").press("ArrowLeft")  # round to the last
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.evaluate("localStorage.clear()")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("radio", name="Dark")).to_be_checked()
    assert ada.axe() == []

    new = page.get_by_label("New password")
    new.press_sequentially("correct horse st")
    expect(page.locator("#password-hint")).to_have_text("16 characters, not in the list of common ones")
    page.get_by_role("button", name="Show what is typed").press("Enter")
    expect(new).to_have_attribute("type", "text")

    page.get_by_label("Email").fill("ada@fabrikam.example")
    page.get_by_label("Email").press("Enter")
    confirmed = page.locator("[name=email_password]")
    expect(confirmed).to_be_focused()
    confirmed.fill("correct horse staple")
    confirmed.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    expect(page.get_by_label("Email")).to_have_value("ada@fabrikam.example")
