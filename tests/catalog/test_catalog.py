"""Flows as a whole: list, create, import, export, delete, the sample."""

import json
import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from connections.models import Connection
from flows.catalog.duplicate import free_name
from flows.engine import deletion
from flows.models import Flow, Publication, Run
from tests.documents_of import DOCUMENTS, load
from tests.factories import PLANTED_KEY, make_connection, make_flow, make_run
from tests.markup import one_line


def upload(client, data):
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    return client.post(reverse("flows:import"), {"file": SimpleUploadedFile("flow.json", text)})


def test_a_new_flow_has_a_slug_from_its_name(client_alice):
    for slug in ("bar-static", "bar-static-2"):
        response = client_alice.post(reverse("flows:new"), {"name": "Bar static"})
        assert response.url == reverse("designer:show", args=[slug])
    assert client_alice.post(reverse("flows:new"), {"name": " "}).status_code == 422


@pytest.mark.parametrize("name", ["New", "Import", "Sample"])
def test_a_flow_that_is_called_as_a_page_has_one_of_its_own(client_alice, name):
    created = client_alice.post(reverse("flows:new"), {"name": name})
    assert client_alice.get(created.url).context["flow"].name == name


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_export_is_what_was_imported(client_alice, name):
    assert upload(client_alice, load(name)).status_code == 302
    exported = client_alice.get(reverse("flows:export", args=[Flow.objects.get().slug]))
    assert without_secrets(json.loads(exported.content)) == without_secrets(load(name))


def without_secrets(document):
    return {
        **document,
        "inputs": [{**each, "default": None} if each["type"] == "secret" else each for each in document["inputs"]],
    }


def test_importing_the_same_name_adds_a_revision(client_alice):
    upload(client_alice, load("bar-static"))
    upload(client_alice, {**load("bar-static"), "actions": []})
    assert Flow.objects.get().current.number == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "empty"), (b"{", "Line 1: not JSON"), (b"\x80abc", "not text"), (b"[]", "not a JSON object"), (b"[" * 50_000, "nested too deeply"),
     ({"format": "foundryflow/1", "name": "x", "actions": [{"id": "!", "type": "log"}]}, "id &#x27;!&#x27; is missing")],
)  # fmt: skip
def test_a_broken_file_is_explained_and_nothing_changes(client_alice, data, words):
    response = upload(client_alice, data)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Flow.objects.exists()


def test_an_unknown_action_type_is_kept_and_shown(client_alice):
    data = {
        "format": "foundryflow/1",
        "name": "x",
        "actions": [{"id": "t", "type": "teleport", "properties": {"to": "Mars"}}],
    }
    assert "teleport" in client_alice.get(upload(client_alice, data).url).content.decode()
    assert Flow.objects.get().current.document == data


def test_the_sample_runs_on_the_simulator(client_alice):
    client_alice.post(reverse("flows:sample"))
    assert Connection.objects.get().name == "simulator"
    page = client_alice.get(reverse("designer:show", args=[Flow.objects.get().slug]))
    assert page.context["problems"].problems == []


def test_a_flow_is_deleted_with_its_runs_but_not_while_one_is_going(client_alice):
    flow = make_flow()
    run = make_run(flow, question="x")
    address = reverse("flows:delete", args=[flow.slug])
    assert client_alice.post(address).status_code == 409
    run.request_cancel(by="alice")
    assert client_alice.post(address).status_code == 302
    for gone in (address, reverse("designer:show", args=[flow.slug]), reverse("runs:show", args=[run.pk])):
        assert client_alice.get(gone).status_code == 404
    assert flow.name not in client_alice.get(reverse("flows:list")).content.decode()
    deletion.delete_all()
    assert not Flow.objects.exists()
    assert not Run.objects.exists()


def test_the_name_of_a_deleted_flow_is_free_at_once(client_alice):
    flow = make_flow()
    make_run(flow, question="x").request_cancel(by="alice")
    client_alice.post(reverse("flows:delete", args=[flow.slug]))
    assert make_flow().slug == flow.slug


