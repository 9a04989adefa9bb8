"""What is known of a connection: tests of forms, answers of runs, the test of all, and what the list says of it."""

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from django.urls import reverse
from django.utils import timezone

from connections import check_rounds
from connections.answer_watch import AnswerWatch, store_answer
from connections.check_rounds import RoundRunner, check_stored, create_round, latest_round, stop_round
from connections.clients import close_client, foundry_client
from connections.foundry.values import ChatRequest, Message
from connections.kinds.base import SignInCheck
from connections.list_page import check_state
from connections.models import CheckRound, Connection
from connections.secret import Secret
from flows.playground.models import Session
from foundryflow.templatetags.ui import time_or_day
from tests.factories import PLANTED_KEY, make_connection, make_flow
from tests.markup import one_line

ANSWERED = SignInCheck(True, "It answered.", latency_ms=4.0)


@pytest.fixture
async def async_alice(alice):
    """Tests are async views: their client lives on the loop of the test."""
    client = AsyncClient()
    await client.aforce_login(alice)
    yield client
    await close_client()


def form_of(simulator, **changes):
    endpoint = f"{simulator}/openai/v1"
    return {
        "name": "contoso",
        "endpoint": endpoint,
        "key": "simulator",
        "default_model": "",
        "model": "fast",
        **changes,
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("create", ["new", "create_in_panel"])
async def test_a_connection_that_was_tested_and_then_created_keeps_its_result(async_alice, simulator, create):
    await async_alice.post(reverse("connections:test_new"), form_of(simulator, name=""))
    await async_alice.post(reverse(f"connections:{create}"), form_of(simulator))
    stored = await Connection.objects.aget()
    assert (stored.check_ok, stored.check_status, stored.default_model) == (True, 200, "fast")
    assert timezone.now() - stored.checked_at < timedelta(minutes=1)


@pytest.mark.django_db(transaction=True)
async def test_what_was_said_of_another_key_is_not_said_of_this_one(async_alice, simulator):
    await async_alice.post(reverse("connections:test_new"), form_of(simulator))
    await async_alice.post(reverse("connections:new"), form_of(simulator, key="another-key"))
    stored = await Connection.objects.aget()
    assert (stored.check_ok, stored.checked_at, stored.default_model) == (None, None, "")


@pytest.mark.django_db(transaction=True)
async def test_a_new_key_is_unverified_until_it_is_tested(async_alice, simulator):
    stored = await sync_to_async(make_connection)(endpoint=f"{simulator}/openai/v1", key="old")
    await sync_to_async(stored.record_check)(ANSWERED)
    edit, test = (reverse(f"connections:{name}", args=[stored.pk]) for name in ("edit", "test"))
    await async_alice.post(edit, form_of(simulator, key="", max_calls="3"))
    await stored.arefresh_from_db()
    assert stored.check_ok is True
    await async_alice.post(edit, form_of(simulator, key="new"))
    await stored.arefresh_from_db()
    assert stored.check_ok is None
    await async_alice.post(test, form_of(simulator))
    await async_alice.post(edit, form_of(simulator))
    await stored.arefresh_from_db()
    assert stored.check_ok is True


@pytest.mark.django_db(transaction=True)
async def test_no_session_holds_the_key_of_a_test(async_alice, simulator):
    await async_alice.post(reverse("connections:test_new"), form_of(simulator, key=PLANTED_KEY))
    session = await sync_to_async(lambda: str(dict(async_alice.session)))()
    assert "connection_tests" in session
    assert PLANTED_KEY not in session


@pytest.mark.django_db(transaction=True)
async def test_a_connection_that_answered_a_run_is_verified_by_it(simulator):
    stored = await sync_to_async(make_connection)(endpoint=f"{simulator}/openai/v1", key="simulator")
    request = ChatRequest(model="fast", messages=[Message("user", "Why?")])
    async for _ in foundry_client().chat(stored.target(), request):
        pass
    await close_client()
    await stored.arefresh_from_db()
    assert (stored.check_ok, stored.checked_by_run) == (True, True)
    assert check_state(stored).note == f"{time_or_day(stored.checked_at)} · in a run"


@pytest.mark.django_db(transaction=True)
async def test_a_database_that_answered_a_run_is_verified_by_it():
    stored = Connection(name="crm", kind="sqlite", endpoint="sqlite:/srv/data/crm.db", key=Secret(""))
    await stored.asave()
    watch = AnswerWatch()
    watch.note_answer(stored.data_target())
    await watch.aclose()
    await stored.arefresh_from_db()
    assert stored.checked_by_run


@pytest.mark.django_db(transaction=True)
async def test_of_the_answers_of_a_minute_one_is_kept():
    stored = await sync_to_async(make_connection)()
    watch = AnswerWatch()
    watch.note_answer(stored.target())
    await watch.aclose()
    await Connection.objects.aupdate(check_ok=None)
    watch.note_answer(stored.target())
    await watch.aclose()
    await stored.arefresh_from_db()
    assert stored.check_ok is None


@pytest.mark.django_db
def test_an_answer_verifies_neither_another_key_nor_what_was_found_later():
    stored = make_connection()
    target, before = stored.target(), timezone.now() - timedelta(minutes=1)
    stored.record_check(SignInCheck(False, "No.", "auth_key"))
    store_answer(target, before)
    stored.refresh_from_db()
    assert stored.check_ok is False
    Connection.objects.update(key=Secret("another-key"))
    store_answer(target, timezone.now())
    stored.refresh_from_db()
    assert stored.check_ok is False


# The test of all


@pytest.fixture
def three(simulator):
    keys = {"a": "simulator", "b": "wrong", "c": "simulator"}
    made = [make_connection(name, endpoint=f"{simulator}/openai/v1", key=key) for name, key in keys.items()]
    Connection.objects.filter(name__in="ab").update(default_model="fast")
    return made


async def tested():
    for runner in list(check_rounds._runners.values()):
        await runner.task


@pytest.mark.django_db(transaction=True)
async def test_all_are_tested_in_the_background_and_the_list_says_how_they_answered(async_alice, three):
    await async_alice.post(reverse("connections:test_all"), headers={"HX-Request": "true"})
    await tested()
    found = {each.name: (each.check_ok, each.check_kind) async for each in Connection.objects.all()}
    assert found == {"a": (True, ""), "b": (False, "auth_key"), "c": (True, "")}
    shown = one_line((await async_alice.get(reverse("connections:list"))).content.decode())
    assert "3 of 3 tested" in shown
    assert "1 did not answer" in shown
    assert "Key refused" in shown
    assert "test-all/progress" not in shown


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("key", "kind"), [("wrong", "auth_key"), ("simulator", "no_deployment")])
async def test_without_a_deployment_a_check_still_tells_whether_the_key_is_right(simulator, monkeypatch, key, kind):
    monkeypatch.setattr(check_rounds, "UNKNOWN_DEPLOYMENT", "not-found")  # which the simulator does not have
    stored = await sync_to_async(make_connection)(endpoint=f"{simulator}/openai/v1", key=key)

    async def no_list(self, target):
        return None

    monkeypatch.setattr("connections.foundry.client.FoundryClient.deployments", no_list)
    await check_stored(stored.pk)
    await close_client()
    await stored.arefresh_from_db()
    assert (stored.check_ok, stored.check_kind) == (False, kind)


