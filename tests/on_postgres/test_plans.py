"""Ways that PostgreSQL takes through many runs: to those it is asked for, however many others there are."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from flows.models import Flow, Run
from flows.models.run_counts import newest_runs
from flows.models.run_filters import Filters
from flows.models.search import MOST_READ, Search
from tests.factories import make_flow

RUNS = 30_000


@pytest.fixture(params=["with statistics", "without"])
def flows(db, request):
    """One with many runs, which all succeeded, and one without any; and the same before anybody has counted them."""
    busy, quiet = (make_flow({"format": "foundryflow/1", "name": name, "actions": []}) for name in ("busy", "quiet"))
    Run.objects.create(flow=busy, revision=busy.current, via="x", state="succeeded")
    columns = ", ".join(field.column for field in Run._meta.concrete_fields if not field.primary_key)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO flows_run ({columns}) SELECT {columns} FROM flows_run, generate_series(2, {RUNS})")
        if request.param == "with statistics":
            cursor.execute("ANALYZE")
    return busy, quiet


def test_the_newest_run_of_a_flow_is_not_looked_for_among_those_of_others(flows):
    busy, quiet = flows
    with CaptureQueriesContext(connection) as asked:
        assert set(newest_runs([busy.pk, quiet.pk])) == {busy.pk}
    assert most_read(asked) < 100


@pytest.mark.parametrize(
    "filters",
    [
        {"state": "open"},
        {"state": "cancelled", "via": "x"},
        {"q": "busy"},
        {"by": "x"},
        {"to": "2020-01-01"},
        {"via": "batch"},
    ],
)
def test_a_search_reads_no_runs_that_it_does_not_show(flows, filters):
    with CaptureQueriesContext(connection) as asked:
        search = Search(Flow.objects.all(), Filters.of(filters))
        assert len(search.page().runs) == (50 if "q" in filters else 0)
    assert most_read(asked) < 100


@pytest.mark.parametrize("query", ["", "via=x", "q=busy&period=24"])
def test_no_query_of_the_list_goes_through_all_runs(flows, client_alice, query):
    client_alice.get("/runs/")
    with CaptureQueriesContext(connection) as asked:
        assert client_alice.get(f"/runs/?{query}").status_code == 200
    assert most_read(asked) < 2_000


@pytest.mark.parametrize(
    "more", [{}, {"state": "failed"}, {"q": "quiet"}, {"to": "2020-01-01"}, {"q": "17", "state": "open"}]
)
def test_a_search_by_connection_reads_no_more_than_one_look(flows, more):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO flows_runconnection (run_id, name, created_at) SELECT id, 'contoso', created_at FROM flows_run"
        )
    with CaptureQueriesContext(connection) as asked:
        search = Search(Flow.objects.all(), Filters.of({"connection": "contoso", **more}))
        found = search.page()
        search.count(found)
    assert len(found.runs) == (0 if more else 50)
    assert most_read(asked) < MOST_READ + 100


def most_read(asked):
    """Rows that a step of a plan has gone through."""
    read = 0
    for query in list(asked):
        with connection.cursor() as cursor:
            if not query["sql"].startswith("SELECT"):
                continue
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query['sql']}")
            ((plan,),) = cursor.fetchall()
        for node in nodes(plan[0]["Plan"]):
            read = max(read, node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
    return read


def nodes(plan):
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)
