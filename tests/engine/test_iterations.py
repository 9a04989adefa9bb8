"""What is kept of the iterations of a loop: how they ended, for whom, with what; and that some of them go again."""

import asyncio

import pytest

from connections.models import Connection
from flows.engine.iterations import label_and_digest
from flows.models import Iteration, Run, State
from flows.models.iteration import enclosing_places
from tests.engine.test_durable import chat, document, each, finish_by_server, kill_at, returns
from tests.factories import finish_run, make_flow, make_run

pytestmark = pytest.mark.django_db(transaction=True)

LIST = [{"name": "people", "type": "list", "required": True}]
FAILING = {
    "id": "bad", "type": "if_else", "properties": {},
    "branches": [{"id": "bad-then", "condition": "item in refused", "actions": [
        {"id": "t", "type": "throw", "properties": {"kind": "refused", "message": "No."}}]}],
}  # fmt: skip


def attempt(*actions, then=()):
    """Try and catch inside the body of a loop."""
    lanes = [{"id": "a-try", "title": "Try", "actions": list(actions)},
             {"id": "a-catch", "title": "Catch", "actions": list(then)}]  # fmt: skip
    return {"id": "a", "type": "try_catch", "properties": {}, "branches": lanes}


def people(count):
    return [f"person {number}" for number in range(count)]


def loop_of(*actions, **properties):
    refused = [{"name": "refused", "type": "list", "default": []}]
    properties = {
        "result": "{{ answer.text if answer is defined else 'none' }}",
        "results_variable_name": "results",
        **properties,
    }
    return document(each("{{ people }}", *actions, **properties), returns("{{ results }}"), inputs=[*LIST, *refused])


def test_a_failure_that_a_try_in_the_iteration_caught_counts_and_the_others_finish(counting):
    flow = make_flow(loop_of(attempt(FAILING, chat("answer", "{{ item }}")), parallelism=5))
    run = finish_run(make_run(flow, people=people(25), refused=["person 3", "person 7"]))
    assert run.state == State.SUCCEEDED
    failed = run.iterations.filter(state=State.FAILED).order_by("number")
    assert [(one.number, one.error, one.caught, one.path) for one in failed] == [
        (3, "refused", True, "each[3]/a/bad/t"), (7, "refused", True, "each[7]/a/bad/t"),
    ]  # fmt: skip
    done = run.iterations.filter(state=State.SUCCEEDED)
    assert done.count() == 23
    first = done.get(number=0)
    assert (first.total, first.label, first.tokens, first.path) == (25, "person 0", 7, "each[0]/a/answer")
    assert (first.connection, first.host) == ("model", Connection.objects.get().endpoint.split("/")[2])
    assert first.milliseconds >= 0


def test_a_failure_that_nothing_caught_ends_the_loop_and_cancels_what_goes_beside_it(counting):
    flow = make_flow(loop_of(FAILING, chat("answer", "sleep 30 {{ item }}"), parallelism=2))
    run = finish_run(make_run(flow, people=people(25), refused=["person 1"]))
    assert run.state == State.FAILED
    assert list(run.iterations.order_by("number").values_list("number", "state", "caught")) == [
        (0, State.CANCELLED, False), (1, State.FAILED, False),
    ]  # fmt: skip


def test_every_loop_leaves_its_iterations_and_where_each_gave_something(counting):
    say = {"id": "say", "type": "log", "properties": {"message": "said"}}
    short = finish_run(make_run(make_flow(loop_of(chat("answer", "{{ item }}"), say)), people=people(2)))
    assert list(short.iterations.values_list("number", "total", "output_path")) == [
        (0, 2, "each[0]/answer"), (1, 2, "each[1]/answer"),
    ]  # fmt: skip
    body = {"id": "w-body", "title": "", "actions": [chat("answer", "{{ index }}")]}
    loop = {"id": "w", "type": "while", "properties": {"condition": "index < 3"}, "branches": [body]}
    long = finish_run(make_run(make_flow({**document(loop), "name": "while"})))
    assert list(long.iterations.values_list("loop", "number", "total", "tokens")) == [
        ("w", 0, None, 7), ("w", 1, None, 7), ("w", 2, None, 7),
    ]  # fmt: skip


def test_after_a_kill_nothing_is_counted_twice(counting, start):
    items = '{{ "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v" | split(",") }}'
    flow = make_flow(document(each(items, chat("answer", "{{ 'hold' if item == 'c' else item }} 1"))))
    run = kill_at(start, counting, "hold 1", flow)
    ended = asyncio.run(finish_by_server(run))
    assert ended.state == State.SUCCEEDED
    assert set(ended.iterations.values_list("state", "tokens", "total")) == {(State.SUCCEEDED, 7, 22)}
    assert ended.iterations.count() == 22


def test_only_the_chosen_iterations_are_executed_again_and_what_stands_behind_the_loop(counting):
    away = {"id": "if", "type": "if_else", "properties": {}, "branches": [
        {"id": "if-then", "condition": "item in refused", "actions": [chat("answer", "{{ item }}", connection="late")]},
        {"id": "if-else", "title": "Otherwise", "actions": [{**chat("answer", "{{ item }}"), "id": "usual"}]},
    ]}  # fmt: skip
    flow = make_flow(loop_of(attempt(away), parallelism=5))
    run = finish_run(make_run(flow, people=people(25), refused=["person 3", "person 7"]))
    before = counting.count("person 0")
    model = Connection.objects.get()
    Connection.objects.create(name="late", endpoint=model.endpoint, key=model.key)
    made = finish_run(Run.objects.retry_iterations(run, "each", [3], by=None, via="test"))
    assert (made.state, made.origin) == (State.SUCCEEDED, run)
    assert (counting.count("person 0"), counting.count("person 3"), counting.count("person 7")) == (before, 1, 0)
    assert made.output == [f"<person {number}>" if number != 7 else "none" for number in range(25)]
    states = dict(made.iterations.values_list("number", "state"))
    assert [number for number, state in states.items() if state == State.FAILED] == [7]
    assert len(states) == 25
    assert made.iterations.get(number=0).tokens == 7
    assert made.actions.get(path="each[0]/a/if/usual").reason == f"taken over from run {run.pk}"
    assert made.prompt_tokens == 3


def test_an_item_that_is_another_one_now_is_not_given_the_answer_of_the_one_before(counting):
    flow = make_flow(loop_of(attempt(FAILING, chat("answer", "{{ item }}"))))
    run = finish_run(make_run(flow, people=people(25), refused=["person 3"]))
    others = ["somebody else", *people(25)[1:]]
    made = finish_run(
        Run.objects.retry_iterations(run, "each", [3], by=None, via="test", inputs={"people": others, "refused": []})
    )
    assert made.output[:4] == ["<somebody else>", "<person 1>", "<person 2>", "<person 3>"]
    assert made.iterations.get(number=0).tokens == 7
    assert made.prompt_tokens == 6


def test_what_people_call_an_item():
    assert label_and_digest("Northwind")[0] == "Northwind"
    assert label_and_digest({"id": 4, "name": "Northwind"})[0] == "Northwind"
    assert label_and_digest({"odd": 4})[0] == ""
    assert label_and_digest({"a": 1, "b": 2})[1] == label_and_digest({"b": 2, "a": 1})[1]


def test_the_places_that_an_action_stands_in():
    assert list(enclosing_places("a[1]/t/b[22]/c")) == ["a[1]", "a[1]/t/b[22]"]
    assert list(enclosing_places("a/b")) == []


def test_a_place_is_that_of_its_iteration():
    assert str(Iteration(loop="a[1]/b", number=2)) == "a[1]/b[2]"
