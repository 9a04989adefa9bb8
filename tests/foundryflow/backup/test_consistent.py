"""A backup is of one moment, whatever others write while it is made."""

import io
from threading import Thread

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.apps import apps
from django.db import connection
from django.utils import timezone

from flows.models import ActionRun, Run, State
from foundryflow.backup.level import Level
from foundryflow.backup.read import open_backup
from foundryflow.backup.source import open_source
from foundryflow.backup.tables import tables_of
from foundryflow.backup.write import write_backup
from foundryflow.encryption.keys import KeyRing, fingerprint, key_ring
from foundryflow.roles import Role
from tests.factories import make_flow, make_run

pytestmark = pytest.mark.django_db(transaction=True)


def in_thread(work):
    """On a connection of its own."""

    def run():
        try:
            work()
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    thread.join()


def end_a_run(flow):
    run = make_run(flow)
    action = {"action_id": "a", "type": "log", "state": State.SUCCEEDED, "event": 1, "order": 1}
    ActionRun.objects.create(run=run, path="a", title="", **action)
    Run.objects.filter(pk=run.pk).update(state=State.SUCCEEDED, prompt_tokens=3, ended_at=timezone.now())


def test_what_is_written_meanwhile_is_not_in_it(tmp_path):
    flow = make_flow()
    for _ in range(5):
        end_a_run(flow)
    written = 0

    def write_more(*_):
        nonlocal written
        written += 1
        in_thread(lambda: end_a_run(flow))

    file = tmp_path / "one.backup"
    with open_source() as source, file.open("wb") as out:
        write_backup(source, out, tables_of(apps), Level().newest, key_ring(), write_more)
    assert written > 20
    assert Run.objects.count() == 5 + written
    found = {}
    with open_backup(file) as backup:
        for part in backup.manifest.parts:
            names = [column.name for column in part.table.columns]
            found[part.table.name] = [dict(zip(names, row, strict=True)) for row in backup.rows(part)]
    assert len(found["flows_run"]) == 5
    assert {row["run_id"] for row in found["flows_actionrun"]} == {row["id"] for row in found["flows_run"]}
    ever = [row for row in found["flows_hourlyfigures"] if row["hour"] == 0]
    assert sum(row["succeeded"] for row in ever) == 5
    assert sum(row["prompt_tokens"] for row in ever) == 15


def test_it_keeps_nobody_from_writing_and_leaves_nothing_open():
    with open_source() as source:
        tables = tables_of(apps)
        rows = source.rows(next(table for table in tables if table.name == "foundryflow_keycanary"))
        in_thread(lambda: make_flow())
        list(rows)
    assert not connection.in_atomic_block
    make_flow()


def test_the_same_rows_are_the_same_bytes(monkeypatch):
    make_flow()
    moment = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: moment)
    made = []
    for _ in range(2):
        out = io.BytesIO()
        with open_source() as source:
            write_backup(source, out, tables_of(apps), Level().newest, key_ring(), lambda *_: None)
        made.append(out.getvalue())
    assert made[0] == made[1]


def test_the_key_of_two_factor_is_named_though_nothing_else_needs_it(person):
    former, now = (Fernet.generate_key().decode() for _ in range(2))
    sealed = Fernet(former).encrypt(b"planted").decode()
    codes = {"seed": sealed, "migrated_codes": [sealed]}
    Authenticator.objects.create(user=person(Role.READER), type=Authenticator.Type.RECOVERY_CODES, data=codes)
    with open_source() as source:
        manifest, _ = write_backup(
            source, io.BytesIO(), tables_of(apps), Level().newest, KeyRing([now, former]), lambda *_: None
        )
    assert manifest.keys[fingerprint(former)] == 2
