"""Starting a run from its page: which inputs are asked for, and what is taken over."""

from urllib.parse import urlencode

import pytest
from django.urls import reverse
from django.utils import timezone

from flows.models import Run, State
from foundryflow.models import AuditEntry
from tests.engine.test_durable import chat, document
from tests.factories import make_connection, make_flow, make_run
from tests.markup import one_line

THROW = {"id": "t", "type": "throw", "properties": {"message": "broken", "kind": "broken"}}


def start_url(flow, **query):
    return f"{reverse('runs:start', args=[flow.slug])}?{urlencode(query)}"


def question(**more):
    inputs = [{"name": "question", "type": "text", "required": True}, {"name": "more", "type": "text"}]
    return document(chat("a", "{{ question }}"), THROW, inputs=inputs, **more)


@pytest.fixture
def known(alice):
    """The connection of the flows here, so that nothing keeps them from being started."""
    return make_connection("model")


def test_a_flow_without_inputs_is_started_by_one_press(client_alice, known):
    flow = make_flow(document(chat("a", "one")))
    assert "This flow has no inputs." in client_alice.get(start_url(flow)).content.decode()
    answer = client_alice.post(start_url(flow))
    run = Run.objects.get()
    assert (answer.url, run.via, run.started_by.username) == (f"/runs/{run.pk}/", "designer", "alice")


def test_a_form_that_is_only_asked_for_starts_nothing(client_alice, known):
    flow = make_flow(question())
    assert client_alice.post(start_url(flow)).status_code == 200
    wrong = client_alice.post(start_url(flow), {"asked": "1", "input-question": "", "input-more": "kept"})
    assert wrong.status_code == 422
    assert "question is required." in wrong.content.decode()
    assert "kept</textarea>" in wrong.content.decode()
    assert not Run.objects.exists()


def test_what_is_wrong_with_the_flow_is_said_before_it_is_started_anyway(client_alice, alice):
    flow = make_flow(document(chat("a", "one")))
    page = one_line(client_alice.get(start_url(flow)).content.decode())
    assert "<b>1 configuration error</b> keeps this flow from being run." in page
    assert (
        f'href="/flows/{flow.slug}/?action=a#property-connection"><b>Chat completion</b></a> There is no connection named model.'
        in page
    )
    assert client_alice.post(start_url(flow)).status_code == 422
    assert not Run.objects.exists()
    assert client_alice.post(start_url(flow), {"anyway": "1"}).status_code == 302
    assert Run.objects.count() == 1


def test_the_inputs_of_another_run_are_offered_again_without_its_results(client_alice, known):
    flow = make_flow(question())
    first = make_run(flow, question="Why?", more="more")
    page = client_alice.get(start_url(flow, again=first.pk)).content.decode()
    assert "Why?</textarea>" in page
    assert "What run" not in page
    client_alice.post(start_url(flow, again=first.pk), {"asked": "1", "input-question": "How?"})
    run = Run.objects.latest("pk")
    assert (run.origin, run.inputs) == (None, {"question": "How?"})


def test_from_an_action_a_cleared_input_counts_as_cleared(client_alice, known):
    flow = make_flow(question())
    first = make_run(flow, question="Why?", more="more")
    page = one_line(client_alice.get(start_url(flow, again=first.pk, **{"from": "a"})).content.decode())
    assert f"Begins at <code>a</code>. What run {first.pk} had finished before is taken over" in page
    assert "(it is the same)" in page
    client_alice.post(start_url(flow, again=first.pk, **{"from": "a"}), {"asked": "1", "input-question": "How?"})
    run = Run.objects.latest("pk")
    assert (run.origin, run.inputs) == (first, {"question": "How?", "more": None})


@pytest.mark.parametrize(("newest", "number"), [(False, 1), (True, 2)])
def test_a_run_goes_on_with_its_own_revision_or_the_newest(client_alice, known, newest, number):
    flow = make_flow(question())
    first = make_run(flow, question="Why?")
    flow.commit(flow.current.parsed().with_action("t", disabled=True), by=None, base=1)
    posted = {"asked": "1", "input-question": "How?", **({"newest": "on"} if newest else {})}
    client_alice.post(start_url(flow, again=first.pk, **{"from": ""}), posted)
    assert Run.objects.latest("pk").revision.number == number


@pytest.mark.parametrize("again", ["x", "0", "999999", "99999999999999999999", ""])
def test_a_run_that_is_not_there_is_not_taken_over(client_alice, known, again):
    flow = make_flow(question())
    client_alice.post(start_url(flow, again=again, **{"from": "a"}), {"asked": "1", "input-question": "How?"})
    assert Run.objects.get().origin is None


def test_a_run_of_another_flow_is_not_taken_over(client_alice, known):
    first, flow = make_run(make_flow(question()), question="Why?"), make_flow(question(name="other"))
    assert "Why?" not in client_alice.get(start_url(flow, again=first.pk, **{"from": ""})).content.decode()


