"""The page of usage shows what its address says, to whoever may see it."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from flows.models.usage import SeriesKey, add_usage, hour_of
from flows.models.usage_search import UsageFilters, UsagePeriod, UsageSearch
from flows.playground.models import Session
from tests.factories import make_flow
from tests.markup import one_line

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 27, 14, 7, tzinfo=UTC)


def of(name):
    return {"format": "foundryflow/1", "name": name, "inputs": [], "actions": []}


def count(at, calls=1, tokens=100, cost=0, estimated=0, **key):
    """Counts calls of a series; cost in ten-thousandths of a millionth."""
    whole = {"flow": 0, "connection": "contoso-ai", "customer": "", "deployment": "gpt-4o", "error": "", "currency": ""}
    counts = [calls, tokens, tokens // 2, 10, 1, estimated, 2, 3_000, 900, cost]
    add_usage({(SeriesKey(**{**whole, **key}), hour_of(at)): counts})


@pytest.fixture
def used(alice, bob):
    """Of this hour and of the month before last."""
    flow, now = make_flow(of("Answer")), timezone.now()
    hidden = make_flow(of("hidden words"))
    hidden.room = "playground"
    hidden.save()
    Session.objects.create(name="alice's", owner=alice, flow=hidden)
    count(now, 5, 1_000, 41_400_000_000, customer="Contoso", currency="USD", flow=flow.pk)
    count(now, 2, 300, customer="<b>Fabrikam", error="auth_key", flow=flow.pk)
    count(now, 1, 70, flow=hidden.pk, connection="other")
    count(now, 1, 7, 1, flow=99_999, currency="EUR", customer="=cmd()")
    count(now - timedelta(days=70), 50, customer="Old")


def shown(client, **params):
    return one_line(client.get(reverse("usage:show"), params).content.decode())


def test_figures_chart_and_table_of_this_month(used, client_bob):
    page = shown(client_bob)
    assert "<dd>9</dd>" in page  # calls
    assert "1,377 in (" in page
    assert "2 key refused · 8 waits on 429, 12.0 s in all" in page
    assert "$ 4.14 + € 0.0000000001" in page
    table = page[page.index("<tbody>") :]
    assert table.index("Contoso") < table.index("&lt;b&gt;Fabrikam") < table.index("No customer")
    assert 'role="img" aria-label="Tokens a day: most on' in page
    assert "so far" in page
    assert "state=failed&amp;via=all&amp;customer=%3Cb%3EFabrikam" in page
    assert "Old" not in table


@pytest.mark.parametrize(
    ("params", "calls"),
    [
        ({"connection": "other"}, 1),
        ({"customer": "Contoso"}, 5),
        ({"flow": "answer"}, 7),
        ({"deployment": "gpt-4o", "connection": "contoso-ai"}, 8),
        ({"period": "today"}, 9),
        ({"period": "7d", "step": "hours", "measure": "calls"}, 9),
        ({"period": "30d", "measure": "cost", "group": "deployment"}, 9),
        ({"from": "2020-01-01", "to": "2090-02-31"}, 0),
        (
            {
                "from": (timezone.now() - timedelta(days=80)).strftime("%Y-%m-%d"),
                "to": timezone.now().strftime("%Y-%m-%d"),
            },
            59,
        ),
        ({"period": "x", "group": "x", "measure": "x", "step": "x", "view": "x", "from": "x", "to": "2026-13-01"}, 9),
    ],
)
def test_period_and_filters_are_in_the_address(used, client_bob, params, calls):
    page = shown(client_bob, **params)
    assert (f"<dd>{calls}</dd>" in page) if calls else ("No calls in" in page)


def test_flows_that_somebody_may_not_see_count_without_their_names(used, client_bob, client_alice):
    page = shown(client_bob, group="flow")
    assert "Private sessions" in page
    assert "Deleted flows" in page
    assert "hidden words" not in page
    assert "hidden words" in shown(client_alice, group="flow")
    assert "No calls in" in shown(client_bob, flow="playground-hidden-words")


def test_tokens_that_nobody_counted_are_marked(used, client_bob):
    assert "estimated" not in shown(client_bob)
    count(timezone.now(), 1, 500, estimated=510, customer="Local")
    page = shown(client_bob)
    assert "<dd>≈ 1,927</dd>" in page
    assert "· 510 estimated" in page
    table = page[page.index("<tbody>") :]
    assert "≈ 500" in table
    assert "≈ 1,000" not in table  # of another row
    answer = client_bob.get(reverse("usage:csv"), {"period": "today"})
    lines = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert {line["Of all estimated"] for line in lines} == {"0", "510"}


def test_the_table_shows_the_same_as_the_chart(used, client_bob):
    page = shown(client_bob, view="table", period="today")
    assert '<svg class="usage-svg' not in page
    assert f"{timezone.now().astimezone(UTC):%H}:00" in page


def test_the_file_has_every_line_and_no_formula(used, client_bob):
    answer = client_bob.get(reverse("usage:csv"), {"period": "today"})
    assert answer["Content-Disposition"].startswith('attachment; filename="usage-')
    lines = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert sum(int(line["Calls"]) for line in lines) == 9
    assert {line["Customer"] for line in lines} == {"Contoso", "<b>Fabrikam", "", "'=cmd()"}
    assert {line["Flow"] for line in lines} == {"Answer", ""}
    assert {(line["Cost"], line["Currency"]) for line in lines} >= {("4.14", "USD"), ("0.0000000001", "EUR")}


def test_a_file_that_would_be_too_long_is_refused(used, client_bob, monkeypatch):
    monkeypatch.setattr("flows.usage.views.MOST_LINES", 2)
    answer = client_bob.get(reverse("usage:csv"), {"period": "today"}, follow=True)
    assert "Choose a shorter period" in answer.content.decode()


def test_nothing_used_is_said_and_filters_can_be_cleared(client_bob):
    assert "No calls in" in shown(client_bob)
    assert "Clear filters" in shown(client_bob, customer="Nobody")


def test_a_stranger_sees_nothing(client, db):
    assert client.get(reverse("usage:show")).status_code == 302
    assert client.get(reverse("usage:csv")).status_code == 302


@pytest.mark.parametrize("name", ["today", "7d", "30d", "month", "last-month"])
def test_a_period_is_the_same_whatever_rows_it_is_put_together_of(name):
    period = UsagePeriod.of({"period": name}, NOW)
    for day in range(-70, 1):
        count(NOW + timedelta(days=day), calls=1 + day % 5)
    search = UsageSearch(None, period, UsageFilters())
    by_customer = search.group_by("customer").total.calls
    assert by_customer == sum(sums.calls for _, sums in search.parts(period.step())) > 0


def test_a_year_is_put_together_of_months_and_days():
    period = UsagePeriod.of({"from": "2025-12-10", "to": "2026-11-27"}, NOW)
    spans = [(span.name, (end - begin) // 24) for span, begin, end in period.pieces()]
    assert spans == [("DAY", 22), ("MONTH", 334)]
    past = UsagePeriod.of({"from": "2025-12-10", "to": "2026-10-27"}, NOW)
    assert [(span.name, (end - begin) // 24) for span, begin, end in past.pieces()][1:] == [("MONTH", 273), ("DAY", 27)]
    for day in range(352):
        count(NOW - timedelta(days=day))
    search = UsageSearch(None, period, UsageFilters())
    assert search.group_by("customer").total.calls == 352
    assert [sums.calls for _, sums in search.parts(period.step())][:3] == [21, 31, 28]
