"""Run where you build: inputs in the panel, the run on the cards, the panel below, by the stream of the run page."""

import asyncio

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory
from django.urls import reverse
from django_htmx.middleware import HtmxDetails

from flows.designer.run_stream import DesignerViewer
from flows.engine import embedded
from flows.engine.live import hub
from flows.models import ActionRun, LastInputs, Run, SavedInputs, State
from foundryflow.roles import Role
from tests.designer.test_designer_regions import HTMX, regions_of
from tests.factories import make_connection, make_flow, make_run
from tests.markup import one_line

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = {"name": "key", "type": "secret"}
INPUTS = [{"name": "words", "type": "list", "default": ["long", "x"]}, SECRET]


def log(id, message="{{ words }}", **more):
    return {"id": id, "type": "log", "title": id.title(), "properties": {"message": message}, **more}


def document(*actions, inputs=()):
    return {"format": "foundryflow/1", "name": "Notes", "inputs": list(inputs), "actions": list(actions)}


@pytest.fixture
def flow(alice):
    return make_flow(document(log("first"), log("second", "two"), inputs=INPUTS), by=alice)


def url(flow, name, *args):
    return reverse(f"designer:{name}", args=[flow.slug, *args])


def start(client, flow, **data):
    return client.post(url(flow, "run_in_place"), data, headers=HTMX)


def typed(**inputs):
    return {"asked": "1", **{f"input-{name}": value for name, value in inputs.items()}}


def executed(run):
    asyncio.run(embedded.run_here(run))
    return Run.objects.get(pk=run.pk)


def page(client, flow, query=""):
    return one_line(client.get(url(flow, "show") + query).content.decode())


def run_page(client, run):
    return one_line(client.get(reverse("runs:show", args=[run.pk])).content.decode())


def test_run_asks_for_the_inputs_in_the_panel_and_keeps_what_was_typed_but_no_secret(client_alice, alice, flow):
    asked = start(client_alice, flow)
    assert asked.status_code == 200
    assert not Run.objects.exists()
    assert 'name="input-words"' in regions_of(asked)["panel"]
    begun = start(client_alice, flow, **typed(words='["a"]', key="hidden-by-everybody"))
    run = Run.objects.get()
    assert (run.inputs, run.via, run.started_by) == ({"words": ["a"], "key": "••••"}, "designer", alice)
    assert set(regions_of(begun)) >= {"flowchart", "run-bar", "bottom-tabs", "bottom-tab", "panel", "run-feed"}
    assert LastInputs.objects.get().inputs == {"words": ["a"]}
    again = regions_of(start(client_alice, flow))["panel"]
    assert "[&quot;a&quot;]" in again
    assert "hidden-by-everybody" not in again


def test_wrong_inputs_are_422_and_stay_typed(client_alice, flow):
    answer = start(client_alice, flow, **typed(words="no list"))
    assert answer.status_code == 422
    assert "no list" in regions_of(answer)["panel"]
    assert not Run.objects.exists()


def test_errors_of_the_flow_are_said_before_it_runs_anyway(client_alice, alice):
    flow = make_flow(document(log("first", "{{ nothing }}")), by=alice)
    refused = start(client_alice, flow)
    assert refused.status_code == 422
    assert "Run anyway" in regions_of(refused)["panel"]
    assert start(client_alice, flow, asked="1", anyway="1").status_code == 200
    assert Run.objects.count() == 1


def test_a_flow_without_inputs_runs_at_once(client_alice, alice):
    flow = make_flow(document(log("first", "one")), by=alice)
    assert start(client_alice, flow).status_code == 200
    assert Run.objects.count() == 1


def test_a_runner_may_run_and_stop_but_not_edit_or_save(client, person, flow):
    client.force_login(person(Role.RUNNER))
    assert start(client, flow, **typed()).status_code == 200
    run = Run.objects.get()
    assert client.post(url(flow, "stop_run", run.pk), headers=HTMX).status_code == 200
    assert client.post(url(flow, "save_inputs_as"), typed(words="[]"), headers=HTMX).status_code == 403


def test_a_reader_sees_the_run_and_may_not_start_one(client_bob, flow):
    run = executed(make_run(flow, words=["a"]))
    shown = page(client_bob, flow)
    assert f"Run {run.pk}" in shown
    assert 'data-run-state="succeeded"' in shown
    assert start(client_bob, flow).status_code == 403


def test_while_a_run_goes_the_chart_is_read_only_and_a_reload_shows_the_same(client_alice, flow):
    begun = regions_of(start(client_alice, flow, **typed()))
    shown = page(client_alice, flow)
    assert "is-readonly" in begun["flowchart"]
    assert "data-place" not in shown
    assert "data-stop-url" in shown
    assert 'hx-sse:connect="' in shown
    assert "Queued" in one_line(begun["flowchart"])
    assert '<fieldset class="panel-body" disabled>' in page(client_alice, flow, "?action=first&view=properties")


