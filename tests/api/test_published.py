"""Callers get what is published, whatever is edited meanwhile; the draft is asked for by its name."""

import json

import httpx
import pytest
from django.core.management import call_command
from django.urls import reverse

from flows.api.start import StartRequest, start_all
from flows.models import Publication, Run
from foundryflow.models import ApiKey, ApiScope
from tests.api.test_api import api, server
from tests.engine.conftest import counting
from tests.factories import make_flow

__all__ = ["api", "counting", "server"]


def says(word, *inputs, name="Say"):
    returned = {"id": "ret", "type": "return", "properties": {"value": word}}
    return {"format": "foundryflow/1", "name": name, "inputs": list(inputs), "actions": [returned]}


def edit(flow, word, *inputs):
    document = flow.current.parsed().with_properties("ret", {"value": word})
    return flow.commit(document.with_inputs(list(inputs)), by=None, base=flow.current.number)


def publish(flow, revision=None):
    revision = revision or flow.current
    revision.flow = flow
    return Publication.objects.publish(revision, instead_of=flow.published_id, by=None)


@pytest.mark.django_db(transaction=True)
def test_calls_run_the_published_revision_and_the_draft_when_they_say_so(api: httpx.Client):
    flow = make_flow(says("first"))
    publish(flow)
    edit(flow, "second")
    published, draft = (api.post(f"/flows/say/run{query}", json={}).json() for query in ("", "?revision=draft"))
    said = [(each["output"], each["revision"], each["published"], each["notice"]) for each in (published, draft)]
    assert said == [("first", 1, True, ""), ("second", 2, False, "")]
    assert [each["published"] for each in api.get("/runs").json()["runs"]] == [False, True]
    assert api.post("/flows/say/run?revision=nonsense", json={}).status_code == 422
    again = api.post("/flows/say/run", json={}, headers={"Idempotency-Key": "a"}).json()
    assert again["output"] == "first"
    assert api.post("/flows/say/run?revision=draft", json={}, headers={"Idempotency-Key": "a"}).status_code == 409


@pytest.mark.django_db(transaction=True)
def test_a_flow_that_was_never_published_runs_as_draft_with_a_notice(api: httpx.Client):
    flow = make_flow(says("first"))
    edit(flow, "second")
    run = api.post("/flows/say/run", json={}).json()
    assert (run["output"], run["published"]) == ("second", False)
    assert run["notice"].startswith("say was never published, so its draft runs (r2)")
    publish(flow)
    assert api.post("/flows/say/run", json={}).json()["notice"] == ""


@pytest.mark.django_db(transaction=True)
def test_the_list_of_flows_describes_what_calls_get(api: httpx.Client):
    flow = make_flow(says("first", {"name": "q", "type": "text"}))
    publish(flow)
    edit(flow, "second", {"name": "other", "type": "text"})
    (found,) = api.get("/flows").json()["flows"]
    assert (found["revision"], found["published"], found["draft"]) == (1, True, 2)
    assert [each["name"] for each in found["inputs"]] == ["q"]
    assert api.post("/flows/say/run", json={"inputs": {"other": "x"}}).status_code == 422
    assert api.post("/flows/say/run?revision=draft", json={"inputs": {"other": "x"}}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_retry_takes_the_revision_it_is_told(api: httpx.Client):
    flow = make_flow(says("first"))
    publish(flow)
    first = api.post("/flows/say/run", json={}).json()["id"]
    edit(flow, "second")
    publish(flow)
    edit(flow, "third")

    def retried(query, **body):
        made = api.post(f"/runs/{first}/retry{query}", json={"path": "ret", **body}).json()["run"]
        return Run.objects.select_related("revision").get(pk=made).revision.number

    assert [retried(""), retried("", newest=True), retried("?revision=draft")] == [1, 2, 3]


@pytest.mark.django_db(transaction=True)
def test_a_subflow_is_the_published_one_and_so_is_a_run_of_the_command_line(api: httpx.Client, capsys):
    inner = make_flow(says("first", name="Inner"))
    call = {"id": "call", "type": "run_flow", "properties": {"flow": "inner", "result_variable_name": "found"}}
    outer = {**says("{{ found }}", name="Outer")}
    make_flow({**outer, "actions": [call, *outer["actions"]]})
    publish(inner)
    edit(inner, "second")
    assert api.post("/flows/outer/run?revision=draft", json={}).json()["output"] == "first"
    child = Run.objects.get(parent__isnull=False)
    assert (child.revision.number, child.published) == (1, True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("arguments", "output", "revision"), [((), "first", 1), (("--revision", "draft"), "second", 2)]
)
def test_the_command_line_runs_what_is_published(capsys, arguments, output, revision):
    flow = make_flow(says("first"))
    publish(flow)
    edit(flow, "second")
    call_command("flow", "run", "say", "--json", *arguments)
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert (told["output"], told["revision"], told["published"]) == (output, revision, revision == 1)
    assert "never published" not in said.err


@pytest.mark.django_db(transaction=True)
def test_the_command_line_says_that_nothing_is_published(capsys):
    make_flow(says("first"))
    call_command("flow", "run", "say")
    said = capsys.readouterr()
    assert said.out.strip() == "first"
    assert "say was never published: this runs its draft, r1." in said.err


@pytest.mark.django_db
def test_a_thousand_calls_during_edits_all_run_the_published_revision():
    flow = make_flow(says("first"))
    published = publish(flow).revision
    key, _ = ApiKey.objects.issue("script", [ApiScope.RUN], by=None)
    wanted = StartRequest(flow.slug, {}, 0, key)
    for number in range(50):
        started = start_all([wanted] * 20)
        assert all(isinstance(run, Run) for run in started)
        edit(flow, f"edit {number}")
    runs = Run.objects.order_by().values_list("revision", "published").distinct()
    assert (list(runs), Run.objects.count(), flow.revisions.count()) == ([(published.pk, True)], 1_000, 51)


@pytest.mark.django_db
def test_pages_about_the_api_follow_what_is_published(client_alice):
    flow = make_flow(says("first", {"name": "q", "type": "text"}))
    page = client_alice.get(reverse("flows:calls", args=[flow.slug])).content.decode()
    assert "was never published: calls run its draft" in page
    publish(flow)
    edit(flow, "second", {"name": "other", "type": "text"})
    for address in (reverse("flows:calls", args=[flow.slug]), reverse("api:docs")):
        page = client_alice.get(address)
        text = page.content.decode()
        assert "your q" in text
        assert "your other" not in text
        assert "Calls run r1, which is published." in text
    document = client_alice.get(reverse("api:openapi")).json()
    parameters = document["paths"]["/api/flows/{slug}/run"]["post"]["parameters"]
    (which,) = [each for each in parameters if each["name"] == "revision"]
    assert which["schema"]["enum"] == ["published", "draft"]
