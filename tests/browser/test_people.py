"""Ada invites Hana, who joins in another browser; a role that is taken away loses nothing that was typed."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Prepared

pytestmark = pytest.mark.browser
BO = """
from django.contrib.auth.models import User
User.objects.create_superuser("bo@contoso.example", "bo@contoso.example", "correct horse staple", first_name="Bo Larsen")
"""


@pytest.fixture
def installation(connected: Prepared):
    with connected.served() as installation:
        yield installation


def own_complaints(visitor):
    """Without the browser's own lines about answers and the network."""
    return [line for line in visitor.complaints if not line.startswith("Failed to load resource")]


def test_somebody_is_invited_joins_and_gets_another_role(installation, ada, browser):
    page = ada.page
    page.goto(f"{installation.url}/people/")
    page.get_by_role("link", name="Invite").click()
    expect(page.get_by_label("Email")).to_be_focused()
    page.keyboard.type("Hana@contoso.example")
    expect(page.get_by_text("Runs flows, changes nothing.")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copy")).to_be_focused()
    assert ada.axe() == []
    link = page.get_by_label("Link of the invitation").input_value()
    secret = link.rstrip("/").rsplit("/", 1)[1]

    context = browser.new_context()
    hana, referers = context.new_page(), []
    hana.on("request", lambda request: referers.append(request.headers.get("referer", "")))
    hana.goto(link)
    hana.get_by_label("Your name").fill("Hana Ito")
    hana.get_by_label("Password").fill("some good long words")
    hana.keyboard.press("Enter")
    hana.get_by_role("heading", name="Flows").or_(hana.get_by_role("heading", name="Three steps")).first.wait_for()
    assert any(referers)
    assert not any(secret in referer for referer in referers)
    hana.goto(link)
    expect(hana.get_by_role("heading", name="This invitation was used")).to_be_visible()

    page.goto(f"{installation.url}/people/")
    role = page.get_by_label("Role of Hana Ito")
    role.select_option("editor")
    expect(page.get_by_text("Saved · Undo")).to_be_visible()
    expect(role).to_be_focused()
    page.locator(".role-saved button").click()
    expect(role).to_have_value("runner")
    expect(page.get_by_label("Role of Ada Nilsen")).to_be_disabled()
    page.reload()
    expect(role).to_have_value("runner")
    assert own_complaints(ada) == []
    context.close()


def test_a_role_that_is_taken_away_in_mid_edit_loses_nothing_that_was_typed(installation, ada):
    page = ada.page
    page.goto(f"{installation.url}/flows/new/")
    page.get_by_label("Name").fill("Answer a customer")
    page.get_by_role("button", name="Create").click()
    page.locator("[data-insert-type=chat_completion]").first.click()
    expect(page.locator("#panel-title")).to_be_visible()
    assert installation.manage("shell", "-v0", "-c", BO).returncode == 0
    taken = installation.manage("person", "role", "ada@contoso.example", "reader")
    assert taken.stdout == "Ada Nilsen is reader now.\n", taken.stderr
    page.locator("#panel-description").fill("In the language of the question.")
    expect(page.locator("#messages")).to_contain_text("Only editors may change this.")
    expect(page.locator("#panel-description")).to_have_value("In the language of the question.")
    expect(page.get_by_text("not saved yet")).to_have_count(1)
    assert installation.manage("person", "role", "ada@contoso.example", "editor").returncode == 0
    page.locator("#panel-description").press_sequentially(" And short.")
    expect(page.get_by_text("not saved yet")).to_have_count(0)
    page.reload()
    expect(page.locator("#panel-description")).to_have_value("In the language of the question. And short.")
    assert own_complaints(ada) == []


def test_a_password_link_is_copied(installation, ada):
    page = ada.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    assert installation.manage("shell", "-v0", "-c", BO).returncode == 0
    page.goto(f"{installation.url}/people/")
    page.locator("summary[aria-label^='Bo Larsen']").click()
    page.get_by_role("link", name="Password link").click()
    page.get_by_role("button", name="Make a link").click()
    link = page.locator("#made-link").input_value()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == link
    assert ada.axe() == []
