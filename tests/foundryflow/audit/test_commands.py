"""Commands of manage.py stand in the audit log, with the user of the operating system."""

import json

import pytest
from django.core.management import call_command

from foundryflow.audit.record import COMMAND
from foundryflow.audit.rows import AuditRow
from foundryflow.models import ApiKey, AuditEntry
from tests.factories import PLANTED_KEY, make_flow

pytestmark = pytest.mark.django_db


def done():
    """What the commands are said to have done, without who."""
    rows = [AuditRow(entry, "") for entry in AuditEntry.objects.order_by("pk")]
    assert {(row.who, row.place) for row in rows} == {(COMMAND.actor, "command line")}
    return [row.sentence.removeprefix(f"{COMMAND.actor} ") for row in rows]


def test_flows_are_imported_exported_and_deleted(tmp_path, capsys):
    file = tmp_path / "flow.json"
    file.write_text(json.dumps({"format": "foundryflow/1", "name": "Tiny", "inputs": [], "actions": []}))
    for arguments in (["import", str(file)], ["import", str(file)], ["export", "tiny"], ["delete", "tiny", "--yes"]):
        call_command("flow", *arguments)
    assert done() == [
        "imported Tiny from a file",
        "imported Tiny from a file, as r2",
        "exported Tiny as JSON, r2",
        "deleted Tiny with its runs",
    ]


def test_keys_are_made_and_revoked_and_their_text_is_not_kept(capsys):
    call_command("apikey", "create", "nightly", "--scope", "run")
    call_command("apikey", "revoke", "nightly")
    text = capsys.readouterr().out.split()[0]
    created = "created API key nightly may run, read flows and runs, all flows, never expires"
    assert done() == [created, "revoked API key nightly"]
    assert text.split("_")[2] not in str(AuditEntry.objects.values())
    assert ApiKey.objects.get().revoked_at


def test_connections_are_added(monkeypatch, capsys):
    monkeypatch.setattr("connections.management.commands.connection.read_line", lambda prompt: PLANTED_KEY)
    call_command("connection", "add", "contoso", "--endpoint", "https://contoso.openai.azure.com")
    assert done() == ["created contoso as Foundry v1"]
    assert PLANTED_KEY not in str(AuditEntry.objects.values())


def test_the_encryption_key_is_rotated(capsys):
    make_flow()
    call_command("rotate_encryption_key", "--stopped")
    assert [sentence.split(" to ")[0] for sentence in done()] == ["began", "rotated the encryption key"]
