"""A key is replaced in four steps, and no call fails for it."""

import asyncio
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from connections import key_watch, views
from connections.answer_watch import AnswerWatch
from connections.foundry.diagnosis import TestResult
from connections.key_watch import DatabaseKeyWatch, store_uses
from connections.models import Auth, Connection, KeySlot, KeyUse
from connections.rotation import deeds
from connections.rotation.steps import (
    RETIRE,
    SWITCH,
    VERIFY,
    WATCH,
    Rotation,
    RotationRefused,
    target_with_other_key,
)
from connections.rotation.use_chart import use_chart
from connections.secret import Secret
from foundryflow.audit.record import Origin
from foundryflow.models import AuditEntry
from foundryflow.models.audit_entry import Via
from tests.factories import PLANTED_KEY, make_connection

SECOND = "planted-second-key-81c2"
ANSWERED = TestResult(ok=True, url="", status=200, latency_ms=412.0)


@pytest.fixture
def connection(db):
    return make_connection("contoso")


def origin(user):
    return Origin(Via.BROWSER, user, user.first_name)


def fresh(connection):
    return Connection.objects.get(pk=connection.pk)


def verified(connection, by):
    """The connection with a second key that answered."""
    deeds.store_second_key(connection, Secret(SECOND), origin(by))
    deeds.record_verification(connection, ANSWERED, "gpt", Secret(SECOND).fingerprint, origin(by))
    return fresh(connection)


def switched(connection, by):
    deeds.switch_to(verified(connection, by), 2, origin(by))
    return fresh(connection)


def time_passes(connection, minutes):
    """As if the switch had been so many minutes ago."""
    Connection.objects.filter(pk=connection.pk).update(switched_at=timezone.now() - timedelta(minutes=minutes))


def test_the_steps_come_one_after_the_other(connection, alice):
    assert Rotation(connection).step == 0
    deeds.store_second_key(connection, Secret(SECOND), origin(alice))
    assert Rotation(fresh(connection)).step == VERIFY
    deeds.record_verification(connection, ANSWERED, "gpt", Secret(SECOND).fingerprint, origin(alice))
    assert Rotation(fresh(connection)).step == SWITCH
    deeds.switch_to(connection, 2, origin(alice))
    found = fresh(connection)
    assert (found.key, found.slot, Rotation(found).step) == (Secret(SECOND), 2, WATCH)
    assert found.target().key == Secret(SECOND)
    time_passes(connection, 16)
    assert Rotation(fresh(connection)).step == RETIRE
    deeds.retire(connection, 1, origin(alice))
    found = fresh(connection)
    assert (Rotation(found).step, found.key, found.switched_at) == (0, Secret(SECOND), None)
    assert not any(slot.secret for slot in KeySlot.objects.all())
    done = list(AuditEntry.objects.order_by("pk").values_list("verb", flat=True))
    assert done == ["stored key 2 of", "verified key 2 of", "switched", "retired key 1 of"]


def test_a_key_that_was_not_verified_is_not_switched_to(connection, alice):
    deeds.store_second_key(connection, Secret(SECOND), origin(alice))
    with pytest.raises(RotationRefused, match="Verify key 2 first"):
        deeds.switch_to(connection, 2, origin(alice))
    assert fresh(connection).key == Secret(PLANTED_KEY)


def test_a_test_of_another_key_verifies_nothing(connection, alice):
    deeds.store_second_key(connection, Secret(SECOND), origin(alice))
    with pytest.raises(RotationRefused, match="Another key was stored meanwhile"):
        deeds.record_verification(connection, ANSWERED, "gpt", Secret("other").fingerprint, origin(alice))


def test_a_switch_is_undone_and_done_again(connection, alice):
    switched(connection, alice)
    deeds.switch_to(connection, 1, origin(alice))
    found = fresh(connection)
    assert (found.key, found.slot, found.switched_at) == (Secret(PLANTED_KEY), 1, None)
    assert Rotation(found).step == SWITCH
    deeds.switch_to(connection, 2, origin(alice))
    assert fresh(connection).key == Secret(SECOND)


def test_pressed_twice_a_switch_stays_switched(connection, alice):
    switched(connection, alice)
    deeds.switch_to(connection, 2, origin(alice))
    assert fresh(connection).key == Secret(SECOND)
    deeds.switch_to(connection, 0, origin(alice))
    assert fresh(connection).slot == 2


