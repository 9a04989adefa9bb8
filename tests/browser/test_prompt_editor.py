"""Prompts: variables as chips over the plain text, and the large editor."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

PROMPT = "Customer {{ customer.id }} asks:\n{{ question | truncate(400) }}"
FLOW = {
    "format": "foundryflow/1",
    "name": "Prompts",
    "inputs": [{"name": "question", "type": "text"}, {"name": "customer", "type": "object", "default": {"id": "C-1"}}],
    "actions": [{"id": "chat", "type": "chat_completion", "properties": {"user_prompt": PROMPT}}],
}
# Whether the view breaks its lines as the field does, whatever stands in it.
SAME_LINES = """
field => ["", "a\\n", "{{ x }}", "{{ a }} ".repeat(30), "word ".repeat(90), "x".repeat(300), "{{ q | default('}') }}\\n\\n"]
  .every(text => {
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    return !text || field.scrollHeight === field.nextElementSibling.scrollHeight;
  })
"""


@pytest.fixture
def page(installation, ada, tmp_path):
    file = tmp_path / "prompts.json"
    file.write_text(json.dumps(FLOW))
    assert installation.manage("flow", "import", str(file)).returncode == 0
    ada.page.goto(f"{installation.url}/flows/prompts/?action=chat")
    yield ada.page
    assert ada.complaints == []


def saved(page, number):
    page.wait_for_function("n => document.getElementById('base').value === String(n)", arg=number)


def test_variables_are_chips_and_the_text_stays_what_it_is(page, ada):
    prompt = page.locator("#property-user_prompt")
    chips = page.locator("#field-user_prompt .value-chip")
    expect(chips).to_have_text(["customer.id", "question | truncate(400)"])
    expect(prompt).to_have_value(PROMPT)
    assert ada.axe() == []

    prompt.press("Control+End")
    prompt.press("Backspace")
    expect(chips).to_have_count(2)
    assert prompt.evaluate("f => f.value.slice(f.selectionStart, f.selectionEnd)") == "{{ question | truncate(400) }}"
    expect(chips.nth(1)).to_have_class("value-chip is-chosen")
    prompt.press("Enter")
    expect(page.locator("[data-path=question]")).to_have_attribute("aria-selected", "true")
    page.locator("[data-path='customer']").click()
    expect(prompt).to_have_value("Customer {{ customer.id }} asks:\n{{ customer }}")
    saved(page, 2)
    prompt.press("Backspace")
    prompt.press("Backspace")
    expect(prompt).to_have_value("Customer {{ customer.id }} asks:\n")
    expect(chips).to_have_text(["customer.id"])
    saved(page, 3)
    assert prompt.evaluate(SAME_LINES)
    prompt.fill(PROMPT)
    expect(page.locator("#base")).not_to_have_value("3")


def test_the_large_editor_writes_into_the_field_with_the_values_in_scope(page, ada):
    loaded = []
    page.on("request", lambda request: loaded.append(request.url))
    prompt = page.locator("#property-user_prompt")
    expand = page.get_by_role("button", name="Expand User prompt")
    expand.press("Enter")
    editor = page.get_by_role("textbox", name="Editor")
    expect(editor).to_be_focused()
    assert [url for url in loaded if "codemirror" in url]
    assert ada.axe() == []
    page.keyboard.press("Control+End")
    page.keyboard.type("\nOf {{cust")
    option = page.locator("#big-editor [role=option]", has_text="customer.id")
    option.wait_for()
    option.click()
    page.keyboard.type(", {{ question | upp")
    page.locator("#big-editor [role=option]", has_text="upper").wait_for()
    page.wait_for_timeout(100)  # within 75 ms the editor takes Enter for one that was meant for the text
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    written = f"{PROMPT}\nOf {{{{ customer.id }}}}, {{{{ question | upper }}}}"
    expect(prompt).to_have_value(written)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("Backspace")
    page.keyboard.press("Escape")
    if page.locator("#big-editor").is_visible():  # the first ended a look for completions
        page.keyboard.press("Escape")
    expect(expand).to_be_focused()
    expect(page.locator("#big-editor")).to_be_hidden()
    expect(page.locator("#base")).not_to_have_value("1")
    page.reload()
    expect(prompt).to_have_value(written)
