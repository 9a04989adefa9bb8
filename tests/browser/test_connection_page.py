"""The connection page in a real Chromium: paste anything, see what was tried, sign in with an identity."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

COMMAND = """curl "{simulator}/openai/v1/chat/completions" \\
  -H "Content-Type: application/json" -H "api-key: simulator" \\
  -d '{{"model": "gpt-4o-mini", "messages": [{{"role": "user", "content": "Why?"}}]}}'"""


def test_a_pasted_command_fills_endpoint_key_and_deployment_and_answers(installation, ada):
    page = ada.page
    page.goto(f"{installation.url}/connections/new/")
    page.get_by_label("Name", exact=False).first.fill("contoso")
    page.locator("#endpoint").fill(COMMAND.format(simulator=installation.simulator))
    expect(page.locator("#endpoint")).to_have_value(f"{installation.simulator}/openai/v1")
    expect(page.locator("#key")).to_have_value("simulator")
    expect(page.locator("#id_model")).to_have_value("gpt-4o-mini")
    page.get_by_role("button", name="Test").click()
    expect(page.locator("#test-result")).to_contain_text("The deployment answered")
    assert_seen_beside_button(page, "Answered · 200")
    assert ada.axe() == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row", name="contoso")).to_contain_text("Answered")
    page.get_by_role("link", name="contoso").click()
    expect(page.locator("#endpoint")).to_have_value(f"{installation.simulator}/openai/v1")
    expect(page.locator("#key")).to_have_value("")
    assert "simulator</" not in page.content()
    assert ada.complaints == []


def assert_seen_beside_button(page, words):
    line, button = page.locator("#test-line"), page.get_by_role("button", name="Test")
    expect(line).to_contain_text(words)
    expect(line).to_be_in_viewport(ratio=1)
    assert abs(line.bounding_box()["y"] - button.bounding_box()["y"]) < 100


def test_a_key_and_an_address_go_where_they_belong(installation, ada):
    page = ada.page
    page.goto(f"{installation.url}/connections/new/")
    expect(page.locator("#name")).to_be_focused()
    page.locator("#endpoint").fill("sk-planted-0123456789abcdef")
    expect(page.locator("#key")).to_have_value("sk-planted-0123456789abcdef")
    expect(page.locator("#endpoint")).to_have_value("")
    expect(page.locator("#findings")).to_contain_text("This is a key, not an address")
    page.locator("#key").fill("https://contoso.openai.azure.com")
    expect(page.locator("#endpoint")).to_have_value("https://contoso.openai.azure.com")
    expect(page.locator("#key")).to_have_value("")
    expect(page.locator("#findings")).to_contain_text("Recognised: Foundry v1")
    page.locator("#endpoint").fill("")
    page.locator("#endpoint").press_sequentially("contoso-europe-2026")
    expect(page.locator("#findings")).to_contain_text("This is a key")
    expect(page.locator("#endpoint")).to_have_value("contoso-europe-2026")
    assert ada.complaints == []


def test_all_are_tested_in_place_and_one_from_its_menu(installation, ada):
    page = ada.page
    for name, key in (("contoso", "simulator"), ("fabrikam", "wrong")):
        endpoint = f"{installation.simulator}/openai/v1"
        assert installation.manage("connection", "add", name, "--endpoint", endpoint, given=key).returncode == 0
    page.goto(f"{installation.url}/connections/")
    page.get_by_role("button", name="Test all").click()
    expect(page.get_by_role("row", name="fabrikam")).to_contain_text("Key refused")
    expect(page.locator("#test-all")).to_contain_text("2 of 2 tested")
    expect(page.get_by_role("button", name="Test all")).to_be_focused()
    assert ada.axe() == []
    page.get_by_label("More for contoso").click()
    page.get_by_role("button", name="Test now").click()
    expect(page.get_by_role("row", name="contoso")).to_contain_text("Answered")
    page.get_by_label("More for contoso").press("Enter")
    expect(page.get_by_role("button", name="Duplicate")).to_be_visible()
    assert ada.axe() == []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert_fits(page)
    page.get_by_role("button", name="Open in playground").click()
    expect(page.get_by_label("Connection", exact=True)).to_have_value("contoso")
    assert ada.complaints == []


WIDTHS = (1440, 1200, 768, 390, 320)


def assert_fits(page):
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_wrong_shape_is_tried_out_and_the_one_that_answers_is_a_click_away(installation, ada):
    page = ada.page
    page.goto(f"{installation.url}/connections/new/")
    page.get_by_label("Name", exact=False).first.fill("fabrikam")
    page.locator("#endpoint").fill(f"{installation.simulator}/openai/v1/wrong")
    page.locator("#key").fill("simulator")
    page.locator("#id_model").fill("gpt-4o-mini")
    page.get_by_role("button", name="Test").click()
    expect(page.get_by_role("region", name="Tried and answered")).to_contain_text("404")
    assert ada.axe() == []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert_fits(page)
    page.get_by_role("button", name="Use this endpoint").click()
    expect(page.locator("#findings")).to_contain_text("Recognised")
    page.get_by_role("button", name="Test").click()
    expect(page.locator("#test-result")).to_contain_text("The deployment answered")
    assert ada.complaints == []


def test_an_identity_has_its_own_fields_and_its_secret_is_not_shown_again(installation, ada):
    page = ada.page
    page.goto(f"{installation.url}/connections/new/")
    page.get_by_label("Name", exact=False).first.fill("identity")
    page.locator("#endpoint").fill("https://contoso.openai.azure.com/openai/v1")
    page.get_by_text("Microsoft Entra ID", exact=True).click()
    expect(page.locator("#key")).to_be_hidden()
    page.locator("#certificate_password").evaluate("field => field.value = 'typed-before'")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Type the client secret.")).to_be_visible()
    expect(page.locator("#certificate_password")).to_have_value("typed-before")
    expect(page.locator("#tenant_id")).to_be_focused()
    page.get_by_label("Tenant id").fill("contoso.onmicrosoft.com")
    page.get_by_label("Client id").fill("11111111-2222-3333-4444-555555555555")
    page.locator("#client_secret").fill("planted-client-secret")
    assert ada.axe() == []
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="identity").click()
    expect(page.get_by_text("Client secret stored")).to_be_visible()
    expect(page.locator("#client_secret")).to_have_value("")
    assert "planted-client-secret" not in page.content()
    # The refused form is a 422, which Chromium always logs.
    assert [said for said in ada.complaints if "422" not in said] == []


QUERY = """{"format": "foundryflow/1", "name": "Customers", "actions": [
  {"id": "q", "type": "query_database", "properties": {"sql": "SELECT 1 AS one"}}]}"""


def test_a_database_is_created_in_the_panel_and_chosen(installation, ada, tmp_path):
    page = ada.page
    (tmp_path / "customers.json").write_text(QUERY)
    assert installation.manage("flow", "import", str(tmp_path / "customers.json")).returncode == 0
    page.goto(f"{installation.url}/flows/customers/?action=q")
    page.get_by_label("Create New Connection").check()
    form = page.locator("#new-connection")
    form.get_by_role("link", name="SQLite file").click()
    expect(form.locator("#panel-user_name")).to_have_count(0)
    form.get_by_label("Name", exact=False).first.fill("crm")
    form.locator("#panel-endpoint").fill("/srv/data/crm.db")
    assert ada.axe() == []
    form.get_by_role("button", name="Create").click()
    expect(page.locator("#property-connection")).to_have_value("crm")
    expect(page.locator("#property-connection option")).to_have_count(2)
    page.goto(f"{installation.url}/connections/new/?kind=postgresql")
    page.get_by_label("Name", exact=False).first.fill("typed before")
    page.get_by_role("link", name="Azure Key Vault").click()
    expect(page.locator("#endpoint")).to_have_value("")
    expect(page.locator("#name")).to_have_value("typed before")
    expect(page.locator("#method")).to_be_visible()
    assert ada.axe() == []
    assert ada.complaints == []
