"""Two people edit one flow: what merges silently, what is shown of it, and what is asked."""

import re
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse

from flows.designer import open_flow
from flows.language.merge import merge
from flows.models import Flow, FlowSecret, Publication
from tests.factories import PLANTED_KEY, make_connection, make_flow
from tests.markup import one_line

HTMX = {"HX-Request": "true"}
CANARY = "sk-canary-71f0c2"


def log(id, **more):
    return {"id": id, "type": "log", "properties": {"message": id}, **more}


@pytest.fixture
def bo(db):
    return User.objects.create_superuser(
        "bo@contoso.example", "bo@contoso.example", "one more long password", first_name="Bo", last_name="Lind"
    )


@pytest.fixture
def client_bo(bo):
    client = Client()
    client.force_login(bo)
    return client


@pytest.fixture
def flow(alice):
    body = {"id": "body", "title": "", "actions": [log("inner")]}
    return make_flow(
        {
            "format": "foundryflow/1",
            "name": "Race",
            "inputs": [{"name": "q", "type": "text"}],
            "actions": [
                log("first", title="First"),
                {"id": "each", "type": "for_each", "properties": {"items": [1]}, "branches": [body]},
                log("last"),
            ],
        }
    )


def url(flow, name, *args):
    return reverse(f"designer:{name}", args=[flow.slug, *args])


def post(client, flow, view, *args, htmx=True, **data):
    return client.post(url(flow, view, *args), data, headers=HTMX if htmx else {})


def save(client, flow, action, htmx=True, **data):
    stored = flow.revisions.get(number=data["base"]).parsed().find(action)
    shown = {"title": stored.title, "description": stored.description, **stored.properties}
    return post(client, flow, "save_properties", action, htmx=htmx, **{**shown, **data})


def document():
    return Flow.objects.get().current.parsed()


def ids(found=None):
    return [located.action.id for located in (found or document()).walk()]


def words(answer):
    """What is read, without the tags."""
    text = re.sub(r"</?(b|code|span|a|button)\b[^>]*>", "", one_line(answer.content.decode()))
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


def targets(answer):
    return re.findall(r'<hx-partial hx-target="#([^"]*)"', answer.content.decode())


def undecided(answer):
    return re.findall(r'name="undecided" value="([^"]*)"', answer.content.decode())


# What merges


def test_edits_of_different_properties_merge_and_the_others_are_shown(client_alice, client_bo, flow):
    save(client_bo, flow, "first", base=1, message="theirs")
    answer = save(client_alice, flow, "first", base=1, title="Mine")
    assert answer.status_code == 200
    assert (document().find("first").title, document().find("first").properties["message"]) == ("Mine", "theirs")
    assert "Bo changed First at" in words(answer) or "Bo changed Mine at" in words(answer)
    assert "message, first to theirs. Merged with yours, nothing collided." in words(answer)
    assert ">theirs<" in answer.content.decode() or 'value="theirs"' in answer.content.decode()
    assert {"panel", "card-first", "saved", "merge-notice"} <= set(targets(answer))
    assert 'value="3" id="base"' in answer.content.decode()


def test_an_edit_elsewhere_brings_the_card_and_leaves_the_panel_alone(client_alice, client_bo, flow):
    save(client_bo, flow, "last", base=1, title="Theirs")
    answer = save(client_alice, flow, "first", base=1, title="Mine")
    assert {"card-first", "card-last", "merge-notice"} <= set(targets(answer))
    assert "panel" not in targets(answer)
    marks = re.findall(
        r'data-mark="(.*?)".*?data-initials="(.*?)".*?data-who="(.*?)".*?>(.*?)<', one_line(answer.content.decode())
    )
    assert marks == [("last", "BL", "Bo", "title")]


def test_several_changes_are_counted(client_alice, client_bo, flow):
    save(client_bo, flow, "last", base=1, title="Theirs")
    save(client_bo, flow, "inner", base=2, title="Theirs, too")
    post(client_bo, flow, "insert", base=3, type="log", after="first")
    answer = save(client_alice, flow, "first", base=1, title="Mine")
    assert re.search(r"Bo changed 3 actions at \d\d:\d\d: Log, Theirs, too, Theirs. Merged with yours", words(answer))


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        (("insert", {"type": "log", "after": "last"}), "Bo added Log at"),
        (("change", "last", "remove", {}), "Bo removed Log at"),
        (("change", "inner", "out", {}), "Bo moved Log at"),
    ],
)
def test_the_row_says_what_was_done(client_alice, client_bo, flow, deed, said):
    *name, data = deed
    post(client_bo, flow, *name, base=1, **data)
    assert said in words(save(client_alice, flow, "first", base=1, title="Mine"))


