"""The encryption key is rotated while runs with secrets start and go on; runs whose secrets are lost say so."""

import asyncio
import time

import pytest
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings as configured
from django.core.management import call_command
from django.db import connection

from connections.models import Connection
from connections.secret import Secret
from flows.models import Checkpoint, FlowSecret, Run, State
from foundryflow.encryption.columns import encrypted_values
from foundryflow.encryption.keys import KeyRing, fingerprint
from tests.engine.conftest import until
from tests.engine.test_durable import chat, document, finish_by_server, kill_at, returns
from tests.factories import PLANTED_KEY, make_flow, make_run
from tests.processes import free_port

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 120.0  # seconds; many processes start one after the other
SECRETS = 2_000  # so that a rotation takes long enough to be killed in the middle


@pytest.fixture
def ring(settings, monkeypatch):
    """Gives this process, and those that are started from now on, another ring."""

    def use(*keys):
        settings.FIELD_ENCRYPTION_KEY = list(keys)
        crypter = MultiFernet([Fernet(key) for key in keys])
        monkeypatch.setattr("encrypted_model_fields.fields.CRYPTER", crypter)
        monkeypatch.setenv("FOUNDRYFLOW_ENCRYPTION_KEY", ",".join(keys))

    monkeypatch.setenv("FOUNDRYFLOW_WORKER_GRACE", "1")
    return use


@pytest.fixture
def serve(start):
    """Starts whatever executes runs on this database."""

    def begin():
        if configured.POSTGRESQL:
            return start("worker", "--concurrency", "20")
        return start("serve", "--port", str(free_port()))

    return begin


def flow_with_secrets():
    """A secret input and a literal one; after an answer the run is held, with a secret in its checkpoints."""
    url = Connection.objects.get(name="model").endpoint
    return make_flow(
        document(
            {"id": "v", "type": "declare_variables", "properties": {"variables": [
                {"name": "literal", "type": "secret", "value": PLANTED_KEY}]}},
            {"id": "conn", "type": "create_azure_ai_connection", "properties": {
                "api_key": "{{ key }}", "endpoint": url, "connection_variable_name": "mine"}},
            chat("a", "{{ word }}", dynamic_connection="mine"),
            chat("b", "hold {{ a }}", dynamic_connection="mine"),
            returns("{{ b }}"),
            inputs=[{"name": "key", "type": "secret"}, {"name": "word", "type": "text"}],
        )
    )  # fmt: skip


def count_opened_by(key):
    alone = KeyRing([key])
    return sum(alone.open(value.sealed) is not None for value in encrypted_values())


def sealed_secret(place):
    """As it is stored; to open them all would take as long as the rotation."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM flows_flowsecret ORDER BY id LIMIT 1 OFFSET %s", [place])
        return cursor.fetchone()[0]


def test_a_rotation_under_load_that_is_killed_and_begun_again_leaves_nothing_under_the_old_key(
    counting, start, serve, ring, capsys
):
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    ring(old)
    flow = flow_with_secrets()
    Connection.objects.update(key=Secret("counting"))
    FlowSecret.objects.bulk_create(
        FlowSecret(flow=flow, key=f"s{number}", value=Secret("kept")) for number in range(SECRETS)
    )
    runs = [make_run(flow, key="counting", word=f"before {number}") for number in range(5)]
    first = serve()
    until(lambda: all(counting.count(f"hold <before {number}>") for number in range(5)), PATIENCE)
    first.kill()  # its checkpoints are sealed with the old key
    assert Checkpoint.objects.filter(sealed__isnull=False).count() >= 5

    ring(new, old)
    going = serve()
    until(lambda: all(counting.count(f"hold <before {number}>") == 2 for number in range(5)), PATIENCE)
    before = sealed_secret(200)
    rotation = start("rotate_encryption_key")
    until(lambda: sealed_secret(200) != before, PATIENCE)
    rotation.kill()
    assert count_opened_by(old) > 0
    rotation = start("rotate_encryption_key")
    for number in range(10):  # more runs begin while it works
        runs.append(make_run(flow, key="counting", word=f"during {number}"))
        time.sleep(0.05)
    told = rotation.end()
    assert rotation.popen.returncode == 0, told
    assert f"every value opens with {fingerprint(new)}" in told
    assert f"The former key {fingerprint(old)} may go" in told
    assert PLANTED_KEY not in told

    until(lambda: all(counting.count(f"hold <during {number}>") for number in range(10)), PATIENCE)
    going.popen.terminate()
    going.end()
    ring(new)
    serve()
    counting.release()
    until(lambda: all(Run.objects.get(pk=run.pk).ended for run in runs), PATIENCE)
    ended = [Run.objects.get(pk=run.pk) for run in runs]
    assert {run.state for run in ended} == {State.SUCCEEDED}, [run.error for run in ended]
    assert count_opened_by(old) == 0
    call_command("rotate_encryption_key", "--check")
    assert f"Everything is sealed with {fingerprint(new)}: {SECRETS + 2:,}." in capsys.readouterr().out


def test_runs_whose_secrets_cannot_be_read_fail_with_that_reason(counting, ring):
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    ring(old)
    run = make_run(flow_with_secrets(), key="counting", word="never")
    ring(new)
    ended = asyncio.run(finish_by_server(run))
    assert (ended.state, ended.error["kind"]) == (State.FAILED, "key_unreadable")
    assert "Run it again with its inputs" in ended.error["hint"]
    assert not counting.count("never")


def test_a_run_that_cannot_read_what_it_kept_fails_at_that_action(counting, start, ring):
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    ring(old)
    declare = {"id": "v", "type": "declare_variables", "properties": {"variables": [
        {"name": "literal", "type": "secret", "value": PLANTED_KEY}]}}  # fmt: skip
    Connection.objects.update(key=Secret("counting"))
    run = kill_at(start, counting, "hold", make_flow(document(declare, chat("b", "hold"))))
    ring(new)
    ended = asyncio.run(finish_by_server(run))
    assert (ended.state, ended.error["kind"], ended.error["path"]) == (State.FAILED, "key_unreadable", "v")


def test_a_call_with_an_unreadable_key_fails_with_that_reason_until_it_is_entered_again(counting, ring):
    ring(Fernet.generate_key().decode())
    flow = make_flow(document(chat("b", "now"), returns("{{ b }}")))
    ended = asyncio.run(finish_by_server(make_run(flow)))
    assert (ended.state, ended.error["kind"]) == (State.FAILED, "key_unreadable")
    model = Connection.objects.get(name="model")
    model.key = Secret("again")
    model.save()
    assert asyncio.run(finish_by_server(make_run(flow))).output == "<now>"
