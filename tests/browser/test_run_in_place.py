"""Running where one builds, in a real Chromium: what only a browser proves."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_the_menu_of_a_card_runs_up_to_it_pins_its_output_and_gives_the_focus_back(installation, ada):
    page = ada.page
    page.get_by_role("button", name="Add a sample flow").click()
    page.wait_for_load_state("load")

    def choose(card, name):
        page.locator(f"#card-{card} > .card-head .card-menu summary").click()
        page.locator(f"#card-{card}").get_by_role("button", name=name, exact=True).click()

    choose("answer", "Run up to here")
    expect(page.get_by_role("heading", name="Run up to Answer")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-run-state=succeeded]")).to_be_visible(timeout=30_000)
    expect(page.locator(".extent-words")).to_have_text("up to Answer")
    expect(page.locator("#head-route .card-state")).to_contain_text("37 ≤ 400")
    expect(page.locator("#head-ret .card-state")).to_have_count(0)
    choose("answer", "Pin output")
    expect(page.locator("#card-answer")).to_contain_text("not called again")
    expect(page.locator("[data-card=answer]")).to_be_focused()
    choose("answer", "Unpin output")
    expect(page.locator("#card-answer .card-pin")).to_have_count(0)
    page.locator("#card-route > .card-head .card-menu summary").click()
    expect(page.locator("#card-route").get_by_role("button", name="Pin output")).to_have_count(0)
    assert ada.axe() == []
    assert ada.complaints == []