@pytest.mark.django_db(transaction=True)
async def test_one_round_goes_at_a_time_and_can_be_stopped(async_alice, alice, three, monkeypatch):
    begun, going = list[int](), asyncio.Event()

    async def endless(pk):
        begun.append(pk)
        if len(begun) == 2:
            going.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(check_rounds, "check_stored", endless)
    monkeypatch.setattr(check_rounds, "AT_ONCE", 2)
    monkeypatch.setattr(check_rounds, "BEAT", 0.01)
    round = await sync_to_async(create_round)([each.pk for each in three], alice)
    assert await sync_to_async(create_round)([three[0].pk], alice) is None
    runner = RoundRunner(round)
    await going.wait()
    progress = (await async_alice.get(reverse("connections:progress"), headers={"HX-Request": "true"})).content.decode()
    for words in ("Testing, 2 of 3", "Queued", "Stop", 'hx-trigger="load delay:1s"'):
        assert words in one_line(progress)
    await sync_to_async(stop_round)()
    await runner.task
    assert len(begun) == 2
    assert (await sync_to_async(latest_round)()).running is None
    assert "Testing," not in (await async_alice.get(reverse("connections:list"))).content.decode()


@pytest.mark.django_db
def test_a_round_whose_process_died_is_over_after_some_silence(alice, client_alice):
    stored = make_connection()
    create_round([stored.pk], alice)
    assert "Testing, 0 of 1" in one_line(client_alice.get(reverse("connections:list")).content.decode())
    CheckRound.objects.update(seen_at=timezone.now() - timedelta(minutes=1))
    shown = client_alice.get(reverse("connections:list")).content.decode()
    assert "Testing," not in shown
    assert "Unverified" in shown
    assert create_round([stored.pk], alice) is not None


