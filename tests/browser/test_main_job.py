"""What the product is for, in a real Chromium: from set-up to a streamed answer, static and dynamic."""

import json

import pytest
from playwright.sync_api import expect

from foundryflow.sign_in.setup_code import setup_code
from tests.documents_of import FOLDER

pytestmark = pytest.mark.browser


def saved(page, number):
    """Waits until the panel has saved and the page knows the revision."""
    page.wait_for_function("n => document.getElementById('base').value === String(n)", arg=number)


def add(page, name):
    page.locator(".toolbox").get_by_role("button", name=name, exact=True).click()
    expect(page.locator("#panel h2")).to_have_text(name)


def test_a_newcomer_connects_builds_runs_and_sees_the_answer(fresh, visitor):
    installation, page = fresh, visitor.page
    page.goto(installation.url)
    page.get_by_label("Setup code").fill(setup_code())
    page.get_by_label("Your name").fill("Ada Nilsen")
    page.get_by_label("Email").fill("ada@contoso.example")
    page.get_by_label("Password").fill("correct horse staple")
    page.get_by_role("button", name="Create administrator").click()
    page.get_by_role("heading", name="Three steps to a first answer").wait_for()
    page.get_by_role("link", name="New flow").click()
    page.get_by_label("Name").fill("First flow")
    page.get_by_role("button", name="Create").click()

    add(page, "Chat completion")
    page.get_by_label("User prompt").fill("What is the capital of France?")
    page.get_by_label("Create New Connection").check()
    page.locator("#panel-name").fill("contoso")
    page.locator("#panel-key").fill("simulator")
    page.locator("#panel-endpoint").fill(f"{installation.simulator}/openai/v1")
    expect(page.locator("#panel-findings")).to_contain_text(f"{installation.simulator}/openai/v1/chat/completions")
    page.locator("#panel-model").fill("gpt-4o-mini")
    page.locator("#new-connection").get_by_role("button", name="Test").click()
    expect(page.locator("#test-result")).to_contain_text("The deployment answered")
    page.locator("#new-connection").get_by_role("button", name="Create").click()

    expect(page.locator("#property-connection")).to_have_value("contoso")
    expect(page.locator("#property-connection")).to_be_focused()
    expect(page.get_by_label("User prompt")).to_have_value("What is the capital of France?")
    page.get_by_label("Model").fill("long-300")
    page.get_by_label("Title").fill("Answer")
    expect(page.locator("#card-chat .card-title")).to_contain_text("Answer")
    expect(page.locator("#problem-count")).to_have_text("0")
    assert visitor.axe() == []

    page.keyboard.press("Control+Enter")
    expect(page.locator("#panel .response")).to_contain_text("word1")
    assert page.locator("[data-run-state]").get_attribute("data-run-state") == "running"
    page.reload()
    expect(page.locator("#card-chat .card-text")).to_contain_text("word")
    expect(page.locator("#panel .response")).to_contain_text("word299", timeout=30_000)
    expect(page.locator("[data-run-state=succeeded]")).to_be_visible()
    assert visitor.axe() == []
    page.get_by_role("link", name="Run 1", exact=True).click()
    expect(page.locator(".run-detail")).to_contain_text("contoso, chosen in the flow")
    assert visitor.axe() == []

    page.get_by_label("Ada Nilsen: menu").click()
    page.get_by_role("link", name="Account").click()
    page.get_by_label("Current password").fill("correct horse staple")
    page.get_by_label("New password").fill("another horse staple")
    page.get_by_label("Again").fill("another horse staple")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("status")).to_contain_text("The password is changed")
    assert visitor.axe() == []
    assert visitor.complaints == []
    assert {cookie["path"] for cookie in page.context.cookies()} <= {"/below/foundryflow/"}


def test_one_flow_many_customers_with_a_dynamic_connection(installation, ada):
    page = ada.page
    page.get_by_role("link", name="Import a flow file").click()
    page.get_by_label("Flow file").set_input_files(FOLDER / "bar-dynamic.json")
    page.get_by_role("button", name="Import").click()
    page.locator("[data-card=chat]").click()
    expect(page.get_by_label("Enable dynamic connection")).to_be_checked()
    expect(page.get_by_label("Connection variable")).to_have_value("connection")
    page.locator("[data-run]").click()
    page.get_by_label("api_key").fill("simulator")
    page.get_by_label("endpoint").fill(f"{installation.simulator}/v1")
    page.get_by_label("question").fill("Who pays?")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-run-state=succeeded]")).to_be_visible()
    page.locator("[data-card=chat]").click()
    page.get_by_role("link", name="This run").click()
    expect(page.locator("#panel .response")).to_contain_text("You said: Who pays?")
    expect(page.locator("#panel")).to_contain_text("from variable")
    assert ada.complaints == []


