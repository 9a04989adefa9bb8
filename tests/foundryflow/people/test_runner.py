"""A runner starts, stops and retries runs, on the pages and by the API, and changes nothing else. No button of theirs
leads to a refusal."""

import re

import pytest
from django.urls import reverse

from flows.models import Run, State
from foundryflow.models import ApiKey
from foundryflow.roles import Role
from tests.factories import make_flow, make_run


@pytest.fixture
def flow(db):
    return make_flow()


@pytest.fixture
def client_runner(client, person):
    client.force_login(person(Role.RUNNER))
    return client


def forms_and_links(page):
    """Addresses that the page leads to, and those that a button of it posts to."""
    links = set(re.findall(r'<a\b[^>]*\bhref="(/[^"#]*)"', page))
    posts = set(re.findall(r'formaction="(/[^"]*)"', page))
    for head, body in re.findall(r"<form\b([^>]*)>(.*?)</form>", page, re.DOTALL):
        id = re.search(r'\bid="([^"]+)"', head)
        if "<button" in body or (id and f'form="{id[1]}"' in page):
            posts |= set(re.findall(r'(?:action|hx-post)="(/[^"]*)"', head))
    return {link.replace("&amp;", "&") for link in links}, posts


def test_a_runner_starts_stops_and_retries(client_runner, flow):
    assert client_runner.get(f"/flows/{flow.slug}/run/").status_code in (200, 302)
    started = client_runner.post(f"/flows/{flow.slug}/run/", {"input-question": "Why?", "asked": "1", "anyway": "1"})
    assert started.status_code == 302
    run = Run.objects.get()
    assert client_runner.post(f"/runs/{run.pk}/cancel/").status_code == 302
    Run.objects.update(state=State.FAILED, error={"message": "no", "path": ""})
    assert client_runner.post(f"/runs/{run.pk}/retry/", {"anyway": "1"}).status_code == 302
    assert Run.objects.count() == 2


def test_the_designer_is_read_only_with_a_run_button(client_runner, client_bob, flow):
    page = client_runner.get(flow.get_absolute_url()).content.decode()
    assert "data-run" in page
    assert "data-editable" not in page
    assert "data-toolbox-find" not in page
    assert "data-run" not in client_bob.get(flow.get_absolute_url()).content.decode()


def test_a_reader_sees_no_button_that_runs(client_bob, flow):
    run = make_run(flow, question="x")
    for state in (State.RUNNING, State.FAILED):
        Run.objects.filter(pk=run.pk).update(state=state)
        page = client_bob.get(f"/runs/{run.pk}/").content.decode()
        for words in ("stop-form", "retry-form", "Run again", "open-form"):
            assert words not in page
    assert reverse("runs:start", args=[flow.slug]) not in client_bob.get("/flows/").content.decode()


@pytest.mark.parametrize("role", [Role.READER, Role.RUNNER])
def test_nothing_that_a_page_offers_is_refused(client, person, flow, role):
    """Every link and form of the pages, as somebody would press them."""
    run = make_run(flow, question="x")
    Run.objects.filter(pk=run.pk).update(state=State.FAILED, error={"message": "no", "path": ""})
    going = make_run(flow, question="y")
    client.force_login(person(role))
    pages = ["/flows/", "/runs/", f"/runs/{run.pk}/", f"/runs/{going.pk}/", flow.get_absolute_url(), "/connections/",
             "/playground/", "/playground/sessions/", "/batches/", "/usage/", "/usage/budgets/", "/playground/prices/"]  # fmt: skip
    for address in pages:
        answer = client.get(address)
        assert answer.status_code == 200, address
        links, posts = forms_and_links(answer.content.decode())
        assert links, address
        for link in links:
            assert client.get(link).status_code != 403, f"{address} leads to {link}"
        for post in posts - {"/logout/"}:
            assert client.post(post, {}).status_code != 403, f"{address} posts to {post}"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("flows:delete", ["slug"]), ("flows:duplicate", ["slug"]), ("designer:insert", ["slug"]), ("flows:sample", [])],
)
def test_a_runner_changes_no_flow(client_runner, flow, name, arguments):
    assert client_runner.post(reverse(name, args=[flow.slug for _ in arguments])).status_code == 403


def test_a_key_of_a_runner_runs_and_tests_no_connection(person):
    key, _ = ApiKey.objects.issue("theirs", ["run", "connections"], by=person(Role.RUNNER))
    key.refresh_from_db()
    assert key.person_may("run")
    assert not key.person_may("connections")