@pytest.mark.django_db(transaction=True)
async def test_one_is_tested_from_its_row_and_from_the_head_of_its_page(async_alice, three):
    address = reverse("connections:check", args=[three[1].pk])
    htmx = {"HX-Request": "true"}
    row = (await async_alice.post(address, {"from": "list"}, headers=htmx)).content.decode()
    assert f'hx-target="#check-{three[1].pk}"' in row
    assert "Key refused" in row
    head = (await async_alice.post(address, headers=htmx)).content.decode()
    for target in ("#test-line", "#test-result", "#connection-state"):
        assert f'hx-target="{target}"' in head
    assert (await async_alice.post(address, {"from": "list"})).url == reverse("connections:list")


def test_readers_test_nothing(client_bob):
    stored = make_connection()
    for name, arguments in (("test_all", []), ("stop_all", []), ("check", [stored.pk]), ("duplicate", [stored.pk])):
        assert client_bob.post(reverse(f"connections:{name}", args=arguments)).status_code == 403
    shown = client_bob.get(reverse("connections:list")).content.decode()
    assert "Test all" not in shown
    assert "Delete…" not in shown


# The list


@pytest.fixture
def mixed(db):
    made = [make_connection(name) for name in ("simulator", "idle")]
    made.append(
        Connection.objects.create(
            name="crm",
            kind="postgresql",
            endpoint="postgresql://db.contoso.example/crm",
            key=Secret("x"),
            check_ok=False,
        )
    )
    make_flow("bar-static")
    return made


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("", ["simulator", "idle", "crm"]),
        ("?q=contoso.example", ["crm"]),
        ("?kind=foundry", ["simulator", "idle"]),
        ("?check=refused", ["crm"]),
        ("?used=yes", ["simulator"]),
        ("?used=no&kind=foundry", ["idle"]),
        ("?kind=nonsense&check=x&used=y", ["simulator", "idle", "crm"]),
    ],
)
def test_the_list_is_filtered_by_its_address(client_alice, mixed, asked, names):
    rows = client_alice.get(reverse("connections:list") + asked).context["rows"]
    assert sorted(row.connection.name for row in rows) == sorted(names)


def test_the_menu_of_a_row_offers_what_its_kind_can(client_alice, mixed):
    shown = client_alice.get(reverse("connections:list") + "?kind=foundry&used=yes").content.decode()
    for words in ("Test now", "Open in playground", "Usage", "Rotate the key…", "Duplicate", "Delete…"):
        assert words in shown
    shown = client_alice.get(reverse("connections:list") + "?kind=postgresql").content.decode()
    for words in ("Open in playground", "Rotate the key…"):
        assert words not in shown


def test_a_copy_calls_the_same_with_the_same_key_under_another_name(client_alice, alice):
    stored = make_connection()
    Connection.objects.update(max_calls=3)
    for name in ("contoso copy", "contoso copy 2"):
        response = client_alice.post(reverse("connections:duplicate", args=[stored.pk]))
        copied = Connection.objects.get(name=name)
        assert response.url == reverse("connections:edit", args=[copied.pk])
        assert (copied.key, copied.max_calls, copied.pk != stored.pk) == (Secret(PLANTED_KEY), 3, True)


def test_the_playground_opens_with_the_connection(client_alice):
    make_connection("other")
    make_connection()
    Connection.objects.filter(name="contoso").update(default_model="gpt-5.2")
    client_alice.post(reverse("playground:new"), {"connection": "contoso"})
    setup = Session.objects.get().setup
    assert (setup["connection"], setup["model"]) == ("contoso", "gpt-5.2")


def test_the_audit_of_a_connection_says_who_did_what(client_alice, client_bob):
    client_alice.post(reverse("connections:new"), form_of("https://contoso.openai.azure.com"))
    address = reverse("connections:audit", args=[Connection.objects.get().pk])
    page = one_line(client_alice.get(address).content.decode())
    assert "<bdi>Alice</bdi></b>" in page
    assert "browser · 127.0.0.1" in page
    assert client_bob.get(address).status_code == 403


def test_where_it_is_used_is_said_by_titles(client_alice):
    stored = make_connection("simulator")
    document = {"format": "foundryflow/1", "name": "Many", "actions": []}
    for n in range(5):
        properties = {"connection": "simulator", "model": "m", "user_prompt": "x"}
        title = {"title": f"Answer {n}"} if n else {}
        document["actions"].append({"id": f"a{n}", "type": "chat_completion", "properties": properties, **title})
    make_flow(document)
    shown = one_line(client_alice.get(reverse("connections:used_in", args=[stored.pk])).content.decode())
    assert "chat_completion" not in shown
    assert "Chat completion, Answer 1 and 3 more actions" in shown
