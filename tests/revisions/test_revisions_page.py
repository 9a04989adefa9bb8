"""The page of a flow's revisions: list, differences, restoring and publishing."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from flows.designer.open_flow import BASE_HEADER
from flows.language.document import parse
from flows.models import Flow, Publication, Revision, Run
from foundryflow.models import AuditEntry
from tests.factories import PLANTED_KEY, make_flow, make_run
from tests.markup import one_line

HTMX = {"HX-Request": "true"}


def says(word, *more, name="Say", **document):
    log = {"id": "log", "type": "log", "title": "Note", "properties": {"message": word}}
    return {"format": "foundryflow/1", "name": name, "inputs": [], "actions": [log, *more], **document}


@pytest.fixture
def flow(alice):
    return make_flow(says("one word"), by=alice)


def edit(flow, by=None, **properties):
    document = flow.current.parsed().with_properties("log", properties)
    return flow.commit(document, by=by, base=flow.current.number, note="Note: message")


def publish(flow, revision=None, note="", by=None):
    revision = revision or flow.current
    revision.flow = flow
    return Publication.objects.publish(revision, instead_of=flow.published_id, by=by, note=note)


def url(flow, name="show"):
    return reverse(f"revisions:{name}", args=[flow.slug])


def page_of(client, flow, **params):
    return one_line(client.get(url(flow), params).content.decode())


def test_the_list_says_number_note_who_when_and_state(client_bob, alice, flow):
    publish(flow, note="First one")
    edit(flow, by=alice, message="two words")
    publish(flow)
    edit(flow, by=alice, message="three words")
    rows = client_bob.get(url(flow)).context["list"].rows
    assert [(row.number, row.note, row.tag) for row in rows] == [
        (3, "Note: message", "Draft"), (2, "Note: message", "Published"), (1, "First one", "Was published"),
    ]  # fmt: skip
    assert rows[0].byline.startswith("Alice · ")


def test_the_draft_is_compared_with_what_is_published_and_words_are_marked(client_bob, flow):
    publish(flow)
    edit(flow, message="one good word")
    page = page_of(client_bob, flow)
    assert "r2 against r1, published" in page
    assert "1 action differs: 1 changed. 1 is the same." in page
    assert "one <ins>good</ins> word" in page
    assert "<del>" not in page


def test_any_two_are_compared_and_so_is_what_a_run_executed(client_bob, flow):
    run = make_run(flow, question="x")
    edit(flow, message="two words")
    edit(flow, message="three words")
    assert "r2 against r3" in page_of(client_bob, flow, r=2, **{"with": 3})
    assert f"r3 against r1, run {run.pk}" in page_of(client_bob, flow, **{"with": f"run-{run.pk}"})
    assert "r3 against r2" in page_of(client_bob, flow)  # by itself: what it was made from
    assert f"?with=run-{run.pk}" in client_bob.get(reverse("runs:show", args=[run.pk])).content.decode()
    for params in ({"r": 9}, {"with": "9"}, {"with": "run-999"}, {"r": "x"}):
        assert client_bob.get(url(flow), params).status_code == 404


def test_two_that_are_the_same_say_so(client_bob, flow):
    edit(flow, message="two words")
    edit(flow, message="one word")
    assert "r3 and r1 are the same." in page_of(client_bob, flow, r=3, **{"with": 1})


def test_what_was_added_moved_and_removed_is_said_with_its_place(client_bob, flow):
    document = flow.current.parsed()
    wait = {"id": "wait", "type": "wait", "title": "Pause", "properties": {"seconds": 5}}
    loop = {"id": "each", "type": "for_each", "title": "Each part", "properties": {"items": "{{ [1] }}"},
            "branches": [{"id": "body", "title": "", "actions": []}]}  # fmt: skip
    document = document.insert(loop, at=1).insert(wait, at=2)
    flow.commit(document, by=None, base=1)
    moved = document.remove("wait").insert(wait, owner="each", branch="body")
    flow.commit(moved, by=None, base=2)
    assert "first in <b>Each part</b>, before after <b>Each part</b>" in page_of(client_bob, flow)
    page = page_of(client_bob, flow, r=2)
    assert "after <b>Note</b>" in page
    assert "2 actions differ: 2 added." in page
    assert "2 actions differ: 2 removed." in page_of(client_bob, flow, r=1, **{"with": 2})


def test_inputs_settings_and_conditions_are_compared_too(client_bob, flow):
    route = {"id": "if", "type": "if_else", "title": "Long?", "branches": [
        {"id": "yes", "title": "If", "condition": "q | length > 800", "actions": []}]}  # fmt: skip
    document = flow.current.parsed().insert(route, at=0).with_inputs([{"name": "q", "type": "text"}])
    flow.commit(document, by=None, base=1)
    changed = document.with_branch("yes", title="If", condition="q | length > 400", owner="if").with_settings(
        deadline=90
    )
    changed = changed.with_inputs([{"name": "q", "type": "text", "required": True, "default": "Why?"}])
    flow.commit(changed, by=None, base=2)
    page = page_of(client_bob, flow)
    for words in (
        "q | length &gt; 800",
        "q | length &gt; 400",
        "Condition changed",
        "q: required",
        "Why?",
        "Deadline",
        ">90<",
    ):
        assert words in page, words


def test_no_secret_is_shown_and_a_changed_one_is_named(client_bob):
    def document(key, type="secret", default=None):
        rows = [{"name": "token", "type": type, "value": key}, {"name": "place", "type": "text", "value": "here"}]
        variables = {"id": "vars", "type": "declare_variables", "title": "Tenant", "properties": {"variables": rows}}
        inputs = [{"name": "api_key", "type": type, "default": default or key}]
        return says("x", variables, inputs=inputs)

    flow = make_flow(document(PLANTED_KEY, type="text"))  # an ordinary text that becomes a secret
    for key in (PLANTED_KEY, "planted-second-key"):
        flow.commit(parse(document(key)), by=None, base=flow.current.number)
    pages = [page_of(client_bob, flow, r=r, **{"with": w}) for r in (1, 2, 3) for w in (1, 2, 3) if r != w]
    assert not any(secret in page for page in pages for secret in (PLANTED_KEY, "planted-second-key"))
    newest = page_of(client_bob, flow, r=3, **{"with": 2})
    assert "Variables: token" in newest
    assert "api_key: default" in newest
    assert newest.count("Changed. A secret is not shown.") == 2
    assert "Variables: place" not in newest


def test_revisions_are_found_by_words_person_and_number_and_published_ones_alone(client_bob, alice, flow):
    edit(flow, by=alice, message="two")
    edit(flow, message="three")
    publish(flow, flow.revisions.get(number=2), note="Shorter answers")

    def found(**params):
        return [row.number for row in client_bob.get(url(flow), params).context["list"].rows]

    assert [found(), found(q="alice"), found(q="shorter"), found(q="r3"), found(published=1), found(q="nobody")] == [
        [3, 2, 1], [2, 1], [2], [3], [2], [],
    ]  # fmt: skip


def test_a_long_list_is_read_by_pages(client_bob, flow):
    Revision.objects.bulk_create(
        [Revision(flow=flow, number=number, document=flow.current.document) for number in range(2, 121)]
    )
    first = client_bob.get(url(flow)).context["list"]
    assert (len(first.rows), first.rows[0].number) == (50, 120)
    second = client_bob.get(url(flow) + first.older).context["list"]
    assert second.rows[0].number == 70
    assert client_bob.get(url(flow) + second.older).context["list"].older == ""


def test_a_swap_sends_the_regions_that_the_page_is_made_of(client_bob, flow):
    edit(flow, message="two")
    answer = client_bob.get(url(flow), {"r": 1}, headers=HTMX).content.decode()
    for id in ("revisions-head", "revisions-list", "difference"):
        assert f'<hx-partial hx-target="#{id}"' in answer


# Restore


def test_restoring_makes_a_new_draft_and_deletes_nothing(client_alice, flow):
    edit(flow, message="two")
    client_alice.post(url(flow, "restore"), {"r": 1, "base": 2})
    flow = Flow.objects.get()
    assert (flow.current.number, flow.current.note, flow.revisions.count()) == (3, "Restored r1", 3)
    assert flow.current.document == flow.revisions.get(number=1).document
    entry = AuditEntry.objects.get(verb="restored")
    assert (entry.subject, entry.detail) == ("Say", ": r1, as r3")


def test_what_somebody_has_changed_meanwhile_is_not_restored_over(client_alice, bob, flow):
    edit(flow, message="two")
    edit(flow, by=bob, message="three")
    answer = client_alice.post(url(flow, "restore"), {"r": 1, "base": 2}, follow=True)
    assert "Bob has changed the draft meanwhile: it is r3." in answer.content.decode()
    assert Flow.objects.get().current.number == 3


def test_restoring_what_the_draft_says_already_makes_no_revision(client_alice, flow):
    edit(flow, message="two")
    edit(flow, message="one word")
    client_alice.post(url(flow, "restore"), {"r": 1, "base": 3})
    assert Flow.objects.get().revisions.count() == 3


# Publish


def form(flow, revision, instead_of="", **more):
    return {"r": revision, "instead_of": instead_of, **more}


def test_publishing_shows_what_differs_and_makes_it_what_others_run(client_alice, flow):
    publish(flow)
    edit(flow, message="one good word")
    asked = one_line(client_alice.get(url(flow, "publish")).content.decode())
    assert "r2 against r1, published" in asked
    assert "one <ins>good</ins> word" in asked
    answer = client_alice.post(url(flow, "publish"), form(flow, 2, 1, note="Better"), follow=True)
    assert "r2 is published: API, command line and subflows run it from now on." in answer.content.decode()
    assert Flow.objects.get().called_revision.number == 2
    entry = AuditEntry.objects.filter(verb="published").get()
    assert (entry.subject, entry.detail) == ("Say", ": r2, instead of r1: Better")


def test_configuration_errors_keep_it_back_with_links_to_them(client_alice, flow):
    edit(flow, message="{{ gone }}")
    asked = client_alice.get(url(flow, "publish")).content.decode()
    assert "1 configuration error" in asked
    assert 'href="/flows/say/?action=log#property-message"' in asked
    answer = client_alice.post(url(flow, "publish"), form(flow, 2, note="Kept"))
    assert answer.status_code == 422
    assert "r2 was not published." in answer.content.decode()
    assert "Kept" in answer.content.decode()
    assert Flow.objects.get().published is None


def test_what_somebody_else_has_published_meanwhile_is_compared_first(client_alice, bob, flow):
    publish(flow)
    edit(flow, message="two")
    edit(flow, message="three")
    publish(flow, flow.revisions.get(number=2), by=bob)
    answer = client_alice.post(url(flow, "publish"), form(flow, 3, 1, note="Kept"), headers=HTMX)
    text = one_line(answer.content.decode())
    assert answer.status_code == 409
    assert "Bob has published r2" in text
    assert "r3 against r2, published" in text
    assert 'value="Kept"' in text
    assert 'name="instead_of" value="2"' in text
    assert Flow.objects.get().published.number == 2


def test_an_edit_meanwhile_is_not_published_unseen(client_alice, bob, flow):
    edit(flow, message="two")
    edit(flow, by=bob, message="three")
    answer = client_alice.post(url(flow, "publish"), form(flow, 2), follow=True)
    assert "The draft has gone on to r3 by Bob, which is not published." in answer.content.decode()
    assert Flow.objects.get().published.number == 2


def test_the_dialog_in_the_designer_is_closed_by_its_answer(client_alice, flow):
    answer = client_alice.post(url(flow, "publish"), form(flow, 1, page="designer"), headers=HTMX).content.decode()
    assert 'hx-target="#publish-form"' in answer
    assert "Published r1" in answer
    assert "r1 is published" in answer
    on_page = client_alice.post(url(flow, "publish"), form(flow, 1, 1), headers=HTMX)
    assert on_page.status_code == 409


def test_an_earlier_one_is_published_again_by_one_press(client_alice, flow):
    publish(flow)
    edit(flow, message="two")
    publish(flow)
    shown = page_of(client_alice, flow, r=1)
    assert "Publish r1 again" in shown
    client_alice.post(url(flow, "publish_again"), form(flow, 1, 2))
    assert Flow.objects.get().published.number == 1
    assert [row.tag for row in client_alice.get(url(flow)).context["list"].rows] == ["Draft", "Published"]
    assert client_alice.post(url(flow, "publish_again"), form(flow, 2, 2)).status_code == 409


def test_readers_see_all_of_it_and_change_nothing(client_bob, flow):
    edit(flow, message="two")
    page = client_bob.get(url(flow)).content.decode()
    assert "Restore" not in page
    assert "Publish r2" not in page
    for name in ("publish", "publish_again", "restore"):
        assert client_bob.post(url(flow, name), form(flow, 1, base=2)).status_code == 403


def test_the_bar_of_the_designer_says_draft_or_published(client_alice, flow):
    def bar():
        return one_line(client_alice.get(reverse("designer:show", args=[flow.slug])).content.decode())

    assert "Draft r1" in bar()
    assert "Never published: API, command line and subflows run this draft" in bar()
    publish(flow)
    assert "Published r1" in bar()
    assert "data-publish" in bar()


def test_a_revision_of_the_designer_says_what_it_changed(client_alice, flow):
    address = reverse("designer:save_properties", args=[flow.slug, "log"])
    stored = {"title": "Note", "message": "two", "level": "info", "base": "1"}
    assert client_alice.post(address, stored, headers={**HTMX, BASE_HEADER: "1"}).status_code == 200
    assert flow.revisions.get(number=2).note.startswith("Note edited: message")


def test_runs_of_the_designer_run_the_draft_and_the_published_one_when_chosen(client_alice, flow):
    publish(flow)
    edit(flow, message="two")
    start = reverse("runs:start", args=[flow.slug])
    page = client_alice.get(start).content.decode()
    assert "Draft r2" in page
    assert "Published r1" in page
    client_alice.post(start, {"asked": "1"})
    client_alice.post(f"{start}?revision=published", {"asked": "1"})
    assert list(Run.objects.order_by("pk").values_list("revision__number", "published")) == [(2, False), (1, True)]


def test_a_run_says_which_revision_it_had(client_bob, flow):
    run = Run.objects.start(flow=flow, inputs={}, by=None, via="api")
    page = one_line(client_bob.get(reverse("runs:show", args=[run.pk])).content.decode())
    assert "r1, draft" in page
    assert "This flow was never published, so its draft ran" in page
    publish(flow)
    run = Run.objects.start(flow=flow, inputs={}, by=None, via="api")
    page = one_line(client_bob.get(reverse("runs:show", args=[run.pk])).content.decode())
    assert "r1, published" in page
    assert "never published" not in page


def test_the_page_costs_as_many_queries_with_many_revisions_as_with_few(client_bob, flow):
    def queries():
        with CaptureQueriesContext(connection) as found:
            client_bob.get(url(flow))
        return len(found)

    edit(flow, message="two")
    publish(flow)
    edit(flow, message="three")
    few = queries()
    for number in range(20):
        edit(flow, message=f"more {number}")
    assert queries() <= few
