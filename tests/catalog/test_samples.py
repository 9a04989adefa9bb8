"""The samples, as a newcomer adds and runs them; one of them for many customers."""

import asyncio
import json
import sqlite3
from collections import Counter
from contextlib import closing

import pytest
from django.db import connection as database
from django.urls import reverse

from flows.catalog import sample_customers
from flows.catalog.sample import NAMES, add_sample
from flows.engine import embedded
from flows.engine.configuration import errors_before_run
from flows.models import State
from flows.models.usage import Span, UsageFigures
from tests.factories import make_run

pytestmark = pytest.mark.django_db(transaction=True)
SHARE = 7  # of the customers one of so many


@pytest.fixture
def samples(settings, simulator, tmp_path):
    """Samples that call the simulator of the tests, and fewer customers."""
    settings.SIMULATOR_PORT = int(simulator.rpartition(":")[2])
    settings.ALLOWED_DESTINATIONS = [f"127.0.0.1:{settings.SIMULATOR_PORT}"]
    settings.SAMPLES_DIRECTORY = tmp_path
    settings.SQLITE_DIRECTORIES = [str(tmp_path)]
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_has_no_configuration_errors(client_alice, samples, name):
    answer = client_alice.post(reverse("flows:sample"), {"name": name})
    assert answer.status_code == 302
    assert errors_before_run(add_sample(name, by=None).current) == []


def test_there_are_no_other_samples(client_alice):
    assert client_alice.post(reverse("flows:sample"), {"name": "../secrets"}).status_code == 404


def test_a_database_that_cannot_be_written_is_said(client_alice, settings, samples):
    settings.SAMPLES_DIRECTORY = samples / "file" / "inside"
    (samples / "file").write_text("")
    answer = client_alice.post(reverse("flows:sample"), {"name": "all-customers"}, follow=True)
    assert "cannot be written" in answer.content.decode()


ANSWERS = {
    "plain-answer": "Simulated answer of gpt-4o-mini. You said: What does a flowchart show?",
    "loop-over-a-list": [
        f"Simulated answer of gpt-4o-mini. You said: {said}"
        for said in (
            "The tent stood two nights of rain and packs small.",
            "Delivery took three weeks, and nobody answered my mail.",
            "Good boots, but order them one size larger.",
        )
    ],
    "long-text": "\n".join(
        (
            "- Simulated answer of gpt-4o-mini. You said: The lighthouse was built in 1854, on a rock that the tide covers "
            "twice a day. Its keepers rowed out with oil and bread, and rowed back with letters.",
            "- Simulated answer of gpt-4o-mini. You said: In 1931 the lamp became electric. The keepers stayed for the fog "
            "bell, which no machine rang as well as they did.",
            "- Simulated answer of gpt-4o-mini. You said: Today the tower is a guest house. Guests sleep in the room of "
            "the lamp, and are asked to leave the curtains open at night.",
            "Most frequent words: keepers, rowed",
        )
    ),
    "try-and-catch": "Simulated answer of gpt-4o-mini. You said: How do I change my delivery address?",
}


@pytest.mark.parametrize(
    "name", ["plain-answer", "answer-a-customer", "loop-over-a-list", "long-text", "try-and-catch"]
)
def test_a_sample_answers_with_what_its_inputs_hold_already(samples, name):
    flow = add_sample(name, by=None)
    run = make_run(flow)
    asyncio.run(embedded.run_here(run))
    run.refresh_from_db()
    assert (run.state, run.error) == (State.SUCCEEDED, None)
    if name in ANSWERS:
        assert run.output == ANSWERS[name]
    assert [used.name for used in run.connections.all()] == ["simulator"]


def test_try_and_catch_shows_what_failed_and_what_was_done_instead(samples):
    run = make_run(add_sample("try-and-catch", by=None))
    asyncio.run(embedded.run_here(run))
    states = dict(run.actions.values_list("action_id", "state"))
    assert (states["first"], states["second"], states["end"]) == (State.FAILED, State.SUCCEEDED, State.SUCCEEDED)
    assert any("The first deployment failed" in line.message for line in run.log.all())


def test_samples_are_at_hand_wherever_a_flow_begins(client_alice, client_bob, samples):
    for address in ("flows:list", "flows:new", "flows:import"):
        page = client_alice.get(reverse(address)).content.decode()
        assert all(f'value="{name}"' in page for name in NAMES), address
    add_sample(by=None)
    page = client_alice.get(reverse("flows:list")).content.decode()
    assert all(f'value="{name}"' in page for name in NAMES)
    assert 'value="plain-answer"' not in client_bob.get(reverse("flows:list")).content.decode()


def test_the_dynamic_connection_answers(samples):
    flow = add_sample("dynamic-connection", by=None)
    run = make_run(flow, api_key="simulator-7", question="Why?", endpoint=flow.current.parsed().inputs[1].default)
    asyncio.run(embedded.run_here(run))
    run.refresh_from_db()
    assert (run.error, run.output) == (None, "Simulated answer of gpt-4o-mini. You said: Why?")
    facts = run.actions.get(path="chat").facts
    assert (facts["connection_variable"], facts["customer"]) == ("connection", "Fabrikam")


def test_all_customers_are_asked_and_those_that_cannot_be_are_named(samples):
    flow = add_sample("all-customers", by=None)
    with closing(sqlite3.connect(samples / "customers.sqlite3")) as file, file:
        keys = dict(file.execute("SELECT customer, api_key FROM credentials"))
        names = sorted(keys)
        deployments = dict(file.execute("SELECT name, deployment FROM customers"))
        # Waiting until a deployment takes calls again is somebody else's test.
        throttled = sample_customers.THROTTLED_DEPLOYMENT
        left = [
            name
            for at, name in enumerate(names)
            if (at % SHARE == 0 or not keys[name]) and deployments[name] != throttled
        ]
        file.execute(f"DELETE FROM customers WHERE name NOT IN ({','.join('?' * len(left))})", left)
    assert len(set(keys.values()) - {None}) == sample_customers.KEYS
    run = make_run(flow, question="Which plan?")
    asyncio.run(embedded.run_here(run))
    run.refresh_from_db()
    assert (run.state, run.error) == (State.SUCCEEDED, None)

    def works(name):
        key = keys[name]
        return bool(key) and not key.endswith("-revoked") and deployments[name] == sample_customers.DEPLOYMENT

    table = {row["customer"]: row for row in run.output}
    assert list(table) == left
    for name, row in table.items():
        if works(name):
            assert row["answer"].endswith("You said: Which plan?"), name
        else:
            assert row["error"], name
    failed = run.actions.filter(state=State.FAILED)
    assert {action.error["kind"] for action in failed} == {"auth_key", "quota", "null"}
    called = [name for name in left if keys[name]]
    counted = Counter(
        row.series.customer for row in UsageFigures.objects.filter(span=Span.HOUR).select_related("series")
    )
    assert set(counted) == set(called)
    with database.cursor() as cursor:
        for name in database.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{name}"')
            stored = str(cursor.fetchall())
            assert not any(key in stored for key in {*keys.values()} - {None}), name
    assert "simulator-" not in json.dumps(run.output)
