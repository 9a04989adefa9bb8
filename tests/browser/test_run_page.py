"""The page of a run in a real Chromium: the clock ticks, the answer is followed, nothing is wider than a phone."""

import json
import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def asks(id, model):
    properties = {"connection": "contoso", "model": model, "user_prompt": "Why?", "result_variable_name": id}
    return {"id": id, "type": "chat_completion", "title": id.title(), "properties": properties}


LONG = "A title that is longer than any column of a table could ever be, on whatever screen"
FLOW = {"format": "foundryflow/1", "name": "Watched", "inputs": [{"name": "text", "type": "text", "default": "x " * 1_000_000}], "actions": [
    {**asks("first", "fail-429-2"), "title": LONG}, {"id": "note", "type": "log", "title": "Note", "properties": {"message": "x " * 9_000}},
    asks("answer", "long-600"), {"id": "ret", "type": "return", "properties": {"value": "{{ text }}"}}]}  # fmt: skip


@pytest.fixture
def installation(connected):
    with connected.served() as installation:
        yield installation


@pytest.fixture
def ada(installation, connected, visitor):
    cookies = [{"name": name, "value": value, "url": installation.url} for name, value in connected.cookies.items()]
    visitor.page.context.add_cookies(cookies)
    return visitor


def seconds_of(words):
    return float(re.match(r"[\d.]+", words)[0])


def beyond(page):
    """How far the end of the answer is below what is seen of the detail, in px."""
    return page.evaluate(
        "document.querySelector('.response').getBoundingClientRect().bottom"
        " - document.getElementById('run-detail').getBoundingClientRect().bottom"
    )


def test_a_run_that_goes_is_watched_and_read_at_every_width(installation, ada, tmp_path):
    file, page = tmp_path / "watched.json", ada.page
    file.write_text(json.dumps(FLOW))
    assert installation.manage("flow", "import", str(file)).returncode == 0
    page.goto(f"{installation.url}/flows/watched/run/")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/runs/1/")

    answer, duration, latest = (
        page.locator(".response"),
        page.locator("#run-status [data-since]"),
        page.locator("[data-latest]"),
    )
    bar = page.locator("#step-first .fall rect").first
    expect(answer).to_contain_text("word60 ")
    before, width = seconds_of(duration.inner_text()), bar.get_attribute("width")
    expect(page.locator("#step-ret")).to_contain_text("Queued")
    expect(page.locator("#run-tabs")).to_contain_text("Execution log 3")  # two refused tries, and the line
    expect(answer).to_contain_text("word300 ")
    assert beyond(page) <= 40
    expect(latest).to_be_hidden()
    page.locator("#run-detail").hover()
    page.mouse.wheel(0, -200)
    expect(latest).to_be_visible()
    expect(answer).to_contain_text("word400 ")
    assert beyond(page) > 40
    latest.click()
    expect(latest).to_be_hidden()
    expect(answer).to_contain_text("word430 ")
    assert " ".join(f"word{number}" for number in range(430)) in answer.inner_text()
    expect(answer).to_contain_text("Simulated answer of long-600.")
    assert beyond(page) <= 40
    assert seconds_of(duration.inner_text()) >= before + 2
    assert float(bar.get_attribute("width").rstrip("%")) < float(width.rstrip("%"))

    expect(page.locator("[data-run-state=succeeded]")).to_be_visible(timeout=20_000)
    expect(duration).to_have_count(0)
    expect(page.locator("#step-first")).to_contain_text(re.compile(r"429, 3 of 4, waited [\d.]+ m?s"))
    assert ada.axe() == []

    page.goto(f"{installation.url}/runs/1/?tab=values")
    assert len(page.content()) < 60_000
    page.get_by_role("link", name="Show all").first.click()
    assert len(page.locator(".value-whole").inner_text()) > 1_000_000
    for width in (1200, 768, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        for tab in ("log", "steps"):
            page.goto(f"{installation.url}/runs/1/?tab={tab}")
            assert page.evaluate("document.documentElement.scrollWidth") == width
            rows = page.locator(".step-row" if tab == "steps" else ".run-log time")
            assert all(row.bounding_box()["height"] <= 50 for row in rows.all())
    assert page.locator(".step-link", has_text=LONG).get_attribute("title") == LONG
    assert ada.axe() == []
    assert ada.complaints == []


def test_a_page_follows_its_run_in_whatever_order_its_scripts_come(installation, ada, tmp_path):
    file, page, held = tmp_path / "waits.json", ada.page, []
    wait = {"id": "wait", "type": "wait", "properties": {"seconds": 60}}
    file.write_text(json.dumps({"format": "foundryflow/1", "name": "Waits", "inputs": [], "actions": [wait]}))
    assert installation.manage("flow", "import", str(file)).returncode == 0
    page.goto(f"{installation.url}/flows/waits/run/")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/runs/1/")
    page.route("**/hx-sse.*", lambda route: held.append(route))
    page.goto(f"{installation.url}/runs/1/", wait_until="commit")
    # Once htmx is there, it has a turn to begin.
    turn = "new Promise((done) => setTimeout(done))"
    page.evaluate(f"async () => {{ while (typeof htmx !== 'object') await {turn}; await {turn}; }}")
    with page.expect_request("**/runs/1/stream/**"):
        held[0].continue_()