def test_a_key_that_was_used_a_moment_ago_is_not_retired(connection, alice):
    switched(connection, alice)
    time_passes(connection, 30)
    store_uses(("contoso", 1), key_watch.Uses(1, timezone.now() - timedelta(minutes=14)))
    with pytest.raises(RotationRefused, match="15 minutes"):
        deeds.retire(connection, 1, origin(alice))
    KeySlot.objects.filter(number=1).update(last_used_at=timezone.now() - timedelta(minutes=15))
    deeds.retire(connection, 1, origin(alice))


def test_the_key_in_use_is_never_retired(connection, alice):
    for number in (1, 2):
        with pytest.raises(RotationRefused):
            deeds.retire(connection, number, origin(alice))
    switched(connection, alice)
    time_passes(connection, 30)
    with pytest.raises(RotationRefused):
        deeds.retire(connection, 2, origin(alice))


def test_no_third_key_is_stored_over_one_that_is_watched(connection, alice):
    switched(connection, alice)
    with pytest.raises(RotationRefused, match="Retire key 1 first"):
        deeds.store_second_key(connection, Secret("third"), origin(alice))


def test_the_same_key_is_no_second_one(connection, alice):
    with pytest.raises(RotationRefused, match="the key that is in use"):
        deeds.store_second_key(connection, Secret(PLANTED_KEY), origin(alice))


def test_a_key_that_was_stored_for_one_host_goes_to_no_other(connection, alice):
    verified(connection, alice)
    Connection.objects.update(endpoint="https://elsewhere.example/v1")
    with pytest.raises(RotationRefused, match="stored for another host"):
        deeds.switch_to(connection, 2, origin(alice))
    with pytest.raises(RotationRefused, match="stored for another host"):
        target_with_other_key(fresh(connection))


@pytest.mark.parametrize("change", [{"endpoint": "https://elsewhere.example/v1", "key": "typed"}, {"auth": "entra"}])
def test_a_second_key_is_forgotten_with_the_host_or_the_sign_in_it_was_stored_for(client_alice, alice, change):
    connection = make_connection("contoso")
    switched(connection, alice)
    form = {"name": "contoso", "endpoint": connection.endpoint, "auth": "key", "method": "managed_identity"}
    assert client_alice.post(reverse("connections:edit", args=[connection.pk]), form).status_code == 302
    assert Rotation(fresh(connection)).step == WATCH
    assert client_alice.post(reverse("connections:edit", args=[connection.pk]), {**form, **change}).status_code == 302
    assert Rotation(fresh(connection)).other.is_empty
    assert fresh(connection).switched_at is None


def test_a_form_that_was_read_before_a_switch_does_not_undo_it(client_alice, alice, monkeypatch):
    connection = make_connection("contoso")
    read = views.find_connection

    def read_then_switched(pk):
        found = read(pk)
        switched(connection, alice)
        return found

    monkeypatch.setattr(views, "find_connection", read_then_switched)
    form = {"name": "contoso", "endpoint": connection.endpoint, "auth": "key"}
    refused = client_alice.post(reverse("connections:edit", args=[connection.pk]), form)
    assert refused.status_code == 422
    assert "Save once more" in refused.content.decode()
    assert fresh(connection).key == Secret(SECOND)


def test_client_secrets_are_replaced_likewise(connection, alice):
    Connection.objects.update(
        auth=Auth.CLIENT_SECRET, tenant_id="t", client_id="c", identity_secret=Secret("first"), key=Secret("")
    )
    found = switched(fresh(connection), alice)
    assert (found.identity_secret, found.target().identity.secret) == (Secret(SECOND), Secret(SECOND))
    assert not found.key


# Uses


@pytest.mark.django_db(transaction=True)
def test_uses_are_counted_together_and_none_is_lost_at_the_close(monkeypatch):
    connection = make_connection("contoso")
    target, stored = connection.target(), []
    monkeypatch.setattr(key_watch, "store_uses", lambda place, uses: stored.append((place, uses.count)))

    async def use():
        watch = DatabaseKeyWatch(AnswerWatch())
        for _ in range(3):
            watch.note_use(target)
        while not stored:
            await asyncio.sleep(0)
        for _ in range(5):
            watch.note_use(target)
        await watch.aclose()

    asyncio.run(use())
    assert stored == [(("contoso", 1), 3), (("contoso", 1), 5)]


