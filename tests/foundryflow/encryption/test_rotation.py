"""What is stored is sealed anew with the first key of the ring, also while others write."""

import pytest
from cryptography.fernet import Fernet, MultiFernet
from django.core.management import CommandError, call_command
from django.db import connection

from connections.models import Connection
from connections.secret import Secret
from flows.models import Checkpoint, FlowSecret, Run
from foundryflow.encryption.columns import encrypted_columns, encrypted_values, replace_together
from foundryflow.encryption.keys import KeyRing, fingerprint, verify_keys
from foundryflow.encryption.rotation import READINGS, rotate
from foundryflow.management.commands.rotate_encryption_key import Command
from foundryflow.models import KeyCanary
from tests.factories import make_connection, make_flow, make_run

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))

pytestmark = pytest.mark.django_db


@pytest.fixture
def ring(settings, monkeypatch, db):
    """Gives this process another ring, which fields and commands go by."""

    def use(*keys):
        settings.FIELD_ENCRYPTION_KEY = list(keys)
        crypter = MultiFernet([Fernet(key) for key in keys])
        monkeypatch.setattr("encrypted_model_fields.fields.CRYPTER", crypter)

    KeyCanary.objects.all().delete()
    use(OLD)
    return use


def sealed_by(key):
    """How many encrypted values this key alone opens."""
    alone = KeyRing([key])
    return sum(alone.open(value.sealed) is not None for value in encrypted_values())


def store_some_of_everything():
    make_connection("contoso")
    flow = make_flow("answer-a-customer")
    run = make_run(flow, question="?", api_key="planted")
    Checkpoint.objects.create(run=run, path="a", sealed=Secret("kept"))
    return flow, run


def test_every_encrypted_column_is_found_by_its_type():
    found = {(column.model, column.field.name) for column in encrypted_columns()}
    assert found >= {(Connection, "key"), (FlowSecret, "value"), (Run, "secret_inputs"), (Checkpoint, "sealed")}


def test_everything_opens_with_the_new_key_alone_afterwards(ring, capsys):
    flow, run = store_some_of_everything()
    verify_keys()
    ring(NEW, OLD)
    verify_keys()
    with pytest.raises(CommandError, match=rf"1 connection \(contoso\), 1 flow secret \({flow.name}\), 1 run"):
        call_command("rotate_encryption_key", "--check")
    count = sealed_by(OLD)
    call_command("rotate_encryption_key")
    said = capsys.readouterr().out
    assert f"{count} sealed anew. Read once more: every value opens with {fingerprint(NEW)}" in said
    assert f"The former key {fingerprint(OLD)} may go" in said
    ring(NEW)
    verify_keys()
    call_command("rotate_encryption_key", "--check")
    assert Connection.objects.get().key.reveal()
    assert Run.objects.get(pk=run.pk).inputs_with_secrets()["api_key"] == "planted"
    assert Checkpoint.objects.get().text == "kept"
    assert list(KeyCanary.objects.values_list("fingerprint", flat=True)) == [fingerprint(NEW)]


def test_what_somebody_changes_between_reading_and_sealing_is_not_overwritten(ring):
    stored = make_connection()
    ring(NEW, OLD)
    (value,) = encrypted_values()

    def changed_meanwhile(value):
        Connection.objects.filter(pk=stored.pk).update(key=Secret("typed meanwhile"))
        return KeyRing([NEW]).seal(b"outdated")

    assert replace_together([value], changed_meanwhile) == 0
    assert Connection.objects.get().key == Secret("typed meanwhile")


def test_a_value_that_was_deleted_meanwhile_does_not_come_back(ring):
    make_connection()
    (value,) = encrypted_values()
    Connection.objects.all().delete()
    assert replace_together([value], lambda _: "sealed") == 0


def other_process(times):
    """Writes a connection with the former key as often, each time when those there are have been read."""
    names = iter(range(times))

    def write(reading):
        if reading.kinds["flow secrets"] and (number := next(names, None)) is not None:
            make_connection(f"late {number}")

    return write


def test_a_process_with_the_former_key_in_front_is_found_out(ring):
    make_flow("answer-a-customer")
    late = []
    keys = KeyRing([NEW, OLD])
    reading = rotate(keys, other_process(READINGS), lambda former: late.append(str(former)))
    assert str(reading.former) == "1 connection (late 2)"
    assert late == [f"1 connection (late {number})" for number in range(READINGS - 1)]
    reading = rotate(keys, lambda _: None, lambda _: None)
    assert not reading.former
    assert sealed_by(NEW) == reading.count


def test_a_process_that_was_restarted_meanwhile_stops_nothing(ring, capsys, settings):
    make_flow("answer-a-customer")
    settings.FIELD_ENCRYPTION_KEY = [NEW, OLD]  # the fields of this process go on with the former key
    verify_keys()
    command = Command()
    command.progress = lambda: other_process(1)
    call_command(command)
    told = capsys.readouterr()
    assert "Written meanwhile with a former key: 1 connection (late 0)" in told.err
    assert "may go" in told.out


def test_the_command_asks_for_restarted_processes_first(ring):
    make_connection()
    verify_keys()
    ring(NEW, OLD)
    with pytest.raises(CommandError, match="Restart all of them"):
        call_command("rotate_encryption_key")
    assert sealed_by(NEW) == 0
    call_command("rotate_encryption_key", "--stopped")
    assert sealed_by(NEW) == 1


def test_ctrl_c_says_that_nothing_is_lost_and_the_next_start_goes_on(ring):
    FlowSecret.objects.bulk_create(
        FlowSecret(flow=flow, key=f"s{number}", value=Secret("x"))
        for flow in [make_flow("bar-static")]
        for number in range(250)
    )
    ring(NEW, OLD)
    verify_keys()
    command = Command()

    def interrupt(reading):
        raise KeyboardInterrupt

    command.progress = lambda: interrupt
    with pytest.raises(CommandError, match="start it again to go on") as stopped:
        call_command(command)
    assert stopped.value.returncode == 130
    assert sealed_by(NEW) == 100
    call_command("rotate_encryption_key")
    assert sealed_by(NEW) == 250


def test_what_no_key_opens_is_named_and_does_not_keep_the_former_key(ring, capsys):
    make_connection("right")
    ring(OTHER)
    make_connection("broken")
    ring(OLD)
    verify_keys()
    ring(NEW, OLD)
    verify_keys()
    call_command("rotate_encryption_key")
    told = capsys.readouterr()
    assert "no key opens, to be entered again: 1 connection (broken)" in told.err
    assert f"{fingerprint(OLD)} may go" in told.out


def test_empty_texts_are_stored_as_such_and_so_are_those_of_earlier_versions(ring):
    stored = make_connection()
    assert sealed_by(OLD) == 1
    with connection.cursor() as cursor:
        empty = KeyRing([OLD]).seal(b"")
        cursor.execute("UPDATE connections_connection SET identity_secret = %s WHERE id = %s", [empty, stored.pk])
    rotate(KeyRing([NEW, OLD]), lambda _: None, lambda _: None)
    ring(NEW)
    assert sealed_by(NEW) == 1
    assert Connection.objects.get().identity_secret == Secret("")
