"""The designer without a browser: plain forms first, the same edits as regions."""

import re

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from flows.actions import registry
from flows.models import Flow, FlowSecret
from flows.models.flow import parsed_revisions
from tests.factories import PLANTED_KEY, make_connection, make_flow
from tests.markup import one_line

HTMX = {"HX-Request": "true"}


@pytest.fixture
def flow(alice):
    make_connection("simulator")
    return make_flow(by=alice)


def url(flow, name, *args):
    return reverse(f"designer:{name}", args=[flow.slug, *args])


def properties(flow, **changes):
    stored = flow.current.parsed().find("chat").properties
    shown = {name: "" if value is None else value for name, value in stored.items()}
    return {"base": flow.current.number, "title": "Answer", **shown, **changes}


def save(client, flow, **changes):
    return client.post(url(flow, "save_properties", "chat"), properties(flow, **changes), headers=HTMX)


def test_the_flowchart_is_a_nested_ordered_list(client_alice, alice):
    flow = make_flow("each-word")
    page = client_alice.get(url(flow, "show")).content.decode()
    assert "<ol" in page
    assert "Step 4 of 7, If, in Each word" in page


def test_a_saved_property_is_a_new_revision(client_alice, flow):
    response = save(client_alice, flow, user_prompt="Why {{ question }}")
    assert response.status_code == 200
    changed = Flow.objects.get()
    assert changed.current.number == 2
    assert changed.current.parsed().find("chat").properties["user_prompt"] == "Why {{ question }}"
    assert 'value="2" id="base"' in response.content.decode()


def test_saving_what_is_there_changes_nothing(client_alice, flow):
    before = flow.current.document
    assert save(client_alice, flow).status_code == 200
    assert Flow.objects.get().current.document == before
    assert Flow.objects.get().revisions.count() == 1


def test_a_plain_post_saves_and_redirects(client_alice, flow):
    response = client_alice.post(url(flow, "save_properties", "chat"), properties(flow, title="Other"))
    assert response.status_code == 302
    assert Flow.objects.get().current.parsed().find("chat").title == "Other"


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"user_prompt": "{{ question"}, "unexpected"), ({"temperature": "hot"}, "is not a number"), ({"temperature": "9"}, "At most 2"),
     ({"result_variable_name": "1x"}, "is not a name")],
)  # fmt: skip
def test_a_wrong_property_is_422_and_nothing_is_saved(client_alice, flow, changes, words):
    response = save(client_alice, flow, **changes)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert Flow.objects.get().current.number == 1


def test_two_people_editing_get_a_conflict_and_no_silent_overwrite(client_alice, flow):
    assert save(client_alice, flow, system_prompt="Theirs").status_code == 200
    stale = Flow.objects.get()
    response = client_alice.post(
        url(flow, "save_properties", "chat"), {**properties(stale, system_prompt="Mine"), "base": 1}, headers=HTMX
    )
    assert response.status_code == 409
    page = response.content.decode()
    assert "Mine" in page
    assert "Theirs" in page
    assert Flow.objects.get().current.parsed().find("chat").properties["system_prompt"] == "Theirs"
    mine = client_alice.post(
        url(flow, "save_properties", "chat"), {**properties(stale, system_prompt="Mine"), "base": 2}, headers=HTMX
    )
    assert mine.status_code == 200
    assert Flow.objects.get().current.parsed().find("chat").properties["system_prompt"] == "Mine"


def test_the_longest_title_fits_into_the_note_of_its_revision(client_alice, flow):
    assert save(client_alice, flow, title="x" * 200).status_code == 200
    assert Flow.objects.get().current.note == "x" * 200


def test_undo_and_redo_walk_the_revisions(client_alice, flow):
    save(client_alice, flow, system_prompt="Second")
    client_alice.post(url(flow, "undo"), {"base": 2})
    assert Flow.objects.get().current.number == 1
    client_alice.post(url(flow, "redo"), {"base": 1})
    assert Flow.objects.get().current.number == 2
    # A page that shows the first revision has nothing to take back.
    assert client_alice.post(url(flow, "undo"), {"base": 1}, headers=HTMX).status_code == 200
    assert Flow.objects.get().current.number == 2