def test_a_use_says_when_and_how_often(connection, alice):
    now = timezone.now().replace(second=30)
    store_uses(("contoso", 1), key_watch.Uses(3, now))
    store_uses(("contoso", 1), key_watch.Uses(2, now - timedelta(seconds=20)))
    store_uses(("gone", 1), key_watch.Uses(2, now))
    assert KeySlot.objects.get().last_used_at == now
    assert KeyUse.objects.get().calls == 5
    found = Rotation(fresh(connection))
    assert found.in_use.calls_today == 5
    chart = use_chart(found)
    assert (chart.most, [bar.height for bar in chart.bars]) == (5, [72.0])


# Pages


def address(connection, name="rotation"):
    return reverse(f"connections:{name}", args=[connection.pk])


def test_the_page_leads_through_the_steps_and_shows_no_key(client_alice, simulator):
    connection = make_connection("simulator", endpoint=f"{simulator}/openai/v1", key="simulator")
    page = client_alice.get(address(connection)).content.decode()
    assert "Store a second key" in page
    posted = client_alice.post(address(connection, "rotation_store"), {"second_key": SECOND})
    assert posted.url == address(connection)
    client_alice.post(address(connection, "rotation_verify"), {"model": "gpt-4o-mini"})
    page = client_alice.get(address(connection)).content.decode()
    assert "was refused" in page
    assert "Switch to key 2</button>" not in page
    assert SECOND not in page


def test_the_whole_way_through_the_pages(client_alice, simulator):
    connection = make_connection("simulator", endpoint=f"{simulator}/openai/v1", key="former")
    client_alice.post(address(connection, "rotation_store"), {"second_key": "simulator"})
    client_alice.post(address(connection, "rotation_verify"), {"model": "gpt-4o-mini"})
    page = client_alice.get(address(connection)).content.decode()
    assert "Answered 200 in" in page
    client_alice.post(address(connection, "rotation_switch"), {"slot": "2"})
    page = client_alice.get(address(connection)).content.decode()
    assert "Switch back" in page
    assert "Being watched" in page
    assert "every 10s" in page
    assert "Former key watched" in client_alice.get(reverse("connections:list")).content.decode()
    client_alice.post(address(connection, "rotation_retire"), {"slot": "1"})
    assert fresh(connection).switched_at
    time_passes(connection, 16)
    assert "stays valid at the portal" in client_alice.get(address(connection, "rotation_retire")).content.decode()
    client_alice.post(address(connection, "rotation_retire"), {"slot": "1"})
    page = client_alice.get(address(connection)).content.decode()
    assert "Store a second key" in page
    assert "Last rotation" in page
    assert fresh(connection).key == Secret("simulator")


def test_a_blank_second_key_is_refused_in_its_place(client_alice, connection):
    refused = client_alice.post(address(connection, "rotation_store"), {"second_key": ""})
    assert refused.status_code == 422
    assert "Type the other key" in refused.content.decode()


def test_readers_rotate_nothing(client_bob, connection):
    for name in ("rotation_store", "rotation_verify", "rotation_switch", "rotation_retire", "rotation_remind"):
        assert client_bob.post(address(connection, name)).status_code == 403
    for name in ("rotation", "learned", "used_in"):
        assert client_bob.get(address(connection, name)).status_code == 403


def test_a_connection_that_is_not_there_has_no_page(client_alice, connection):
    connection.delete()
    for name in ("rotation", "learned", "used_in"):
        assert client_alice.get(reverse(f"connections:{name}", args=[999])).status_code == 404


def test_an_old_key_is_marked_in_the_list_and_on_the_page_as_set(client_alice, connection, settings):
    settings.KEY_REMINDER_DAYS = 90
    Connection.objects.update(key_changed_at=timezone.now() - timedelta(days=91))
    listed, edit = reverse("connections:list"), reverse("connections:edit", args=[connection.pk])
    assert "Reminder since" in client_alice.get(listed).content.decode()
    assert "was to be replaced by" in client_alice.get(edit).content.decode()
    client_alice.post(address(connection, "rotation_remind"), {"days": "180"})
    assert "Reminder since" not in client_alice.get(listed).content.decode()
    client_alice.post(address(connection, "rotation_remind"), {"days": ""})
    assert "Reminder since" in client_alice.get(listed).content.decode()
    client_alice.post(address(connection, "rotation_remind"), {"days": "0"})
    assert "Reminder since" not in client_alice.get(listed).content.decode()
