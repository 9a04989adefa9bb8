"""The session ends, or the network goes, while somebody types: nothing is lost, and nothing is said that is not so."""

from dataclasses import dataclass

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Installation, Prepared, Visitor

pytestmark = pytest.mark.browser
PASSWORD = "correct horse staple"
ADA = "ada@contoso.example"
BO = """
from django.contrib.auth.models import User
User.objects.create_superuser("bo", "bo@contoso.example", "correct horse staple", first_name="Bo Larsen")
"""


@dataclass
class Desk:
    """Ada at her page, in a browser whose session can be ended and begun again in another tab."""

    installation: Installation
    visitor: Visitor

    @property
    def page(self) -> Page:
        return self.visitor.page

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    def goto(self, path: str) -> None:
        self.page.goto(f"{self.installation.url}{path}")

    def end_session(self) -> None:
        """As it ends by itself: no tab hears of it."""
        self.context.clear_cookies(name="sessionid")

    def sign_in(self, name: str = ADA) -> None:
        """In a new tab, by the link of the bar."""
        with self.context.expect_page() as opened:
            self.page.get_by_role("link", name="Sign in", exact=True).click()
        tab = opened.value
        tab.get_by_label("Email or user name").fill(name)
        tab.get_by_label("Password").fill(PASSWORD)
        tab.get_by_role("button", name="Log in").click()
        expect(tab.get_by_role("heading", name="You are signed in")).to_be_visible()
        tab.close()

    @property
    def bar(self):
        return self.page.locator("#session-bar")

    def own_complaints(self) -> list[str]:
        """Without the browser's own lines about answers and the network."""
        return [line for line in self.visitor.complaints if not line.startswith("Failed to load resource")]


@pytest.fixture
def installation(connected: Prepared):
    with connected.served() as installation:
        yield installation


@pytest.fixture
def desk(installation, ada):
    ada.page.context.set_default_timeout(10_000)
    return Desk(installation, ada)


@pytest.fixture
def designer(desk):
    """A flow with an action, open in the panel."""
    desk.goto("/flows/new/")
    desk.page.get_by_label("Name").fill("Answer a customer")
    desk.page.get_by_role("button", name="Create").click()
    desk.page.locator("[data-insert-type=chat_completion]").first.click()
    expect(desk.page.locator("#panel-title")).to_be_visible()
    return desk


def cards(page):
    return page.locator("#flowchart [data-card]:not([data-card=start])")


def test_what_was_typed_while_signed_out_is_saved_by_itself_afterwards(designer):
    page = designer.page
    designer.end_session()
    page.locator("#panel-title").fill("Answer the customer")
    page.locator("#panel-title").blur()
    expect(designer.bar).to_contain_text("You are signed out. Sign in in another tab; nothing is lost")
    page.locator("#panel-description").fill("In the language of the question.")
    expect(designer.bar).to_contain_text("2 changes of Answer the customer wait here")
    expect(page.locator("[data-saved]")).to_have_text("2 changes wait")
    expect(page.get_by_text("not saved yet")).to_have_count(2)
    expect(page.locator("#flowchart [data-unsaved]")).to_have_text("2 not saved")
    for button in (page.locator("[data-insert-type]").first, page.locator("[data-place]").first):
        expect(button).to_be_disabled()
    expect(page.locator("[data-run]")).to_be_disabled()
    assert designer.visitor.axe() == []
    designer.sign_in()
    expect(designer.bar).to_be_empty()
    expect(page.locator("[data-saved]")).to_contain_text(", 2 changes")
    expect(page.get_by_text("not saved")).to_have_count(0)
    expect(page.locator("[data-run]")).to_be_enabled()
    page.reload()
    expect(page.locator("#panel-title")).to_have_value("Answer the customer")
    expect(page.locator("#panel-description")).to_have_value("In the language of the question.")
    designer.end_session()
    page.locator("#panel-description").fill("In English.")
    page.locator("[data-run]").evaluate("(button) => button.click()")  # before a pause saves
    expect(designer.bar).to_contain_text("1 change of Answer the customer waits here")
    designer.sign_in()
    expect(page.locator("[data-saved]")).to_contain_text(", 1 change")
    page.locator("[data-run]").click()
    expect(page.locator("#run-form")).to_be_visible()
    page.reload()
    expect(page.locator("#panel-description")).to_have_value("In English.")
    assert designer.own_complaints() == []


