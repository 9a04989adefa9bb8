"""How long things are kept: what decides it, from when on, and what is asked before."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from flows.engine import deletion
from flows.models import Run, State
from foundryflow import retention
from foundryflow.models import AuditEntry, StoredSetting
from foundryflow.retention import AUDIT_LOG, FOR_EVER, RUNS, last_erasure, next_erasure
from foundryflow.roles import Role
from tests.factories import make_flow, make_run

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def kept_30_days():
    """Since yesterday."""
    RUNS.set_days(30)
    stored = StoredSetting.objects.get()
    stored.value["changed_at"] = (last_erasure() - DAY).isoformat()
    stored.save()


def old_run(days):
    run, at = make_run(make_flow()), timezone.now() - days * DAY
    Run.objects.filter(pk=run.pk).update(state=State.SUCCEEDED, created_at=at, ended_at=at)
    return run


def post(client, days, kind="runs", **more):
    return client.post(f"/system/retention/{kind}/", {"days": days, **more}, headers={"HX-Request": "true"})


def body_of(response):
    return " ".join(response.content.decode().split())


def test_runs_are_kept_for_ever_and_the_audit_log_a_year_until_somebody_says_otherwise():
    assert (RUNS.days(), AUDIT_LOG.days()) == (FOR_EVER, 365)
    assert RUNS.erases_before() is None
    assert AUDIT_LOG.erases_before() == last_erasure() - 365 * DAY


def test_the_environment_decides_where_it_says_something(settings, kept_30_days):
    settings.RUN_RETENTION_DAYS = 7
    assert (RUNS.days(), RUNS.is_fixed) == (7, True)
    assert RUNS.erases_before() == last_erasure() - 7 * DAY


def test_what_is_stored_decides_else_and_whoever_erases_reads_it_each_time(kept_30_days):
    old, young = old_run(32), old_run(28)
    deletion.delete_all()
    assert list(Run.objects.all()) == [young]
    assert not Run.objects.filter(pk=old.pk).exists()


def test_a_change_counts_from_the_next_two_o_clock_on(kept_30_days, monkeypatch):
    RUNS.set_days(7)
    assert RUNS.days() == 7
    assert RUNS.erases_before() == last_erasure() - 30 * DAY
    tomorrow = next_erasure() + timedelta(minutes=1)
    monkeypatch.setattr(retention.timezone, "localtime", lambda: tomorrow)
    assert RUNS.erases_before() == next_erasure() - 8 * DAY  # the next one is a day later now


def test_several_changes_of_a_day_keep_what_was_in_effect(kept_30_days):
    RUNS.set_days(7)
    RUNS.set_days(60)
    assert RUNS.erases_before() == last_erasure() - 30 * DAY


def test_what_was_erased_stays_known_when_more_is_kept_again(kept_30_days):
    gone = RUNS.erased_before()
    RUNS.set_days(FOR_EVER)
    assert RUNS.erased_before() == gone == last_erasure() - 30 * DAY


def test_two_o_clock_is_that_of_the_server(settings):
    settings.TIME_ZONE = "America/New_York"
    with timezone.override("America/New_York"):
        assert last_erasure().hour == 2
        assert last_erasure() <= timezone.localtime() < next_erasure()


def test_a_choice_is_saved_at_once_with_a_way_back_and_told_to_the_log(client_alice, alice):
    response = post(client_alice, 90)
    assert response.status_code == 200
    assert "Saved · <button" in body_of(response)
    assert RUNS.days() == 90
    entry = AuditEntry.objects.get()
    assert (entry.by, entry.verb, entry.subject) == (alice, "changed", "retention of runs")
    assert entry.detail == "from for ever to 90 days"


def test_to_keep_less_asks_once_how_many_go(client_alice):
    old_run(40)
    asked = post(client_alice, 30)
    assert "1 run is older and will be erased tonight." in body_of(asked)
    assert (RUNS.days(), AuditEntry.objects.count()) == (FOR_EVER, 0)
    post(client_alice, 30, confirmed="1")
    assert RUNS.days() == 30
    assert Run.objects.count() == 1


def test_entries_of_the_audit_log_are_counted_the_same_way(client_alice):
    AuditEntry.objects.create(verb="changed", subject="x")
    AuditEntry.objects.update(at=timezone.now() - 40 * DAY)
    assert "1 entry is older" in body_of(post(client_alice, 30, "audit-log"))


def test_to_keep_more_or_the_same_asks_nothing(client_alice, kept_30_days):
    old_run(100)
    assert "will be erased" not in body_of(post(client_alice, 90))
    assert "Saved" not in body_of(post(client_alice, 90))
    assert AuditEntry.objects.count() == 1


@pytest.mark.parametrize("days", ["", "-1", "1.5", "x", "3651", "9" * 30, "٣"])
def test_what_is_no_number_of_days_says_which_ones_are(client_alice, days):
    response = post(client_alice, days)
    assert response.status_code == 422
    assert "Days are a whole number from 1 to 3,650, or 0 to keep all." in body_of(response)
    assert RUNS.days() == FOR_EVER


def test_what_the_environment_decides_is_not_changed_and_has_no_field(client_alice, settings):
    settings.RUN_RETENTION_DAYS = 7
    response = post(client_alice, 90)
    assert response.status_code == 422
    assert "FOUNDRYFLOW_RUN_RETENTION_DAYS decides this." in body_of(response)
    assert RUNS.days() == 7
    page = body_of(client_alice.get("/system/"))
    assert 'id="keep-runs"' not in page
    assert 'id="keep-audit-log"' in page


def test_a_plain_form_leads_back_to_the_page(client_alice):
    response = client_alice.post("/system/retention/runs/", {"days": "90"})
    assert (response.status_code, response.url) == (302, "/system/")


def test_there_is_nothing_else_to_keep(client_alice):
    assert post(client_alice, 90, "everything").status_code == 404


def test_only_administrators_change_it(client, person):
    client.force_login(person(Role.EDITOR))
    assert post(client, 90).status_code == 403
    assert RUNS.days() == FOR_EVER


def test_moments_survive_being_stored(kept_30_days):
    assert datetime.fromisoformat(StoredSetting.objects.get().value["changed_at"]).tzinfo is not None
