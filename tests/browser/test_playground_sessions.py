"""Sessions, versions and prices in a real Chromium, with mouse and keyboard, light and dark."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=\"document.title='stolen'\"><script>document.title='stolen'</script>"
FILE = {
    "format": "foundryflow-session/1",
    "name": f"Invoice question {HOSTILE}",
    "setup": {"model": "gpt-5.2", "instructions": "Be brief.\nCite the article."},
    "turns": [{"id": 1, "prompt": f"Why? {HOSTILE}", "answers": [{"text": f"Because. {HOSTILE}", "html": HOSTILE}]}],
    "head": 1,
    "versions": [{"setup": {"model": "gpt-5.2", "instructions": "Be brief.\nNever guess."}, "note": HOSTILE}],
}


@pytest.fixture
def imported(installation, ada):
    """The list with one session, which came from a hostile file."""
    page = ada.page
    page.goto(f"{installation.url}/playground/sessions/")
    page.get_by_role("link", name="Import…").click()
    content = json.dumps(FILE).encode()
    page.get_by_label("Session file").set_input_files(
        {"name": "session.json", "mimeType": "application/json", "buffer": content}
    )
    page.get_by_role("button", name="Import").click()
    expect(page).to_have_url(f"{installation.url}/playground/1/")
    page.goto(f"{installation.url}/playground/sessions/")
    return ada


def test_a_session_is_found_renamed_shared_and_deleted_with_the_keyboard(installation, imported):
    page = imported.page
    assert imported.axe_in_both_themes() == []
    page.get_by_label("Find a session").fill("because")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Because. <img src=x")).to_be_visible()

    menu = page.get_by_label("menu").last
    menu.focus()
    page.keyboard.press("Enter")
    assert imported.axe_in_both_themes() == []
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_label("Name").fill("Better")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{installation.url}/playground/sessions/?q=because&show=")

    page.get_by_label("Better: menu").click()
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_role("cell", name="Shared")).to_be_visible()
    page.get_by_label("Better: menu").click()
    page.get_by_role("link", name="Delete…").click()
    assert imported.axe_in_both_themes() == []
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No session yet.")).to_be_visible()
    assert page.title() == "Sessions · FoundryFlow"
    assert imported.complaints == []


def test_versions_are_compared_restored_and_saved(installation, imported):
    page = imported.page
    page.goto(f"{installation.url}/playground/1/versions/")
    expect(page.get_by_role("table").get_by_text(HOSTILE)).to_be_visible()
    assert imported.axe_in_both_themes() == []
    page.get_by_role("link", name="Compare with now").click()
    change = page.get_by_role("definition").first
    expect(change).to_contain_text("Cite the article.")
    expect(change).to_contain_text("Never guess.")
    assert imported.axe_in_both_themes() == []
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("Version 1 restored")).to_be_visible()
    expect(page.get_by_role("link", name="Version 3")).to_be_visible()
    page.get_by_label("Note for a version").fill("for March")
    page.get_by_role("button", name="Save version").click()
    expect(page.get_by_text("for March")).to_be_visible()
    assert imported.complaints == []


def test_prices_are_added_changed_and_deleted_in_place(installation, ada):
    page = ada.page
    page.goto(f"{installation.url}/playground/prices/")
    expect(page.get_by_text("No price yet.")).to_be_visible()
    assert ada.axe_in_both_themes() == []
    page.evaluate("window.here = true")
    page.get_by_label("Model or deployment").fill("gpt-5.2*")
    page.get_by_label("Input", exact=False).first.fill("1,25")
    page.get_by_label("Output").fill("10")
    page.get_by_label("Currency").fill("eur")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Type a number such as 2.50, with a point.")).to_be_visible()
    expect(page.get_by_label("Output")).to_have_value("10")
    assert ada.axe_in_both_themes() == []
    page.get_by_label("Input", exact=False).first.fill("1.25")
    page.keyboard.press("Enter")
    expect(page.get_by_role("cell", name="gpt-5.2*", exact=True)).to_be_visible()
    expect(page.get_by_label("Model or deployment")).to_have_value("")
    expect(page.get_by_label("Currency")).to_have_value("EUR")

    page.get_by_role("link", name="Change gpt-5.2*").click()
    expect(page.get_by_label("Model or deployment")).to_be_focused()
    expect(page.get_by_label("Output")).to_have_value("10.00")
    assert ada.axe_in_both_themes() == []
    page.get_by_label("Output").fill("12")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("cell", name="12.00")).to_be_visible()
    page.get_by_role("button", name="Delete gpt-5.2*").click()
    expect(page.get_by_text("No price yet.")).to_be_visible()
    assert page.evaluate("window.here"), "the page was not loaded again"
    # A refused form is a 422, which Chromium always logs.
    assert [said for said in ada.complaints if "422" not in said] == []
