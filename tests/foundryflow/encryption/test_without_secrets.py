"""Who has lost the encryption key starts without the secrets, and enters again what is needed."""

import pytest
from cryptography.fernet import Fernet, MultiFernet
from django.core.management import CommandError, call_command
from django.urls import reverse

from connections.models import Connection
from connections.secret import Secret
from flows.models import FlowSecret
from foundryflow.encryption import keys
from foundryflow.encryption.keys import WrongKey, fingerprint, verify_keys
from foundryflow.models import KeyCanary
from tests.factories import make_connection, make_flow
from tests.markup import one_line

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
POSTED = {"name": "contoso", "endpoint": "https://contoso.openai.azure.com/openai/v1", "auth": "key"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def ring(settings, monkeypatch, db):
    """Gives this process another ring, with or without secrets."""

    def use(*ring, without_secrets=False):
        settings.FIELD_ENCRYPTION_KEY, settings.WITHOUT_SECRETS = list(ring), without_secrets
        crypter = MultiFernet([Fernet(key) for key in ring])
        monkeypatch.setattr("encrypted_model_fields.fields.CRYPTER", crypter)
        keys.warn_once.cache_clear()

    KeyCanary.objects.all().delete()
    use(OLD)
    return use


def canaries():
    return set(KeyCanary.objects.values_list("fingerprint", flat=True))


def lose_the_key(ring):
    """A connection and a flow whose secrets are lost, and a server that was started without them."""
    make_connection("contoso")
    flow = make_flow("answer-a-customer")  # with a literal secret
    verify_keys()
    ring(NEW, without_secrets=True)
    verify_keys()
    return flow


def test_a_stopped_start_names_what_it_cannot_open_and_the_way_out(ring):
    for number in range(12):
        make_connection(f"customer {number:02}")
    flow = make_flow("answer-a-customer")  # with a literal secret
    verify_keys()
    ring(NEW)
    with pytest.raises(WrongKey) as refused:
        verify_keys()
    said = str(refused.value)
    assert "12 connections (customer 00, customer 01" in said
    assert "customer 09, …)" in said
    assert f"1 flow secret ({flow.name})" in said
    assert "--without-secrets" in said


def test_without_secrets_it_starts_says_so_and_the_missing_key_stays_asked_for(ring, caplog):
    flow = lose_the_key(ring)
    assert f"1 connection (contoso), 1 flow secret ({flow.name})" in caplog.text
    assert canaries() == {fingerprint(OLD), fingerprint(NEW)}
    verify_keys()
    ring(NEW)
    with pytest.raises(WrongKey, match=fingerprint(OLD)):
        verify_keys()


def test_the_lost_key_that_is_found_again_opens_what_it_sealed(ring):
    lose_the_key(ring)
    ring(OLD)
    verify_keys()
    assert canaries() == {fingerprint(OLD)}
    assert Connection.objects.get().key_readable


def test_both_keys_are_needed_once_something_was_entered_under_the_second(ring, client_alice):
    lose_the_key(ring)
    make_connection("new one")
    ring(OLD)
    with pytest.raises(WrongKey, match=fingerprint(NEW)):
        verify_keys()
    ring(OLD, NEW)
    verify_keys()


def test_a_connection_is_mended_by_entering_its_key_again(ring, client_alice):
    lose_the_key(ring)
    stored = Connection.objects.get()
    edit = reverse("connections:edit", args=[stored.pk])
    assert "Re-enter the key" in client_alice.get(reverse("connections:list")).content.decode()
    assert "Re-enter the key" in one_line(client_alice.get(edit).content.decode())
    refused = client_alice.post(reverse("connections:test", args=[stored.pk]), {**POSTED, "model": "m"})
    assert refused.status_code == 422
    assert "Re-enter the key" in refused.content.decode()
    assert client_alice.post(edit, {**POSTED, "key": "typed-again"}).status_code == 302
    assert Connection.objects.get().key == Secret("typed-again")


def test_a_connection_with_unreadable_secrets_of_every_kind_is_mended_too(ring, client_alice):
    make_connection("contoso")
    lost = dict.fromkeys(("key", "identity_secret", "identity_password", "extra_header_value"), Secret("lost"))
    Connection.objects.update(**lost, extra_header="X-Team")
    verify_keys()
    ring(NEW, without_secrets=True)
    edit = reverse("connections:edit", args=[Connection.objects.get().pk])
    typed = {**POSTED, "key": "typed", "extra_header": "X-Team"}
    assert "cannot be read any more" in client_alice.post(edit, typed).content.decode()
    assert client_alice.post(edit, {**typed, "extra_header_value": "again"}).status_code == 302
    found = Connection.objects.get()
    assert found.key_readable
    assert found.identity_secret == Secret("")


def test_once_everything_was_entered_again_the_lost_key_is_no_longer_asked_for(ring):
    lose_the_key(ring)
    Connection.objects.update(key=Secret("again"))
    FlowSecret.objects.update(value=Secret("again"))
    ring(NEW)
    verify_keys()
    assert canaries() == {fingerprint(NEW)}


def test_a_key_that_is_lost_for_good_can_be_forgotten(ring):
    lose_the_key(ring)
    ring(NEW)
    with pytest.raises(CommandError, match="No key opens: 1 connection"):
        call_command("rotate_encryption_key", "--check")
    call_command("rotate_encryption_key", "--forget")
    verify_keys()


def test_without_canaries_the_wrong_key_does_not_become_the_right_one(ring):
    make_connection("contoso")
    ring(NEW, without_secrets=True)
    verify_keys()
    make_connection("entered since")
    ring(NEW)
    with pytest.raises(WrongKey, match="contoso"):
        verify_keys()
    Connection.objects.filter(name="entered since").delete()
    ring(OLD)
    verify_keys()
    assert canaries() == {fingerprint(OLD)}


def test_a_secret_of_a_flow_says_in_its_place_that_it_must_be_typed_again(ring, client_alice):
    document = {
        "format": "foundryflow/1", "name": "keeps one", "actions": [
            {"id": "v", "type": "declare_variables", "properties": {"variables": [
                {"name": "token", "type": "secret", "value": "a literal"}]}}],
    }  # fmt: skip
    flow = make_flow(document)
    verify_keys()
    ring(NEW, without_secrets=True)
    page = client_alice.get(reverse("designer:show", args=[flow.slug])).content.decode()
    assert "cannot be read with the encryption key of this server. Type it again." in page