def test_a_flow_that_is_not_there_is_not_found(client_alice, alice):
    assert client_alice.get(reverse("runs:start", args=["gone"])).status_code == 404


def test_a_document_that_cannot_be_read_is_shown_by_the_designer(client_alice, alice):
    flow = make_flow(question())
    flow.revisions.update(document={"format": "foundryflow/1", "name": "x", "actions": [{"oops": 1}]})
    assert client_alice.get(start_url(flow)).url == f"/flows/{flow.slug}/"


def break_revision(run):
    broken = {"format": "foundryflow/1", "name": "x", "actions": [{"oops": 1}]}
    run.flow.revisions.filter(number=1).update(document=broken, created_at=timezone.now())


def test_a_revision_that_cannot_be_read_is_not_gone_on_with(client_alice, known):
    flow = make_flow(question())
    first = make_run(flow, question="Why?")
    Run.objects.update(state=State.FAILED)
    flow.commit(flow.current.parsed().with_action("t", disabled=True), by=None, base=1)
    break_revision(first)
    assert client_alice.get(start_url(flow, again=first.pk, **{"from": ""})).status_code == 404
    answer = client_alice.post(f"/runs/{first.pk}/retry/", follow=True)
    assert "The revision of that run cannot be read." in answer.content.decode()
    assert Run.objects.count() == 1


def test_a_retry_says_what_is_wrong_and_goes_on_anyway(client_alice, alice):
    failed = make_run(make_flow(document(chat("a", "one"))))
    Run.objects.update(state=State.FAILED, error={"message": "x", "path": "a"})
    answer = client_alice.post(f"/runs/{failed.pk}/retry/")
    assert answer.status_code == 422
    assert "There is no connection named model." in answer.content.decode()
    assert f"?again={failed.pk}&amp;from=a" in answer.content.decode()
    assert Run.objects.count() == 1
    assert client_alice.post(f"/runs/{failed.pk}/retry/", {"anyway": "1"}).status_code == 302
    assert Run.objects.latest("pk").origin == failed


@pytest.fixture
def asked(known):
    """A run with an object and a secret, on a revision that is not the newest any more."""
    inputs = [{"name": "question", "type": "text", "required": True}, {"name": "options", "type": "object"},
              {"name": "api_key", "type": "secret", "required": True}]  # fmt: skip
    flow = make_flow(document(chat("a", "{{ question }}"), inputs=inputs))
    run = make_run(flow, question="One\ntwo", options={"deep": [1, {"x": None}], "y": "z" * 90}, api_key="s3cret")
    flow.commit(flow.current.parsed().with_name("Newer"), by=None, base=flow.current.number)
    return run


def test_a_fork_offers_the_inputs_to_edit_and_asks_for_secrets_anew(client_alice, asked):
    page = one_line(client_alice.get(start_url(asked.flow, again=asked.pk, fork="")).content.decode())
    assert f"Fork run {asked.pk}" in page
    assert "Executes revision 1 anew" in page
    assert "&quot;deep&quot;: [" in page
    assert f"Run {asked.pk} had one; secrets are not kept, type it again." in page
    assert "s3cret" not in page
    assert "••••" not in page


def test_a_fork_is_of_the_same_revision_and_both_runs_lead_to_each_other(client_alice, asked):
    address = start_url(asked.flow, again=asked.pk, fork="")
    typed = {"asked": "1", "input-question": "One\r\ntwo", "input-options": '{"y": 1}'}
    missing = client_alice.post(address, typed)
    assert (missing.status_code, "api_key is required." in missing.content.decode()) == (422, True)
    client_alice.post(address, {**typed, "input-api_key": "other"})
    made = Run.objects.latest("pk")
    assert (made.origin_id, made.revision_id, made.via) == (asked.pk, asked.revision_id, "run page")
    assert made.inputs == {"question": "One\ntwo", "options": {"y": 1}, "api_key": "••••"}
    assert made.hidden_values() == {"api_key": "other"}
    assert not made.actions.exists()
    here, there = (one_line(client_alice.get(f"/runs/{pk}/").content.decode()) for pk in (made.pk, asked.pk))
    assert f'from <a href="/runs/{asked.pk}/"' in here
    assert f"/runs/compare/?a={made.pk}&amp;b={asked.pk}" in here
    assert "Led to" in there
    assert f'<a href="/runs/{made.pk}/">' in there
    assert AuditEntry.objects.latest("pk").verb == "forked as"


def test_a_fork_may_take_the_newest_revision(client_alice, asked):
    typed = {"asked": "1", "input-question": "x", "input-api_key": "y", "newest": "on"}
    client_alice.post(start_url(asked.flow, again=asked.pk, fork=""), typed)
    made = Run.objects.latest("pk")
    assert (made.origin_id, made.revision.number) == (asked.pk, 2)


def test_readers_see_no_way_to_fork(client_bob, asked):
    assert "Fork with edits" not in client_bob.get(f"/runs/{asked.pk}/").content.decode()
    assert client_bob.post(start_url(asked.flow, again=asked.pk, fork="")).status_code == 403