@pytest.mark.parametrize("type", [known.type for known in registry.all_types()])
def test_every_action_type_can_be_inserted_and_edited(client_alice, flow, type):
    response = client_alice.post(url(flow, "insert"), {"base": 1, "type": type, "at": 0}, headers=HTMX)
    assert response.status_code == 200
    made = Flow.objects.get().current.parsed().actions[0]
    assert made.type == type
    assert client_alice.get(url(flow, "show") + f"?action={made.id}").status_code == 200


def test_an_action_is_moved_copied_switched_off_and_removed(client_alice, flow):
    for base, verb in enumerate(("down", "duplicate", "toggle", "remove"), start=1):
        assert client_alice.post(url(flow, "change", "chat", verb), {"base": base}, headers=HTMX).status_code == 200
    assert [action.id for action in Flow.objects.get().current.parsed().actions] == ["ret", "chat2"]


def test_an_action_that_vanished_is_said(client_alice, flow):
    response = client_alice.post(url(flow, "save_properties", "gone"), {"base": 1}, headers=HTMX)
    assert response.status_code == 409
    assert "removed meanwhile" in response.content.decode()


def test_a_literal_secret_is_stored_beside_the_document_and_never_in_it(client_alice, alice):
    flow = make_flow("bar-dynamic")
    response = client_alice.post(
        url(flow, "save_properties", "conn"),
        {
            "base": 1,
            "title": "",
            "api_key": PLANTED_KEY,
            "endpoint": "{{ tenant_endpoint }}",
            "connection_variable_name": "connection",
        },
        headers=HTMX,
    )
    assert PLANTED_KEY not in response.content.decode()
    stored = Flow.objects.get().current.parsed().find("conn").properties["api_key"]
    assert FlowSecret.objects.get(key=stored["secret"]).value.reveal() == PLANTED_KEY
    for page in (url(flow, "show") + "?action=conn", reverse("flows:export", args=[flow.slug])):
        assert PLANTED_KEY not in client_alice.get(page).content.decode()


def test_a_broken_document_does_not_break_a_page(client_alice, flow):
    flow.revisions.update(document={"format": "foundryflow/1", "name": "x", "actions": [{"oops": 1}]})
    assert client_alice.get(url(flow, "show")).status_code == 200
    assert client_alice.get(reverse("flows:list")).status_code == 200
    assert client_alice.get(reverse("connections:list")).status_code == 200


@pytest.mark.parametrize("view", [("save_properties", "chat"), ("save_inputs",), ("change", "chat", "remove")])
def test_an_edit_of_a_broken_document_says_so(client_alice, flow, view):
    flow.revisions.update(document={"format": "foundryflow/1", "name": "x", "actions": "none"})
    parsed_revisions.clear()
    answer = client_alice.post(url(flow, *view), {"base": 1}, headers=HTMX)
    assert answer.status_code == 422
    assert 'hx-target="#saved"' in answer.content.decode()
    assert "actions is not a list" in answer.content.decode()
    page = client_alice.post(url(flow, *view), {"base": 1}, follow=True).content.decode()
    assert "actions is not a list" in page


def test_undo_leads_to_a_broken_document_and_back(client_alice, flow):
    flow.commit(flow.current.parsed().with_name("Renamed"), by=None, base=1)
    flow.revisions.filter(number=1).update(document=[])
    parsed_revisions.clear()
    assert client_alice.post(url(flow, "undo"), {"base": 2}, headers=HTMX).status_code == 422
    assert client_alice.get(url(flow, "show")).templates[0].name == "designer/broken.html"
    assert client_alice.post(url(flow, "redo"), {"base": 1}, headers=HTMX).status_code == 200
    assert Flow.objects.get().name == "Renamed"


def test_wrong_types_inside_properties_do_not_break_a_page(client_alice, alice):
    flow = make_flow({"format": "foundryflow/1", "name": "odd", "actions": [
        {"id": "a", "type": "chat_completion", "properties": {"connection": 5, "temperature": "x", "user_prompt": ["a"]}},
        {"id": "b", "type": "declare_variables", "properties": {"variables": "no list"}},
        {"id": "c", "type": "teleport", "properties": {"x": 1}},
        {"id": "d", "type": "for_each", "properties": {"items": {"a": 1}}, "branches": []},
        {"id": "e", "type": "if_else", "branches": [{"id": "e1", "condition": 5, "actions": None}]}]})  # fmt: skip
    for id in "abcde":
        response = client_alice.get(url(flow, "show") + f"?action={id}")
        assert response.status_code == 200
    assert "teleport is not installed" in response.content.decode()


