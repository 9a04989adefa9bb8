"""Runs as people see them."""

import asyncio

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from flows.engine import embedded
from flows.models import Run, State
from flows.runs.stream import BrowserState, follow_run
from foundryflow.roles import Permissions
from tests.documents_of import load
from tests.factories import make_connection, make_flow, make_run


@pytest.fixture
def flow(simulator, db):
    make_connection("simulator", endpoint=f"{simulator}/openai/v1", key="simulator")
    return make_flow()


def finished(flow, **inputs):
    run = make_run(flow, **inputs)
    asyncio.run(embedded.run_here(run))
    run.refresh_from_db()
    return run


def test_starting_asks_for_the_inputs_and_says_what_is_wrong(client_alice, flow):
    address = reverse("runs:start", args=[flow.slug])
    assert "question" in client_alice.get(address).content.decode()
    assert client_alice.post(address, {"asked": "1"}).status_code == 422
    assert not Run.objects.exists()
    response = client_alice.post(address, {"asked": "1", "input-question": "Why?"})
    assert response.url == reverse("runs:show", args=[Run.objects.get().pk])
    assert Run.objects.get().inputs == {"question": "Why?"}


def test_readers_do_not_start_or_stop(client_bob, flow):
    run = make_run(flow, question="x")
    assert (
        client_bob.post(reverse("runs:start", args=[flow.slug]), {"asked": "1", "input-question": "x"}).status_code
        == 403
    )
    assert client_bob.post(reverse("runs:cancel", args=[run.pk])).status_code == 403


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("tab", ["steps", "flowchart", "values", "log"])
def test_a_finished_run_shows_what_it_did(client_bob, flow, tab):
    run = finished(flow, question="Why?")
    page = client_bob.get(reverse("runs:show", args=[run.pk]), {"tab": tab}).content.decode()
    assert "Simulated answer of gpt-4o-mini. You said: Why?" in page
    assert "chosen in the flow" in page
    assert "run-feed" not in page


@pytest.mark.django_db(transaction=True)
def test_a_failed_run_explains_itself_with_the_raw_answer_behind(client_bob, simulator):
    make_connection("simulator", endpoint=f"{simulator}/openai/v1", key="simulator")
    document = load("bar-static")
    document["actions"][0]["properties"]["model"] = "content-filter"
    run = finished(make_flow(document), question="Why?")
    page = client_bob.get(reverse("runs:show", args=[run.pk])).content.decode()
    assert "The content filter blocked the prompt: violence, medium." in page
    answer = client_bob.get(reverse("runs:show", args=[run.pk]), {"part": "raw"}).content.decode()
    assert "Raw answer" in answer
    assert "ResponsibleAIPolicyViolation" in answer
    listed = client_bob.get(reverse("runs:list"), {"state": "failed"}).content.decode()
    assert "content filter" in listed


@pytest.mark.django_db(transaction=True)
async def test_the_stream_brings_the_regions_that_changed_and_ends_with_the_run(simulator):
    from asgiref.sync import sync_to_async

    await sync_to_async(make_connection)("simulator", endpoint=f"{simulator}/openai/v1", key="simulator")
    flow = await sync_to_async(make_flow)()
    run = await sync_to_async(make_run)(flow, question="Why?")
    await embedded.open_engine()
    try:
        async with asyncio.timeout(10):
            events = [
                piece
                async for piece in follow_run(run.pk, BrowserState({"tab": "steps"}, Permissions(AnonymousUser())))
            ]
    finally:
        await embedded.close_engine()
    whole = b"".join(events).decode()
    assert 'hx-target="#run-status"' in whole
    assert "Simulated answer of gpt-4o-mini" in whole
    assert 'data-run-state="succeeded"' in whole


def test_a_queued_run_is_stopped_at_once(client_alice, flow):
    run = make_run(flow, question="x")
    client_alice.post(reverse("runs:cancel", args=[run.pk]))
    run.refresh_from_db()
    assert (run.state, run.cancelled_by) == (State.CANCELLED, "Alice")


@pytest.mark.parametrize(
    ("given", "count"),
    [({}, 2), ({"state": "cancelled"}, 1), ({"state": "open"}, 2), ({"flow": "bar-static"}, 2), ({"q": "nothing"}, 0), ({"period": "24"}, 2),
     ({"state": "nonsense", "period": "x", "by": ""}, 2), ({"q": "99999999999999999999"}, 0)],
)  # fmt: skip
def test_the_list_is_filtered_by_its_url(client_bob, flow, given, count):
    make_run(flow, question="x")
    make_run(flow, question="y").request_cancel(by="alice")
    assert len(client_bob.get(reverse("runs:list"), given).context["rows"]) == count


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_runs_in_the_same_number_of_queries(client_bob, flow, count, settings):
    for _ in range(count):
        make_run(flow, question="x")
    client_bob.get(reverse("runs:list"))  # the first time PostgreSQL is asked for its types, too
    with CaptureQueriesContext(database) as queries:
        client_bob.get(reverse("runs:list"))
    # On PostgreSQL also whether anything is queued, whether a worker lives, and without one how much waits.
    assert len(queries) == (18 if settings.POSTGRESQL else 14)
