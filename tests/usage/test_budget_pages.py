"""Budgets are seen by everybody and edited by editors; usage shows how far they are spent."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from flows.models import Budget, BudgetAccount
from flows.models.usage_search import UsageFilters
from flows.usage.budgets import BudgetUse, uses_within
from foundryflow.models import AuditEntry
from tests.factories import make_connection
from tests.markup import one_line
from tests.usage.test_usage_page import count

pytestmark = pytest.mark.django_db
LIST = "/usage/budgets/"
MONTH = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def typed(**more):
    return {
        "subject": "customer", "name": "Contoso", "amount": "1400000", "currency": "", "period": "month",
        "when_spent": "wait", "spill_over_to": "", **more,
    }  # fmt: skip


def make_budget(**more):
    given = {"subject": "connection", "name": "contoso-ai", "amount": Decimal(1_000), "when_spent": "wait", **more}
    return Budget.objects.create(**given)


def shown(client, address, **params):
    response = client.get(address, params)
    assert response.status_code == 200
    return one_line(response.content.decode())


def test_an_editor_adds_changes_and_deletes_a_budget(client_alice):
    spare = make_connection("spare")
    assert "No budget yet" in shown(client_alice, LIST)
    client_alice.post(f"{LIST}new/", typed())
    budget = Budget.objects.get()
    page = shown(client_alice, LIST)
    assert "1,400,000 tokens a month" in page
    assert f'href="{reverse("usage:show")}?customer=Contoso"' in page
    assert "0 %" in page
    assert 'value="1400000"' in shown(client_alice, LIST, edit=budget.pk)
    changed = {f"budget-{budget.pk}-{name}": value for name, value in typed(when_spent="spill").items()}
    address = f"{LIST}{budget.pk}/"
    assert "Choose the connection that is called then." in client_alice.post(address, changed).content.decode()
    client_alice.post(address, {**changed, f"budget-{budget.pk}-spill_over_to": spare.pk})
    assert "calls go to spare" in shown(client_alice, LIST)
    spare.delete()
    assert "calls wait" in shown(client_alice, LIST)
    client_alice.post(f"{address}delete/")
    assert not Budget.objects.exists()
    assert client_alice.post(address, changed).status_code == 404
    said = list(AuditEntry.objects.filter(kind="budget").values_list("verb", "subject"))
    assert said[0] == ("deleted", "monthly budget of Contoso")
    assert [verb for verb, _ in said] == ["deleted", "changed", "added"]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": " "}, "Type whose budget it is."),
        ({"amount": "0"}, "A budget is more than 0."),
        ({"amount": "1.5"}, "Tokens are whole."),
        ({"amount": "1e13"}, "That is too much."),
        ({"amount": "100000000", "currency": "USD"}, "That is too much."),
        ({"amount": "x"}, "Type a number such as"),
        ({"currency": "XYZ"}, "Select a valid choice"),
        ({"name": "Known"}, "There is a budget for this already"),
        ({"subject": "nobody"}, "Select a valid choice"),
        ({"name": "n" * 256}, "at most 255 characters"),
    ],
)
def test_what_is_no_budget_is_said_beside_the_field(client_alice, wrong, sentence):
    make_budget(subject="customer", name="Known")
    answer = client_alice.post(f"{LIST}new/", typed(**wrong))
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert Budget.objects.count() == 1


def test_a_reader_looks_and_changes_nothing(client_bob):
    budget = make_budget()
    page = shown(client_bob, LIST, edit=budget.pk)
    assert "1,000 tokens a month" in page
    assert "<form" not in page[page.index('id="budgets"') :].split("</main>")[0]
    for address in (f"{LIST}new/", f"{LIST}{budget.pk}/", f"{LIST}{budget.pk}/delete/"):
        assert client_bob.post(address, typed()).status_code == 403
    assert Budget.objects.count() == 1


def test_another_amount_warns_anew_and_another_customer_counts_anew(client_alice):
    budget = make_budget(subject="customer", name="Contoso")
    BudgetAccount.objects.create(budget=budget, name="Contoso", begins="2026-11-01", used=900, warned_at=timezone.now())

    def change(**more):
        data = {f"budget-{budget.pk}-{name}": value for name, value in typed(**more).items()}
        assert client_alice.post(f"{LIST}{budget.pk}/", data).status_code == 302

    change(amount="2000")
    account = BudgetAccount.objects.get()
    assert (account.used, account.warned_at) == (900, None)
    change(name="Fabrikam")
    assert not BudgetAccount.objects.exists()


def test_usage_shows_the_budget_that_fits_its_filter(client_alice, client_bob):
    budget = make_budget(amount=Decimal(1_000))
    count(timezone.now(), 1, 910, customer="<b>Contoso")
    make_budget(subject="every customer", name="", amount=Decimal(460), period="day", when_spent="fail")
    usage = reverse("usage:show")
    assert "% of the" not in shown(client_alice, usage)
    page = shown(client_alice, usage, connection="contoso-ai")
    assert "92 % of the budget of contoso-ai" in page
    assert "<b>920</b> of 1,000 tokens" in page
    assert f'<a href="{LIST}?edit={budget.pk}">Change</a>' in page
    assert "?edit=" not in shown(client_bob, usage, connection="contoso-ai")
    page = shown(client_alice, usage, customer="<b>Contoso")
    assert "200 % of the daily budget of &lt;b&gt;Contoso" in page
    assert "calls fail until at 00:00" in page
    assert "% of the" not in shown(client_alice, usage, connection="contoso-ai", deployment="gpt-4o")
    assert "% of the" not in shown(client_alice, usage, connection="contoso-ai", period="last-month")


def test_the_table_says_how_much_of_its_budget_each_has_spent(client_bob):
    count(timezone.now(), 1, 80, customer="Contoso")
    count(timezone.now(), 1, 80, customer="Fabrikam")
    count(timezone.now(), 1, 80)
    usage = reverse("usage:show")
    assert "Budget used" not in shown(client_bob, usage)
    make_budget(subject="customer", name="Contoso", amount=Decimal(100))
    make_budget(subject="customer", name="Contoso", amount=Decimal(1_000), period="day")
    page = shown(client_bob, usage)
    assert "Budget used" in page
    assert "90 %" in page
    assert "no budget" in page
    assert "Budget used" not in shown(client_bob, usage, group="flow")


@pytest.mark.parametrize(
    ("used", "pace", "words"),
    [
        (500, 0.0, "once it is spent, calls wait"),
        (500, 10 / 86_400, "at this pace it lasts to the end of the month"),
        (700, 200 / 86_400, "at this pace spent Sun 29, then calls wait"),
        (1_000, 1.0, "calls wait until Tue 1"),
    ],
)
def test_when_it_will_be_spent(used, pace, words):
    account = BudgetAccount(budget=make_budget(), name="contoso-ai", begins=MONTH.date(), used=used)
    assert BudgetUse(account, MONTH, pace).forecast == words


def test_the_pace_is_that_of_the_last_seven_days():
    make_budget(amount=Decimal(10_000))
    for days, tokens in ((0, 650), (6, 640), (7, 100_000)):
        count(MONTH - timedelta(days=days), 1, tokens)
    ((use),) = uses_within(UsageFilters(connection="contoso-ai"), MONTH)
    assert use.pace * 86_400 == pytest.approx(1_310 / 6.5)
