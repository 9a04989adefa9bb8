"""What travels between the server and an evaluator process, and what the process does with it; without a process."""

import io
import pickle
import struct
import subprocess
from types import SimpleNamespace

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.values import Target
from connections.secret import Secret
from flows.language import evaluator_messages, evaluator_pool, evaluator_process
from flows.language.evaluator_messages import (
    EvaluationFailure,
    EvaluationResult,
    EvaluationTask,
    MessageTooLarge,
    pack_result,
    pack_task,
    unpack_result,
    unpack_task,
)
from flows.language.evaluator_pool import Evaluation, failure_result, reason_of_death
from flows.language.evaluator_process import evaluate_task, read_message
from flows.language.expressions import read_template
from flows.language.values import ConnectionValue, Response

KEY = Secret("sk-never-leaves")
TARGET = Target("made", parse_endpoint("https://contoso.openai.azure.com"), KEY, customer="Fabrikam")
MADE = ConnectionValue("made", TARGET)
ANSWER = Response("Because.", {"total_tokens": 7}, "stop", "gpt", {"a": [1]}, {"key": KEY})


class Words(str):
    """A text of another type."""


class Count(int):
    pass


class Ratio(float):
    pass


class Named(dict):
    pass


def task_of(template="{{ x }}", **values):
    return EvaluationTask(read_template(template), values)


def test_a_task_arrives_as_it_was_and_what_is_secret_stays_at_home():
    task = task_of(
        "{{ x ~ 'y' }} {{ x.z | default(1) }}",
        x={"key": KEY, "made": MADE, "answer": ANSWER, "plain": [1, 2.5, None, True, "t"]},
    )
    data, kept = pack_task(task)
    assert b"sk-never-leaves" not in data
    assert [one is own for one, own in zip(kept, [KEY, MADE, ANSWER, KEY], strict=True)] == [True] * 4
    found, places = unpack_task(data)
    assert found.template == task.template
    x = found.values["x"]
    assert (x["plain"], x["key"], x["answer"].text) == ([1, 2.5, None, True, "t"], Secret(""), "Because.")
    made = x["made"]
    assert (made.name, made.target.endpoint.host, made.target.customer) == (
        "made",
        "contoso.openai.azure.com",
        "Fabrikam",
    )
    assert [places[id(x[name])][0] for name in ("key", "made", "answer")] == [0, 1, 2]
    assert all(places[id(x[name])][1] is x[name] for name in ("key", "made", "answer"))


def test_values_of_other_types_arrive_as_what_they_are_at_heart():
    odd = [Words("a"), Count(2), Ratio(0.5), Named(a=1), (1, 2), {3}]
    found, places = unpack_task(pack_task(task_of(x=odd))[0])
    assert (found.values["x"], places) == (["a", 2, 0.5, {"a": 1}, (1, 2), "{3}"], {})
    assert [type(value) for value in found.values["x"][:4]] == [str, int, float, dict]


def test_a_result_comes_back_with_what_stayed_at_home():
    data, kept = pack_task(task_of(x=[KEY, "t"]))
    found, places = unpack_task(data)
    result = unpack_result(pack_result(EvaluationResult(found.values["x"], seconds=0.25), places), kept)
    assert (result.value[0] is KEY, result) == (True, EvaluationResult([KEY, "t"], None, 0.25))
    failed = EvaluationResult(failure=EvaluationFailure("missing", "x"), seconds=1.5)
    assert unpack_result(pack_result(failed, {}), []) == failed
    assert EvaluationResult().seconds == 0


def test_more_than_travels_is_refused(monkeypatch):
    size = len(pack_task(task_of(x="a" * 1_000))[0])
    for most, is_refused in ((size, False), (size - 1, True)):
        monkeypatch.setattr(evaluator_messages, "LARGEST", most)
        if is_refused:
            with pytest.raises(MessageTooLarge):
                pack_task(task_of(x="a" * 1_000))
        else:
            pack_task(task_of(x="a" * 1_000))


@pytest.mark.parametrize("read", [unpack_task, lambda data: unpack_result(data, [])])
def test_nothing_that_would_be_imported_is_read(read):
    with pytest.raises(pickle.UnpicklingError, match=r"Only plain data is read\."):
        read(pickle.dumps(subprocess.Popen))