VIEWS_THAT_SHOW = [
    ("show",),
    ("select", "chat"),
    ("insert_menu",),
    ("connection_field", "chat"),
    ("whats_new",),
    ("copy",),
]
VIEWS_THAT_EDIT = [
    ("undo",), ("redo",), ("insert",), ("paste",), ("save_inputs",), ("save_properties", "chat"), ("change", "chat", "remove"),
]  # fmt: skip


def test_readers_look_and_do_not_touch(client_bob, flow):
    page = client_bob.get(url(flow, "show") + "?action=chat")
    assert "data-place" not in page.content.decode()
    assert '<fieldset class="panel-body" disabled>' in page.content.decode()
    for name in VIEWS_THAT_SHOW:
        assert client_bob.get(url(flow, *name), headers=HTMX).status_code == 200
    for name in VIEWS_THAT_EDIT:
        assert client_bob.post(url(flow, *name), {"base": 1, "type": "log", "name": "Other"}).status_code == 403
    assert Flow.objects.get().revisions.count() == 1


def test_nobody_who_is_not_signed_in_sees_a_flow(client, flow):
    for name in VIEWS_THAT_SHOW:
        assert client.get(url(flow, *name), headers=HTMX).status_code == 401
    for name in VIEWS_THAT_EDIT:
        assert client.post(url(flow, *name), {"base": 1}).status_code == 302
    assert Flow.objects.get().revisions.count() == 1


def test_a_flow_that_is_not_there_is_not_found(client_alice, flow):
    hidden = make_flow()
    Flow.objects.filter(pk=hidden.pk).update(room="playground")
    for slug in ("gone", hidden.slug):
        for name, *args in VIEWS_THAT_SHOW:
            assert client_alice.get(reverse(f"designer:{name}", args=[slug, *args])).status_code == 404
        for name, *args in VIEWS_THAT_EDIT:
            assert (
                client_alice.post(
                    reverse(f"designer:{name}", args=[slug, *args]), {"base": 1, "type": "log"}
                ).status_code
                == 404
            )


def test_the_methods_of_edits_are_not_those_of_pages(client_alice, flow):
    for name in VIEWS_THAT_SHOW:
        assert client_alice.post(url(flow, *name)).status_code == 405
    for name in VIEWS_THAT_EDIT:
        assert client_alice.get(url(flow, *name)).status_code == 405


@pytest.mark.parametrize(("name", "data"), [(("insert",), {"type": "teleport"}), (("change", "chat", "fly"), {})])
def test_what_nobody_knows_is_not_found(client_alice, flow, name, data):
    assert client_alice.post(url(flow, *name), {"base": 1, **data}, headers=HTMX).status_code == 404


def test_the_select_of_a_connection_has_the_new_one_chosen(client_alice, flow):
    make_connection("contoso")
    answer = client_alice.get(url(flow, "connection_field", "chat"), {"name": "contoso"}, headers=HTMX)
    chosen = '<option value="contoso" selected> contoso · contoso.openai.azure.com </option>'
    assert chosen in " ".join(answer.content.decode().split())
    unknown = client_alice.get(url(flow, "connection_field", "chat"), {"name": "gone"}, headers=HTMX)
    assert '<option value="gone" selected>gone · does not exist here</option>' in unknown.content.decode()


def test_an_action_without_a_connection_has_no_select_of_one(client_alice, flow):
    assert client_alice.get(url(flow, "connection_field", "ret"), headers=HTMX).status_code == 404
    assert client_alice.get(url(flow, "connection_field", "gone"), headers=HTMX).status_code == 409


def test_the_insert_menu_knows_its_place_and_every_type(client_alice, flow):
    page = client_alice.get(url(flow, "insert_menu"), {"owner": "each", "branch": "body", "at": "2"})
    menu = one_line(page.content.decode())
    assert menu.count('data-owner="each" data-branch="body" data-at="2"') == len(registry.all_types())


