"""One field leads anywhere that somebody may go, and nowhere else."""

import pytest
from django.urls import reverse

from flows.go_to.search import PAGES, find_places
from flows.models import Room
from flows.playground.models import Session
from tests.factories import make_connection, make_flow, make_run
from tests.markup import one_line


def names(user, text=""):
    return {group.title: [place.name for place in group.places] for group in find_places(user, text).groups}


@pytest.fixture
def flow(alice):
    return make_flow({"format": "foundryflow/1", "name": "Answer a customer", "actions": []}, by=alice)


def test_without_words_the_newest_of_each_kind_and_all_pages_are_offered(alice, flow):
    make_connection("contoso")
    found = names(alice)
    assert found["Flows"] == ["Answer a customer"]
    assert found["Connections"] == ["contoso"]
    assert found["Pages"] == [page.name for page in PAGES]
    assert "Runs" not in found


def test_all_words_must_be_in_a_name_in_any_order(alice, flow):
    run = make_run(flow, by=alice)
    assert names(alice, "customer ANSW") == {"Runs": [f"Run {run.pk} of Answer a customer"], "Flows": [flow.name]}
    assert names(alice, "customer weekly") == {}


@pytest.mark.parametrize("text", ["{}", "run {}", "Run #{}"])
def test_the_number_of_a_run_leads_to_it(alice, flow, text):
    run = make_run(flow, by=alice)
    found = find_places(alice, text.format(run.pk)).groups[0].places[0]
    assert (found.name, found.url) == (f"Run {run.pk} of {flow.name}", f"/runs/{run.pk}/")


def test_sessions_and_runs_of_others_are_not_found(alice, bob):
    private = make_flow({"format": "foundryflow/1", "name": "Secret plans", "actions": []}, by=alice)
    private.room = Room.PLAYGROUND
    private.save()
    session = Session.objects.create(name="Secret plans", owner=alice, flow=private)
    run = make_run(private, by=alice)
    assert names(alice, "secret plans") == {"Sessions": ["Secret plans"]}
    assert names(alice, str(run.pk)) == {"Runs": [f"Run {run.pk} of Secret plans"]}
    assert names(bob, "secret plans") == names(bob, f"run {run.pk}") == {}
    session.shared = True
    session.save()
    assert names(bob, "secret plans") == {"Sessions": ["Secret plans"]}


def test_a_reader_is_led_only_where_readers_may_go(client_bob, bob, flow):
    make_connection("contoso west")
    assert "New flow" not in names(bob)["Pages"]
    for group in find_places(bob, "").groups:
        for place in group.places:
            assert client_bob.get(place.url, follow=True).status_code == 200, place


def test_every_place_of_an_editor_opens(client_alice, alice, flow):
    make_connection()
    Session.objects.create(name="Talk", owner=alice)
    for group in find_places(alice, "").groups:
        for place in group.places:
            assert client_alice.get(place.url, follow=True).status_code == 200, place


def test_the_dialog_gets_its_region_and_without_script_there_is_a_page(client_alice, flow):
    region = one_line(client_alice.get("/go-to/", {"q": "answer"}, headers={"HX-Request": "true"}).content.decode())
    assert region.startswith('<hx-partial hx-target="#go-results"')
    assert 'role="option" tabindex="-1" id="go-flows-1" href="/flows/answer-a-customer/"' in region
    page = one_line(client_alice.get("/go-to/", {"q": "nowhere at all"}).content.decode())
    assert page.count('id="go-results"') == page.count('id="go-field"') == 1
    assert "Nothing is called “nowhere at all”." in page


@pytest.mark.parametrize("text", ["%", "' OR 1=1", "<b>", "x" * 5_000, "a b c d e f g h", "9" * 30, "\x00"])
def test_any_text_is_a_search(client_alice, flow, text):
    assert client_alice.get(reverse("go_to:show"), {"q": text}, headers={"HX-Request": "true"}).status_code in (
        200,
        422,
    )
