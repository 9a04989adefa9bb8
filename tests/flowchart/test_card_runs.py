"""What the cards of a run say of waits: in the iteration that is shown, and in the others."""

from datetime import UTC, datetime

import pytest

from flows.flowchart.card_runs import card_runs, token_words, waiting_iterations
from flows.flowchart.run_states import RunStates
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
        ([going("each[0]/a"), going("each[0]/a[1]/x", State.WAITING), going("each[0]/a[2]/x")], {}),
        ([going("eacher[0]/ask", State.WAITING), going("ask", State.WAITING)], {}),
    ],
)  # fmt: skip
def test_an_iteration_waits_when_everything_that_goes_in_it_does(records, found):
    assert waiting_iterations("each", records) == found


@pytest.mark.parametrize(("characters", "words"), [(0, ""), (3, "≈ 1 token"), (9_000, "≈ 2,250 tokens")])
def test_streamed_tokens_are_estimates(characters, words):
    assert token_words(characters) == words


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
