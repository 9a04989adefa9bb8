"""The server is started anew behind nginx while somebody looks: the browser is told, and comes back by itself."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.chromium import ARGUMENTS, find_chromium
from tests.deploying.conftest import Site, deployed

pytestmark = pytest.mark.browser


@pytest.fixture
def page_of():
    """A page of Ada's at the site, which the browser finds by its name."""
    with sync_playwright() as playwright:

        def made(site: Site) -> Page:
            names = f"--host-resolver-rules=MAP {site.host} 127.0.0.1"
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*ARGUMENTS, names])
            context = browser.new_context(base_url=site.origin, ignore_https_errors=True)
            context.add_cookies([{"name": "sessionid", "value": site.session, "url": site.origin, "secure": True}])
            page = context.new_page()
            page.set_default_timeout(20_000)
            return page

        expect.set_options(timeout=60_000)  # pauses between two looks grow
        yield made
        expect.set_options(timeout=None)


def test_a_run_and_its_page_go_on_after_a_restart(page_of, tmp_path, migrated):
    with deployed(tmp_path, migrated) as site:
        page = page_of(site)
        with site.serving():
            with site.client(signed_in=False) as client:
                call = {"Authorization": f"Bearer {site.key}"}
                run = client.post("/api/flows/wait/submit", headers=call, json={}).json()["run"]
            page.goto(f"/runs/{run}/")
            expect(page.locator("h1")).to_be_visible()
            other = page.context.new_page()
            other.goto("/connections/1/")
            expect(other.get_by_role("button", name="Test", exact=True)).to_be_visible()
        expect(page.get_by_text("The server does not answer.")).to_be_visible()
        # A press that the proxy answers says that nothing was done, and shows no page of the proxy.
        other.get_by_role("button", name="Test", exact=True).click()
        expect(other.get_by_text("Not done: the server does not answer. Try “Test” again afterwards.")).to_be_visible()
        expect(other.locator("h1")).to_have_count(1)
        third = page.context.new_page()
        third.goto("/flows/")
        expect(third.get_by_role("heading", name="The server does not answer")).to_be_visible()
        with site.serving():
            expect(third.get_by_role("heading", name="Flows")).to_be_visible()  # by itself
            expect(page.get_by_text("The server does not answer.")).to_have_count(0)
            expect(page.get_by_text("Succeeded").first).to_be_visible()