def test_a_change_of_the_flow_itself_is_of_start(client_alice, client_bo, flow):
    post(client_bo, flow, "save_inputs", base=1, name="Other", **{"input-0-name": "q", "input-0-type": "text"})
    answer = save(client_alice, flow, "first", base=1, title="Mine")
    assert "Bo changed Start at" in words(answer)
    assert "name, Race to Other." in words(answer)
    assert "flow-name" in targets(answer)


def test_a_double_click_inserts_twice_and_nobody_is_told(client_alice, flow):
    answers = [post(client_alice, flow, "insert", base=1, type="log", after="last", action="last") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert ids()[-3:] == ["last", "log", "log2"]
    assert "merge-notice" not in targets(answers[1])
    assert 'data-card="log"' in answers[1].content.decode()
    assert 'data-card="log2"' in answers[1].content.decode()
    assert answers[1].headers["HX-Push-Url"].endswith("?action=log2")


def test_another_tab_of_the_same_person_merges_without_a_word(client_alice, flow):
    save(client_alice, flow, "last", base=1, title="Other tab")
    answer = save(client_alice, flow, "first", base=1, title="This tab")
    assert answer.status_code == 200
    assert "merge-notice" not in targets(answer)
    assert "card-last" in targets(answer)


def test_secrets_are_never_in_the_row(client_alice, client_bo, alice):
    flow = make_flow("bar-dynamic")
    connect = {"endpoint": "{{ tenant_endpoint }}", "connection_variable_name": "connection"}
    post(client_bo, flow, "save_properties", "conn", base=1, api_key=PLANTED_KEY, **connect)
    answer = save(client_alice, flow, "ret", base=1, title="Mine")
    page = answer.content.decode()
    assert re.search(r"Bo changed .*: title, API key\. Merged", words(answer))
    assert PLANTED_KEY not in page
    assert FlowSecret.objects.get().key not in page.split('id="merge-notice"')[1].split("</hx-partial>")[0]


def test_two_conditional_updates_at_the_same_moment_both_happen(client_alice, client_bo, flow, monkeypatch):
    """Somebody commits between the read and the write of this request."""
    others = [1]

    def late(*args):
        merged = merge(*args)
        if others and others.pop():
            save(client_bo, flow, "last", base=1, title="Theirs")
        return merged

    monkeypatch.setattr(open_flow, "merge", late)
    assert save(client_alice, flow, "first", base=1, title="Mine").status_code == 200
    assert (document().find("first").title, document().find("last").title) == ("Mine", "Theirs")


def test_two_revisions_of_one_number_are_two_tries(client_alice, flow, monkeypatch):
    commit, refusals = Flow.commit, [IntegrityError("one_revision_a_number")]

    def refused(self, *args, **more):
        if refusals:
            raise refusals.pop()
        return commit(self, *args, **more)

    monkeypatch.setattr(Flow, "commit", refused)
    assert save(client_alice, flow, "first", base=1, title="Mine").status_code == 200
    assert document().find("first").title == "Mine"


# What is asked


@pytest.fixture
def conflict(client_alice, client_bo, flow):
    save(client_bo, flow, "first", base=1, title="Reply", message="theirs")
    return save(client_alice, flow, "first", base=1, title="Answer", description="Mine")


def test_the_same_property_is_asked_for_inside_its_field_and_the_rest_is_saved(conflict):
    page = conflict.content.decode()
    assert conflict.status_code == 409
    assert re.search(r"Bo changed this to “Reply” at \d\d:\d\d. Keep mine · Take theirs", words(conflict))
    assert undecided(conflict) == ["2:title"]
    assert 'value="Answer"' in page
    assert "1 field waits for your choice, the rest is saved" in page
    action = document().find("first")
    assert (action.title, action.description, action.properties["message"]) == ("Reply", "Mine", "theirs")


def test_what_is_not_decided_yet_is_not_saved_by_the_next_key(client_alice, flow, conflict):
    data = {"title": "Answer", "description": "More", "message": "theirs", "undecided": "2:title"}
    answer = post(client_alice, flow, "save_properties", "first", base=3, **data)
    assert answer.status_code == 409
    assert (document().find("first").title, document().find("first").description) == ("Reply", "More")
    assert undecided(answer) == ["2:title"]
    assert "Bo changed this to" in words(answer)
    assert 'value="Answer"' in answer.content.decode()


@pytest.mark.parametrize(("choice", "title"), [("keep", "Answer"), ("take", "Reply")])
@pytest.mark.parametrize("htmx", [True, False])
def test_a_choice_is_saved_and_the_question_goes(client_alice, flow, conflict, choice, title, htmx):
    data = {"title": "Answer", "description": "Mine", "message": "theirs", "undecided": "2:title", choice: "2:title"}
    answer = post(client_alice, flow, "save_properties", "first", htmx=htmx, base=3, **data)
    assert answer.status_code == (200 if htmx else 302)
    assert document().find("first").title == title
    if htmx:
        assert f'value="{title}"' in answer.content.decode()
        assert not undecided(answer)


def test_a_third_change_of_the_same_property_is_asked_for_again(client_alice, client_bo, flow, conflict):
    save(client_bo, flow, "first", base=3, title="Third")
    answer = post(
        client_alice,
        flow,
        "save_properties",
        "first",
        base=3,
        title="Answer",
        message="theirs",
        keep="2:title",
        description="Mine",
    )
    assert (answer.status_code, undecided(answer)) == (409, ["4:title"])
    assert "“Third”" in words(answer)


def test_a_wrong_field_keeps_the_questions(client_alice, flow, conflict):
    data = {"title": "Answer", "message": "{{ x", "undecided": "2:title", "base": 3}
    plain = post(client_alice, flow, "save_properties", "first", htmx=False, **data)
    assert (plain.status_code, undecided(plain)) == (422, ["2:title"])
    assert "conflict" not in post(client_alice, flow, "save_properties", "first", **data).content.decode()


def test_without_htmx_a_conflict_is_a_page_with_both_values(client_alice, client_bo, flow):
    save(client_bo, flow, "first", base=1, title="Reply")
    answer = save(client_alice, flow, "first", htmx=False, base=1, title="Answer")
    assert answer.status_code == 409
    assert "<!DOCTYPE html>" in answer.content.decode()
    assert "Bo changed this to “Reply”" in words(answer)
    assert 'value="Answer"' in answer.content.decode()


def test_a_long_text_of_theirs_stands_by_itself(client_alice, client_bo, alice):
    make_connection("simulator")
    flow = make_flow("bar-static")
    save(client_bo, flow, "chat", base=1, user_prompt="Their\nprompt")
    answer = save(client_alice, flow, "chat", base=1, user_prompt="My prompt")
    assert answer.status_code == 409
    assert re.search(r'<pre class="conflict-theirs"[^>]*>Their\nprompt</pre>', answer.content.decode())
    assert "My prompt</textarea>" in answer.content.decode()


def test_a_conflict_in_another_tab_of_the_same_person_says_so(client_alice, flow):
    save(client_alice, flow, "first", base=1, title="Reply")
    answer = save(client_alice, flow, "first", base=1, title="Answer")
    assert "You, in another tab, changed this to “Reply”" in words(answer)


def test_a_conflict_keeps_a_typed_secret_without_showing_it(client_alice, client_bo, alice):
    flow = make_flow("bar-dynamic")
    connect = {"endpoint": "{{ tenant_endpoint }}", "connection_variable_name": "connection"}
    post(client_bo, flow, "save_properties", "conn", base=1, api_key=PLANTED_KEY, **connect)
    answer = post(client_alice, flow, "save_properties", "conn", base=1, api_key=CANARY, **connect)
    page = answer.content.decode()
    assert (answer.status_code, CANARY in page, PLANTED_KEY in page) == (409, False, False)
    assert "Bo changed this, too, at" in words(answer)
    kept = re.search(r'name="api_key-kept"[^>]*value="([^"]*)"|value="(s[0-9a-f]{12})"', page)
    data = {"api_key-kept": next(filter(None, kept.groups())), "keep": "2:properties.api_key", **connect}
    assert post(client_alice, flow, "save_properties", "conn", base=2, **data).status_code == 200
    key = document().find("conn").properties["api_key"]["secret"]
    assert FlowSecret.objects.get(key=key).value.reveal() == CANARY


def test_a_branch_that_was_removed_while_it_was_edited_is_named(client_alice, client_bo, alice):
    lanes = [{"id": f"b{n}", "title": f"Lane {n}", "condition": "true", "actions": []} for n in (1, 2, 3)]
    route = {"id": "route", "type": "if_else", "branches": lanes}
    flow = make_flow({"format": "foundryflow/1", "name": "Lanes", "actions": [route]})
    post(client_bo, flow, "change", "route", "remove-branch", base=1, branch="b2")
    typed = {f"branch-b{n}-{part}": text for n in (1, 2, 3) for part, text in (("title", "New"), ("condition", "true"))}
    answer = post(client_alice, flow, "save_properties", "route", base=1, **typed)
    assert answer.status_code == 409
    assert "Not all is saved: Bo changed branches of If, too." in words(answer)
    assert [(lane.id, lane.title) for lane in document().find("route").branches] == [("b1", "New"), ("b3", "New")]


def test_the_condition_of_a_branch_is_asked_for_where_it_stands(client_alice, client_bo, alice):
    lanes = [{"id": f"b{n}", "title": "", "condition": "true", "actions": []} for n in (1, 2)]
    flow = make_flow(
        {"format": "foundryflow/1", "name": "Lanes", "actions": [{"id": "route", "type": "if_else", "branches": lanes}]}
    )
    for client, condition in ((client_bo, "1 > 2"), (client_alice, "2 > 3")):
        typed = {"branch-b1-title": "", "branch-b1-condition": condition}
        answer = post(client, flow, "save_properties", "route", base=1, **typed)
    assert (answer.status_code, undecided(answer)) == (409, ["2:branches.b1.condition"])
    assert "Bo changed this to “1 > 2”" in words(answer)


def test_inputs_of_start_collide_one_by_one(client_alice, client_bo, flow):
    row = {"input-0-name": "q", "input-1-name": "token", "input-1-type": "secret", "input-1-default": CANARY}
    post(client_bo, flow, "save_inputs", base=1, name="Race", **{"input-0-name": "q", "input-0-type": "list"})
    answer = post(
        client_alice, flow, "save_inputs", base=1, name="Mine", deadline="90", **row, **{"input-0-type": "number"}
    )
    page = answer.content.decode()
    assert (answer.status_code, undecided(answer), CANARY in page) == (409, ["2:inputs.q"], False)
    found = document()
    assert (found.name, found.deadline, [i.type for i in found.inputs]) == ("Mine", 90, ["list", "secret"])
    assert '<option value="number" selected>' in one_line(page)


def test_an_action_that_was_removed_while_it_was_edited_can_be_put_back(client_alice, client_bo, flow):
    post(client_bo, flow, "change", "each", "remove", base=1)
    answer = save(client_alice, flow, "inner", base=1, title="Mine")
    assert answer.status_code == 409
    assert "Bo removed this action at" in words(answer)
    assert 'value="Mine"' in answer.content.decode()
    assert 'value="1" id="base"' in answer.content.decode()
    assert "inner" not in ids()
    put_back = save(client_alice, flow, "inner", base=1, title="Mine", **{"put-back": "1"})
    assert put_back.status_code == 200
    assert ids() == ["first", "each", "inner", "last"]
    assert document().find("inner").title == "Mine"


def test_what_somebody_edited_is_not_removed_before_it_is_seen(client_alice, client_bo, flow):
    save(client_bo, flow, "inner", base=1, title="Theirs")
    answer = post(client_alice, flow, "change", "each", "remove", base=1, action="each")
    assert answer.status_code == 409
    assert "Not done: Bo changed For each meanwhile, so it stays." in words(answer)
    assert post(client_alice, flow, "change", "each", "remove", base=2, action="each").status_code == 200
    assert ids() == ["first", "last"]


def test_an_edit_of_no_known_revision_is_refused_with_the_chart(client_alice, flow):
    answer = post(client_alice, flow, "change", "last", "up", base=99, action="first")
    assert answer.status_code == 409
    assert "Your step was not made" in words(answer)
    assert "flowchart" in targets(answer)
    plain = client_alice.post(url(flow, "change", "last", "up"), {"base": 99}, follow=True)
    assert "Your step was not made" in words(plain)


# What comes by itself


def news(client, flow, **data):
    return client.get(url(flow, "whats_new"), data, headers=HTMX)


def test_a_quiet_page_asks_and_hears_of_others(client_alice, client_bo, flow):
    assert news(client_alice, flow, base=1).status_code == 204
    save(client_bo, flow, "last", base=1, title="Theirs")
    answer = news(client_alice, flow, base=1, action="first")
    assert "Bo changed Theirs at" in words(answer)
    assert set(targets(answer)) == {"card-last", "problems", "problem-count", "saved", "merge-notice"}
    assert "panel" in targets(news(client_alice, flow, base=1, action="last"))


def test_a_quiet_page_hears_that_somebody_published(client_alice, client_bo, alice, bo, flow):
    assert news(client_alice, flow, base=1, published="").status_code == 204
    Publication.objects.publish(flow.current, instead_of=None, by=bo, note="The first one")
    answer = news(client_alice, flow, base=1, published="")
    assert targets(answer) == ["revision-tag", "merge-notice"]
    assert "Published r1" in words(answer)
    assert "Bo published r1 at" in words(answer)
    assert "The first one" in words(answer)
    assert targets(news(client_bo, flow, base=1, published="")) == ["revision-tag"]
    shown = f'data-published="{flow.current.pk}"'
    assert shown in client_alice.get(url(flow, "show")).content.decode()
    assert news(client_alice, flow, base=1, published=str(flow.current.pk)).status_code == 204


def test_the_panel_of_what_was_removed_closes(client_alice, client_bo, flow):
    post(client_bo, flow, "change", "last", "remove", base=1)
    answer = news(client_alice, flow, base=1, action="last")
    assert "Choose an action to see its properties." in words(answer)
    assert answer.headers["HX-Replace-Url"] == url(flow, "show")


def test_a_choice_of_a_card_brings_what_is_new(client_alice, client_bo, flow):
    save(client_bo, flow, "last", base=1, title="Theirs")
    address = url(flow, "select", "first")
    assert targets(client_alice.get(address, headers={**HTMX, "X-Flow-Base": "2"})) == ["panel"]
    assert "card-last" in targets(client_alice.get(address, headers={**HTMX, "X-Flow-Base": "1"}))


# Undo and redo


def test_undo_takes_back_mine_and_leaves_theirs(client_alice, client_bo, flow):
    save(client_alice, flow, "first", base=1, title="Mine")
    save(client_bo, flow, "last", base=2, title="Theirs")
    assert post(client_alice, flow, "undo", base=3).status_code == 200
    assert (document().find("first").title, document().find("last").title) == ("First", "Theirs")
    assert post(client_alice, flow, "redo", base=4).status_code == 200
    assert (document().find("first").title, document().find("last").title) == ("Mine", "Theirs")
    assert post(client_bo, flow, "undo", base=Flow.objects.get().current.number).status_code == 200
    assert (document().find("first").title, document().find("last").title) == ("Mine", "")


def test_undo_of_a_merged_save_leaves_what_it_was_merged_with(client_alice, client_bo, flow):
    save(client_bo, flow, "last", base=1, title="Theirs")
    save(client_alice, flow, "first", base=1, title="Mine")
    post(client_alice, flow, "undo", base=3)
    assert (document().find("first").title, document().find("last").title) == ("First", "Theirs")


def test_an_undo_that_others_stand_on_is_not_made_and_says_why(client_alice, client_bo, flow):
    save(client_alice, flow, "first", base=1, title="Mine")
    save(client_bo, flow, "first", base=2, title="Theirs")
    answer = post(client_alice, flow, "undo", base=3)
    assert answer.status_code == 409
    assert "Not undone: Bo changed title of Theirs, too." in words(answer)
    assert document().find("first").title == "Theirs"


def test_two_presses_of_undo_from_one_page_take_back_two_changes(client_alice, flow):
    save(client_alice, flow, "first", base=1, title="Second")
    save(client_alice, flow, "first", base=2, title="Third")
    for _ in range(2):
        assert post(client_alice, flow, "undo", base=3).status_code == 200
    assert document().find("first").title == "First"
    assert post(client_alice, flow, "undo", base=1).status_code == 200
    assert document().find("first").title == "First"


@pytest.mark.parametrize("order", ["mine last", "theirs last"])
def test_one_press_too_many_takes_back_nothing_of_others(client_alice, client_bo, flow, order):
    first, last = (client_bo, client_alice) if order == "mine last" else (client_alice, client_bo)
    save(first, flow, "first", base=1, title="One")
    save(last, flow, "last", base=2, title="Two")
    for _ in range(3):
        assert post(client_alice, flow, "undo", base=Flow.objects.get().current.number).status_code == 200
    titles = (document().find("first").title, document().find("last").title)
    assert titles == (("One", "") if order == "mine last" else ("First", "Two"))


def test_undo_of_what_somebody_else_did_says_whose_it_was(client_alice, client_bo, flow):
    save(client_bo, flow, "first", base=1, title="Theirs")
    answer = post(client_alice, flow, "undo", base=2)
    assert "Took back what Bo did: Theirs edited." in words(answer)
    assert document().find("first").title == "First"