def test_a_key_stays_in_its_field_and_is_saved_only_as_whoever_typed_it(designer):
    page = designer.page
    assert designer.installation.manage("shell", "-v0", "-c", BO).returncode == 0
    page.locator("[data-insert-type=create_azure_ai_connection]").first.click()
    key = page.locator("#panel [data-secret]").first
    expect(key).to_be_visible()
    designer.end_session()
    key.fill("planted-key-4711")
    key.blur()
    expect(designer.bar).to_contain_text("1 change of")
    expect(key).to_have_value("planted-key-4711")
    expect(key).not_to_have_attribute("placeholder", "stored · blank keeps it")
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert "planted-key" not in kept
    designer.sign_in("bo")
    expect(designer.bar).to_contain_text("Bo Larsen is signed in now.")
    expect(designer.bar).to_contain_text("sign in as Ada Nilsen again")
    expect(key).to_have_value("planted-key-4711")
    designer.sign_in()
    expect(designer.bar).to_be_empty()
    expect(page.locator("[data-saved]")).to_contain_text(", 1 change")
    expect(page.get_by_text("Secret stored.").or_(page.get_by_placeholder("stored"))).to_be_visible()
    assert designer.own_complaints() == []


def test_an_insert_of_somebody_signed_out_says_that_it_did_not_happen(designer):
    page = designer.page
    before = cards(page).count()
    designer.end_session()
    page.get_by_role("button", name="Wait").first.click()
    expect(page.locator("#messages")).to_contain_text("Not done: you are signed out. Try “Wait” again afterwards.")
    expect(designer.bar).to_contain_text("You are signed out.")
    assert cards(page).count() == before
    designer.sign_in()
    page.get_by_role("button", name="Wait").first.click()
    expect(cards(page)).to_have_count(before + 1)
    assert designer.own_complaints() == []


def test_a_token_that_is_gone_is_renewed_without_a_word(designer):
    page = designer.page
    designer.context.clear_cookies(name="csrftoken")
    page.locator("#panel-title").fill("Answer the customer")
    page.locator("#panel-title").blur()
    expect(page.locator("#flowchart")).to_contain_text("Answer the customer")
    expect(page.locator("[data-saved]")).to_contain_text("Saved")
    expect(designer.bar).to_be_empty()
    assert designer.own_complaints() == []


def test_what_was_typed_without_a_connection_is_saved_when_it_is_back(designer):
    page = designer.page
    before = cards(page).count()
    designer.context.set_offline(True)
    page.locator("#panel-title").fill("Answer the customer")
    page.locator("#panel-title").blur()
    expect(designer.bar).to_contain_text("No connection.")
    expect(designer.bar).to_contain_text("1 change of Answer the customer waits here")
    expect(page.locator("#panel-title")).to_have_value("Answer the customer")
    expect(page.locator("[data-insert-type]").first).to_be_disabled()
    page.locator("#flowchart [data-card=start]").focus()
    page.locator("#flowchart [aria-current=true]").focus()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("#messages")).to_contain_text("Not done: no connection.")
    designer.context.set_offline(False)
    expect(designer.bar).to_be_empty()
    expect(page.locator("[data-saved]")).to_contain_text(", 1 change")
    expect(page.locator("#flowchart")).to_contain_text("Answer the customer")
    assert cards(page).count() == before
    assert designer.own_complaints() == []


