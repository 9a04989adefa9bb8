"""The System page: its sheets in their states, what it never shows, and the ways to have it as text."""

from datetime import timedelta
from io import StringIO
from types import SimpleNamespace
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from django.conf import settings as current
from django.core.management import CommandError, call_command
from django.utils import timezone

from flows.models import ActionRun, Run, State, Worker
from flows.models.usage import COUNTERS, SeriesKey, add_usage, hour_of
from foundryflow.models import AuditEntry, ServerProcess, StoredSetting
from foundryflow.roles import Role
from foundryflow.system import key_counts
from foundryflow.system.last_backup import last_backup, note_backup
from foundryflow.system.processes import WEB, WORKER, note_stop, tell
from tests.factories import PLANTED_KEY, make_connection, make_flow, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_counted(monkeypatch):
    """And all is counted at once, however busy the machine is."""
    monkeypatch.setattr(key_counts, "counter", key_counts.KeyCounter())
    monkeypatch.setattr(key_counts, "BUDGET", 60)


def page(client, **headers):
    response = client.get("/system/", headers=headers)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def text(client):
    return page(client).partition('<pre id="system-text" hidden>')[2].partition("</pre>")[0]


def queued_run(seconds=0, **fields):
    run = make_run(make_flow())
    Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(seconds=seconds), **fields)
    return run


def test_every_sheet_is_there(client_alice):
    body = page(client_alice)
    titles = (
        "Engine and workers", "Queue", "Encryption keys", "Mail and sign-in", "Version and database",
        "Destinations allowed", "Retention", "Disk",
    )  # fmt: skip
    for title in titles:
        assert f"{title}</h2>" in body


@pytest.mark.parametrize("role", [Role.READER, Role.RUNNER, Role.EDITOR])
def test_only_administrators_see_it(client, person, role):
    client.force_login(person(role))
    assert [client.get(path).status_code for path in ("/system/", "/system/changes/")] == [403, 403]


def test_a_stranger_is_led_to_the_log_in(client, alice):
    assert client.get("/system/").url == "/login/?next=/system/"


def test_no_secret_is_in_it(client_alice):
    make_connection()
    body = page(client_alice)
    for secret in (PLANTED_KEY, current.SECRET_KEY, *current.FIELD_ENCRYPTION_KEY):
        assert secret not in body


def test_processes_in_their_states(client_alice):
    stopped, silent = uuid4(), uuid4()
    for process, kind, runs in ((uuid4(), WEB, 0), (stopped, WORKER, 1), (silent, WORKER, 3)):
        tell(process, kind, runs)
        ServerProcess.objects.filter(pk=process).update(host="elsewhere")
    note_stop(stopped)
    ServerProcess.objects.filter(pk=silent).update(heard_at=timezone.now() - timedelta(minutes=1))
    said = text(client_alice)
    assert "web-1 on" in said
    assert "Answering, last heard" in said
    assert "in order, runs now 0" in said
    assert "Not heard" in said
    assert "3 to hand on" in said


def test_the_queue_says_how_many_wait_and_for_how_long(client_alice):
    queued_run(seconds=931)
    queued_run(seconds=5)
    body = page(client_alice)
    assert "2 runs, the oldest for 15:31" in body
    assert "no run was started today" in body


def test_runs_of_a_process_that_is_gone_wait_too(client_alice):
    at = timezone.now() - timedelta(minutes=2)
    dead = Worker.objects.create(kind="worker", host="here", pid=1, beat_at=at)
    queued_run(seconds=900, state=State.RUNNING, worker=dead, started_at=at)
    assert "1 run, the oldest for 2:00" in page(client_alice)


def test_runs_that_wait_for_a_model_and_how_long_others_took(client_alice):
    now = timezone.now()
    alive = Worker.objects.create(kind="worker", host="here", pid=1)
    run = queued_run(state=State.WAITING, worker=alive, started_at=now)
    Run.objects.filter(pk=run.pk).update(created_at=now - timedelta(seconds=1))
    for path, kind in (("a", "chat_completion"), ("b", "chat_completion"), ("c", "wait")):
        ActionRun.objects.create(
            run=run, path=path, action_id=path, type=kind, title="", state=State.WAITING, event=1, order=1
        )
    body = page(client_alice)
    assert 'Waiting for quota</dt> <dd class="system-value" > 1 run' in body.replace("quota</dt><dd", "quota</dt> <dd")
    assert "median 1.00 s" in body or now.hour == now.minute == 0  # today has just begun


