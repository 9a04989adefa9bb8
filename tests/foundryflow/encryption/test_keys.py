"""Nothing starts with another encryption key than the one that sealed what is stored."""

import threading

import pytest
from cryptography.fernet import Fernet
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection

from connections.models import Connection
from foundryflow.encryption import keys
from foundryflow.encryption.columns import encrypted_values
from foundryflow.encryption.keys import WrongKey, fingerprint, verify_keys
from foundryflow.env import Environment, SettingError
from foundryflow.models import KeyCanary
from tests.factories import make_connection

COMMANDS = [["flow", "list"], ["connection", "list"], ["apikey", "list"], ["migrate"], ["serve"]]
if django_settings.POSTGRESQL:  # on SQLite there are no workers
    COMMANDS.append(["worker"])
OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


@pytest.fixture(autouse=True)
def first_key(db, settings):
    """In a database that no key is known of: its migration may have sealed a canary."""
    KeyCanary.objects.all().delete()
    settings.FIELD_ENCRYPTION_KEY = [OLD]


def sealed_with(key: str, **values: str) -> Connection:
    """A connection whose key is sealed with that one."""
    stored = make_connection(**values)
    with connection.cursor() as cursor:
        sealed = Fernet(key).encrypt(b"planted").decode()
        cursor.execute("UPDATE connections_connection SET key = %s WHERE id = %s", [sealed, stored.pk])
    return stored


def canaries() -> set[str]:
    return set(KeyCanary.objects.values_list("fingerprint", flat=True))


@pytest.mark.django_db
def test_a_new_database_is_sealed_with_the_first_key(settings):
    settings.FIELD_ENCRYPTION_KEY = [NEW, OLD]
    verify_keys()
    verify_keys()
    assert canaries() == {fingerprint(NEW)}


@pytest.mark.django_db
def test_another_key_does_not_start_and_the_message_names_both_by_their_fingerprints(settings):
    verify_keys()
    settings.FIELD_ENCRYPTION_KEY = [OTHER]
    with pytest.raises(WrongKey) as refused:
        verify_keys()
    said = str(refused.value)
    assert fingerprint(OLD) in said
    assert fingerprint(OTHER) in said
    assert "restore .env" in said
    assert OLD not in said
    assert OTHER not in said
    assert canaries() == {fingerprint(OLD)}


@pytest.mark.django_db
def test_a_key_is_replaced_by_putting_the_new_one_in_front(settings):
    sealed_with(OLD)
    verify_keys()
    settings.FIELD_ENCRYPTION_KEY = [NEW, OLD]
    verify_keys()
    assert canaries() == {fingerprint(OLD), fingerprint(NEW)}
    settings.FIELD_ENCRYPTION_KEY = [NEW]
    with pytest.raises(WrongKey, match=fingerprint(OLD)):
        verify_keys()


@pytest.mark.django_db
def test_a_former_key_may_go_when_nothing_needs_it(settings):
    stored = sealed_with(OLD)
    verify_keys()
    settings.FIELD_ENCRYPTION_KEY = [NEW, OLD]
    verify_keys()
    call_command("rotate_encryption_key")
    settings.FIELD_ENCRYPTION_KEY = [NEW]
    verify_keys()
    assert canaries() == {fingerprint(NEW)}
    (sealed,) = [each.sealed for each in encrypted_values() if each.pk == stored.pk]
    assert Fernet(NEW).decrypt(sealed) == b"planted"


@pytest.mark.django_db
def test_no_canary_is_sealed_beside_secrets_that_the_key_does_not_open():
    sealed_with(OTHER)
    with pytest.raises(WrongKey, match=r"No key opens what is stored here: 1 connection \(contoso\)"):
        verify_keys()
    assert canaries() == set()


@pytest.mark.django_db
def test_one_secret_of_another_key_stops_nothing():
    sealed_with(OLD, name="right")
    sealed_with(OTHER, name="broken")
    verify_keys()
    verify_keys()
    assert canaries() == {fingerprint(OLD)}


@pytest.mark.django_db
def test_who_has_lost_a_key_goes_on_without_it(settings, capsys):
    sealed_with(OLD)
    verify_keys()
    settings.FIELD_ENCRYPTION_KEY = [NEW]
    with pytest.raises(CommandError, match=fingerprint(OLD)):
        call_command("rotate_encryption_key", "--stopped")
    with pytest.raises(CommandError, match=r"No key opens: 1 connection \(contoso\)"):
        call_command("rotate_encryption_key", "--check")
    assert f"{fingerprint(OLD)}  is missing" in capsys.readouterr().out
    call_command("rotate_encryption_key", "--forget")
    verify_keys()
    assert canaries() == {fingerprint(NEW)}


@pytest.mark.django_db
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_do_not_begin_with_another_key(settings, command):
    verify_keys()
    settings.FIELD_ENCRYPTION_KEY = [OTHER]
    with pytest.raises(CommandError, match=fingerprint(OLD)):
        call_command(*command)


@pytest.mark.django_db(transaction=True)
def test_of_two_processes_with_different_keys_one_seals_and_the_other_does_not_start():
    outcomes, both = {}, threading.Barrier(2)

    def start(key):
        ring = keys.KeyRing([key])
        both.wait()
        try:
            verify_with(ring)
            outcomes[key] = "started"
        except WrongKey:
            outcomes[key] = "refused"
        finally:
            connection.close()

    def verify_with(ring):
        from django.db import IntegrityError, transaction

        try:
            with transaction.atomic():
                keys.seal_canary(ring)
        except IntegrityError:
            verify_with(ring)

    threads = [threading.Thread(target=start, args=[key]) for key in (NEW, OTHER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes.values()) == ["refused", "started"]
    (sealed,) = canaries()
    assert outcomes[NEW if sealed == fingerprint(NEW) else OTHER] == "started"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SECRET_KEY", "abc", "FOUNDRYFLOW_SECRET_KEY is too short"),
        ("SECRET_KEY", "a" * 60, "FOUNDRYFLOW_SECRET_KEY is too short or too regular"),
        ("ENCRYPTION_KEY", "abc", "FOUNDRYFLOW_ENCRYPTION_KEY is no encryption key"),
        ("ENCRYPTION_KEY", "A" * 43 + "=", "FOUNDRYFLOW_ENCRYPTION_KEY is no encryption key"),
        ("ENCRYPTION_KEY", "correct horse battery staple, and more", "Key 1 of FOUNDRYFLOW_ENCRYPTION_KEY"),
        pytest.param("ENCRYPTION_KEY", f"{OLD},abc", "Key 2 of FOUNDRYFLOW_ENCRYPTION_KEY", id="one of two"),
        ("ENCRYPTION_KEY", " , ", "FOUNDRYFLOW_ENCRYPTION_KEY holds no key"),
        ("ENCRYPTION_KEY", "", "FOUNDRYFLOW_ENCRYPTION_KEY is not set"),
    ],
    ids=["short", "regular", "no key", "zeros", "passphrase", "second of the ring", "none in the list", "none"],
)
def test_keys_of_a_few_characters_are_refused(name, value, said):
    environment = Environment(None, {f"FOUNDRYFLOW_{name}": value})
    read = environment.signing_key if name == "SECRET_KEY" else environment.key_ring
    with pytest.raises(SettingError, match=said) as refused:
        read(name)
    assert not value.strip() or value not in str(refused.value)
