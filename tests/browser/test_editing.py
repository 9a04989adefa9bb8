"""Editing the chart like a pro, in a real Chromium: what only a browser proves."""

import json
import random
import re

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


def test_the_outline_finds_cards_and_the_chart_is_one_tab_stop(chart):
    page = chart.page
    page.keyboard.press("o")
    page.keyboard.type("brief set")
    expect(page.locator("#outline li")).to_have_count(1)
    assert chart.axe() == []
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.dataset.card") == "keep"
    page.keyboard.press("Shift+ArrowLeft")  # a card is no container
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator("[data-card=keep]")).to_be_hidden()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.card") == "answer"
    page.reload()
    expect(page.locator("[data-card=keep]")).to_be_hidden()
    tab_stops = "[...document.querySelectorAll('#flowchart [data-card]')].filter((each) => each.tabIndex === 0).length"
    assert page.evaluate(tab_stops) == 1
    page.locator("[data-card=start]").focus()
    page.keyboard.press("o")
    page.locator("#outline").get_by_role("link", name="Keep the brief").click()
    expect(page.locator("[data-card=keep]")).to_be_focused()  # what it is in expands
    page.keyboard.press("Tab")
    expect(page.get_by_label("Menu of Keep the brief")).to_be_focused()
    assert chart.complaints == []


def test_zoom_and_side_panels_are_moved_by_keys_and_remembered(chart):
    page = chart.page
    page.keyboard.press("-")
    page.keyboard.press("-")
    expect(page.get_by_role("button", name="Zoom 80 %, back to 100 %")).to_be_visible()
    page.locator("[data-card=answer]").click()
    panel = page.get_by_role("separator", name="Width of the property panel")
    panel.focus()
    page.keyboard.press("ArrowLeft")
    assert panel.get_attribute("aria-valuenow") == "416"
    assert page.locator("#panel").bounding_box()["width"] == 416
    page.get_by_role("separator", name="Width of the toolbox").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#tools")).to_be_hidden()
    expect(page.get_by_role("button", name="Add action")).to_be_visible()
    page.reload()
    expect(page.locator("#tools")).to_be_hidden()
    assert page.locator("#panel").bounding_box()["width"] == 416
    expect(page.get_by_role("button", name="Zoom 80 %, back to 100 %")).to_be_visible()
    assert chart.axe() == []
    page.get_by_role("button", name="Toolbox").click()
    expect(page.locator("#tools")).to_be_visible()
    page.set_viewport_size({"width": 320, "height": 640})
    page.get_by_role("link", name="Close the panel").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert chart.axe() == []
    assert chart.complaints == []


def test_fifty_edits_by_keyboard_are_taken_back_byte_for_byte_across_a_reload(chart, installation):
    page, exported = chart.page, {}
    dice = random.Random(16)  # noqa: S311 - chooses what is edited

    def press(*keys):
        with page.expect_response(lambda answer: answer.request.method == "POST") as sent:
            for key in keys:
                page.keyboard.press(key) if key != "?" else page.keyboard.type(f"{dice.random()}")
        number = re.search(r'value="(\d+)" id="base"', sent.value.text())[1]
        saved(page, int(number))
        return int(number)

    def export():
        return page.request.get(f"{installation.url}/flows/answer-a-customer/export/").text()

    keys = [["Alt+ArrowUp"], ["Alt+ArrowDown"], ["Alt+ArrowRight"], ["Alt+ArrowLeft"], ["Control+d"], ["Delete"],
            ["Shift+ArrowDown", "Alt+ArrowDown"], ["F2", "?", "Enter"], ["Shift+F2", "?", "Control+Enter"]]  # fmt: skip
    number, exported[1] = 1, export()
    while number < 51:
        page.locator(f"[data-card={dice.choice(cards(page)[1:] or ['start'])}]").focus()
        page.keyboard.press("Escape") if page.locator("[data-selection-bar]").is_visible() else None
        last, number = number, press(*dice.choice(keys if len(cards(page)) > 5 else keys[4:5]))
        if number > last and number % 10 == 1:
            exported[number] = export()
    for step in range(50, 0, -1):
        if step == 25:
            page.reload()
        page.locator("[data-card=start]").focus()
        assert press("Control+z") == step
        if step in exported:
            assert export() == exported[step], step
    assert chart.complaints == []