def test_keys_are_told_by_their_fingerprints_with_what_needs_them(client_alice, settings):
    make_connection("first")
    settings.FIELD_ENCRYPTION_KEY = [Fernet.generate_key().decode(), *settings.FIELD_ENCRYPTION_KEY]
    said = text(client_alice)
    assert "Encryption keys: Rotation at 0 %" in said
    assert "Encrypts, secrets under it 0" in said
    assert "Still needed, secrets under it 1" in said
    assert "manage.py rotate_encryption_key" in page(client_alice)


def test_counting_secrets_goes_on_where_it_stopped(client_alice, monkeypatch):
    for number in range(5):
        make_connection(f"c{number}")
    monkeypatch.setattr(key_counts, "BUDGET", 0)
    keys = key_counts.key_ring()
    counter = key_counts.KeyCounter()
    assert counter.counts(keys) is None
    monkeypatch.setattr(key_counts, "BUDGET", 60)
    assert counter.counts(keys).total == 5


def test_a_count_is_not_made_again_at_once(django_assert_num_queries):
    make_connection()
    counter, keys = key_counts.KeyCounter(), key_counts.key_ring()
    counter.counts(keys)
    with django_assert_num_queries(0):
        assert counter.counts(keys).total == 1


def test_sign_in_says_what_is_set_up(client_alice, settings):
    settings.IDENTITY_PROVIDERS = [SimpleNamespace(name="Microsoft Entra ID")]
    settings.PASSWORD_SIGN_IN = True
    assert "password with two-factor, Microsoft Entra ID" in page(client_alice)
    settings.PASSWORD_SIGN_IN = False
    assert "password with" not in page(client_alice)


def test_mail_is_told_without_its_password(client_alice, settings):
    assert "no server; invitations are shown as links" in page(client_alice)
    settings.MAIL_SERVER = SimpleNamespace(host="mail.contoso.example", port=587, password="planted-mail")
    body = page(client_alice)
    assert "mail.contoso.example:587" in body
    assert "planted-mail" not in body


def test_destinations_that_are_allowed_and_refused(client_alice, settings):
    settings.ALLOWED_DESTINATIONS = ["db.contoso.example:5432", "10.0.0.0/8"]
    detail = ": the destination 169.254.169.254 is not allowed"
    AuditEntry.objects.create(verb="tried to test", subject="169.254.169.254", detail=detail, is_refused=True, count=3)
    body = page(client_alice)
    assert "db.contoso.example:5432, and 1 more" in body
    assert "3 calls, last to 169.254.169.254" in body
    key = SeriesKey(1, "inside", "", "gpt-4o", "blocked_destination", "")
    add_usage({(key, hour_of(timezone.now())): [int(name == "calls") for name in COUNTERS]})
    assert "4 calls, last to inside" in page(client_alice)


def test_the_disk_says_how_the_database_grows_and_when_it_was_saved(client_alice):
    assert "none yet" in page(client_alice)
    note_backup(1_900_000_000)
    today = timezone.localdate()
    sizes = {(today - timedelta(days=2)).isoformat(): 10**9, today.isoformat(): 10**9 + 82 * 10**6}
    StoredSetting.objects.write("sizes of the database", sizes)
    body = page(client_alice)
    assert ", 41 MB more a day" in body
    assert f"today {timezone.localtime(last_backup().at):%H:%M}, 1.9 GB" in body


def test_the_poll_renews_what_changes_and_leaves_the_fields_alone(client_alice):
    body = page(client_alice, **{"HX-Request": "true"})
    for region in ("system-notes", "system-left", "system-right", "system-disk", "system-text"):
        assert f'hx-target="#{region}"' in body
    assert "<select" not in body
    assert "<html" not in body


def test_what_is_new_is_the_list_of_changes(client_alice):
    body = client_alice.get("/system/changes/").content.decode()
    assert "<h3>Unreleased</h3>" in body
    assert "Changelog" not in body


def test_the_command_says_the_same_and_ends_well_when_nothing_is_bad(settings):
    settings.POSTGRESQL = False
    tell(uuid4(), WEB, 0)
    out = StringIO()
    call_command("system", stdout=out)
    assert "Engine and workers: Runs in the server" in out.getvalue()


def test_the_command_ends_with_the_worst(settings):
    out = StringIO()
    with pytest.raises(CommandError, match="is running") as error:
        call_command("system", stdout=out)
    assert error.value.returncode == 1
    assert "Bad: No " in out.getvalue()
