"""Outputs that are pinned: made from a run, shown on cards, and handed to runs that begin in the designer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connections.fields import KeyUnreadable
from connections.secret import Secret
from flows.flowchart.chart import PinView
from flows.flowchart.states import is_pinned
from flows.interpreter.checkpoint import CheckpointError, unpack_outcome
from flows.interpreter.journal import ActionFinished
from flows.interpreter.options import PinnedAction, iterations_of, pack_pins, unpack_pins
from flows.interpreter.runner import title_of
from flows.language.digest import digest_above
from flows.language.document import Document
from flows.language.nodes import Action
from flows.models import ActionRun, Flow, Pin, Run, State
from foundryflow.http import whole_number

MOST_OUTCOMES = 1_000  # of one pin: iterations
LARGEST_PIN = 2_000_000  # characters
MOST_PINS = 100  # of one flow


class NotPinned(Exception):
    """Why an output cannot be pinned, in a sentence."""


@dataclass(frozen=True)
class LostPin:
    """A pin whose action is not in the flow."""

    action_id: str
    title: str
    run: int


def pin_views(pins: Sequence[Pin], document: Document) -> tuple[dict[str, PinView], list[LostPin]]:
    """The pins of a flow by the id of their action, and those whose action was removed."""
    found, lost = dict[str, PinView](), list[LostPin]()
    for pin in pins:
        if document.find(pin.action_id) is None:
            lost.append(LostPin(pin.action_id, pin.title, pin.run_number))
        else:
            is_old = digest_above(document, pin.action_id) != pin.above
            found[pin.action_id] = PinView(pin.run_number, pin.count, is_old)
    return found, lost


def make_pin(run: Run, action: Action, flow: Flow) -> Pin:
    """The pin of what the run got from the action, not stored yet. Raises NotPinned."""
    title = title_of(action)
    if action.branches:
        raise NotPinned(f"{title} holds other actions. Pin those: what they did is what {title} did.")
    if flow.pins.exclude(action_id=action.id).count() >= MOST_PINS:
        raise NotPinned(f"{MOST_PINS} outputs are pinned already. Unpin one first.")
    done = run.actions.filter(action_id=action.id, state=State.SUCCEEDED).order_by("order")
    records = list(done.only("path", "reason")[: MOST_OUTCOMES + 1])
    if not records:
        raise NotPinned(f"Run {run.pk} has no output of {title} to pin.")
    if len(records) > MOST_OUTCOMES:
        raise NotPinned(f"{title} ran {len(records):,} times in run {run.pk}; {MOST_OUTCOMES:,} outputs can be pinned.")
    called = run_that_called(run, records[0])
    pinned = PinnedAction(called, outcomes_of(run, records, title))
    content = pack_pins({action.id: pinned})
    if len(content) > LARGEST_PIN:
        raise NotPinned(f"The output of {title} is too large to be pinned: {len(content):,} characters.")
    return Pin(
        flow=flow,
        action_id=action.id,
        title=title[:200],
        run_number=called,
        count=len(records),
        above=digest_above(run.revision.parsed(), action.id),
        content=Secret(content),
    )


def run_that_called(run: Run, record: ActionRun) -> int:
    """The run that executed the action: an earlier one where its output was pinned."""
    number = whole_number(record.reason.rpartition(" ")[2]) if is_pinned(record) else None
    return number or run.pk


def outcomes_of(run: Run, records: list[ActionRun], title: str) -> dict[str, ActionFinished]:
    """Lossless, by iteration. Raises NotPinned."""
    found: dict[str, ActionFinished] = {}
    paths = [record.path for record in records]
    for checkpoint in run.checkpoints.filter(path__in=paths, note=False):
        try:
            outcome = unpack_outcome(checkpoint.path, checkpoint.text)
        except (CheckpointError, KeyUnreadable):
            raise NotPinned(f"What run {run.pk} kept of {title} cannot be read.") from None
        if isinstance(outcome, ActionFinished):
            found[iterations_of(checkpoint.path)] = outcome
    if len(found) < len(records):
        said = f"The output of {title} held a secret, which was erased when run {run.pk} ended."
        raise NotPinned(f"{said} It is executed in each run.")
    return found


def pins_for_run(flow: Flow, document: Document, besides: str = "") -> Secret | None:
    """What a run from the designer uses in place of actions, to be kept encrypted; without that of one action.

    Raises NotPinned where what is stored cannot be read.
    """
    made: dict[str, PinnedAction] = {}
    for pin in flow.pins.all():
        if document.find(pin.action_id) is None or pin.action_id == besides:
            continue
        try:
            made |= unpack_pins(pin.content.reveal())
        except (CheckpointError, KeyUnreadable):
            raise NotPinned(f"The pinned output of {pin.title} cannot be read. Unpin it, and pin it again.") from None
    return Secret(pack_pins(made)) if made else None
