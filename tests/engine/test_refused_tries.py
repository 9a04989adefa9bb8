"""Tries that were refused leave a trace; containers and runs carry the tokens of what is inside them."""

import asyncio
import json

import pytest

from flows.api.serialize import serialize_action, serialize_run_entry
from flows.engine.container_usage import ContainerUsage, enclosing_containers
from flows.models import Run, State, sql
from tests.engine.test_durable import chat, document, each, finish_by_server, kill_at, returns
from tests.factories import finish_run, make_connection, make_flow, make_run

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = [{"name": "people", "type": "list", "default": ["a", "b", "c"]}]


@pytest.fixture
def ready(simulator):
    make_connection("model", endpoint=f"{simulator}/openai/v1", key="simulator")


def run_document(document):
    return finish_run(make_run(make_flow(document)))


def tokens_of(run):
    return {record.path: (record.usage or {}).get("total_tokens") for record in run.actions.all()}


def test_a_try_that_was_refused_is_in_the_record_and_in_the_log(ready):
    run = run_document(document(chat("ask", "Why?", model="retry-ms-only")))
    record = run.actions.get()
    assert (record.state, len(record.refused)) == (State.SUCCEEDED, 1)
    refused = record.refused[0]
    assert (refused["number"], refused["most"], refused["status"], refused["kind"]) == (1, 4, 429, "rate_limit")
    assert refused["until"] >= refused["at"] >= record.started_at.timestamp()
    assert refused["message"]
    assert [serialize_action(one)["refused"] for one in sql.actions_of_runs([run.pk])] == [record.refused]
    (line,) = run.log.all()
    assert (line.level, line.path) == ("warning", "ask")
    assert line.message.startswith("429, 1 of 4: ")


def test_what_an_action_tries_again_is_counted_by_its_own_retry(ready):
    call = {**chat("ask", "Why?", model="fail-500-5"), "retry": {"attempts": 3, "delay": 0}}
    record = run_document(document(call)).actions.get()
    assert [(each["number"], each["most"]) for each in record.refused] == [(1, 4), (2, 4), (3, 4), (1, 3), (1, 4)]
    assert {each["status"] for each in record.refused} == {500}


def test_refusals_before_a_process_died_are_kept_beside_those_behind(counting, start):
    flow = make_flow(document(chat("hold", "hold 1"), returns("{{ hold.text }}")))
    run = kill_at(start, counting, "hold 1", flow)
    before = {"number": 1, "most": 4, "status": 429, "kind": "rate_limit", "message": "Busy.", "at": 1, "until": 2}
    run.actions.update(refused=[before])
    ended = asyncio.run(finish_by_server(run))
    assert ended.state == State.SUCCEEDED
    assert run.actions.get(path="hold").refused == [before]


def test_containers_carry_the_tokens_of_what_is_inside_them(counting):
    body = {"id": "if", "type": "if_else", "properties": {}, "branches": [
        {"id": "if-1", "condition": "item != 'b'", "actions": [chat("answer", "{{ item }}")]}]}  # fmt: skip
    run = run_document(document(each("{{ people }}", body), chat("last", "z"), inputs=PEOPLE))
    assert tokens_of(run) == {
        "each": 14, "each[0]/if": 7, "each[0]/if/answer": 7, "each[1]/if": None, "each[1]/if/answer": None,
        "each[2]/if": 7, "each[2]/if/answer": 7, "last": 7,
    }  # fmt: skip
    assert run.all_prompt_tokens + run.all_completion_tokens == 21


def test_tokens_inside_a_container_are_the_same_after_its_process_died(counting, start):
    flow = make_flow(document(each("{{ ['a', 'hold 2', 'c'] }}", chat("answer", "{{ item }}"))))
    run = kill_at(start, counting, "hold 2", flow)
    assert tokens_of(run)["each"] == 7
    ended = asyncio.run(finish_by_server(run))
    assert tokens_of(ended)["each"] == 21 == ended.all_prompt_tokens + ended.all_completion_tokens


def test_a_subflow_carries_the_tokens_of_its_run_and_the_total_counts_them_once(counting):
    inner = make_flow({**document(chat("answer", "inner")), "name": "inner"})
    middle = {"id": "call", "type": "run_flow", "properties": {"flow": inner.slug}}
    outer = make_flow({**document(middle, chat("own", "x")), "name": "middle"})
    call = {"id": "top", "type": "run_flow", "properties": {"flow": outer.slug}}
    run = run_document({**document(each("{{ [1, 2] }}", call)), "name": "outer"})
    assert tokens_of(run) == {"each": 28, "each[0]/top": 14, "each[1]/top": 14}
    assert (run.prompt_tokens, run.completion_tokens) == (0, 0)
    assert (run.all_prompt_tokens, run.all_completion_tokens) == (12, 16)
    known = serialize_run_entry(sql.runs_with_flows([run.pk])[run.pk])
    assert known["usage"] == {"prompt_tokens": 12, "completion_tokens": 16}
    told = [serialize_action(record)["usage"]["total_tokens"] for record in sql.actions_of_runs([run.pk])]
    assert told == [28, 14, 14]
    runs = Run.objects.all()
    assert sum(each.prompt_tokens + each.completion_tokens for each in runs) == 28


def test_a_subflow_that_failed_counts_what_it_had_used(counting):
    inner = make_flow({**document(chat("answer", "inner"), {"id": "t", "type": "throw", "properties": {
        "kind": "odd", "message": "No."}}), "name": "inner"})  # fmt: skip
    call = {"id": "top", "type": "run_flow", "properties": {"flow": inner.slug}}
    lanes = [{"id": "a-try", "title": "Try", "actions": [call]}, {"id": "a-catch", "title": "Catch", "actions": []}]
    guarded = {"id": "a", "type": "try_catch", "properties": {}, "branches": lanes}
    run = run_document({**document(guarded), "name": "outer"})
    assert (run.state, tokens_of(run)) == (State.SUCCEEDED, {"a": 7, "a/top": 7})
    assert run.all_prompt_tokens + run.all_completion_tokens == 7
    assert run.actions.get(path="a").warning.startswith("Caught: ")


def test_what_another_run_takes_over_is_inside_the_container_it_stands_in(counting):
    call = {"id": "t", "type": "throw", "properties": {"kind": "odd", "message": "No."}}
    run = run_document(document(each("{{ ['a'] }}", chat("answer", "{{ item }}"), call)))
    assert tokens_of(run)["each"] == 7
    again = Run.objects.start_again(run, by=None, via="test")
    assert tokens_of(finish_run(again))["each"] == 7
    assert again.all_prompt_tokens == 0


def test_the_containers_around_an_action_are_found_by_its_path():
    assert list(enclosing_containers("a[1]/b/c")) == ["a", "a[1]/b"]
    assert list(enclosing_containers("a")) == []
    usage = ContainerUsage([("a/b", {"total_tokens": 2, "model": "x"})])
    assert usage.add("a/c", {"total_tokens": 1}) == [("a", {"total_tokens": 3})]
    assert usage.add("a/d", {}) == []
    assert json.dumps(usage.take("a")) == '{"total_tokens": 3}'
    assert usage.take("a") is None