def test_a_literal_secret_in_a_file_is_stored_encrypted_and_never_exported(client_alice):
    data = load("bar-dynamic")
    data["actions"][0]["properties"]["variables"][0]["value"] = PLANTED_KEY
    data["actions"][1]["properties"]["api_key"] = PLANTED_KEY
    upload(client_alice, data)
    flow = Flow.objects.get()
    assert {secret.value.reveal() for secret in flow.secrets.all()} == {PLANTED_KEY}
    exported = client_alice.get(reverse("flows:export", args=[flow.slug])).content
    assert PLANTED_KEY not in exported.decode()
    flow.remove()
    page = client_alice.get(upload(client_alice, exported).url)
    said = [problem.message for problem in page.context["problems"].problems if problem.severity == "error"]
    assert said == [
        "tenant_key must be filled in: a secret does not travel with a file.",
        "API key must be filled in: a secret does not travel with a file.",
    ]


# The list


def of(name, *actions, **more):
    return {"format": "foundryflow/1", "name": name, "actions": list(actions), **more}


def chat(connection, title="Chat"):
    return {"id": "c", "type": "chat_completion", "title": title, "properties": {"connection": connection}}


def names_found(client, **given):
    return [row.flow.name for row in client.get(reverse("flows:list"), given).context["list"].rows]


@pytest.fixture
def flows(alice):
    """Two that have run, and one that has not."""
    return [
        make_flow(of("Weekly digest", chat("contoso", "Condense it"))),
        make_flow(of("answer", chat("contoso-west"), {"id": "w", "type": "wait", "properties": {}})),
        make_flow(of("Über alles", {"id": "l", "type": "log", "title": "Größe", "properties": {"message": "contoso"}})),
    ]


@pytest.mark.parametrize(("words", "found"), [
    ("WEEKLY", ["Weekly digest"]), ("condense", ["Weekly digest"]), ("contoso", ["answer", "Weekly digest"]), ("contoso-w", ["answer"]),
    ("wait", ["answer"]), ("chat completion", ["answer", "Weekly digest"]), ("Größe", ["Über alles"]), ("Über", ["Über alles"]),
    ("properties", []), ("%", []), ('"', []),
])  # fmt: skip
def test_flows_are_found_by_name_action_and_connection(client_bob, flows, words, found):
    assert names_found(client_bob, q=words) == found


def test_flows_are_filtered_by_connection_and_by_how_they_ran_last(client_bob, flows):
    digest, answer, _ = flows
    Run.objects.filter(pk=make_run(digest).pk).update(state="failed")
    make_run(answer)
    assert names_found(client_bob, connection="contoso") == ["Weekly digest"]
    assert names_found(client_bob, last="failed") == ["Weekly digest"]
    assert names_found(client_bob, last="live") == ["answer"]
    assert names_found(client_bob, last="never") == ["Über alles"]
    assert names_found(client_bob, last="nonsense", sort="nonsense", page="x") == [
        "Über alles",
        "answer",
        "Weekly digest",
    ]
    assert "No flow matches" in client_bob.get(reverse("flows:list"), {"last": "cancelled"}).content.decode()


def test_the_list_says_what_is_published_and_what_is_not(client_bob, flows):
    digest, answer, _ = flows
    for flow in (digest, answer):
        Publication.objects.publish(flow.current, instead_of=None, by=None)
    digest.commit(digest.current.parsed().with_name("Weekly digest"), by=None, base=1)
    page = one_line(client_bob.get(reverse("flows:list")).content.decode())
    assert "Published r1" in page
    assert "Draft r2" in page
    assert "3 flows · 1 with unpublished changes · 1 never published" in page
    assert names_found(client_bob, state="published") == ["Weekly digest", "answer"]
    assert names_found(client_bob, state="changed") == ["Weekly digest"]
    assert names_found(client_bob, state="never") == ["Über alles"]


def test_flows_are_sorted_by_name_last_run_and_number_of_runs(client_bob, flows):
    digest, answer, _ = flows
    for flow in (digest, digest, answer):
        make_run(flow)
    assert names_found(client_bob, sort="name") == ["answer", "Weekly digest", "Über alles"]
    assert names_found(client_bob, sort="run") == ["answer", "Weekly digest", "Über alles"]
    assert names_found(client_bob, sort="runs") == ["Weekly digest", "answer", "Über alles"]
    assert names_found(client_bob) == ["Über alles", "answer", "Weekly digest"]


