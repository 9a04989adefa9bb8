"""What the panel offers while it is filled in: variables, deployments, the inputs of a subflow."""

import json
import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

INPUTS = [{"name": "question", "type": "text"}, {"name": "token", "type": "secret"}]
ACTIONS = [
    {"id": "key", "type": "create_azure_ai_connection", "title": "Tenant"},
    {"id": "route", "type": "if_else", "branches": [{"id": "yes", "title": "Yes", "condition": "", "actions": []}]},
    {"id": "chat", "type": "chat_completion", "properties": {"user_prompt": "Hi"}},
    {"id": "log", "type": "log"},
    {"id": "sub", "type": "run_flow"},
]
CONDENSE = [{"name": "text", "type": "text", "required": True}, {"name": "words", "type": "number"}]
TRANSLATE = [{"name": "language", "type": "text"}, {"name": "text", "type": "text"}]


@pytest.fixture
def page(installation, ada, tmp_path):
    """The designer with a flow of each kind of field."""
    flows = {"Condense": (CONDENSE, []), "Translate": (TRANSLATE, []), "Panel": (INPUTS, ACTIONS)}
    for name, (inputs, actions) in flows.items():
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps({"format": "foundryflow/1", "name": name, "inputs": inputs, "actions": actions}))
        assert installation.manage("flow", "import", str(file)).returncode == 0
    ada.page.goto(f"{installation.url}/flows/panel/?action=key")
    yield ada.page
    assert ada.complaints == []


def saved(page, number):
    page.wait_for_function("n => document.getElementById('base').value === String(n)", arg=number)


def test_a_variable_is_inserted_by_keyboard_and_a_secret_only_where_it_may_stand(page, ada):
    page.get_by_role("button", name="Insert variable into API key").press("Enter")
    expect(page.get_by_role("combobox", name="Find a variable")).to_be_focused()
    assert ada.axe() == []
    page.keyboard.press("Enter")
    expect(page.get_by_label("API key")).to_have_value("{{ token }}")
    expect(page.get_by_label("API key")).to_be_focused()
    saved(page, 2)

    button = page.get_by_role("button", name="Insert variable into Endpoint")
    button.click()
    secret = page.get_by_role("option", name="token")
    expect(secret).to_have_attribute("aria-disabled", "true")
    expect(secret).to_contain_text("secrets can't go into text")
    secret.click(force=True)
    expect(page.get_by_label("Endpoint")).to_have_value("")
    page.keyboard.press("Escape")
    expect(button).to_be_focused()

    page.locator("[data-card=route]").click()
    condition = page.get_by_label("Condition of branch 1")
    condition.fill("len")
    page.get_by_role("button", name="Insert variable into Yes").click()
    page.get_by_role("combobox", name="Find a variable").fill("ques")
    page.keyboard.press("Enter")
    expect(condition).to_have_value("lenquestion")


def test_two_braces_open_the_picker_which_leads_into_objects_and_takes_what_is_typed_on(page, ada):
    page.locator("[data-card=log]").click()
    message = page.get_by_label("Message")
    message.fill("It took ")
    message.press("End")
    page.keyboard.type("{{")
    finder = page.get_by_role("combobox", name="Find a variable")
    expect(finder).to_be_focused()
    answer = page.get_by_role("option", name="response")
    expect(answer).to_contain_text("object")
    while page.locator("[role=option][aria-selected=true]").get_attribute("data-path") != "response":
        page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("option", name=".usage.total_tokens")).to_be_visible()
    assert ada.axe() == []
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("option", name=".usage.total_tokens")).to_have_count(0)
    page.keyboard.type("total")
    page.keyboard.press("Enter")
    expect(message).to_have_value("It took {{ response.usage.total_tokens }}")
    expect(message).to_be_focused()

    page.keyboard.type(" for {{ question }}, ")
    expect(message).to_have_value("It took {{ response.usage.total_tokens }} for {{ question }}, ")
    page.keyboard.press("Control+Space")
    page.keyboard.type("question | trunc")
    page.keyboard.press("Enter")
    expect(message).to_have_value(re.compile(r", {{ question \| truncate\(200\) }}$"))
    page.keyboard.type("{{")
    page.keyboard.press("Escape")
    expect(message).to_be_focused()
    expect(page.locator("#variable-picker")).to_be_hidden()
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    expect(message).to_have_value(re.compile(r"truncate\(200\) }}$"))


def test_the_model_suggests_what_the_connection_has_and_takes_over_what_was_tested(page, installation, ada):
    page.locator("[data-card=chat]").click()
    model = page.get_by_label("Model")
    model.click()
    expect(page.locator("#suggestions")).to_contain_text("Choose a connection")
    page.get_by_label("Create New Connection").check()
    page.locator("#panel-name").fill("contoso")
    page.locator("#panel-key").fill("simulator")
    page.locator("#panel-endpoint").fill(f"{installation.simulator}/openai/v1")
    page.locator("#panel-model").fill("gpt-4o")
    page.locator("#new-connection").get_by_role("button", name="Create").click()
    expect(page.locator("#property-connection")).to_be_focused()
    expect(model).to_have_value("gpt-4o")
    model.click()
    expect(page.locator("#suggestions")).to_contain_text("listed by contoso")
    expect(page.get_by_role("option", name="gpt-5.2")).to_be_visible()
    assert ada.axe() == []
    model.fill("mini")
    expect(page.get_by_role("option", name="gpt-5.2")).to_be_hidden()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(model).to_have_value("gpt-4o-mini")
    expect(page.locator("#suggestions")).to_be_hidden()
    expect(page.locator("#card-chat")).to_contain_text("gpt-4o-mini")

    page.locator("[name=dynamic_connection-on]").check()
    expect(page.locator("#connection-select")).to_contain_text("Overridden at run time by the connection in connection")
    expect(page.locator("#connection-select .star")).to_have_count(0)
    assert ada.axe() == []


def test_another_subflow_brings_its_inputs_and_what_was_typed_stays_by_its_name(page, ada):
    page.locator("[data-card=sub]").click()
    inputs = page.locator("#flow-inputs")
    page.locator("#property-flow").select_option("condense")
    inputs.get_by_label("text").fill("{{ question }}")
    inputs.get_by_label("words").fill("20")
    assert ada.axe() == []
    page.locator("#property-flow").select_option("translate")
    expect(inputs.get_by_label("language")).to_have_value("")
    expect(inputs.get_by_label("text")).to_have_value("{{ question }}")
    expect(inputs.get_by_label("words")).to_have_count(0)


def test_the_last_choice_counts_and_what_is_typed_before_its_answer_is_saved(page):
    held, answered = [], []
    page.route("**/actions/chat/", lambda route: route.continue_() if len(answered) == 2 else held.append(route))
    with page.expect_request("**/actions/chat/"):
        page.locator("[data-card=chat]").click()
    page.locator("[data-card=log]").click()
    expect(page.locator("#panel[data-panel=log]")).to_be_visible()
    with page.expect_request_finished(lambda request: request.url.endswith("/actions/chat/")):
        held.pop().continue_()
    answered.append("too late")
    with page.expect_request("**/actions/chat/"):
        page.locator("[data-card=chat]").click()
    expect(page.locator("#panel[data-panel=log]")).to_be_visible()
    page.locator("#panel-title").fill("Typed while it waits")
    answered.append("before what is typed was saved")
    held.pop().continue_()
    expect(page.locator("#panel[data-panel=chat]")).to_be_visible()
    expect(page.locator("#card-log .card-title")).to_contain_text("Typed while it waits")