def test_an_action_is_inserted_where_it_was_asked_for(client_alice, alice):
    flow = make_flow("each-word", by=alice)
    first = flow.current.parsed().actions[0].id
    owner = next(each.action for each in flow.current.parsed().walk() if each.action.branches)
    branch = owner.branches[0].id
    for base, place in enumerate(
        ({"after": first}, {"at": "0"}, {}, {"owner": owner.id, "branch": branch, "at": "0"}), 1
    ):
        assert client_alice.post(url(flow, "insert"), {"base": base, "type": "log", **place}).status_code == 302
    document = Flow.objects.get().current.parsed()
    top = [action.type for action in document.actions]
    assert (top[0], top[2], top[-1]) == ("log", "log", "log")
    assert document.find(owner.id).branches[0].actions[0].type == "log"


@pytest.mark.parametrize("action", ["chat", "start"])
def test_a_panel_without_htmx_is_a_page_with_it_open(client_alice, flow, action):
    answer = client_alice.get(url(flow, "select", action))
    assert answer.url == f"{url(flow, 'show')}?action={action}"
    assert f'data-panel="{action}"' in client_alice.get(answer.url).content.decode()


@pytest.mark.parametrize("htmx", [True, False])
def test_a_wrong_start_is_422_and_says_what(client_alice, flow, htmx):
    typed = {"base": 1, "name": "", "deadline": "x", "input-0-name": "1x", "input-0-type": "text"}
    answer = client_alice.post(url(flow, "save_inputs"), typed, headers=HTMX if htmx else {})
    page = answer.content.decode()
    assert answer.status_code == 422
    for words in ("A flow needs a name.", "Enter a number.", "is not a name", 'value="1x"'):
        assert words in page
    assert ("Not saved: see Start" in page) == htmx
    assert Flow.objects.get().revisions.count() == 1


@pytest.mark.parametrize("htmx", [True, False])
def test_what_is_more_than_a_flow_may_hold_is_a_sentence_and_stays_typed(client_alice, flow, htmx):
    large, headers = "x" * 5_300_000, HTMX if htmx else {}
    row = {"id": "", "name": "a", "type": "text", "default": large, "description": ""}
    start = {"base": 1, "name": "x", "deadline": "", **{f"input-0-{part}": text for part, text in row.items()}}
    for answer in (
        client_alice.post(url(flow, "save_properties", "chat"), properties(flow, user_prompt=large), headers=headers),
        client_alice.post(url(flow, "save_inputs"), start, headers=headers),
    ):
        page = answer.content.decode()
        assert answer.status_code == 422
        assert "Not saved: The document is larger than 5 MB." in page
        assert (large in page) == (not htmx)
    assert Flow.objects.get().revisions.count() == 1


def test_a_plain_post_of_something_wrong_is_a_page_with_what_was_typed(client_alice, flow):
    typed = {"title": "My title", "description": "Mine", "disabled": "on", "temperature": "hot", "retry-shown": "1",
             "attempts": "x", "delay": "2.50", "retry_on": ["server"]}  # fmt: skip
    answer = client_alice.post(url(flow, "save_properties", "chat"), properties(flow, **typed))
    page = one_line(answer.content.decode())
    assert answer.status_code == 422
    for words in (
        'value="My title"',
        ">Mine</textarea>",
        'value="hot"',
        'value="x"',
        'value="2.50"',
        "is not a number",
        "Enter a whole number.",
    ):
        assert words in page
    assert re.search(r'name="disabled" form="properties-form" checked', page)
    assert re.search(r'value="server" form="properties-form" checked', page)
    assert not re.search(r'value="timeout" form="properties-form" checked', page)


def test_inputs_and_name_are_edited_at_start(client_alice, flow):
    posted = {"base": 1, "name": "New name", "input-0-name": "question", "input-0-type": "text", "input-0-required": "on",
              "input-1-name": "more", "input-1-type": "number", "input-1-default": "3"}  # fmt: skip
    assert client_alice.post(url(flow, "save_inputs"), posted, headers=HTMX).status_code == 200
    changed = Flow.objects.get()
    assert changed.name == "New name"
    assert [(i.name, i.type, i.default) for i in changed.current.parsed().inputs] == [
        ("question", "text", None),
        ("more", "number", 3),
    ]
    assert (
        client_alice.post(
            url(flow, "save_inputs"), {**posted, "base": 2, "input-1-name": "question"}, headers=HTMX
        ).status_code
        == 422
    )


