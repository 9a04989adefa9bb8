"""The actions of two runs side by side, by their paths: a page of them in the order of the flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import MD5, Cast

from flows.flowchart.chart import TypeView, type_view
from flows.flowchart.states import StateView
from flows.language.document import DocumentError
from flows.models import ActionRun, Run
from flows.pricing.prices import money
from flows.runs.costs import round_amount
from flows.runs.differences import ABSENT, ValuePair, value_pair, value_pairs
from flows.runs.outline import indent_of, iteration_of, words_of
from flows.runs.refused_tries import shown_state
from flows.runs.step_tree import LAST, parts_of
from flows.runs.steps import LARGE
from foundryflow.regions import element_id
from foundryflow.templatetags.ui import duration_ms, token_count

MOST_PATHS = 20_000  # of a run, that are put in order
AT_ONCE = 100  # rows of a page


@dataclass(frozen=True)
class StepSide:
    """How one run went through an action."""

    state: StateView
    words: str
    duration: str
    tokens: str
    cost: str
    digest: str  # of its output


@dataclass(frozen=True)
class StepPair:
    """One action; a side that did not get there is None."""

    path: str
    title: str
    view: TypeView
    left: StepSide | None
    right: StepSide | None
    query: str  # of addresses about it

    @property
    def part_words(self) -> str:
        number = iteration_of(self.path)
        return f"part {number}" if number else ""

    @property
    def indent(self) -> int:
        return indent_of(self.path)

    @property
    def key(self) -> str:
        """The id of the element that what differs comes into."""
        return key_of(self.path)

    @property
    def verdict(self) -> str:
        """What differs, in a word or two."""
        if self.left is None or self.right is None:
            return "only left" if self.left else "only right"
        if self.left.state.name != self.right.state.name:
            return "state differs"
        return "output differs" if self.left.digest != self.right.digest else ""


@dataclass(frozen=True)
class StepDifference:
    """What went in and came out of an action in both runs."""

    path: str
    inputs: Sequence[ValuePair]
    output: ValuePair | None

    @property
    def key(self) -> str:
        return key_of(self.path)


def key_of(path: str) -> str:
    return f"pair-{element_id(path)}"


def paths_of(left: Run, right: Run) -> list[str]:
    """Of all actions that either has a record of, as the flow nests them."""
    found: dict[str, None] = {}
    for run in (left, right):
        found.update(dict.fromkeys(run.actions.order_by("order").values_list("path", flat=True)[:MOST_PATHS]))
    places: dict[str, int] = {}
    for run in (right, left):  # where an action stands on the left wins
        try:
            places |= {located.action.id: at for at, located in enumerate(run.revision.parsed().walk())}
        except DocumentError:
            continue
    return sorted(found, key=lambda path: sort_key(path, places))


def sort_key(path: str, places: Mapping[str, int]) -> list[tuple[int, str]]:
    """Iterations by their numbers, actions by their places in the flow, what it does not know last."""
    return [(int(part), "") if part.isdecimal() else (places.get(part, LAST), part) for part in parts_of(path)]


def step_pairs(left: Run, right: Run, paths: Sequence[str]) -> list[StepPair]:
    lefts, rights = records_of(left, paths), records_of(right, paths)
    pairs = []
    for path in paths:
        known = lefts.get(path) or rights[path]
        sides = [side_of(records[path]) if path in records else None for records in (lefts, rights)]
        pairs.append(
            StepPair(path, known.title, type_view(known.type), sides[0], sides[1], query_of(left, right, path))
        )
    return pairs


def query_of(left: Run, right: Run, path: str) -> str:
    return urlencode({"a": left.pk, "b": right.pk, "path": path})


def records_of(run: Run, paths: Sequence[str]) -> dict[str, Any]:
    """Without what is large of them, with a digest of it."""
    found = run.actions.filter(path__in=paths).defer(*LARGE)
    annotated = found.annotate(
        digest=MD5(Cast("output", TextField())),
        cost=KeyTextTransform("cost", "facts"),
        currency=KeyTextTransform("currency", "facts"),
    )
    return {record.path: record for record in annotated}


def side_of(record: Any) -> StepSide:
    state = shown_state(record)
    cost = money(round_amount(record.cost), record.currency or "") if record.cost else ""
    tokens = token_count(record.usage or {})
    return StepSide(state, words_of(state), duration_ms(record.milliseconds), tokens, cost, record.digest or "")


def step_difference(left: Run, right: Run, path: str) -> StepDifference:
    before, after = (run.actions.filter(path=path).first() for run in (left, right))
    outputs = [output_of(record) for record in (before, after)]
    output = None if outputs == [ABSENT, ABSENT] else value_pair("output", *outputs)
    inputs = value_pairs(before.inputs if before else {}, after.inputs if after else {})
    return StepDifference(path, inputs, output)


def output_of(record: ActionRun | None) -> Any:
    """Of an answer of a model its text."""
    if record is None:
        return ABSENT
    output = record.output
    if isinstance(output, dict) and "text" in output:
        return output["text"]
    error = (record.error or {}).get("message")
    return output if output is not None or not (record.text or error) else record.text or error