def test_stop_asks_first_and_a_second_press_ends_it(client_alice, flow):
    start(client_alice, flow, **typed())
    run = Run.objects.get()
    Run.objects.filter(pk=run.pk).update(state=State.RUNNING, attempt=1)
    first = regions_of(client_alice.post(url(flow, "stop_run", run.pk), headers=HTMX))
    assert "Stop at once" in first["run-bar"]
    client_alice.post(url(flow, "stop_run", run.pk), headers=HTMX)
    assert Run.objects.get().state == State.CANCELLED


def test_the_last_run_stays_on_the_cards_and_an_edit_makes_it_older(client_alice, flow):
    run = executed(make_run(flow, words=["a"]))
    shown = page(client_alice, flow)
    assert "run-succeeded" in shown
    assert "older revision" not in shown
    edited = client_alice.post(url(flow, "change", "first", "toggle"), {"base": 1}, headers=HTMX)
    assert "from an older revision" in regions_of(edited)["run-bar"]
    assert "run-succeeded" in page(client_alice, flow)
    assert f'data-shown="{run.pk}"' in page(client_alice, flow)


def test_any_earlier_run_can_be_shown_and_none(client_alice, flow):
    older, newer = executed(make_run(flow, words=["older"])), executed(make_run(flow, words=["newer"]))
    assert f'data-shown="{newer.pk}"' in page(client_alice, flow)
    answer = client_alice.get(url(flow, "show_run"), {"run": older.pk, "action": "first"}, headers=HTMX)
    assert answer.headers["HX-Push-Url"].endswith(f"?action=first&run={older.pk}")
    assert f'data-shown="{older.pk}"' in regions_of(answer)["run-bar"]
    assert f"&amp;run={older.pk}" in page(client_alice, flow, f"?run={older.pk}")
    assert "run-succeeded" not in page(client_alice, flow, "?run=none")


def test_while_a_call_goes_the_panel_has_what_it_was_asked(client_alice, alice):
    flow = make_flow(by=alice)
    run = make_run(flow, question="Why?")
    Run.objects.filter(pk=run.pk).update(state=State.RUNNING)
    inputs = {"user_prompt": "Why?", "of_another_version": 1}
    fields = {"run": run, "path": "chat", "action_id": "chat", "type": "chat_completion", "title": "Answer"}
    ActionRun.objects.create(**fields, state=State.RUNNING, order=1, event=1, inputs=inputs)
    shown = page(client_alice, flow, "?action=chat")
    assert '<dt title="user_prompt">User prompt</dt>' in shown
    assert '<dt title="of_another_version">of_another_version</dt>' in shown
    assert "Tokens so far" in shown


def test_the_panel_has_what_this_run_did(client_alice, flow):
    executed(make_run(flow, words=["a"]))
    panel = regions_of(client_alice.get(url(flow, "select", "first"), {"view": "run"}, headers=HTMX))["panel"]
    assert "This run" in panel
    assert "Succeeded" in one_line(panel)
    assert 'data-panel="first"' in panel


def test_the_panel_below_has_log_output_and_variables(client_alice, flow):
    executed(make_run(flow, words=["a"], key="hidden-by-everybody"))

    def tab(name, **more):
        return one_line(client_alice.get(url(flow, "show_tab"), {"tab": name, **more}, headers=HTMX).content.decode())

    assert "a</span>" in tab("log") or "[&quot;a&quot;]" in tab("log")
    assert "Second" in tab("output")
    assert "two" in tab("output", step="second")
    assert "words" in tab("variables")
    assert "hidden-by-everybody" not in tab("variables")
    client_alice.cookies["designer-bottom"] = "log.open"
    assert 'data-tab="log" data-folding="open"' in page(client_alice, flow)


def test_test_inputs_are_kept_with_the_flow_without_secrets_and_offered_in_the_menu(client_alice, flow):
    named = typed(words='["a"]', key="hidden-by-everybody") | {"inputs_name": "One  word"}
    answer = client_alice.post(url(flow, "save_inputs_as"), named, headers=HTMX)
    saved = SavedInputs.objects.get()
    assert (saved.name, saved.inputs) == ("One word", {"words": ["a"]})
    assert "One word" in regions_of(answer)["run-bar"]
    assert "[&quot;a&quot;]" in regions_of(start(client_alice, flow, saved=saved.pk))["panel"]
    assert client_alice.post(url(flow, "save_inputs_as"), typed(words='["a"]'), headers=HTMX).status_code == 422
    client_alice.post(url(flow, "delete_inputs"), {"saved": saved.pk}, headers=HTMX)
    assert not SavedInputs.objects.exists()