def evaluated(task):
    data, kept = pack_task(task)
    return unpack_result(evaluate_task(data), kept)


def test_a_process_gives_the_value_or_what_is_wrong():
    assert evaluated(task_of("{{ [x, s] }}", x=2, s=KEY)).value == [2, KEY]
    failed = evaluated(task_of("{{ x / 0 }}", x=2))
    assert (failed.value, failed.failure.kind, "0" in failed.failure.said) == (None, "said", True)
    assert evaluated(task_of("{{ s }}!", s=KEY)).failure == EvaluationFailure("secret", "")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError, "The template needs too much memory. Work on less at a time."),
        (RecursionError, "The value is nested too deeply."),
    ],
)
def test_a_process_that_has_no_room_says_so(monkeypatch, error, words):
    def refuse(*args):
        raise error

    monkeypatch.setattr(evaluator_process, "unpack_task", refuse)
    assert evaluated(task_of()).failure == EvaluationFailure("said", words)


@pytest.mark.parametrize("template", ["{{ x + 1 }}", "{{ x / 0 }}"])
def test_a_process_says_how_much_processor_time_it_took(monkeypatch, template):
    ticks = iter([10.0, 10.25])
    monkeypatch.setattr(evaluator_process, "time", SimpleNamespace(thread_time=lambda: next(ticks)))
    assert evaluated(task_of(template, x=2)).seconds == 0.25


def test_a_message_is_its_length_and_then_itself():
    file = io.BytesIO(struct.pack(">Q", 3) + b"abc" + struct.pack(">Q", 1) + b"d" + b"\0\0")
    assert [read_message(file) for _ in range(3)] == [b"abc", b"d", b""]


@pytest.mark.parametrize(
    ("status", "seconds", "words"),
    [
        (-27, 0.1, evaluator_pool.TOO_LONG),
        (-9, 61, evaluator_pool.TOO_LONG),
        (-9, 60, evaluator_pool.TOO_MUCH_MEMORY),
        (None, 1, evaluator_pool.TOO_MUCH_MEMORY),
        (evaluator_messages.OUT_OF_MEMORY, 1, evaluator_pool.TOO_MUCH_MEMORY),
        (0, 1, evaluator_pool.NOT_STARTED),
        (1, 1, evaluator_pool.NOT_STARTED),
    ],
)
def test_why_a_process_died(status, seconds, words):
    assert reason_of_death(status, seconds) == words
    assert failure_result(words) == EvaluationResult(failure=EvaluationFailure("said", words))


class Process:
    """Counts how often it is killed."""

    killed = 0

    def kill(self):
        self.killed += 1


def test_who_cancels_an_evaluation_kills_the_process_that_it_is_in():
    evaluation, inside, left = Evaluation(task_of()), Process(), Process()
    evaluation.enter(left)
    evaluation.enter(None)
    evaluation.enter(inside)
    assert (evaluation.abandoned, evaluation.cancel(), evaluation.abandoned) == (False, True, True)
    assert (inside.killed, left.killed) == (1, 0)
    late = Process()
    evaluation.enter(late)
    evaluation.enter(None)
    assert late.killed == 1


def test_more_evaluations_than_may_wait_are_refused(monkeypatch):
    monkeypatch.setattr(evaluator_pool, "MOST_WAITING", 1)
    monkeypatch.setattr(evaluator_pool.EvaluatorThread, "start", lambda self: None)
    pool = evaluator_pool.EvaluatorPool()
    first, second = pool.submit(task_of()), pool.submit(task_of())
    assert (first.done(), second.result(0)) == (False, failure_result(evaluator_pool.BUSY))
    assert (pool.next() is first, pool.processes) == (True, [])


def test_as_many_threads_are_started_as_have_something_to_do(monkeypatch):
    started = []
    monkeypatch.setattr(evaluator_pool.EvaluatorThread, "start", lambda self: started.append(self))
    pool = evaluator_pool.EvaluatorPool(2, idle=0)
    handed_in = [pool.submit(task_of()) for _ in range(3)]
    assert len(started) == 2
    assert not pool.leave(started[0])
    assert [pool.next() for _ in range(4)] == [*handed_in, None]
    assert pool.leave(started[0])
    pool.submit(task_of())
    assert len(started) == 3
