"""What is written: bounded, printable, without a secret, and repeated things once."""

import json
import logging
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from foundryflow.audit.record import (
    COMMAND,
    Origin,
    Repeats,
    Subject,
    _begun,
    as_json,
    origin_of,
    origin_of_key,
    record,
)
from foundryflow.audit.rows import AuditRow, audit_rows
from foundryflow.audit.safe_text import LONGEST_DATA, MASK, safe_text
from foundryflow.logs import mask_secrets
from foundryflow.models import ApiKey, AuditEntry
from foundryflow.models.audit_entry import Via

pytestmark = pytest.mark.django_db
THING = Subject("flow", "Answer a customer", 7)


def sentences():
    return [AuditRow(entry, "").sentence for entry in AuditEntry.objects.all()]


def grow_older(**ago):
    _begun.clear()
    AuditEntry.objects.update(first_at=timezone.now() - timedelta(**ago))


def test_a_sentence_is_made_of_who_did_what_to_what(alice, rf):
    request = rf.get("/", REMOTE_ADDR="10.20.4.17")
    request.user = alice
    record(origin_of(request), "changed", THING, ": model of Condense, r14")
    record(origin_of(request), "invited", Subject("person", "hana@contoso.example"), "as runner")
    assert sentences() == [
        "Alice invited hana@contoso.example as runner",
        "Alice changed Answer a customer: model of Condense, r14",
    ]
    assert AuditRow(AuditEntry.objects.first(), "").place == "browser · 10.20.4.17"


def test_a_call_of_the_api_says_its_key_by_how_it_begins(alice, rf):
    key, text = ApiKey.objects.issue("nightly", ["run"], by=alice)
    record(origin_of_key(key, rf.get("/", REMOTE_ADDR="10.20.7.2")), "started", Subject("run", "run 4190", 4190))
    [row] = audit_rows(AuditEntry.objects.all())
    assert (row.who, row.place) == ("API · nightly", f"key {key.begins} · 10.20.7.2")
    assert text not in json.dumps(as_json(row.entry))


def test_a_command_says_who_runs_it():
    record(COMMAND, "imported", THING)
    [row] = audit_rows(AuditEntry.objects.all())
    assert row.who.startswith("Command line · ")
    assert row.place == "command line"


def test_what_is_done_again_soon_is_one_entry_that_counts():
    origin = Origin(Via.BROWSER, None, "Bo", "10.0.0.1")
    for number in (12, 13, 14):
        record(origin, "changed", THING, f": r{number}", data={"revision": number}, repeats=Repeats(counted="changes"))
    [entry] = AuditEntry.objects.all()
    assert sentences() == ["Bo changed Answer a customer: r14, 3 changes"]
    assert (entry.data["revision"], as_json(entry)["count"], entry.first_at < entry.at) == (14, 3, True)
    grow_older(minutes=11)
    record(origin, "changed", THING, ": r15", repeats=Repeats(counted="changes"))
    assert AuditEntry.objects.count() == 2


def test_an_entry_whose_transaction_was_taken_back_is_begun_anew():
    origin, repeats = Origin(Via.API, None, "API · nightly"), Repeats(timedelta(minutes=1), counted="more", apart="7")
    with suppress(InterruptedError), transaction.atomic():
        record(origin, "started", Subject("run", "run 1", 1), repeats=repeats)
        raise InterruptedError
    record(COMMAND, "imported", THING)  # takes the same number
    record(origin, "started", Subject("run", "run 2", 2), repeats=repeats)
    assert list(AuditEntry.objects.order_by("pk").values_list("subject", "count")) == [(THING.name, 1), ("run 2", 1)]


@pytest.mark.parametrize(
    "other",
    [
        {"origin": Origin(Via.BROWSER, None, "Ada", "10.0.0.1")},
        {"origin": Origin(Via.BROWSER, None, "Bo", "10.0.0.2")},
        {"verb": "deleted"},
        {"subject": Subject("flow", "Another")},
        {"refused": True},
    ],
)
def test_what_differs_is_not_counted_together(other):
    first = {"origin": Origin(Via.BROWSER, None, "Bo", "10.0.0.1"), "verb": "changed", "subject": THING}
    record(**first, repeats=Repeats())
    record(**{**first, **other}, repeats=Repeats())
    assert AuditEntry.objects.count() == 2


def test_runs_of_a_key_are_the_first_and_how_many_more():
    origin = Origin(Via.API, None, "API · nightly")
    for number in (4190, 4191, 4200):
        repeats = Repeats(timedelta(minutes=1), counted="more", times=104, apart="7")
        record(origin, "started", Subject("run", f"run {number}", number), "of All customers", repeats=repeats)
    assert sentences() == ["API · nightly started run 4190 of All customers, and 311 more"]


def test_hostile_names_are_bounded_and_printable():
    name = "a\x00\x07\u202e\u2066b\ud800\r\n" + "x" * 10_000
    data = {f"k{number}\x00": {"deep": [[[[[name]]]]]} for number in range(1_000)}
    record(Origin(Via.BROWSER, None, name, "1" * 100), name, Subject(name, name, 1), name, data=data)
    [entry] = AuditEntry.objects.all()
    shown = [entry.actor, entry.verb, entry.subject, entry.detail]
    assert [len(text) for text in shown] == [200, 60, 200, 500]
    assert all(text.isprintable() for text in shown)
    assert entry.subject.startswith("a����b�  xxx")
    assert len(json.dumps(entry.data)) <= LONGEST_DATA
    assert safe_text("محمد 山田 Ünïcode 🙂", 100) == "محمد 山田 Ünïcode 🙂"


@pytest.mark.parametrize(
    "secret",
    [
        "ffk_12_Q3v9xk1Zr7tYp0sLmN8bVcXaWdEfGhJkQ3v9xk1Zr7t",
        "Bearer abcdefghijklmnopqrstuvwxyz",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    ],
)
def test_credentials_that_stand_in_a_name_are_masked(secret):
    record(
        Origin(Via.BROWSER, None, secret), "changed", Subject("flow", f"x {secret}"), secret, data={secret: [secret]}
    )
    stored = json.dumps(list(AuditEntry.objects.values()), default=str, ensure_ascii=False)
    assert secret.removeprefix("Bearer ") not in stored
    assert MASK in stored


def test_secrets_that_a_task_knows_are_masked():
    token = mask_secrets.set(lambda text: text.replace("planted-key", MASK))
    try:
        record(Origin(Via.SERVER, None, "System"), "used", Subject("flow", "planted-key"), data={"a": ["planted-key"]})
    finally:
        mask_secrets.reset(token)
    [entry] = AuditEntry.objects.all()
    assert (entry.subject, entry.data) == (MASK, {"a": [MASK]})


def test_each_entry_goes_to_the_log_where_that_is_wanted(settings, django_capture_on_commit_callbacks):
    settings.AUDIT_TO_LOG = True
    lines = []
    handler = logging.Handler()
    handler.emit = lambda line: lines.append(line.getMessage())
    logging.getLogger("foundryflow.audit").addHandler(handler)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            record(COMMAND, "imported", THING)
    finally:
        logging.getLogger("foundryflow.audit").removeHandler(handler)
    [line] = map(json.loads, lines)
    assert (line["verb"], line["subject"]["id"], line["outcome"]) == ("imported", 7, "done")