def test_what_is_chosen_renews_the_menus_and_the_list(client_bob, flows):
    answer = client_bob.get(reverse("flows:list"), {"sort": "name"}, headers={"HX-Request": "true"}).content.decode()
    assert re.findall(r'hx-target="#([a-z-]+)"', answer) == ["flows-filters", "flows-found"]
    assert '<input type="hidden" form="flows-search" name="sort" value="name">' in answer


def test_a_row_says_how_its_flow_ran_last_and_who_changed_it(client_bob, alice):
    flow = make_flow(by=alice)
    run = make_run(flow)
    error = {"kind": "auth_key", "status": 401, "message": "x"}
    begun = run.created_at
    Run.objects.filter(pk=run.pk).update(
        state="failed", error=error, started_at=begun, ended_at=begun + timedelta(seconds=0.6)
    )
    page = client_bob.get(reverse("flows:list"))
    (row,) = page.context["list"].rows
    assert (row.state_words, row.last_words[-9:], row.changed_words[-8:]) == (
        "Failed: key refused",
        " · 0.60 s",
        "by Alice",
    )
    assert row.bars_words == "1 runs in 14 days, 1 today"


def test_a_reader_finds_nothing_in_the_list_that_would_be_refused(client_bob, client_alice, flows):
    pages = [client.get(reverse("flows:list")).content.decode() for client in (client_bob, client_alice)]
    for address in ("/duplicate/", "/delete/", "/run/", reverse("flows:sample"), reverse("flows:import")):
        assert [address in page for page in pages] == [False, True], address
    assert client_bob.post(reverse("flows:duplicate", args=[flows[0].slug])).status_code == 403
    assert Flow.objects.count() == len(flows)


def test_a_duplicate_has_the_document_and_the_secrets_under_a_name_of_its_own(client_alice):
    data = load("bar-dynamic")
    data["actions"][1]["properties"]["api_key"] = PLANTED_KEY
    upload(client_alice, data)
    flow = Flow.objects.get()
    for name in (f"{flow.name} copy", f"{flow.name} copy 2"):
        answer = client_alice.post(reverse("flows:duplicate", args=[flow.slug]))
        copy = Flow.objects.order_by("-pk")[0]
        assert (answer.url, copy.name) == (reverse("designer:show", args=[copy.slug]), name)
        assert {**copy.current.document, "name": ""} == {**flow.current.document, "name": ""}
        assert [secret.value.reveal() for secret in copy.secrets.all()] == [PLANTED_KEY]
        problems = client_alice.get(answer.url).context["problems"].problems
        assert [problem.severity for problem in problems] == ["warning"]  # there is no connection of that name
    flow.remove()
    assert copy.secrets.count() == 1


def test_a_name_that_is_as_long_as_can_be_leaves_room_for_copy():
    long = "x" * 200
    assert free_name(long, {long}) == f"{'x' * 195} copy"


def test_a_flow_that_cannot_be_read_is_not_copied(client_alice):
    flow = make_flow()
    flow.revisions.update(document={"actions": 3})
    answer = client_alice.post(reverse("flows:duplicate", args=[flow.slug]), follow=True)
    assert "cannot be copied" in answer.content.decode()
    assert Flow.objects.count() == 1
    assert client_alice.post(reverse("flows:duplicate", args=["nothing"])).status_code == 404


def test_the_first_steps_say_what_is_done_and_lead_to_the_next(client_alice, alice):
    def marks():
        steps = one_line(client_alice.get(reverse("flows:list")).content.decode())
        return re.findall(r'<li(?: class="([a-z-]*)")?>', steps)[:3], steps

    assert marks()[0] == ["is-next", "", ""]
    connection = make_connection("contoso-ai")
    states, page = marks()
    assert states == ["is-done", "is-next", ""]
    assert "contoso-ai is stored. Test it on its page." in page
    Connection.objects.filter(pk=connection.pk).update(check_ok=True, check_ms=412, default_model="gpt-5.2")
    session = make_flow(of("session"))
    Flow.objects.filter(pk=session.pk).update(room="playground")
    Run.objects.filter(pk=make_run(session).pk).update(state="succeeded")
    states, page = marks()
    assert states == ["is-done", "is-done", "is-next"]
    assert "contoso-ai answered in 0.41 s." in page
    assert "Ask gpt-5.2 something" in page