def test_the_flowchart_is_usable_without_a_mouse(installation, ada):
    page = ada.page
    page.get_by_role("button", name="Add a sample flow").click()
    page.wait_for_load_state("load")
    page.locator("[data-card=vars]").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.card") == "condense"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.locator("#panel h2")).to_have_text("If")
    page.locator("#panel-title").focus()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.card") == "route"
    page.keyboard.press("Alt+ArrowUp")
    saved(page, 2)
    assert page.locator("#flowchart > ol > .step [data-card]").nth(1).get_attribute("data-card") == "route"
    page.keyboard.press("Control+z")
    saved(page, 1)
    page.locator("[data-card=note]").focus()
    page.keyboard.press("Delete")
    saved(page, 3)
    expect(page.locator("[data-card=note]")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("log")
    page.keyboard.press("Enter")
    saved(page, 4)
    assert ada.complaints == []


def test_every_page_passes_axe_in_light_and_dark_and_reflows_at_320(installation, ada):
    page = ada.page
    page.get_by_role("button", name="Add a sample flow").click()
    page.locator("[data-run]").click()
    page.locator("#run-form").get_by_role("button", name="Run").click()
    expect(page.locator("[data-run-state=succeeded]")).to_be_visible()
    run = f"{installation.url}/runs/1/"
    slug = f"{installation.url}/flows/answer-a-customer/"
    pages = [
        f"{installation.url}/flows/", slug, f"{slug}?action=answer", f"{slug}?action=start", f"{slug}?action=route", f"{slug}run/",
        run, f"{run}?tab=flowchart", f"{run}?tab=values", f"{run}?tab=log", f"{installation.url}/runs/",
        f"{installation.url}/connections/", f"{installation.url}/connections/new/", f"{installation.url}/connections/1/",
    ]  # fmt: skip
    for address in pages:
        page.goto(address)
        assert ada.axe_in_both_themes() == [], address
        page.set_viewport_size({"width": 320, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, address
        page.set_viewport_size({"width": 1440, "height": 900})
    assert ada.complaints == []


def test_stop_ends_a_run_at_once(installation, ada):
    page = ada.page
    installation.manage(
        "connection", "add", "simulator", "--endpoint", f"{installation.simulator}/openai/v1", given="simulator\n"
    )
    document = json.loads((FOLDER / "bar-static.json").read_text())
    document["actions"][0]["properties"]["model"] = "hang"
    assert installation.manage("flow", "import", "-", given=json.dumps(document)).returncode == 0
    page.goto(f"{installation.url}/flows/bar-static/run/")
    page.get_by_label("question").fill("Why?")
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("[data-run-state=cancelled]")).to_be_visible()
    expect(page.locator("#run-status")).to_contain_text("Stopped by Ada Nilsen")


def test_two_people_get_a_clear_conflict(installation, ada, browser):
    page = ada.page
    page.get_by_role("button", name="Add a sample flow").click()
    page.locator("[data-card=answer]").click()
    expect(page.locator("#panel-title")).to_be_visible()
    other = page.context.new_page()
    other.goto(f"{installation.url}/flows/answer-a-customer/?action=answer")
    other.locator("#panel-title").fill("Theirs")
    saved(other, 2)
    page.locator("#panel-title").fill("Mine")
    expect(page.locator(".conflict")).to_contain_text("You, in another tab, changed this to “Theirs”")
    expect(page.locator(".conflict")).to_contain_text("Theirs")
    expect(page.locator("#panel-title")).to_have_value("Mine")
    page.get_by_role("button", name="Keep mine").click()
    expect(page.locator("#card-answer .card-title")).to_contain_text("Mine")


def test_a_loop_is_built_with_the_menus_and_nothing_typed_is_lost(installation, ada):
    page = ada.page
    page.get_by_role("button", name="Add a sample flow").click()
    page.goto(f"{installation.url}/flows/new/")
    page.get_by_label("Name").fill("Loop")
    page.get_by_role("button", name="Create").click()
    page.locator("[data-place]").click()
    page.locator("[data-insert-menu]").get_by_text("Declare variables").click()
    saved(page, 2)
    expect(page.locator("[data-card=declare]")).to_be_focused()
    page.locator("#variables-0-name").fill("parts")
    page.locator("#variables-0-type").select_option("list")
    page.locator("#variables-0-value").fill('["a", "b"]')
    page.locator("#variables-1-name").wait_for()
    page.locator("#variables-1-name").fill("token")
    page.locator("#variables-1-type").select_option("secret")
    page.locator("#variables-1-value").fill("planted-secret")
    expect(page.locator("#variables-1-value-kept")).to_have_value("")
    assert "planted-secret" not in page.content()

    add(page, "For each")
    page.get_by_label("Items").fill("{{ parts }}")
    page.locator(".lane-add").click()
    page.locator("[data-insert-menu]").get_by_text("Log").click()
    expect(page.locator("#panel h2")).to_have_text("Log")
    page.get_by_role("button", name="Insert variable into Message").click()
    page.locator("[data-path=item]").click()
    expect(page.get_by_label("Message")).to_have_value("{{ item }}")
    page.locator("[data-card=start]").click()
    page.locator("#start-name").fill("Loop over parts")
    page.locator("#input-0-name").fill("question")
    expect(page.locator("#input-1-name")).to_have_count(1)
    expect(page.locator("#input-0-name")).to_have_value("question")
    expect(page.locator("#flow-name")).to_have_text("Loop over parts")
    page.locator("[data-run]").click()
    page.locator("#run-form").get_by_role("button", name="Run").click()
    expect(page.locator("[data-run-state=succeeded]")).to_be_visible()
    page.get_by_role("tab", name="Execution log").click()
    expect(page.locator("#bottom-tab li")).to_have_count(2)
    assert ada.complaints == []


def test_what_is_typed_is_saved_before_another_card_or_menu_takes_over(installation, ada):
    page = ada.page
    page.get_by_role("button", name="Add a sample flow").click()
    page.locator("[data-card=answer]").click()
    page.locator("#panel-title").fill("Quick")
    page.locator("[data-card=vars]").click()
    expect(page.locator("[data-panel=vars]")).to_be_visible()
    expect(page.locator("#card-answer .card-title")).to_contain_text("Quick")
    page.locator("#panel-title").fill("Prepared")
    page.locator("#card-vars .card-menu summary").click()
    page.locator("#card-vars [data-verb=duplicate]").click()
    saved(page, 4)
    expect(page.locator("#card-vars .card-title")).to_contain_text("Prepared")
    page.locator("[data-undo]").click()
    saved(page, 3)
    page.locator("[data-card=vars]").click()
    page.locator("#panel-title").fill("Closed over")
    page.locator("[data-close-panel]").click()
    expect(page.locator("#card-vars .card-title")).to_contain_text("Closed over")
    assert ada.complaints == []


def test_links_out_of_the_designer_wait_for_what_is_typed_and_stay_when_it_is_refused(installation, ada):
    page = ada.page
    asked, held = [], []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
    page.get_by_role("button", name="Add a sample flow").click()
    page.locator("[data-card=answer]").click()
    page.locator("#panel-title").fill("First")
    page.route("**/actions/answer/properties/", lambda route: route.continue_() if held else held.append(route))
    with page.expect_request("**/actions/answer/properties/"):
        page.locator("#panel-description").focus()
    page.locator("#panel-title").fill("Second")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#panel-title")).to_have_value("Second")
    held[0].continue_()
    expect(page.get_by_role("heading", name="Run Answer a customer")).to_be_visible()
    page.goto(f"{installation.url}/flows/answer-a-customer/?action=answer")
    expect(page.locator("#panel-title")).to_have_value("Second")
    page.get_by_text("Advanced").click()
    page.locator("#property-max_completion_tokens").fill("many")
    page.locator("[data-run]").click()
    expect(page.locator("#message-max_completion_tokens")).to_contain_text("whole number")
    expect(page.locator("#property-max_completion_tokens")).to_have_value("many")
    page.locator("[data-run]").click()
    expect(page.get_by_role("heading", name="Run Answer a customer")).to_be_visible()
    assert asked == []
    assert [complaint for complaint in ada.complaints if "422" not in complaint] == []


def test_a_request_that_fails_elsewhere_saves_nothing_and_keeps_nobody_in_the_designer(installation, ada):
    page = ada.page
    asked, saves = [], []
    page.on("request", lambda request: saves.append(request.url) if request.url.endswith("/properties/") else None)
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
    page.get_by_role("button", name="Add a sample flow").click()
    page.locator("[data-card=answer]").click()
    page.locator("#panel-title").click()
    page.route("**/insert/", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        page.locator(".toolbox").get_by_role("button", name="Log", exact=True).click()
    page.locator("[data-run]").click()
    expect(page.get_by_role("heading", name="Run Answer a customer")).to_be_visible()
    assert (asked, saves) == ([], [])
