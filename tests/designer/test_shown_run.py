"""Which run the designer shows beside a flow, and the values that it had."""

import asyncio

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory
from django_htmx.middleware import HtmxDetails

from flows.designer.shown_run import shown_run
from flows.engine import embedded
from flows.flowchart.run_states import RunStates
from flows.models import ActionRun, Run, State
from tests.factories import make_flow, make_run

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = {"name": "key", "type": "secret", "value": "s3cret-key-of-ours"}


def ran(flow, **inputs):
    run = make_run(flow, **inputs)
    asyncio.run(embedded.run_here(run))
    return Run.objects.get(pk=run.pk)


def asked(query="", **headers):
    request = RequestFactory().get(f"/{query}", headers=headers)
    request.htmx, request.user = HtmxDetails(request), User.objects.get_or_create(username="x")[0]
    return request


def shown(flow, query="", **headers):
    return shown_run(asked(query, **headers), flow)


def test_the_newest_run_is_shown_unless_the_page_names_another_or_none():
    flow = make_flow("each-word")
    assert shown(flow) is None
    older, newer = make_run(flow), make_run(flow)
    assert shown(flow).run == newer
    assert shown(flow, f"?run={older.pk}").run == older
    assert shown(flow, **{"X-Flow-Run": str(older.pk)}).run == older
    assert shown(flow, **{"HX-Request": "true", "HX-Current-URL": f"http://x/?run={older.pk}"}).run == older
    assert shown(flow, "?run=none") is None


def test_a_run_of_another_flow_is_not_shown():
    flow, other = make_flow("each-word"), make_run(make_flow("bar-static"))
    assert shown(flow, f"?run={other.pk}") is None


def test_values_in_front_of_an_action_are_those_of_the_iteration_that_was_reached_last():
    flow = make_flow("each-word")
    ran(flow, words=["long", "x"])
    values = shown(flow).values_before("say")
    assert values["words"] == ["long", "x"]
    assert (values["item"], values["index"], values["long"]) == ("x", 1, 1)
    assert values["inputs"] == {"words": ["long", "x"]}


def test_values_are_those_of_the_iteration_that_is_chosen():
    flow = make_flow("each-word")
    ran(flow, words=["long", "x", "longer"])
    values = shown(flow, "?at=each[0]").values_before("say")
    assert (values["item"], values["index"], values["long"]) == ("long", 0, 1)
    assert "length" not in values


@pytest.mark.parametrize(("place", "seen"), [("each[0]", "a!"), ("each[1]", "b!"), ("each[2]", None)])
def test_a_loop_that_works_on_several_at_once_mixes_no_iterations(place, seen):
    """The records of three iterations began in any order, and the third did not come to what sets the value."""
    set_it = {"id": "set", "type": "render_template", "properties": {"template": "x", "result_variable_name": "seen"}}
    use = {"id": "use", "type": "log", "properties": {"message": "{{ seen }}"}}
    each = {"id": "each", "type": "for_each", "properties": {"items": "{{ [1, 2, 3] }}", "parallelism": 3}}
    each["branches"] = [{"id": "b", "title": "", "actions": [set_it, use]}]
    flow = make_flow({"format": "foundryflow/1", "name": "x", "actions": [each]})
    run = make_run(flow)
    done = {"run": run, "state": State.SUCCEEDED, "event": 1}
    for order, (path, text) in enumerate(
        [("each", ""), ("each[1]/set", "b!"), ("each[1]/use", ""), ("each[0]/set", "a!"), ("each[0]/use", ""),
         ("each[2]/use", "")]
    ):  # fmt: skip
        action, type = path.rpartition("/")[2], {"each": "for_each", "set": "render_template"}.get(path[-3:], "log")
        variables = {"seen": text} if text else {}
        ActionRun.objects.create(**done, path=path, action_id=action, type=type, order=order, variables=variables)
    assert shown(flow, f"?at={place}").values_before("use").get("seen") == seen


def test_values_are_only_of_variables_in_scope_there():
    flow = make_flow("each-word")
    ran(flow, words=["long", "x"])
    assert shown(flow).values_before("vars").keys() == {"inputs", "words"}
    assert shown(flow).values_before("ret") == {"inputs": {"words": ["long", "x"]}, "words": ["long", "x"], "long": 1}


def test_secrets_are_masks_and_outputs_as_people_see_them():
    actions = [
        {"id": "vars", "type": "declare_variables", "properties": {"variables": [SECRET]}},
        {"id": "say", "type": "log", "properties": {"message": "hello"}},
    ]
    flow = make_flow({"format": "foundryflow/1", "name": "x", "actions": actions})
    ran(flow)
    assert shown(flow).values_before("say")["key"] == "••••"
    assert "s3cret" not in str([shown(flow).values_before("say"), shown(flow).output_of("vars")])
    assert shown(flow).output_of("missing") is None
    assert shown(flow).properties_of("say")["message"] == "hello"


def test_the_iteration_that_goes_is_shown_before_one_that_waits():
    flow = make_flow("each-word")
    run = make_run(flow)
    for order, (path, state) in enumerate(
        [("each", State.RUNNING), ("each[0]/route", State.SUCCEEDED), ("each[1]/route", State.RUNNING),
         ("each[1]/route/count", State.RUNNING), ("each[2]/route", State.RUNNING), ("each[2]/route/say", State.WAITING)]
    ):  # fmt: skip
        action = path.rsplit("/", 1)[-1]
        ActionRun.objects.create(run=run, path=path, action_id=action, order=order, event=order, state=state)
    document = flow.current.parsed()
    assert RunStates(run, document).places == {"each": "each[1]"}
    chosen = RunStates(run, document, ["each[2]"])
    assert {id: record.path for id, record in chosen.records.items()} == {
        "each": "each", "route": "each[2]/route", "say": "each[2]/route/say",
    }  # fmt: skip