def test_a_flow_of_a_hundred_actions_needs_no_more_queries_than_one_of_two(client_alice, alice):
    actions = [{"id": f"a{n}", "type": "log", "properties": {"message": "x"}} for n in range(100)]
    large = make_flow({"format": "foundryflow/1", "name": "large", "actions": actions})
    small = make_flow({"format": "foundryflow/1", "name": "small", "actions": actions[:2]})
    counts = []
    for flow in (small, large):
        with CaptureQueriesContext(database) as queries:
            client_alice.get(url(flow, "show"))
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("base", ["", "0", "99", "x"])
def test_an_edit_of_an_unknown_revision_is_a_conflict(client_alice, flow, base):
    for address in (url(flow, "undo"), url(flow, "redo"), url(flow, "change", "chat", "down")):
        assert client_alice.post(address, {"base": base}, headers=HTMX).status_code == 409
    assert Flow.objects.get().current.number == 1


def test_retry_and_timeout_of_an_action_are_set_in_its_panel_and_taken_away(client_alice, flow):
    shown = {"retry-shown": "1", "attempts": "3", "delay": "0.5", "backoff": "", "retry_on": ["server", "timeout"]}
    assert save(client_alice, flow, **shown, timeout="20").status_code == 200
    flow.refresh_from_db()
    chat = flow.current.parsed().find("chat")
    assert chat.json["retry"] == {"attempts": 3, "delay": 0.5, "on": ["server", "timeout"]}
    assert chat.timeout == 20
    panel = client_alice.get(url(flow, "show") + "?action=chat").content.decode()
    assert "up to 3 tries, 20 s" in panel
    assert save(client_alice, flow, **{"retry-shown": "1", "attempts": "", "timeout": ""}).status_code == 200
    flow.refresh_from_db()
    assert {"retry", "timeout"}.isdisjoint(flow.current.parsed().find("chat").json)


@pytest.mark.parametrize("wrong", [{"attempts": "11"}, {"delay": "-1"}, {"backoff": "x"}, {"timeout": "0"}])
def test_a_wrong_retry_is_422_at_its_field(client_alice, flow, wrong):
    response = save(client_alice, flow, **{"retry-shown": "1", **wrong})
    assert response.status_code == 422
    assert f'class="field-error" id="message-{next(iter(wrong))}"' in response.content.decode()
    assert flow.revisions.count() == 1


def test_limits_of_a_run_are_set_at_start(client_alice, flow):
    data = {"base": 1, "name": flow.name, "deadline": "60", "concurrency": "2"}
    stored = flow.current.document.get("inputs") or []
    for at, declared in enumerate(stored):
        data |= {f"input-{at}-{part}": declared.get(part) or "" for part in ("name", "type", "default", "description")}
    assert client_alice.post(url(flow, "save_inputs"), data, headers=HTMX).status_code == 200
    flow.refresh_from_db()
    assert flow.current.document["settings"] == {"deadline": 60, "concurrency": 2}
    assert flow.concurrency == 2


def test_a_try_has_three_lanes_that_are_no_branches_to_edit(client_alice, flow):
    client_alice.post(url(flow, "insert"), {"base": 1, "type": "try_catch", "owner": "", "branch": "", "at": 0})
    page = client_alice.get(url(flow, "show") + "?action=try").content.decode()
    for lane in ("Try", "Catch", "Finally"):
        assert f'aria-label="{lane}, Step' in page
    assert "Add a branch" not in page


def test_the_panel_says_of_a_variable_that_it_may_not_be_set(client_alice, alice):
    declare = {"id": "d", "type": "declare_variables", "properties": {"variables": [{"name": "found", "value": "x"}]}}
    branch = {"id": "b", "title": "", "condition": "true", "actions": [declare]}
    flow = make_flow({"format": "foundryflow/1", "name": "maybe", "actions": [
        {"id": "route", "type": "if_else", "properties": {}, "branches": [branch]},
        {"id": "chat", "type": "chat_completion", "properties": {"connection": "c", "model": "m", "user_prompt": "{{ found }}"}},
    ]}, by=alice)  # fmt: skip
    page = client_alice.get(url(flow, "show") + "?action=chat").content.decode()
    assert "`found` may not be set here: Declare variables sets it" in page
