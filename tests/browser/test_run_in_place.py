"""Running where one builds, in a real Chromium: what only a browser proves."""

import json

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
    # What is typed is saved first; the focus waits for the card that is put in.
    page.locator("[data-card=answer]").click()
    page.get_by_label("Title", exact=True).fill("Reply")
    page.locator("#card-route > .card-head .card-menu summary").focus()
    page.keyboard.press("/")
    page.keyboard.type("log")
    page.keyboard.press("Enter")
    expect(page.locator("[data-card=log]")).to_be_focused()
    expect(page.locator("[data-card=answer]")).to_contain_text("Reply")
    page.locator("#card-route > .card-head .card-menu summary").click()
    expect(page.locator("#card-route").get_by_role("button", name="Pin output")).to_have_count(0)
    assert ada.axe() == []
    assert ada.complaints == []


BILLS = {
    "format": "foundryflow/1",
    "name": "Bills",
    "inputs": [{"name": "bill", "type": "file", "required": True}, {"name": "count", "type": "number"}],
    "actions": [{"id": "ret", "type": "return", "properties": {"value": "{{ bill.name }}, {{ bill.size }} bytes"}}],
}


def test_a_chosen_file_outlives_what_is_wrong_beside_it_and_is_sent(installation, ada):
    assert installation.manage("flow", "import", "-", given=json.dumps(BILLS)).returncode == 0
    page, bill = ada.page, ada.page.get_by_label("bill")
    file = {"name": "May.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7".ljust(234_000)}
    page.goto(f"{installation.url}/flows/bills/")
    page.get_by_role("button", name="Run", exact=False).first.click()
    bill.set_input_files({**file, "buffer": b"%PDF-1.7".ljust(10_000_001)})
    expect(page.locator(".chosen-file")).to_have_text("May.pdf is larger than 10 MB.")
    bill.set_input_files(file)
    expect(page.locator(".chosen-file")).to_have_text("May.pdf, 234 KB")
    page.get_by_label("count").fill("many")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#run-form .field-error")).to_have_text("This is not a number: 'many'.")
    expect(page.locator(".chosen-file")).to_have_text("May.pdf, 234 KB")
    assert ada.axe() == []
    page.get_by_label("count").fill("2")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#bottom")).to_contain_text("May.pdf, 234000 bytes", timeout=30_000)
    page.goto(f"{installation.url}/flows/bills/run/")
    bill.set_input_files(file)
    page.get_by_label("count").fill("many")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_label("count")).to_be_focused()
    expect(page.locator("#start-form .field-error")).to_have_text("This is not a number: 'many'.")
    expect(page.locator(".chosen-file")).to_have_text("May.pdf, 234 KB")
    page.get_by_label("count").fill("2")
    assert ada.axe() == []
    page.get_by_role("button", name="Run").click()
    expect(page.locator(".run-head")).to_contain_text("Succeeded", timeout=30_000)
    assert [said for said in ada.complaints if "422" not in said] == []
