"""A run that goes on where another failed, or from any of its actions."""

import asyncio

import pytest

from flows.engine import embedded
from flows.models import Run, State
from tests.engine.conftest import counting
from tests.engine.test_durable import chat, document, returns
from tests.factories import make_flow, make_run

__all__ = ["counting"]
pytestmark = pytest.mark.django_db(transaction=True)

THROW = {"id": "t", "type": "throw", "properties": {"message": "broken", "kind": "broken"}}


def ran(run):
    asyncio.run(embedded.run_here(run))
    return Run.objects.get(pk=run.pk)


def test_a_retry_takes_over_what_had_finished(counting):
    flow = make_flow(document(chat("a", "one"), THROW, chat("b", "two {{ a }}"), returns("{{ b }}")))
    failed = ran(make_run(flow))
    assert failed.state == State.FAILED
    mended = flow.current.parsed().with_action("t", disabled=True)
    flow.commit(mended, by=None, base=1)
    made = ran(Run.objects.start_again(failed, by=None, via="test", revision=failed.flow.current))
    assert (made.state, made.output, made.origin) == (State.SUCCEEDED, "<two <one>>", failed)
    assert counting.count("one") == 1
    assert made.actions.get(path="a").reason == f"taken over from run {failed.pk}"
    assert made.prompt_tokens == 3


def test_a_run_from_an_action_with_other_inputs_keeps_what_came_before(counting):
    question = [{"name": "question", "type": "text", "required": True}]
    flow = make_flow(
        document(
            chat("a", "one"), chat("b", "{{ question }}"), chat("c", "c {{ b }}"), returns("{{ c }}"), inputs=question
        )
    )
    first = ran(make_run(flow, question="x"))
    made = ran(Run.objects.start_again(first, by=None, via="test", path="b", inputs={"question": "y"}))
    assert made.output == "<c <y>>"
    assert (counting.count("one"), counting.count("x"), counting.count("y")) == (1, 1, 1)


def test_results_with_a_secret_are_made_again(counting):
    declare = {"id": "v", "type": "declare_variables", "properties": {"variables": [
        {"name": "key", "type": "secret", "value": "{{ token }}"}]}}  # fmt: skip
    flow = make_flow(
        document(declare, chat("a", "one"), THROW, inputs=[{"name": "token", "type": "secret", "required": True}])
    )
    failed = ran(make_run(flow, token="s3cret"))
    made = ran(Run.objects.start_again(failed, by=None, via="test", inputs={"token": "s3cret"}))
    assert [row.reason for row in made.actions.filter(path__in=("a", "v")).order_by("path")] == [
        f"taken over from run {failed.pk}",
        "",
    ]
    assert counting.count("one") == 1


def test_the_button_retries_and_asks_for_secrets_that_are_gone(counting, client_alice, client_bob):
    failed = ran(make_run(make_flow(document(chat("a", "one"), THROW))))
    assert client_bob.post(f"/runs/{failed.pk}/retry/").status_code == 403
    page = client_alice.get(f"/runs/{failed.pk}/").content.decode()
    assert "Retry from there" in page
    answer = client_alice.post(f"/runs/{failed.pk}/retry/")
    made = Run.objects.latest("pk")
    assert (answer.url, made.origin_id) == (f"/runs/{made.pk}/", failed.pk)
    with_secret = document(THROW, inputs=[{"name": "token", "type": "secret", "required": True}])
    failed = ran(make_run(make_flow({**with_secret, "name": "secret"}), token="s3cret"))
    answer = client_alice.post(f"/runs/{failed.pk}/retry/")
    assert answer.url == f"/flows/secret/run/?again={failed.pk}&from=t"
    form = client_alice.get(answer.url).content.decode()
    assert "s3cret" not in form
    assert "newest revision" in form
    client_alice.post(answer.url, {"asked": "1", "input-token": "again"})
    assert Run.objects.latest("pk").origin_id == failed.pk


def test_a_run_that_succeeded_is_not_retried(counting, client_alice):
    done = ran(make_run(make_flow(document(chat("a", "one")))))
    client_alice.post(f"/runs/{done.pk}/retry/")
    assert Run.objects.count() == 1
