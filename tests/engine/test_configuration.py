"""A flow with configuration errors is not run, unless somebody says so; one that others run is not deleted."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from connections.foundry.lessons import EMBEDDINGS, NONE_MADE, SOME_MADE
from connections.foundry.values import ListedDeployment
from connections.models import Connection, LearntLesson
from flows.catalog.deletion import callers_of
from flows.catalog.sample import add_sample
from flows.engine import configuration
from flows.language.document import parse
from flows.models import Flow, Run, State
from tests.documents_of import DOCUMENTS, load
from tests.factories import make_connection, make_flow, make_run

pytestmark = pytest.mark.django_db


def flow_of(name, *actions, inputs=()):
    return make_flow({"format": "foundryflow/1", "name": name, "inputs": list(inputs), "actions": list(actions)})


def log(message="{{ gone }}", **more):
    return {"id": "log", "type": "log", "title": "Say", "properties": {"message": message}, **more}


def call(slug, **more):
    return {"id": "call", "type": "run_flow", "properties": {"flow": slug}, **more}


def start(flow):
    return reverse("runs:start", args=[flow.slug])


def messages_of(flow):
    return [problem.message for problem in configuration.errors_before_run(flow.current)]


def test_the_page_refuses_with_a_list_that_leads_to_the_fields(client_alice):
    flow = flow_of("Broken", log())
    for answer in (client_alice.post(start(flow)), client_alice.post(start(flow), {"asked": "1"})):
        page = answer.content.decode()
        assert answer.status_code == 422
        assert 'href="/flows/broken/?action=log#property-message"><b>Say</b></a> `gone` is not a variable' in page
        assert "Run anyway" in page
    assert "Run anyway" in client_alice.get(start(flow)).content.decode()
    assert not Run.objects.exists()
    assert client_alice.post(start(flow), {"asked": "1", "anyway": "1"}).status_code == 302
    assert Run.objects.count() == 1


def test_what_is_typed_stays_when_the_flow_is_refused(client_alice):
    flow = flow_of("Broken", log(), inputs=[{"name": "question", "type": "text"}])
    answer = client_alice.post(start(flow), {"asked": "1", "input-question": "Typed words"})
    assert (answer.status_code, "Typed words" in answer.content.decode()) == (422, True)


def test_a_deployment_that_was_seen_to_make_no_embeddings_is_warned_of():
    connection = make_connection("sim")

    def warnings(model="gpt-4o", **more):
        stored = {"connection": "sim", "model": model, "input": "x", **more}
        flow = flow_of(f"Embed {model}", {"id": "e", "type": "generate_embedding", "properties": stored})
        both = configuration.problems_of(flow.current.parsed(), flow)
        assert both == configuration.problems_of_revision(flow.current, flow, [connection])
        return [(problem.property, problem.severity, problem.message) for problem in both]

    assert warnings() == []  # nothing is guessed from a name
    place = {"endpoint": connection.endpoint, "model": "gpt-4o", "parameter": EMBEDDINGS}
    LearntLesson.objects.create(**place, instead=NONE_MADE, learned_at=timezone.now())
    ((name, severity, message),) = warnings()
    assert (name, severity) == ("model", "warning")
    assert message.startswith("gpt-4o makes no embeddings, as sim knows from its list or a refusal.")
    assert warnings("text-embedding-3-small") == warnings("{{ 'gpt-4o' }}") == []
    LearntLesson.objects.update(instead=SOME_MADE)
    assert warnings() == []
    connection.record_list(
        [ListedDeployment("gpt-4o", embeds=False), ListedDeployment("gpt-x"), ListedDeployment("gpt-y", embeds=False)]
    )
    assert warnings() == []  # it was seen to make some
    assert warnings("gpt-x") == []
    assert warnings("gpt-y")[0][1] == "warning"
    Connection.objects.update(endpoint="https://other.openai.azure.com/openai/v1")
    connection.refresh_from_db()
    assert warnings("gpt-y") == []  # another place


def test_warnings_and_what_is_disabled_keep_nobody_from_running(client_alice):
    make_connection("simulator")
    chat = {
        "id": "chat",
        "type": "chat_completion",
        "properties": {"connection": "gone", "dynamic_connection": "c", "model": "m", "user_prompt": "?"},
    }
    connect = {
        "id": "conn",
        "type": "create_azure_ai_connection",
        "properties": {
            "api_key": "{{ key }}",
            "endpoint": "https://a.openai.azure.com",
            "connection_variable_name": "c",
        },
    }
    flow = flow_of("Warned", connect, chat, log(disabled=True), inputs=[{"name": "key", "type": "text"}])
    assert [p.severity for p in configuration.problems_of(flow.current.parsed(), flow)] == ["warning", "warning"]
    assert client_alice.post(start(flow), {"asked": "1", "input-key": "x"}).status_code == 302


def test_retrying_checks_the_revision_that_would_be_run(client_alice):
    flow = flow_of("Fine", log("fine"))
    run = make_run(flow)
    Run.objects.update(state=State.FAILED, error={"path": "log", "message": "x"})
    broken = flow.current.parsed().with_properties("log", {"message": "{{ gone }}"})
    flow.commit(broken, by=None, base=1)
    assert client_alice.post(reverse("runs:retry", args=[run.pk])).status_code == 302
    newest = f"{start(flow)}?again={run.pk}&from=log"
    assert client_alice.post(newest, {"asked": "1", "newest": "on"}).status_code == 422
    assert client_alice.post(newest, {"asked": "1"}).status_code == 302
    other = make_run(flow)
    Run.objects.filter(pk=other.pk).update(state=State.FAILED, error={"path": "log", "message": "x"})
    answer = client_alice.post(reverse("runs:retry", args=[other.pk]))
    assert (answer.status_code, "Run anyway" in answer.content.decode()) == (422, True)
    assert client_alice.post(reverse("runs:retry", args=[other.pk]), {"anyway": "1"}).status_code == 302


def test_the_command_refuses_with_the_list():
    flow_of("Broken", log(), call("nowhere"))
    with pytest.raises(CommandError) as refused:
        call_command("flow", "run", "broken")
    said = str(refused.value)
    assert "error: log.message: `gone` is not a variable here" in said
    assert "error: call.flow: There is no flow nowhere" in said
    assert "--anyway" in said
    assert not Run.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_command_runs_it_anyway(capsys):
    flow_of("Broken", log("fine"), log(id="later", message="{{ gone }}"))
    with pytest.raises(SystemExit):
        call_command("flow", "run", "broken", "--anyway")
    assert "Run 1 failed at later" in capsys.readouterr().err.replace(str(Run.objects.get().pk), "1")


def test_a_connection_that_comes_or_goes_counts_at_once():
    flow = make_flow("bar-static")
    assert any("There is no connection named" in words for words in messages_of(flow))
    name = flow.current.parsed().find("chat").properties["connection"]
    made = make_connection(name)
    assert messages_of(flow) == []
    made.delete()
    assert messages_of(flow) != []


def test_errors_of_a_called_flow_are_errors_of_the_caller():
    child = flow_of("Child", log())
    parent = flow_of("Parent", call("child"))
    outer = flow_of("Outer", call(" parent "))
    assert messages_of(parent) == ["The flow child has 1 configuration error. Open it and correct them there."]
    assert messages_of(outer) == ["The flow parent has 1 configuration error. Open it and correct them there."]
    child.commit(child.current.parsed().with_properties("log", {"message": "fine"}), by=None, base=1)
    assert (messages_of(parent), messages_of(outer)) == ([], [])


def test_flows_in_a_circle_are_looked_at_once():
    one = flow_of("One", call("two"), call("one", id="self"))
    two = flow_of("Two", call("one"))
    assert (messages_of(one), messages_of(two)) == ([], [])
    one.commit(one.current.parsed().insert(log()), by=None, base=1)
    assert (len(messages_of(one)), len(messages_of(two))) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_a_flow_named_at_run_time_is_refused_with_a_typed_error(capsys):
    flow_of("Child", log())
    flow_of("Parent", call("{{ which }}"), inputs=[{"name": "which", "type": "text"}])
    with pytest.raises(SystemExit):
        call_command("flow", "run", "parent", "--input", '{"which": "child"}', "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["error"]["kind"], "child has 1 configuration error" in told["error"]["message"]) == (
        "configuration",
        True,
    )


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_sample_documents_have_no_errors(name):
    for document in {load(each)["name"]: load(each) for each in DOCUMENTS}.values():
        for action in parse(document).walk():
            if connection := action.action.properties.get("connection"):
                configuration.Connection.objects.get_or_create(
                    name=connection, defaults={"endpoint": "https://a.openai.azure.com"}
                )
    assert messages_of(make_flow(name)) == []


def test_the_sample_flow_has_no_errors(alice):
    flow = add_sample(by=alice)
    assert configuration.problems_of(flow.current.parsed(), flow) == []


def loop_around(action):
    return {
        "id": "each",
        "type": "for_each",
        "properties": {"items": [1]},
        "branches": [{"id": "body", "actions": [action]}],
    }


def test_a_flow_that_others_run_is_not_deleted(client_alice):
    child = flow_of("Child", log("fine"))
    flow_of("Deep", loop_around(call("child")))
    flow_of("Off", call("child", disabled=True))
    address = reverse("flows:delete", args=["child"])
    for answer, status in ((client_alice.get(address), 200), (client_alice.post(address), 409)):
        page = answer.content.decode()
        assert answer.status_code == status
        assert '<a href="/flows/deep/">Deep</a>' in page
        assert ">Off<" not in page
    with pytest.raises(CommandError, match=r"Other flows run it.*: Deep \(deep\)"):
        call_command("flow", "delete", "child", "--yes")
    Flow.objects.get(slug="deep").remove()
    assert client_alice.post(address).status_code == 302
    assert not Flow.objects.in_designer().filter(pk=child.pk).exists()


def test_a_flow_that_a_going_run_of_another_may_come_to_is_not_deleted():
    child = flow_of("Child", log("fine"))
    parent = flow_of("Parent", call("child"))
    run = make_run(parent)
    parent.commit(parent.current.parsed().remove("call"), by=None, base=1)
    assert [caller.slug for caller in callers_of(child)] == ["parent"]
    run.request_cancel(by="alice")
    assert not list(callers_of(child))


def test_another_name_leaves_the_address_that_callers_use(client_alice):
    child, parent = flow_of("Child", log("fine")), flow_of("Parent", call("child"))
    client_alice.post(reverse("designer:save_inputs", args=["child"]), {"base": 1, "name": "Renamed"})
    child.refresh_from_db()
    assert (child.name, child.slug, messages_of(parent)) == ("Renamed", "child", [])


def test_the_command_deletes_when_it_may(capsys, monkeypatch):
    flow_of("Child", log("fine"))
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(CommandError, match="Say --yes"):
        call_command("flow", "delete", "child")
    call_command("flow", "delete", "child", "--yes")
    assert "child deleted" in capsys.readouterr().out
    assert not Flow.objects.exists()


def test_a_stopped_run_goes_on_anyway_from_the_list_of_errors(client_alice):
    flow = flow_of("Broken", log())
    run = make_run(flow)
    run.request_cancel(by="alice")
    page = client_alice.post(reverse("runs:retry", args=[run.pk])).content.decode()
    address = f"{start(flow)}?again={run.pk}&from="
    assert f'action="{address.replace("&", "&amp;")}"' in page
    assert client_alice.post(address, {"asked": "1", "anyway": "1"}).status_code == 302
    assert Run.objects.latest("pk").origin == run
