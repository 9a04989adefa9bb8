"""Editing the chart like a pro, in a real Chromium: what only a browser proves."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.test_main_job import saved

pytestmark = pytest.mark.browser


def cards(page):
    return page.evaluate("[...document.querySelectorAll('#flowchart [data-card]')].map((each) => each.dataset.card)")


def said(page, words):
    expect(page.locator("#chart-said")).to_contain_text(words)


@pytest.fixture
def chart(installation, ada):
    ada.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ada.page.get_by_role("button", name="Add a sample flow").click()
    ada.page.wait_for_load_state("load")
    ada.page.locator("[data-card=vars]").focus()
    return ada


def test_several_actions_are_chosen_copied_cut_pasted_and_wrapped_by_keyboard(chart):
    page = chart.page
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press(" ")
    expect(page.get_by_role("toolbar", name="Selected actions")).to_be_hidden()
    page.keyboard.press("End")
    page.keyboard.press("Shift+ArrowUp")
    expect(page.get_by_role("toolbar", name="Selected actions")).to_contain_text("2 selected")
    assert page.locator("[data-card=note]").get_attribute("aria-label").endswith(", selected")
    page.keyboard.press("Control+x")
    said(page, "2 actions cut.")
    assert json.loads(page.evaluate("navigator.clipboard.readText()"))["format"] == "foundryflow-actions/1"
    assert page.evaluate("document.activeElement.dataset.card") == "answer"
    page.locator("[data-card=vars]").focus()
    page.keyboard.press("Control+v")
    said(page, "2 actions pasted.")
    assert cards(page) == ["start", "vars", "note", "ret", "route", "condense", "keep", "answer"]
    assert page.evaluate("document.activeElement.dataset.card") == "note"
    page.get_by_role("toolbar", name="Selected actions").get_by_text("Wrap in").click()
    page.get_by_role("toolbar", name="Selected actions").get_by_role("button", name="For each").click()
    said(page, "2 actions wrapped in For each.")
    expect(page.locator("#panel h2")).to_have_text("For each")
    assert chart.axe() == []
    for _ in range(3):
        page.locator("[data-card=vars]").focus()
        page.keyboard.press("Control+z")
        said(page, "Took back")
        page.evaluate("document.getElementById('chart-said').replaceChildren()")
    saved(page, 1)
    assert cards(page) == ["start", "vars", "route", "condense", "keep", "answer", "note", "ret"]
    assert chart.complaints == []


def test_cards_are_dragged_where_they_can_go_and_the_rest_is_refused(chart):
    page = chart.page
    page.locator("#card-note .tile").drag_to(page.locator("#flowchart .lane-add"))
    said(page, "moved into Otherwise of Long question?.")
    assert cards(page) == ["start", "vars", "route", "condense", "keep", "note", "answer", "ret"]
    page.locator("#card-route .tile").first.drag_to(page.locator("#card-route .lane .insert").first)
    said(page, "Long question? cannot go into itself.")
    page.locator(".toolbox").get_by_role("button", name="Break").drag_to(page.locator("#step-start .insert"))
    said(page, "Break belongs in a loop, such as For each.")
    page.locator(".toolbox").get_by_role("button", name="Wait").drag_to(page.locator("#step-start .insert"))
    said(page, "Wait added.")
    page.locator("[data-card=wait]").click(modifiers=["Control"])
    page.locator("[data-card=ret]").click(modifiers=["Control"])
    page.locator("#card-ret .tile").drag_to(page.locator("#step-vars > .wire .insert"))
    said(page, "2 actions moved to the flow.")
    assert cards(page)[:4] == ["start", "vars", "wait", "ret"]
    assert len(chart.complaints) == 1  # what was refused is an answer of 422
    assert "422" in chart.complaints[0]


def test_title_and_note_are_typed_on_the_card_and_a_paste_of_anything_else_is_a_sentence(chart):
    page = chart.page
    page.locator("[data-card=note]").focus()
    page.keyboard.press("F2")
    page.keyboard.type("Say the price")
    page.keyboard.press("Enter")
    said(page, "renamed to Say the price.")
    page.keyboard.press("Shift+F2")
    page.keyboard.type("Ask Bo before\n<b>changing</b> it")
    page.keyboard.press("Control+Enter")
    said(page, "Note of Say the price saved.")
    expect(page.locator("#card-note [data-note-text]")).to_have_text("Ask Bo before\n<b>changing</b> it")
    assert page.evaluate("document.activeElement.dataset.card") == "note"
    assert chart.axe() == []
    for text, words in (("Hello", "no actions of a flow"), ("x" * 10_000_000, "10 MB; at most 5 MB")):
        page.evaluate("(text) => navigator.clipboard.writeText(text)", text)
        page.keyboard.press("Control+v")
        said(page, words)
    page.emulate_media(color_scheme="dark")
    assert chart.axe() == []
    saved(page, 3)
