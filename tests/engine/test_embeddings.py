"""Embeddings against the simulator: tokens are counted, budgets and limits hold them, faults are sentences."""

import pytest

from flows.engine.call_counts import usage_differences
from flows.models import Budget, BudgetAccount, State
from flows.models.usage import Span, UsageFigures
from tests.engine.conftest import run_action
from tests.factories import finish_run, make_flow, make_run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sim")]


def embed(model="text-embedding-3-small", **properties):
    returned = "{{ embedding.dimensions }}"
    return run_action("generate_embedding", returned, model=model, input=["one two", "three"], **properties)


def test_a_run_embeds_and_its_tokens_are_counted():
    run, record = embed(dimensions=5)

    assert (run.state, run.output) == (State.SUCCEEDED, 5)
    assert record.usage == {"prompt_tokens": 3, "total_tokens": 3}
    assert record.output["text"] == "2 vectors of 5 numbers"
    figures = UsageFigures.objects.get(span=Span.HOUR)
    assert (figures.calls, figures.prompt_tokens, figures.completion_tokens) == (1, 3, 0)
    assert [used.name for used in run.connections.all()] == ["sim"]


def test_a_budget_holds_embeddings():
    Budget.objects.create(subject="connection", name="sim", amount=3, period="month", when_spent="fail")
    first, _ = embed()
    second, _ = embed("text-embedding-3-large")

    assert first.state == State.SUCCEEDED
    assert BudgetAccount.objects.get().used == 3
    assert (second.state, second.error["kind"]) == (State.FAILED, "budget")


@pytest.mark.parametrize(
    ("model", "kind", "words"),
    [
        ("gpt-4o-mini", "not_found_route", "sim: 400: gpt-4o-mini makes no embeddings."),
        ("no-embeddings", "not_found_route", "sim: 400: no-embeddings makes no embeddings."),
        ("not-found", "not_found_deployment", "sim: 404"),
        ("bad-key", "auth_key", "sim: 401"),
        ("no-vectors", "protocol", "sim gave 0 vectors for 2 texts."),
        ("fewer-vectors", "protocol", "sim gave 1 vectors for 2 texts."),
        ("bad-json", "protocol", "sim: "),
    ],
)
def test_faults_are_sentences(model, kind, words):
    run, record = embed(model)
    assert (run.state, record.error["kind"]) == (State.FAILED, kind)
    assert record.error["message"].startswith(words)
    assert "planted" not in str(record.error)


def test_a_busy_deployment_is_asked_again():
    run, record = embed("retry-ms-only")
    assert run.state == State.SUCCEEDED
    assert record.facts["throttled"] == 1


def test_dimensions_that_a_model_refuses_stop_the_run_with_its_words():
    run, record = embed("no-dimensions", dimensions=5)
    assert run.state == State.FAILED
    assert "This model does not support specifying dimensions" in record.error["message"]


def test_tokens_that_the_service_does_not_count_are_estimated_and_marked():
    run, record = embed("no-usage")
    assert run.state == State.SUCCEEDED
    assert record.usage == {"prompt_tokens": 4, "total_tokens": 4, "estimated_tokens": 4}
    assert run.tokens == {"prompt_tokens": 4, "completion_tokens": 0, "total_tokens": 4, "estimated_tokens": 4}
    assert UsageFigures.objects.get(span=Span.MONTH).estimated_tokens == 4
    assert usage_differences() == 0
    call = {"id": "top", "type": "run_flow", "properties": {"flow": run.flow.slug}}
    flow = make_flow({"format": "foundryflow/1", "name": "above", "inputs": [], "actions": [call]})
    above = finish_run(make_run(flow))
    assert above.tokens == above.actions.get(path="top").usage == run.tokens
