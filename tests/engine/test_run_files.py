"""Files of runs: encrypted beside the run until it ends, whatever its end is, and nowhere else."""

import base64
import json

import pytest
from django.db import connection as database

from connections.fields import SealedText
from flows import engine
from flows.engine.deletion import delete_bit
from flows.engine.services import stored_file
from flows.language.errors import ActionError
from flows.language.files import GivenFile
from flows.models import Run, RunFile, State
from flows.models.run_file import open_parts
from foundryflow.encryption.columns import encrypted_columns
from tests.factories import finish_run, make_connection, make_flow, make_run

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = b"canary-0a1b2c3d4e5f6071" * 9  # nine times, so that its base64 is the same at every place
BILL = GivenFile("bill.pdf", "application/pdf", b"%PDF-1." + b"7 " + CANARY)
FORMAT = {"format": "foundryflow/1", "name": "Bills"}
INPUTS = [{"name": "bill", "type": "file", "required": True}]


def chat(**more):
    said = {"connection": "contoso", "model": "gpt-4o", "user_prompt": "What is it?", "files": "{{ bill }}", **more}
    return {"id": "chat", "type": "chat_completion", "properties": said}


def make_bills(*actions):
    return make_flow({**FORMAT, "inputs": INPUTS, "actions": list(actions or [chat()])})


def execute(run):
    finish_run(run)
    return run


def tables_with(*texts):
    found = set()
    with database.cursor() as cursor:
        for table in database.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            stored = str(cursor.fetchall())
            found.update(table for text in texts if text in stored)
    return found


def test_a_run_sends_its_file_and_keeps_nothing_of_it(simulator):
    make_connection(endpoint=f"{simulator}/openai/v1", key="simulator")
    run = make_run(make_bills(), bill=BILL)
    assert run.inputs == {"bill": BILL.reference}
    encoded = base64.b64encode(CANARY[:21]).decode()
    assert RunFile.objects.count() == 1
    assert not tables_with(encoded, CANARY.decode())
    assert execute(run).state == State.SUCCEEDED, run.error
    record = run.actions.get()
    assert record.inputs["files"] == BILL.reference
    assert "[bill.pdf, application/pdf, 1 KB]" in record.facts["prompt"][0]["content"]
    assert not RunFile.objects.exists()
    assert not tables_with(encoded, CANARY.decode())


def test_a_large_file_is_kept_in_parts_and_given_whole():
    data = b"%PDF-" + bytes(range(256)) * 2_000
    file = GivenFile("large.pdf", "application/pdf", data)
    run = make_run(make_bills(), bill=file)
    assert RunFile.objects.count() == 3
    assert base64.b64decode(open_parts(stored_file(run.pk, file.reference))) == data
    with pytest.raises(ActionError, match="is not there"):
        stored_file(run.pk, BILL.reference)


def test_the_same_content_is_kept_once(simulator):
    flow = make_flow({**FORMAT, "inputs": [*INPUTS, {"name": "copy", "type": "file"}], "actions": []})
    make_run(flow, bill=BILL, copy=GivenFile("copy.pdf", BILL.media_type, BILL.data))
    assert RunFile.objects.count() == 1


def kill(run):
    run.kill()


def finish(run):
    run.finish(State.FAILED, error={"kind": "internal", "message": "", "hint": ""})


def stop(run):
    engine.cancel(run, by="alice")


def stop_all(run):
    engine.cancel_all(Run.objects.filter(pk=run.pk), by="alice")


def fail(run):
    assert execute(run).state == State.FAILED  # there is no such connection


def lose(run):
    Run.objects.filter(pk=run.pk).update(state=State.CANCELLED)
    delete_bit()


def delete(run):
    run.delete()


@pytest.mark.parametrize("end", [kill, finish, stop, stop_all, fail, lose, delete])
def test_a_file_goes_with_its_run_however_that_ends(end):
    other = make_run(make_bills(), bill=BILL)
    run = make_run(make_bills(), bill=BILL)
    end(run)
    assert list(RunFile.objects.values_list("run", flat=True)) == [other.pk]


def test_a_run_that_another_process_goes_on_with_still_has_its_file(simulator):
    make_connection(endpoint=f"{simulator}/openai/v1", key="simulator")
    run = make_run(make_bills(), bill=BILL)
    Run.objects.filter(pk=run.pk).update(state=State.RUNNING, attempt=3)
    delete_bit()
    assert RunFile.objects.filter(run=run).exists()
    Run.objects.filter(pk=run.pk).update(state=State.QUEUED)
    assert execute(run).state == State.SUCCEEDED


def test_a_file_is_passed_on_to_a_subflow(simulator):
    make_connection(endpoint=f"{simulator}/openai/v1", key="simulator")
    inner = make_bills(chat(), {"id": "ret", "type": "return", "properties": {"value": "{{ response.text }}"}})
    call = {"id": "call", "type": "run_flow", "properties": {"flow": inner.slug, "inputs": {"bill": "{{ bill }}"}}}
    run = execute(make_run(make_bills(call), bill=BILL))
    child = Run.objects.get(parent=run)
    assert (run.state, child.state) == (State.SUCCEEDED, State.SUCCEEDED), (run.error, child.error)
    assert child.inputs == {"bill": BILL.reference}
    assert not RunFile.objects.exists()


def test_a_run_made_from_an_ended_one_has_no_file():
    run = make_run(make_bills(), bill=BILL)
    fail(run)
    again = Run.objects.start_again(run, by=None, via="api")
    assert (again.inputs, RunFile.objects.count()) == ({}, 0)
    execute(again)
    assert "bill is missing" in json.dumps(again.error)


def test_a_reference_that_somebody_made_up_leads_to_no_file(simulator):
    make_connection(endpoint=f"{simulator}/openai/v1", key="simulator")
    make_run(make_bills(), bill=BILL)
    run = execute(make_run(make_bills(), bill=BILL.reference))
    assert run.error["kind"] == "file_missing"


def test_a_file_that_no_key_opens_fails_the_action_in_a_sentence(simulator):
    make_connection(endpoint=f"{simulator}/openai/v1", key="simulator")
    run = make_run(make_bills(), bill=BILL)
    RunFile.objects.update(content=SealedText("sealed with a key that is lost"))
    assert execute(run).error["kind"] == "key_unreadable"
    assert "bill.pdf cannot be read" in run.error["message"]


def test_files_are_sealed_anew_with_a_new_key():
    assert (RunFile, "content") in {(column.model, column.field.name) for column in encrypted_columns()}
