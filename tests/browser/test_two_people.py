"""Two people at one flow, in two real browsers: nothing typed is lost, and each sees what the other did."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Installation, Visitor

pytestmark = pytest.mark.browser

BO = """
from django.contrib.auth.models import User
from django.test import Client
bo = User.objects.create_superuser(
    "bo@contoso.example", "bo@contoso.example", "correct horse staple", first_name="Bo", last_name="Lind"
)
visitor = Client()
visitor.force_login(bo)
print(visitor.cookies["sessionid"].value)
"""


def log(id: str, title: str) -> dict[str, object]:
    return {"id": id, "type": "log", "title": title, "properties": {"message": title}}


@pytest.fixture
def bo(installation: Installation, browser: Browser) -> Page:
    made = installation.manage("shell", "-v0", "-c", BO)
    assert made.returncode == 0, made.stderr
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    context.add_cookies([{"name": "sessionid", "value": made.stdout.strip(), "url": installation.url}])
    page = context.new_page()
    page.set_default_timeout(10_000)
    return page


def shows(page: Page, revision: int) -> None:
    page.wait_for_function("n => document.getElementById('base')?.value === String(n)", arg=revision)


def ask_for_news(page: Page) -> None:
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")


def numbers(page: Page) -> list[str]:
    names = page.locator("#flowchart [data-card]").evaluate_all("all => all.map((each) => each.ariaLabel)")
    return [name.split(",")[0] for name in names]


def test_two_people_edit_one_flow(installation: Installation, ada: Visitor, bo: Page) -> None:
    actions = [log("first", "First"), log("second", "Second"), log("third", "Third")]
    document = {"format": "foundryflow/1", "name": "Both", "inputs": [], "actions": actions}
    made = installation.manage("flow", "import", "-", given=json.dumps(document))
    assert made.returncode == 0, made.stderr
    page, flow = ada.page, f"{installation.url}/flows/both/"
    page.goto(f"{flow}?action=first")
    bo.goto(f"{flow}?action=second")

    # Different actions: merged, shown, said.
    bo.locator("#panel-title").fill("Theirs")
    shows(bo, 2)
    page.locator("#panel-title").fill("Mine")
    shows(page, 3)
    notice = page.locator("#merge-notice")
    expect(notice).to_contain_text("Bo changed Theirs at")
    expect(notice).to_contain_text("title, Second to Theirs. Merged with yours, nothing collided.")
    expect(page.locator("#card-second .card-mark")).to_contain_text("title")
    expect(page.locator("#panel-title")).to_be_focused()
    assert ada.axe() == []
    notice.get_by_role("link", name="Show it").click()
    expect(page.locator("#panel")).to_have_attribute("data-panel", "second")
    expect(page.locator("#card-second .card-mark")).to_have_count(0)

    # A double click is two inserts, and a quiet page hears of them.
    page.locator(".toolbox-row", has_text="Wait").dblclick()
    expect(page.locator("#flowchart [data-card]")).to_have_count(6)
    assert numbers(page) == [f"Step {n} of 6" for n in range(1, 7)]
    ask_for_news(bo)
    expect(bo.locator("#flowchart [data-card]")).to_have_count(6)
    expect(bo.locator("#merge-notice")).to_contain_text("Ada Nilsen changed 3 actions at")
    assert numbers(bo) == [f"Step {n} of 6" for n in range(1, 7)]

    # The same property: asked inside the field, and what is typed on meanwhile stays.
    page.locator('[data-card="third"]').click()
    bo.locator('[data-card="third"]').click()
    for each in (page, bo):
        expect(each.locator("#panel")).to_have_attribute("data-panel", "third")
    bo.locator("#panel-title").fill("Reply")
    shows(bo, 6)
    page.locator("#panel-title").fill("Answer")
    page.locator("#panel-description").press_sequentially("what it is for", delay=20)
    note = page.locator("#panel .conflict")
    expect(note).to_contain_text("Bo changed this to “Reply” at")
    expect(page.locator("#panel-title")).to_have_value("Answer")
    expect(page.locator("#panel-description")).to_have_value("what it is for")
    assert ada.axe() == []
    note.get_by_role("button", name="Keep mine").click()
    expect(note).to_have_count(0)
    expect(page.locator("#card-third")).to_contain_text("Answer")
    assert [each for each in ada.complaints if "409" not in each] == []
