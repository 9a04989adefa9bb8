"""By keyboard alone: anywhere with Ctrl K, actions from both searches, from the card into its panel and back."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def is_card(page, id):
    expect(page.locator(f"[data-card={id}]")).to_be_focused()


def test_the_designer_by_keyboard(installation, ada):
    page = ada.page
    page.get_by_role("button", name="Add a sample flow").click()
    page.wait_for_load_state("load")
    expect(page.get_by_role("banner")).to_have_count(1)
    assert page.locator("#panel").bounding_box() is None
    wide = page.locator("[data-chart]").bounding_box()["width"]

    page.locator("[data-card=answer]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#panel-title")).to_be_focused()
    assert page.locator("[data-chart]").bounding_box()["width"] == wide - 400
    page.keyboard.press("Escape")
    is_card(page, "answer")
    page.keyboard.press("Enter")
    expect(page.locator("#panel-title")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    is_card(page, "answer")
    assert page.locator("[data-chart]").bounding_box()["width"] == wide

    page.keyboard.press("/")
    page.keyboard.type("nonsense")
    expect(page.locator(".toolbox [data-find-none]")).to_have_text("No action is called “nonsense”.")
    page.keyboard.press("Enter")
    page.locator("[data-toolbox-find]").fill("wait")
    page.keyboard.press("Enter")
    is_card(page, "wait")
    expect(page.locator("[data-toolbox-find]")).to_have_value("")
    expect(page.locator(".toolbox").get_by_role("button", name="Log", exact=True)).to_be_visible()
    expect(page.locator("#card-wait.has-error, #card-wait .is-error, #panel .field-problem:visible")).to_have_count(0)

    page.locator("#card-answer + .wire .insert").focus()
    page.keyboard.press("Enter")
    menu = page.get_by_role("combobox", name="Find an action")
    expect(menu).to_be_focused()
    assert ada.axe() == []
    page.keyboard.type("set var")
    expect(page.locator("[data-insert-menu] [data-insert-type]:visible")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("#card-answer + .wire .insert")).to_be_focused()
    page.keyboard.press("Enter")
    expect(menu).to_be_focused()
    page.keyboard.press("ArrowDown")
    chosen = page.locator("[data-insert-menu] [aria-selected=true]")
    expect(menu).to_have_attribute("aria-activedescendant", chosen.get_attribute("id"))
    page.keyboard.press("ArrowUp")
    page.keyboard.type("chat")
    page.keyboard.press("Enter")
    is_card(page, "chat")
    page.keyboard.press("Enter")
    page.get_by_label("Model").fill("gpt-5")
    expect(page.locator("#card-chat .port", has_text="gpt-5")).to_be_visible()
    expect(page.locator("#card-chat")).to_contain_text("Connection missing")
    expect(page.locator("#card-chat")).not_to_contain_text("User prompt missing")
    for _ in ("the suggestions", "the panel", "the card"):
        page.keyboard.press("Escape")
    expect(page.locator("#card-chat")).to_contain_text("User prompt missing")
    is_card(page, "chat")
    assert ada.complaints == []


def test_ctrl_k_goes_anywhere_and_single_letters_can_be_switched_off(installation, ada):
    page = ada.page
    page.get_by_role("button", name="Add a sample flow").click()
    page.wait_for_load_state("load")
    page.goto(f"{installation.url}/flows/new/")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Go to")
    expect(field).to_be_focused()
    expect(page.get_by_role("option", name="Answer a customer")).to_be_visible()
    assert ada.axe() == []
    page.keyboard.type("usa")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.press("Control+k")
    page.keyboard.type("answer cust")
    page.keyboard.press("Enter")
    page.wait_for_url("**/flows/answer-a-customer/")

    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert ada.axe() == []
    page.get_by_label("Single-letter").uncheck()
    page.keyboard.press("Escape")
    page.reload()
    page.keyboard.press("/")
    page.keyboard.press("?")
    expect(page.locator("[data-toolbox-find]")).not_to_be_focused()
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    page.get_by_label("FoundryFlow: menu").click()
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_label("Single-letter")).not_to_be_checked()
    assert ada.complaints == []


def test_on_a_phone_the_panel_covers_the_chart_and_nothing_scrolls_sideways(installation, ada):
    page = ada.page
    page.get_by_role("button", name="Add a sample flow").click()
    page.set_viewport_size({"width": 320, "height": 700})
    page.wait_for_load_state("load")
    card, chart = page.locator("#card-answer").bounding_box(), page.locator("#flowchart").bounding_box()
    assert card["width"] == chart["width"]
    page.locator("[data-card=answer]").click()
    expect(page.get_by_label("Close the panel")).to_be_focused()
    expect(page.get_by_text("Saved")).to_be_visible()
    assert ada.axe() == []
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    page.keyboard.press("Escape")
    is_card(page, "answer")
    page.get_by_role("button", name="Add action").click()
    expect(page.get_by_role("combobox", name="Find an action")).to_be_focused()
    page.keyboard.type("log")
    page.keyboard.press("Enter")
    expect(page.locator("#panel h2")).to_have_text("Log")
    assert page.evaluate("document.querySelector('.chart-scroll').scrollWidth <= 320")
    assert ada.complaints == []
