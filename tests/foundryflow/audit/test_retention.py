"""Entries go when they are too old, a portion at a time, and an entry says so."""

from datetime import timedelta

import pytest
from django.utils import timezone

from flows.engine.deletion import delete_all
from flows.models import Run, State
from foundryflow.audit import retention
from foundryflow.audit.record import COMMAND, Subject, record
from foundryflow.audit.retention import erase_expired_entries
from foundryflow.audit.rows import AuditRow
from foundryflow.models import AuditEntry
from foundryflow.retention import AUDIT_LOG
from tests.factories import make_flow, make_run

pytestmark = pytest.mark.django_db


def make_entries(count, days):
    for _ in range(count):
        record(COMMAND, "imported", Subject("flow", "Old"))
    AuditEntry.objects.filter(subject="Old").update(at=timezone.now() - timedelta(days=days))


def sentences():
    return [AuditRow(entry, "").sentence for entry in AuditEntry.objects.all()]


def test_they_are_kept_for_a_year():
    assert AUDIT_LOG.days() == 365
    make_entries(2, 364)
    assert not erase_expired_entries()
    assert AuditEntry.objects.count() == 2


def test_they_are_erased_in_portions_and_the_day_has_one_entry(monkeypatch):
    monkeypatch.setattr(retention, "MOST_ERASED", 2)
    make_entries(5, 366)
    record(COMMAND, "imported", Subject("flow", "New"))
    delete_all()
    assert sorted(sentences())[1] == "System erased 5 entries of the audit log older than 365 days"
    assert AuditEntry.objects.count() == 2


def test_nothing_is_erased_where_they_are_kept_for_ever(settings):
    settings.AUDIT_RETENTION_DAYS = 0
    make_entries(2, 4_000)
    delete_all()
    assert AuditEntry.objects.count() == 2


def test_runs_that_outlive_theirs_are_counted(settings, alice):
    settings.RUN_RETENTION_DAYS = 90
    flow, old = make_flow(by=alice), timezone.now() - timedelta(days=91)
    for _ in range(3):
        make_run(flow, by=alice, question="Why?")
    Run.objects.update(state=State.SUCCEEDED, created_at=old, ended_at=old)
    delete_all()
    assert sentences() == ["System erased 3 runs older than 90 days"]
    assert AuditRow(AuditEntry.objects.get(), "").place == "retention"
