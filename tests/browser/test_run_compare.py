"""Runs are forked, compared and copied in a real Chromium."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

FLOW = {
    "format": "foundryflow/1",
    "name": "Forked",
    "inputs": [{"name": "question", "type": "text", "required": True}, {"name": "api_key", "type": "secret"}],
    "actions": [
        {"id": "answer", "type": "chat_completion", "title": "Answer", "properties": {
            "connection": "contoso", "model": "fast", "user_prompt": "{{ question }}"}},
        {"id": "ret", "type": "return", "properties": {"value": "{{ response }}"}}],
}  # fmt: skip


@pytest.fixture
def installation(connected):
    with connected.served() as installation:
        yield installation


def test_a_run_is_copied_forked_and_compared(installation, connected, visitor, tmp_path):
    page, file = visitor.page, tmp_path / "forked.json"
    cookies = [{"name": name, "value": value, "url": installation.url} for name, value in connected.cookies.items()]
    page.context.add_cookies(cookies)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    file.write_text(json.dumps(FLOW))
    assert installation.manage("flow", "import", str(file)).returncode == 0
    inputs = json.dumps({"question": "Why in March?", "api_key": "hush"})
    assert installation.manage("flow", "run", "forked", "--input", inputs).returncode == 0

    page.goto(f"{installation.url}/runs/1/")
    page.get_by_label("More", exact=True).click()
    page.get_by_role("link", name="Copy as Python").click()
    expect(page.locator("#copy-status")).to_have_text("Copied")
    program = page.evaluate("navigator.clipboard.readText()")
    assert 'os.environ["API_KEY"]' in program
    assert "hush" not in program
    page.locator(".detail-actions").get_by_role("link", name="Copy as curl").click()
    expect(page.locator(".detail-actions")).to_contain_text("Copied")
    assert "/openai/v1/chat/completions" in page.evaluate("navigator.clipboard.readText()")
    assert visitor.axe() == []

    page.locator(".detail-actions").get_by_role("link", name="Fork with edits").click()
    field = page.get_by_label("question")
    expect(field).to_have_value("Why in March?")
    expect(page.get_by_label("api_key")).to_have_value("")
    field.fill("Why in April?")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/runs/2/")
    expect(page.locator("[data-run-state=succeeded]")).to_be_visible()

    page.goto(f"{installation.url}/runs/2/")
    page.get_by_label("More", exact=True).click()
    page.get_by_role("link", name="Compare with run 1").click()
    expect(page.locator("del").first).to_have_text("April?")
    page.locator(".compare-steps summary").first.press("Enter")
    expect(page.locator("#pair-answer ins").first).to_be_visible()
    assert visitor.axe() == []
    page.goto(f"{installation.url}/runs/?flow=forked")
    compare = page.get_by_role("button", name="Compare", exact=True)
    page.get_by_label("Compare run 2").check()
    expect(compare).to_be_disabled()
    page.get_by_label("Compare run 1").check()
    compare.click()
    page.wait_for_url("**/runs/compare/?run=2&run=1")
    expect(page.get_by_role("heading", name="Run 1 and run 2")).to_be_visible()

    for width in (768, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width
    assert visitor.complaints == []
