"""What the cards of a run say of waits: in the iteration that is shown, and in the others."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from flows.engine.live import hub
from flows.flowchart.card_runs import (
    CardRun,
    IterationChip,
    LoopIterations,
    OtherWait,
    card_runs,
    milliseconds,
    more_telling,
    token_words,
    waiting_iterations,
)
from flows.flowchart.run_states import RunStates
from flows.flowchart.states import state_view_of
from flows.models import ActionRun, Run, State
from tests.factories import make_flow

SOON = datetime(2026, 11, 27, 14, 3, tzinfo=UTC)
LATER = SOON.replace(minute=5)


def going(path, state=State.RUNNING, until=None):
    return ActionRun(path=path, state=state, waits_until=until)


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ([going("each[0]/ask", State.WAITING, SOON)], {0: (State.WAITING, SOON)}),
        ([going("each[0]/ask", State.WAITING)], {0: (State.WAITING, None)}),
        ([going("each[0]/ask")], {}),
        ([going("each[2]/try"), going("each[2]/try/ask", State.WAITING, SOON)], {2: (State.WAITING, SOON)}),
        ([going("each[0]/a[1]/x", State.WAITING, LATER), going("each[0]/a[2]/x", State.WAITING, SOON)], {0: (State.WAITING, SOON)}),
        ([going("each[0]/a[1]/x", State.WAITING), going("each[0]/a[2]/x", State.WAITING, SOON)], {0: (State.WAITING, SOON)}),
        ([going("each[0]/a"), going("each[0]/a[1]/x", State.WAITING), going("each[0]/a[2]/x")], {}),
        ([going("eacher[0]/ask", State.WAITING), going("ask", State.WAITING)], {}),
    ],
)  # fmt: skip
def test_an_iteration_waits_when_everything_that_goes_in_it_does(records, found):
    assert waiting_iterations("each", records) == found


@pytest.mark.parametrize(
    ("characters", "words"), [(0, ""), (3, "≈ 1 token"), (5, "≈ 2 tokens"), (9_000, "≈ 2,250 tokens")]
)
def test_streamed_tokens_are_estimates(characters, words):
    assert token_words(characters) == words


STATES = ("queued", "running", "waiting", "succeeded", "warning", "failed", "cancelled", "skipped", "pinned")


def test_a_card_knows_how_its_action_stands():
    cards = [CardRun(state_view_of(state), "", "a") for state in STATES]
    found = {card.state.name: (card.is_begun, card.is_going, card.ended) for card in cards}
    assert found == {
        "queued": (False, False, False),
        "running": (True, True, False),
        "waiting": (True, True, False),
        "succeeded": (True, False, True),
        "warning": (True, False, True),
        "failed": (True, False, True),
        "cancelled": (True, False, False),
        "skipped": (False, False, False),
        "pinned": (True, False, True),
    }
    assert [card.text_css for card in cards[1:4]] == ["card-text is-going", "card-text is-going", "card-text"]


def test_a_card_is_told_apart_by_what_it_says_but_for_its_text():
    one = CardRun(state_view_of("running"), "3 > 2", "each[0]/a", text="abc", length=5, decision="3 > 2")
    assert one == CardRun(state_view_of("running"), "3 > 2", "each[0]/a", decision="3 > 2")
    assert one != CardRun(state_view_of("running"), "3 > 2", "each[0]/a")
    assert one.head_state == state_view_of("succeeded", "3 > 2")
    assert CardRun(state_view_of("running"), "", "a").head_state == state_view_of("running")
    assert one.streamed_tokens == "≈ 2 tokens"
    assert (one.key, one.tokens_key) == ("card-text-each_5b_0_5d__2f_a", "card-tokens-each_5b_0_5d__2f_a")
    chip = IterationChip("each[0]", 1, state_view_of("failed"), is_shown=True)
    assert CardRun(state_view_of("running"), "", "each", chips=(chip,), left_out=11).total == 12


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        (None, "skipped", "skipped"),
        ("succeeded", "skipped", "succeeded"),
        ("succeeded", "cancelled", "cancelled"),
        ("cancelled", "failed", "failed"),
        ("failed", "running", "running"),
        ("running", "waiting", "waiting"),
        ("waiting", "running", "waiting"),
    ],
)
def test_of_two_actions_the_one_that_says_more_of_their_iteration_counts(one, other, found):
    assert more_telling(one and (one, SOON), (other, LATER)) == (found, SOON if found == one else LATER)


def record(path="ask", state=State.RUNNING, **more):
    made = {"path": path, "action_id": path.rpartition("/")[2], "type": "log", "title": "x", "state": state}
    return ActionRun(**{**made, "order": 1, **more})


def card_of(made, run=None, *, going=(), decision=""):
    """The card of one record, of a run that goes unless another one is given."""
    run = run or Run(pk=7, state=State.RUNNING)
    states = SimpleNamespace(
        run=run, paths={made.action_id: made.path}, records={made.action_id: made}, going=going, places={},
        decision_of=lambda record: decision,
    )  # fmt: skip
    return card_runs(states)[made.action_id]


AT = milliseconds(SOON)
ENDED = Run(pk=7, state=State.SUCCEEDED, ended_at=LATER)


@pytest.mark.parametrize(
    ("made", "run", "card"),
    [
        (record(started_at=SOON), None, CardRun(state_view_of("running"), "Running", "ask", since=AT)),
        (record(started_at=SOON), ENDED, CardRun(state_view_of("running"), "Running", "ask")),
        (record(state=State.WAITING, started_at=SOON, waits_until=SOON, reason="Limit of a: b"), None,
         CardRun(state_view_of("waiting", "Limit of a"), "Limit of a", "ask", wait="Limit of a: b", until=AT)),
        (record(state=State.SUCCEEDED, started_at=SOON, ended_at=LATER, reason="taken over", waits_until=SOON), None,
         CardRun(state_view_of("succeeded", "2:00"), "2:00", "ask")),
        (record(type="for_each"), None, CardRun(state_view_of("running"), "Running", "ask")),
    ],
)  # fmt: skip
def test_a_card_says_what_the_record_says(made, run, card):
    assert card_of(made, run) == card


@pytest.mark.parametrize(
    ("state", "said"), [("running", "3 > 2"), ("waiting", "3 > 2"), ("succeeded", "3 > 2"), ("failed", "")]
)
def test_a_decision_is_the_words_of_a_card_that_has_not_failed(state, said):
    card = card_of(record(state=state), decision="3 > 2")
    assert (card.decision, card.words == "3 > 2") == (said, bool(said))


def test_the_end_of_what_streams_stands_on_the_card_with_how_long_it_is(monkeypatch):
    monkeypatch.setattr(hub, "texts_of", lambda run: {"ask": "x" * 700 + "y"} if run == 7 else {})
    streams, kept = card_of(record(text="kept")), card_of(record(text="kept"), ENDED)
    assert (streams.text, streams.length) == ("x" * 599 + "y", 701)
    assert (kept.text, kept.length) == ("kept", 4)
    assert card_of(record(state=State.FAILED, text="kept")).text == "kept"


@pytest.mark.parametrize(
    ("going", "others"),
    [
        ([], ()),
        ([record("each[0]/ask", State.WAITING)], ()),
        ([record("each[2]/ask", State.WAITING, reason="r", order=9), record("each[1]/ask", State.WAITING, reason="q", waits_until=SOON, order=3)],
         (OtherWait("Part 2 waits: q", AT), OtherWait("Part 3 waits: r", None))),
        ([record("each[1]/ask"), record("each[1]/say", State.WAITING)], ()),
        ([record(f"each[{number}]/ask", State.WAITING, order=number) for number in range(1, 4)],
         (OtherWait("Part 2 waits: ", None), OtherWait("Part 3 waits: ", None), OtherWait("1 more waits", None))),
    ],
)  # fmt: skip
def test_a_card_says_where_else_its_action_waits(going, others):
    assert card_of(record("each[0]/ask"), going=going).others == others
    assert card_of(record("each[0]/ask"), ENDED, going=going).others == ()


def test_what_may_still_come_is_queued_up_to_where_the_run_ends():
    def cards(run):
        paths = {"a": "a", "b": "each[0]/b", "c": "c"}
        return card_runs(SimpleNamespace(run=run, paths=paths, records={}, going=[], places={}))

    queued = {id: CardRun(state_view_of("queued"), "Queued", path) for id, path in [("a", "a"), ("b", "each[0]/b")]}
    assert cards(Run(pk=7, state=State.RUNNING, until="b")) == queued
    assert cards(Run(pk=7, state=State.RUNNING, until="each[0]/b")) == queued
    assert [*cards(Run(pk=7, state=State.RUNNING))] == ["a", "b", "c"]
    assert cards(ENDED) == {}


@pytest.fixture
def loop(db):
    """The record of a loop that goes over five items, in a run that goes."""
    flow = make_flow({"format": "foundryflow/1", "name": "x", "actions": []})
    run = Run.objects.start(flow=flow, inputs={}, by=None, via="designer")
    run.state = State.RUNNING
    inputs = {"items": [1, 2, 3, 4, 5]}
    return ActionRun.objects.create(
        run=run, path="each", action_id="each", type="for_each", title="x", state=State.RUNNING, event=1, order=1,
        inputs=inputs,
    )  # fmt: skip


def keep(loop, *records):
    for order, made in enumerate(records, 2):
        made.run, made.event, made.order = loop.run, 1, order
    ActionRun.objects.bulk_create(records)


def chips_of(loop, shown, going=()):
    found = LoopIterations(loop.run, loop, going).chips(shown)
    return [(chip.number, chip.state.name, chip.is_shown) for chip in found.shown], found.left_out, found.words


def test_the_chips_of_a_short_loop_are_found_by_the_records_of_its_actions(loop):
    keep(
        loop,
        record("each[0]/a", State.SUCCEEDED),
        record("each[0]/b", State.SKIPPED),
        record("each[1]/a", State.FAILED),
        record("each[1]/b", State.SUCCEEDED),
        record("each[2]/a", State.WAITING, waits_until=SOON),
        record("each[2]/b"),
        record("eacher[3]/a"),
    )
    states = ["succeeded", "failed", "waiting", "queued", "queued"]
    assert chips_of(loop, 2) == ([(n + 1, state, n == 2) for n, state in enumerate(states)], 0, "3 of 5")
    found = LoopIterations(loop.run, loop).chips(2).shown[2]
    assert (found.place, found.until) == ("each[2]", AT)


def test_the_newest_iteration_goes_while_its_loop_does(loop):
    keep(loop, record("each[0]/a", State.SUCCEEDED), record("each[1]/a", State.SUCCEEDED))
    assert [state for _, state, _ in chips_of(loop, 0)[0]] == ["succeeded", "running", "queued", "queued", "queued"]
    loop.ended_at, loop.state, loop.output = LATER, State.SUCCEEDED, "2 of 2"
    assert [state for _, state, _ in chips_of(loop, 0)[0]][:2] == ["succeeded", "succeeded"]
    assert chips_of(loop, 0)[2] == "2 of 2"
    loop.output = ["a list"]
    assert chips_of(loop, 0)[2] == ""
    loop.ended_at, loop.run.state, loop.state = None, State.FAILED, State.FAILED
    assert chips_of(loop, 0)[2] == ""


@pytest.mark.parametrize(
    ("shown", "first", "last"), [(0, 1, 9), (4, 1, 9), (5, 2, 10), (10, 7, 15), (16, 12, 20), (19, 12, 20)]
)
def test_nine_chips_stand_around_the_iteration_that_is_shown(loop, shown, first, last):
    ActionRun.objects.update(inputs={"items": list(range(20))})
    chips, left_out, words = chips_of(loop, shown)
    assert (chips[0][0], chips[-1][0], len(chips), left_out) == (first, last, 9, 11)
    assert words == f"{shown + 1} of 20"


def test_a_loop_that_nobody_can_count_has_the_chips_of_what_was_reached(loop):
    ActionRun.objects.update(type="while", inputs={"condition": "true"})
    loop.type = "while"
    keep(loop, record("each[0]/a", State.SUCCEEDED), record("each[1]/a"))
    assert chips_of(loop, 1) == ([(1, "succeeded", False), (2, "running", True)], 0, "2")


def test_the_chips_of_a_long_loop_are_found_by_what_is_counted(loop):
    states = [State.SUCCEEDED, State.FAILED, State.RUNNING, State.RUNNING]
    for number, state in enumerate(states):
        total = 30 if number == 3 else None
        loop.run.iterations.create(loop="each", number=number, total=total, state=state, started_at=SOON)
    going = [record("each[3]/a", State.WAITING, waits_until=SOON), record("each[1]/a", State.WAITING)]
    chips, left_out, words = chips_of(loop, 3, going)
    assert [state for _, state, _ in chips] == ["succeeded", "failed", "running", "waiting", *["queued"] * 5]
    assert (left_out, words) == (21, "4 of 30")
    found = LoopIterations(loop.run, loop, going).chips(3).shown
    assert [chip.until for chip in found[:4]] == [None, None, None, AT]


@pytest.mark.django_db
def test_a_card_says_the_waits_of_two_other_iterations_and_how_many_more_there_are():
    ask = {"id": "ask", "type": "log", "properties": {"message": "x"}}
    each = {"id": "each", "type": "for_each", "properties": {"items": "{{ [1] }}"}}
    each["branches"] = [{"id": "b", "title": "", "actions": [ask]}]
    flow = make_flow({"format": "foundryflow/1", "name": "x", "actions": [each]})
    run = Run.objects.start(flow=flow, inputs={}, by=None, via="designer")
    Run.objects.filter(pk=run.pk).update(state=State.RUNNING)
    run.refresh_from_db()
    made = {"run": run, "title": "x", "event": 1}
    ActionRun.objects.create(**made, path="each", action_id="each", type="for_each", state=State.RUNNING, order=1)
    for number in range(5):
        state, reason = (State.WAITING, "Limit of contoso") if number else (State.RUNNING, "")
        until = SOON if number == 1 else None
        own = {"state": state, "reason": reason, "waits_until": until, "order": number + 2}
        ActionRun.objects.create(**made, path=f"each[{number}]/ask", action_id="ask", type="log", **own)
    cards = card_runs(RunStates(run, flow.current.parsed()))
    at = int(SOON.timestamp() * 1_000)
    said = [("Part 2 waits: Limit of contoso", at), ("Part 3 waits: Limit of contoso", None), ("2 more wait", None)]
    assert [(other.words, other.until) for other in cards["ask"].others] == said
    chips = [(chip.state.name, chip.until) for chip in cards["each"].chips]
    assert chips == [("running", None), ("waiting", at), *[("waiting", None)] * 3]