def test_a_run_up_to_an_action_ends_behind_it(client_alice, flow):
    start(client_alice, flow, until="first", **typed())
    run = Run.objects.get()
    assert run.until == "first"
    ended = executed(run)
    assert [record.path for record in ended.actions.all()] == ["first"]
    assert "up to First" in page(client_alice, flow)
    assert "Up to First" in run_page(client_alice, run)


def test_an_action_alone_has_the_values_of_the_run_before(client_alice, alice):
    declared = {"id": "vars", "type": "declare_variables", "properties": {"variables": [
        {"name": "greeting", "type": "text", "value": "hello"}]}}  # fmt: skip
    flow = make_flow(document(declared, log("say", "{{ greeting }}"), log("last", "end")), by=alice)
    executed(make_run(flow))
    changed = document(declared, log("say", "{{ greeting }} again"), log("last", "end"))
    flow.commit(flow.current.parsed().__class__(changed), by=alice, base=1)
    assert start(client_alice, flow, alone="say").status_code == 200
    run = executed(Run.objects.latest("pk"))
    assert [line.message for line in run.log.all()] == ["hello again"]
    assert {record.path: record.reason for record in run.actions.all()} == {
        "vars": f"taken over from run {run.origin_id}", "say": "",
    }  # fmt: skip
    assert "Say alone" in page(client_alice, flow)
    assert "Say alone" in run_page(client_alice, run)
    assert "Executed" not in run_page(client_alice, run.origin)


def test_alone_without_a_run_that_came_there_is_a_sentence(client_alice, flow):
    answer = start(client_alice, flow, alone="first")
    assert answer.status_code == 422
    assert "Run up to it first" in answer.content.decode()
    assert "removed meanwhile" in start(client_alice, flow, until="gone").content.decode()


def viewer(flow, **params):
    request = RequestFactory().get("/", params)
    request.htmx, request.user = HtmxDetails(request), User.objects.get(username="alice")
    return DesignerViewer(request, flow)


def test_the_stream_sends_the_cards_that_got_on_and_text_as_it_comes(alice):
    make_connection("simulator")
    flow = make_flow(by=alice)
    run = make_run(flow, question="Why?")
    Run.objects.filter(pk=run.pk).update(state=State.RUNNING, last_event=1)
    fields = {"run": run, "path": "chat", "action_id": "chat", "type": "chat_completion", "title": "Answer"}
    ActionRun.objects.create(**fields, state=State.RUNNING, order=1, event=1)
    shown = viewer(flow, base="1", tab="output", view="run")
    hub.publish_text(run.pk, "chat", "Be")
    (pieces, ended) = shown.read_changes(run.pk)
    assert not ended
    assert any('hx-target="#flowchart"' in piece for piece in pieces)
    hub.publish_text(run.pk, "chat", "cause")
    text = "".join(shown.new_text(run.pk))
    assert text.count(">cause<") == 3  # card, panel, output
    assert 'hx-target="#card-text-chat"' in text
    assert text.count("≈ 2 tokens") == 2  # card, panel
    assert "".join(shown.new_text(run.pk)) == ""
    ActionRun.objects.filter(run=run).update(state=State.SUCCEEDED, event=2)
    Run.objects.filter(pk=run.pk).update(last_event=2)
    (pieces, _) = shown.read_changes(run.pk)
    assert [piece for piece in pieces if 'hx-target="#card-chat"' in piece]
    assert not [piece for piece in pieces if 'hx-target="#flowchart"' in piece]
    hub.forget(run.pk)


@pytest.mark.parametrize("state", [State.RUNNING, State.SUCCEEDED])
def test_the_head_of_an_if_says_its_decision_with_the_values_as_soon_as_it_is_made(client_alice, alice, state):
    branches = [{"id": "b", "title": "Long", "condition": "words | length > 2", "actions": [log("first")]}]
    route = {"id": "route", "type": "if_else", "title": "Long?", "branches": branches}
    flow = make_flow(document(route, inputs=[{"name": "words", "type": "list"}]), by=alice)
    run = executed(make_run(flow, words=["a", "b", "c"]))
    if state == State.RUNNING:
        ActionRun.objects.filter(run=run, path="route").update(state=state, ended_at=None, facts={"decision": "3 > 2"})
        Run.objects.filter(pk=run.pk).update(state=state, ended_at=None)
    head = page(client_alice, flow).partition('id="head-route"')[2].partition('id="head-first"')[0]
    assert "3 &gt; 2" in head
    assert "is-ok" in head
    assert "data-since" not in head


def test_what_the_run_says_and_what_the_saved_text_says_are_two_things(client_alice, flow):
    executed(make_run(flow, words=["a"]))
    saved = page(client_alice, flow).partition("data-saved")[2].partition("</span>")[0]
    assert "Saved" in saved
    assert "StateView" not in saved
