"""The page of API keys: who sees which, what a new one is given, and that it is shown once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from flows.models import Flow
from foundryflow.models import ApiKey, ApiScope, AuditEntry
from foundryflow.roles import Role
from tests.engine.test_durable import returns
from tests.factories import make_flow

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
GIVEN = {"name": "billing export", "scopes": ["usage"], "expiry": "90", "limit": "all"}


def issue(by, name="portal", scopes=("read",), **given) -> ApiKey:
    return ApiKey.objects.issue(name, list(scopes), by=by, **given)[0]


def change(key: ApiKey, **values) -> None:
    ApiKey.objects.filter(pk=key.pk).update(**values)


def plain(name: str) -> Flow:
    return make_flow({"format": "foundryflow/1", "name": name, "inputs": [], "actions": [returns("1")]})


def create(client, headers=HTMX, **given):
    return client.post("/api-keys/new/", {**GIVEN, **given}, headers=headers)


def text_of(response) -> str:
    begin = response.content.decode().split('value="ffk_')[1]
    return "ffk_" + begin.split('"')[0]


@pytest.fixture
def client_of(client):
    def sign_in(person):
        client.force_login(person)
        return client

    return sign_in


def test_administrators_see_all_keys_and_others_their_own(client_alice, client_bob, alice, bob, person, client_of):
    runner = person(Role.RUNNER)
    for each in (alice, bob, runner):
        issue(each, f"of {each.username}")
    issue(None, "of nobody")
    seen = client_alice.get("/api-keys/").content.decode()
    assert all(f"of {name}" in seen for name in ("alice", "bob", runner.username, "nobody"))
    assert "4 keys" in seen
    for client, own, other in ((client_bob, "bob", "alice"), (client_of(runner), runner.username, "bob")):
        seen = client.get("/api-keys/").content.decode()
        assert f"of {own}" in seen
        assert f"of {other}" not in seen
        assert "administrators see everybody" in seen


def test_a_row_says_what_the_key_may_when_it_was_used_and_when_it_expires(client_alice, alice):
    now, flow = timezone.now(), plain("Mine")
    key = issue(alice, "helpdesk", ["run", "read"], flow_ids=[flow.pk], expires_at=now + timedelta(days=6))
    change(key, last_used_at=now, calls=2114, calls_on=timezone.localdate())
    change(issue(alice, "refused"), last_used_at=now, is_last_use_refused=True)
    change(issue(alice, "expired"), expires_at=now - timedelta(days=1))
    issue(alice, "gone", flow_ids=[10**6])
    page = " ".join(client_alice.get("/api-keys/").content.decode().split())
    assert "Run, read flows and runs <small>1 flow</small>" in page
    assert 'title="mine"' in page
    assert "<small>2,114 today</small>" in page
    assert "in 6 days" in page
    assert "<small>refused</small>" in page
    assert "Expired" in page
    assert "No flow is left" in page
    assert "not yet" in page
    assert f"ffk_{key.pk}_{key.fingerprint}…" in page
    assert "1 expires within a week" in page


def test_revoked_keys_are_listed_for_three_months(client_alice, alice):
    recent, old = issue(alice, "recent one"), issue(alice, "old one")
    change(recent, revoked_at=timezone.now() - timedelta(days=80))
    change(old, revoked_at=timezone.now() - timedelta(days=100))
    page = client_alice.get("/api-keys/").content.decode()
    assert "recent one" in page
    assert "old one" not in page
    assert "1 revoked, listed until" in page
    assert f"/api-keys/{recent.pk}/rename/" not in page
    assert f"/api-keys/new/?like={recent.pk}" in page


def test_a_new_key_is_shown_once_and_lets_its_program_in(client_alice, alice):
    answer = create(client_alice)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    key = ApiKey.objects.find(text_of(answer))
    assert key is not None
    assert (key.name, key.scopes, key.flow_ids, key.created_by) == ("billing export", ["usage"], None, alice)
    assert timezone.localdate(key.expires_at) == timezone.localdate() + timedelta(days=90)
    shown = answer.content.decode()
    call = shown.split('aria-label="A call with this key"')[1]
    assert "$FOUNDRYFLOW_KEY" in call
    assert text_of(answer) not in call
    secret = text_of(answer).removeprefix(f"ffk_{key.pk}_")
    for later in (client_alice.get("/api-keys/"), client_alice.get("/api-keys/", headers=HTMX)):
        assert secret not in later.content.decode()
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.subject, entry.by) == ("created API key", "billing export", alice)
    assert secret not in str(vars(entry))


def test_sending_the_form_again_makes_no_second_key(client_alice):
    first = create(client_alice, headers={})
    assert text_of(first)
    again = create(client_alice, headers={})
    assert again.status_code == 422
    assert "There is a key of this name" in again.content.decode()
    assert 'value="billing export"' in again.content.decode()
    assert ApiKey.objects.count() == 1


def test_the_name_of_a_revoked_key_is_free(client_alice, alice):
    issue(alice, "billing export").revoke()
    assert create(client_alice).status_code == 200


def test_nobody_gives_a_key_more_than_their_role(client_alice, client_of, person):
    most = {Role.READER: {"read", "usage"}, Role.RUNNER: {"read", "usage", "run"}, Role.EDITOR: {*ApiScope.values}}
    for role, allowed in most.items():
        client = client_of(person(role))
        form = client.get("/api-keys/new/", headers=HTMX).content.decode()
        for scope in ApiScope.values:
            assert (f'name="scopes" value="{scope}"' in form) is (scope in allowed), (role, scope)
            answer = create(client, name=f"{role} {scope}", scopes=[scope])
            assert (answer.status_code == 200) is (scope in allowed), (role, scope)
        assert ("Your role is" in form) is (role != Role.EDITOR)


def test_a_key_is_limited_to_flows(client_alice):
    mine = plain("Mine")
    assert "Choose a flow" in create(client_alice, limit="some").content.decode()
    assert create(client_alice, limit="some", flows=["99999"]).status_code == 422
    assert create(client_alice, limit="some", flows=[mine.pk]).status_code == 200
    key = ApiKey.objects.get()
    assert key.flow_ids == [mine.pk]
    address = f"/api-keys/{key.pk}/flows/"
    assert f'value="{mine.pk}" checked' in client_alice.get(address, headers=HTMX).content.decode()
    other = plain("Other")
    client_alice.post(address, {"limit": "some", "flows": [other.pk, mine.pk]}, headers=HTMX)
    assert ApiKey.objects.get().flow_ids == [mine.pk, other.pk]
    client_alice.post(address, {"limit": "all"}, headers=HTMX)
    assert ApiKey.objects.get().flow_ids is None
    said = [(each.verb, each.detail) for each in AuditEntry.objects.order_by("pk")][1:]
    assert said == [("changed flows of API key", "2 flows"), ("changed flows of API key", "all flows")]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"name": ""}, "required"),
        ({"name": "x" * 101}, "at most 100"),
        ({"name": "a\nb"}, "one line"),
        ({"scopes": []}, "Choose what the key may do."),
        ({"scopes": ["all"]}, "Your role may not give this"),
        ({"expiry": "day"}, "Say the last day."),
        ({"expiry": "day", "last_day": "2020-01-01"}, "lies after today"),
        ({"expiry": "day", "last_day": "9999-12-31"}, "ten years"),
        ({"expiry": "day", "last_day": "soon"}, "valid date"),
        ({"expiry": "7"}, "valid choice"),
        ({"limit": "some", "flows": ["x"]}, "valid choice"),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_lost(client_alice, given, says):
    answer = create(client_alice, **given)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    if "name" not in given:
        assert 'value="billing export"' in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_a_key_is_renamed_and_keeps_its_text(client_alice, alice):
    key = issue(alice)
    issue(alice, "taken")
    address = f"/api-keys/{key.pk}/rename/"
    assert 'value="portal"' in client_alice.get(address, headers=HTMX).content.decode()
    refused = client_alice.post(address, {"name": "taken"}, headers=HTMX)
    assert (refused.status_code, "There is a key of this name" in refused.content.decode()) == (422, True)
    assert "shop" in client_alice.post(address, {"name": "shop"}, headers=HTMX).content.decode()
    found = ApiKey.objects.get(pk=key.pk)
    assert (found.name, found.digest) == ("shop", key.digest)
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.subject, entry.detail) == ("renamed API key", "shop", "was portal")
    assert client_alice.post(address, {"name": "again"}).headers["Location"] == "/api-keys/"


def test_its_expiry_is_changed(client_alice, alice):
    key = issue(alice)
    address = f"/api-keys/{key.pk}/expiry/"
    day = timezone.localdate() + timedelta(days=10)
    client_alice.post(address, {"expiry": "day", "last_day": day.isoformat()}, headers=HTMX)
    assert timezone.localdate(ApiKey.objects.get().expires_at) == day
    assert f'value="{day.isoformat()}"' in client_alice.get(address).content.decode()
    client_alice.post(address, {"expiry": "never"}, headers=HTMX)
    assert ApiKey.objects.get().expires_at is None
    assert AuditEntry.objects.filter(verb="changed expiry of API key").count() == 2


def test_revoking_asks_first(client_alice, alice):
    key = issue(alice)
    address = f"/api-keys/{key.pk}/revoke/"
    assert "Revoke portal?" in client_alice.get(address, headers=HTMX).content.decode()
    assert ApiKey.objects.get().revoked_at is None
    assert "Revoked" in client_alice.post(address, headers=HTMX).content.decode()
    assert ApiKey.objects.get().revoked_at is not None
    assert AuditEntry.objects.get().verb == "revoked API key"
    assert client_alice.post(address, headers=HTMX).status_code == 404


def test_the_keys_of_others_are_not_there_for_who_is_no_administrator(client_alice, client_of, alice, person):
    key, editor = issue(alice, "secret name"), person(Role.EDITOR)
    client = client_of(editor)
    for verb in ("rename", "expiry", "flows", "revoke"):
        for method in (client.get, client.post):
            assert method(f"/api-keys/{key.pk}/{verb}/").status_code == 404
    assert "secret name" not in client.get(f"/api-keys/new/?like={key.pk}").content.decode()
    own = issue(editor, "own")
    assert client_alice.post(f"/api-keys/{own.pk}/revoke/").status_code == 302
    assert ApiKey.objects.get(pk=own.pk).revoked_at is not None


def test_a_new_key_like_another_begins_with_what_that_one_may(client_alice, alice):
    flow = plain("Mine")
    key = issue(alice, "portal", ["run"], flow_ids=[flow.pk])
    form = client_alice.get(f"/api-keys/new/?like={key.pk}", headers=HTMX).content.decode()
    assert 'value="portal 2"' in form
    assert 'name="scopes" value="run" checked' in form
    assert 'name="scopes" value="read" checked' not in form
    assert f'name="flows" value="{flow.pk}" checked' in form


def test_the_forms_are_pages_where_nothing_runs_scripts(client_alice, alice):
    key = issue(alice)
    for address in ("new/", *(f"{key.pk}/{verb}/" for verb in ("rename", "expiry", "flows", "revoke"))):
        page = client_alice.get(f"/api-keys/{address}")
        assert page.headers["Cache-Control"] == "no-store"
        assert '<form class="key-form"' in " ".join(page.content.decode().split())
        assert 'class="table' in page.content.decode()


def test_a_page_of_keys_asks_the_database_a_few_times(client_alice, alice, django_assert_max_num_queries):
    flow = plain("Mine")
    for number in range(30):
        issue(alice, f"key {number}", flow_ids=[flow.pk])
    with django_assert_max_num_queries(8):
        client_alice.get("/api-keys/")
