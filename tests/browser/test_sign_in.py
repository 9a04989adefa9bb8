"""To an identity provider and back in a real browser, and the code after the password; both from the bar, too."""

import re

import pytest
from playwright.sync_api import expect

from tests.authenticator_app import code_of
from tests.browser.conftest import copy, installed
from tests.conftest import Server
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider

pytestmark = pytest.mark.browser
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
TURN_ON = f"""
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import User
TOTP.activate(User.objects.get(), "{SECRET}")
"""
PREFIX = "/below/foundryflow"


@pytest.fixture(scope="module")
def provider():
    provider = OidcProvider()
    with Server(provider) as server:
        provider.issuer = server.url
        yield provider


@pytest.fixture
def installation(signed_up, provider, tmp_path):
    provider.reset()
    copy(signed_up.database, tmp_path / "test.sqlite3")
    environment = {
        **signed_up.environment,
        "FOUNDRYFLOW_PREFIX": PREFIX,
        "FOUNDRYFLOW_OIDC_ISSUER": provider.issuer,
        "FOUNDRYFLOW_OIDC_CLIENT_ID": CLIENT_ID,
        "FOUNDRYFLOW_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "FOUNDRYFLOW_OIDC_NAME": "Contoso ID",
    }
    with installed(environment, tmp_path / "test.sqlite3") as installation:
        yield installation


def own_complaints(visitor):
    return [line for line in visitor.complaints if not line.startswith("Failed to load resource")]


def signed_out_on_a_page(page, installation):
    page.goto(f"{installation.url}/connections/new/")
    page.context.clear_cookies(name="sessionid")
    page.get_by_label("Name").first.fill("contoso")
    page.evaluate("import(document.querySelector('script[src*=session]').src).then((module) => module.look())")
    expect(page.locator("#session-bar")).to_contain_text("You are signed out")


def test_somebody_comes_in_with_a_provider_and_comes_back_to_what_they_were_at(installation, provider, visitor):
    page, provider.asks = visitor.page, True
    page.goto(f"{installation.url}/runs/")
    assert visitor.axe() == []
    page.get_by_role("link", name="Log in with Contoso ID").click()
    page.get_by_role("link", name="Continue as Ada").click()
    expect(page).to_have_url(re.compile(r"/below/foundryflow/runs/$"))
    signed_out_on_a_page(page, installation)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in", exact=True).click()
    tab = opened.value
    tab.get_by_role("link", name="Log in with Contoso ID").click()
    tab.get_by_role("link", name="Continue as Ada").click()
    expect(tab.get_by_role("heading", name="You are signed in")).to_be_visible()
    expect(page.locator("#session-bar")).to_be_empty()
    expect(page.get_by_label("Name").first).to_have_value("contoso")
    assert provider.refused == []
    assert own_complaints(visitor) == []


def test_whoever_says_no_at_the_provider_reads_a_sentence(installation, provider, visitor):
    page, provider.denies = visitor.page, "access_denied"
    page.goto(f"{installation.url}/login/")
    page.get_by_role("link", name="Log in with Contoso ID").click()
    expect(page.get_by_role("alert")).to_contain_text("You are not logged in: Contoso ID was told no.")
    assert visitor.axe() == []
    assert own_complaints(visitor) == []


def test_a_code_is_asked_for_after_the_password_also_from_the_bar(installation, visitor):
    page = visitor.page
    assert installation.manage("shell", "-v0", "-c", TURN_ON).returncode == 0
    page.goto(f"{installation.url}/runs/")
    with_password(page)
    expect(page.get_by_label("Code")).to_be_focused()
    assert visitor.axe() == []
    page.keyboard.type("000000")
    page.keyboard.press("Enter")
    expect(page.locator(".field-error")).to_contain_text("Codes go by time")
    assert visitor.axe() == []
    page.get_by_label("Code").fill(code_of(SECRET, -1))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/below/foundryflow/runs/$"))
    signed_out_on_a_page(page, installation)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in", exact=True).click()
    tab = opened.value
    with_password(tab)
    tab.get_by_label("Code").fill(code_of(SECRET, 1))
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", name="You are signed in")).to_be_visible()
    expect(page.locator("#session-bar")).to_be_empty()
    assert own_complaints(visitor) == []


def with_password(page):
    page.get_by_label("Email or user name").fill("ada@contoso.example")
    page.get_by_label("Password").fill("correct horse staple")
    page.keyboard.press("Enter")
