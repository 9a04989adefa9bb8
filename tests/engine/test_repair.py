"""An answer that is corrected: both calls count, for usage, budgets and limits."""

import pytest

from flows.models import Budget, BudgetAccount, State
from flows.models.usage import Span, UsageFigures
from tests.engine.conftest import run_action

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sim")]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}


def ask(model="misfit"):
    return run_action(
        "chat_completion",
        "{{ response.json }}",
        model=model,
        user_prompt="Where?",
        response_format=SCHEMA,
        repair="once",
    )


def test_both_calls_count():
    Budget.objects.create(subject="connection", name="sim", amount=1_000, period="month", when_spent="fail")
    run, record = ask()
    assert (run.state, run.output) == (State.SUCCEEDED, {"city": "simulated", "days": 1})
    both = [record.facts["repair"][name]["total_tokens"] for name in ("usage", "corrected_usage")]
    assert record.usage["total_tokens"] == sum(both) == BudgetAccount.objects.get().used
    figures = UsageFigures.objects.get(span=Span.HOUR)
    assert figures.prompt_tokens + figures.completion_tokens == sum(both)
    assert run.prompt_tokens + run.completion_tokens == sum(both)


def test_a_budget_that_the_first_answer_spent_holds_the_second():
    Budget.objects.create(subject="connection", name="sim", amount=5, period="month", when_spent="fail")
    run, record = ask()
    assert (run.state, record.error["kind"]) == (State.FAILED, "budget")
    assert record.facts["repair"]["problems"]
    assert record.usage["total_tokens"] == BudgetAccount.objects.get().used


def test_a_second_answer_that_does_not_fit_counts_too():
    run, record = ask("misfit-always")
    assert (run.state, record.error["kind"]) == (State.FAILED, "schema_mismatch")
    assert "At city: 0 is not of type 'string'." in record.error["message"]
    assert record.error["raw"] == '{"city": 0}'
    assert record.usage["total_tokens"] == run.prompt_tokens + run.completion_tokens
    assert record.facts["repair"]["answer"] == '{"city": 0}'