def test_a_question_stays_where_it_was_typed_and_can_be_sent_afterwards(desk):
    page = desk.page
    desk.goto("/playground/")
    page.get_by_label("Connection", exact=True).select_option("contoso")
    page.get_by_label("Deployment", exact=True).fill("gpt-4o-mini")
    page.get_by_label("Deployment", exact=True).blur()
    expect(page.locator("#saved")).to_contain_text("Saved")
    with page.expect_response(lambda answer: "What" in (answer.request.post_data or "")):  # the draft is saved
        page.locator("#draft").fill("What is a flow?")
    desk.end_session()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(desk.bar).to_contain_text("You are signed out.")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    expect(page.locator("#messages")).to_contain_text("Not done: you are signed out. Try “Send” again afterwards.")
    expect(page.locator("#draft")).to_have_value("What is a flow?")
    assert desk.visitor.axe() == []
    desk.sign_in()
    expect(desk.bar).to_be_empty()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".metrics")).to_contain_text("First token")
    expect(page.locator("#draft")).to_have_value("")
    assert desk.own_complaints() == []


def test_a_form_is_kept_with_its_key_and_sent_after_signing_in(desk):
    page = desk.page
    desk.goto("/connections/new/")
    page.get_by_label("Name", exact=False).first.fill("fabrikam")
    page.locator("#endpoint").fill(f"{desk.installation.simulator}/openai/v1")
    page.locator("#key").fill("planted-key-4711")
    desk.end_session()
    page.locator("#connection-form .sheet-foot .btn-primary").click()
    expect(desk.bar).to_contain_text("The form is sent by itself afterwards.")
    expect(page.locator("#key")).to_have_value("planted-key-4711")
    expect(page.get_by_role("button", name="Test")).to_be_disabled()
    desk.sign_in()
    page.wait_for_url(lambda address: not address.endswith("/connections/new/"))
    expect(page.locator("#main")).to_contain_text("fabrikam")
    assert desk.own_complaints() == []


def test_a_page_hears_of_a_log_out_in_another_tab(desk):
    desk.goto("/playground/")
    other = desk.context.new_page()
    other.goto(f"{desk.installation.url}/flows/")
    other.locator("summary.person").click()
    other.get_by_role("button", name="Log out").click()
    expect(desk.bar).to_contain_text("You are signed out.")
    desk.sign_in()
    expect(desk.bar).to_be_empty()
    assert desk.own_complaints() == []


def test_a_stream_that_breaks_off_is_followed_again_but_not_while_nobody_is_there(desk):
    page, streams, looks = desk.page, [], []
    page.on("request", lambda request: streams.append(request.url) if "/stream/" in request.url else None)
    page.on("response", lambda response: looks.append(response.url) if "/session/" in response.url else None)
    desk.goto("/playground/")
    page.get_by_label("Connection", exact=True).select_option("contoso")
    page.get_by_label("Deployment", exact=True).fill("long-4000")
    page.locator("#draft").fill("Tell me everything")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("[role=log]")).to_contain_text("word5")
    desk.context.set_offline(True)
    expect(desk.bar).to_contain_text("No connection.")
    desk.end_session()
    desk.context.set_offline(False)
    expect(desk.bar).to_contain_text("You are signed out.")
    followed, looked = len(streams), len(looks)
    with page.expect_response("**/session/"):
        pass
    assert (len(streams), len(looks)) == (followed, looked + 1)
    desk.sign_in()
    expect(desk.bar).to_be_empty()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".answer-note")).to_contain_text("Stopped after")
    assert desk.own_complaints() == []


def test_what_a_server_without_its_database_did_not_take_is_saved_when_it_does(designer):
    page = designer.page
    designer.context.route("**/properties/**", lambda route: route.fulfill(status=503))
    designer.context.route("**/session/", lambda route: route.fulfill(status=503))
    page.locator("#panel-title").fill("Answer the customer")
    page.locator("#panel-title").blur()
    expect(designer.bar).to_contain_text("The server does not answer.")
    expect(page.locator("[data-saved]")).to_have_text("1 change waits")
    designer.context.unroute_all()
    expect(designer.bar).to_be_empty()
    expect(page.locator("[data-saved]")).to_contain_text(", 1 change")
    expect(page.locator("#flowchart")).to_contain_text("Answer the customer")
    assert designer.own_complaints() == []
