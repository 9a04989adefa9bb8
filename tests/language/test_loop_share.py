"""Of the time of a loop evaluations have their share, and templates that took long are remembered."""

import asyncio
from dataclasses import replace

import pytest

from flows.language import rendering
from flows.language.evaluator_messages import EvaluationResult
from flows.language.evaluator_pool import failure_result
from flows.language.expressions import ExpressionError
from flows.language.rendering import LoopShare, evaluate, remember
from flows.language.scope import Scope


class Clock:
    """Goes on while somebody sleeps."""

    def __init__(self, monkeypatch):
        self.now, self.slept = 50.0, []
        monkeypatch.setattr(rendering.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(rendering.asyncio, "sleep", self.sleep)

    async def sleep(self, seconds):
        self.slept.append(round(seconds, 6))
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


async def test_what_is_spent_is_waited_for_until_evaluations_had_half_of_the_time(clock):
    share = LoopShare()
    assert share.is_free
    share.spend(0.005)
    assert share.is_free  # a burst
    share.spend(0.02)
    assert not share.is_free
    await share.wait_for_turn()
    assert (clock.slept, share.is_free) == ([0.045], True)
    clock.now += 10
    share.spend(0.02)
    await share.wait_for_turn()
    assert clock.slept == [0.045, 0.035]


def test_a_loop_has_one_share():
    async def shares():
        return rendering.share_of_loop(), rendering.share_of_loop()

    one, other = asyncio.run(shares())
    assert one is other
    assert asyncio.run(shares())[0] is not one


def test_the_templates_that_are_remembered_are_the_newest(monkeypatch):
    monkeypatch.setattr(rendering, "MOST_REMEMBERED", 2)
    known = {}
    for template in "abcb":
        remember(known, template)
    assert [*known] == ["b", "c"]


class Elsewhere:
    """In place of the processes: remembers what it was handed."""

    def __init__(self, result):
        self.result, self.templates = result, []

    def submit(self, task):
        self.templates.append(task.template.source)
        made = rendering.asyncio.get_running_loop().create_future()
        made.set_result(self.result)
        return made


@pytest.fixture
def elsewhere(monkeypatch):
    def stage(result, *, slow=(), long=()):
        made = Elsewhere(result)
        monkeypatch.setattr(rendering, "pool", made)
        monkeypatch.setattr(rendering.asyncio, "wrap_future", lambda future: future)
        monkeypatch.setattr(rendering, "_slow", dict.fromkeys(slow))
        monkeypatch.setattr(rendering, "_long", dict.fromkeys(long))
        return made

    return stage


TEMPLATE = "{{ 1 + 1 }}"


async def test_what_is_known_to_take_long_is_evaluated_elsewhere_at_once(elsewhere):
    elsewhere(EvaluationResult("there", seconds=5), long=[TEMPLATE])
    assert await evaluate(TEMPLATE, Scope()) == "there"
    assert [*rendering._long] == [TEMPLATE]


async def test_what_was_quick_elsewhere_comes_back(elsewhere):
    elsewhere(EvaluationResult("there", seconds=0), long=[TEMPLATE], slow=[TEMPLATE])
    assert await evaluate(TEMPLATE, Scope()) == "there"
    assert (rendering._long, rendering._slow) == ({}, {})
    assert await evaluate(TEMPLATE, Scope()) == 2


async def test_what_is_slow_goes_elsewhere_where_the_loop_has_no_time(elsewhere):
    made = elsewhere(EvaluationResult("there", seconds=5), slow=[TEMPLATE])
    assert await evaluate(TEMPLATE, Scope()) == 2
    rendering.share_of_loop().spend(60)
    assert await evaluate(TEMPLATE, Scope()) == "there"
    assert len(made.templates) == 1


async def test_what_does_not_end_in_brief_is_remembered_and_evaluated_elsewhere(elsewhere):
    endless = "{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}"
    elsewhere(replace(failure_result("It takes too long."), seconds=5))
    with pytest.raises(ExpressionError, match=r"It takes too long\."):
        await evaluate(endless, Scope())
    assert (endless in rendering._long, endless in rendering._slow) == (True, True)


async def test_others_wait_for_their_turn(elsewhere, monkeypatch):
    elsewhere(EvaluationResult("there"))
    turns = []

    async def wait(self):
        turns.append(self)

    monkeypatch.setattr(LoopShare, "wait_for_turn", wait)
    assert (await evaluate(TEMPLATE, Scope()), turns) == (2, [])
    rendering.share_of_loop().spend(60)
    assert (await evaluate(TEMPLATE, Scope()), len(turns)) == (2, 1)


async def test_a_long_text_of_a_template_is_read_beside_the_loop(elsewhere, monkeypatch):
    elsewhere(EvaluationResult("there"))
    threads = []
    read = rendering.read_template

    def noted(template):
        threads.append(rendering.asyncio.events._get_running_loop() is not None)
        return read(template)

    monkeypatch.setattr(rendering, "read_template", noted)
    for length in (rendering.SHORT, rendering.SHORT + 1):
        template = "{{ 1 }}".ljust(length, "x")
        assert await evaluate(template, Scope()) == template.replace("{{ 1 }}", "1")
    assert threads == [True, False]
