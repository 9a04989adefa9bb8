"""What the talk on the page shows: questions with their answers, computed before they are rendered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import timezone

from flows.engine.live import hub
from flows.flowchart.states import StateView, state_view_of
from flows.models import LIVE, ActionRun, Run, State
from flows.playground.chat.answer_notices import AnswerNotice, Metric, metrics_of, notice_of
from flows.playground.chat.branch import Tree, prompt_of, without_images
from flows.playground.chat.costs import Prices
from flows.playground.chat.results import collect_results
from flows.playground.models import Answer, Session, Turn
from flows.playground.setup import ACTION, LETTERS
from flows.playground.variables import PLAIN_TAG

TURNS = 30  # of the branch that are shown at first
MANY = 3  # tries of a question


@dataclass(frozen=True)
class PromptPiece:
    """A part of a question: text, or the name of a variable."""

    text: str
    variable: bool = False


def prompt_pieces(template: str) -> list[PromptPiece]:
    parts = PLAIN_TAG.split(template)
    return [PromptPiece(part, variable=at % 2 == 1) for at, part in enumerate(parts) if part]


@dataclass(frozen=True)
class CallProgress:
    """How far a call is that has not ended."""

    state: str
    reason: str = ""
    until: Any = None
    since: Any = None  # when it began
    stopping: bool = False

    @property
    def view(self) -> StateView:
        if self.stopping:
            return state_view_of("running", "Stopping")
        if self.state == State.QUEUED:
            return state_view_of("queued", "Queued: waits for a free place")
        if self.state == State.WAITING:
            return state_view_of("waiting", f"Waiting: {self.reason.split('. ')[0].rstrip('.')}")
        return state_view_of("running", "Streaming")

    @property
    def label(self) -> str:
        """How it stands, and when it goes on where that is known."""
        if self.state != State.WAITING or self.until is None or self.stopping:
            return self.view.words
        return f"{self.view.words}, goes on at {timezone.localtime(self.until):%H:%M:%S}"

    @property
    def milliseconds(self) -> float | None:
        """How long it has gone."""
        return (timezone.now() - self.since).total_seconds() * 1000 if self.since else None


@dataclass(frozen=True)
class Alternatives:
    """What may stand in the same place, by number, the oldest first; `own` is shown."""

    noun: str
    numbers: Sequence[int]
    own: int
    view: str  # that shows another one, by its verb
    verb: str

    @property
    def place(self) -> int:
        return list(self.numbers).index(self.own) + 1 if self.own in self.numbers else 1

    @property
    def before(self) -> str:
        """Its address; empty where there is none."""
        return reverse(self.view, args=[self.numbers[self.place - 2], self.verb]) if self.place > 1 else ""

    @property
    def after(self) -> str:
        is_last = self.place >= len(self.numbers)
        return "" if is_last else reverse(self.view, args=[self.numbers[self.place], self.verb])


@dataclass(frozen=True)
class AnswerView:
    """One try of one column."""

    answer: Answer
    tries: Sequence[int] = ()  # numbers of the answers, this one among them, oldest first
    progress: CallProgress | None = None
    so_far: str = ""
    metrics: Sequence[Metric] = ()
    notice: AnswerNotice | None = None

    @property
    def model(self) -> str:
        return str(self.answer.setup.get("model") or "")

    @property
    def connection(self) -> str:
        return str(self.answer.facts.get("connection") or self.answer.setup.get("connection") or "")

    @property
    def alternatives(self) -> Alternatives:
        return Alternatives("try", self.tries, self.answer.pk, "playground:answer", "choose")

    @property
    def letter(self) -> str:
        return LETTERS[self.answer.column]

    @property
    def outcome(self) -> StateView:
        """How the call ended, for the head of a column; a notice of what is not as it should be makes it a warning."""
        if self.answer.state == State.FAILED:
            return state_view_of("failed")
        if self.answer.state == State.CANCELLED:
            return state_view_of("cancelled", "Stopped")
        is_done = self.answer.state == State.SUCCEEDED and not (self.notice and self.notice.css)
        return state_view_of("succeeded", "Done") if is_done else state_view_of("warning")


@dataclass(frozen=True)
class TurnView:
    """One question, as each column asked it, with the answer chosen for each."""

    turn: Turn
    answers: Sequence[AnswerView]
    siblings: Sequence[int] = ()  # questions asked in its place, this one among them
    trying: Sequence[int] = ()  # live answers that are not shown
    tries: int = 0  # of the column that has most
    columns: int = 1

    @property
    def pieces(self) -> list[PromptPiece]:
        return prompt_pieces(self.turn.prompt)

    @property
    def images(self) -> range:
        return range(self.turn.image_count)  # type: ignore[attr-defined]

    @property
    def alternatives(self) -> Alternatives:
        return Alternatives("branch", self.siblings, self.turn.pk, "playground:turn", "switch")

    @property
    def spreads(self) -> bool:
        """Whether there are enough tries to look at how they spread."""
        return self.tries >= MANY or bool(self.trying)

    @property
    def field(self) -> str:
        """Where a complaint about an edited question belongs."""
        return f"text-{self.turn.pk}"

    @property
    def by_column(self) -> list[tuple[list[PromptPiece], AnswerView | None]]:
        found = {view.answer.column: view for view in self.answers}
        return [(prompt_pieces(prompt_of(self.turn, column)), found.get(column)) for column in range(self.columns)]


@dataclass(frozen=True)
class Talk:
    """The branch that is shown, from its newest turns back."""

    turns: Sequence[TurnView]
    earlier: int = 0  # turns before those shown
    onwards: Sequence[int] = ()  # turns that go on from the last one shown

    @property
    def live(self) -> bool:
        return any(view.progress for turn in self.turns for view in turn.answers)

    @property
    def live_ids(self) -> list[int]:
        """Numbers of the answers that the page shows as live, in themselves or in how they spread."""
        shown = [view.answer.pk for turn in self.turns for view in turn.answers if view.progress]
        return [*shown, *(pk for turn in self.turns for pk in turn.trying)]

    @property
    def stopping(self) -> bool:
        return any(view.progress and view.progress.stopping for turn in self.turns for view in turn.answers)

    @property
    def oldest(self) -> int | None:
        return self.turns[0].turn.pk if self.turns else None


def talk_of(session: Session, prices: Prices, *, before: int | None = None, only: int | None = None) -> Talk:
    """The newest turns of the branch, or those before one, or one alone."""
    tree = Tree.of(session)
    path = tree.path(session.head_id)
    end = path.index(before) if before in path else len(path)
    shown = [only] if only is not None else path[max(0, end - TURNS) : end]
    earlier = path.index(shown[0]) if shown and shown[0] in path else 0
    found = {turn.pk: turn for turn in without_images(session.turns.filter(pk__in=shown))}
    answers, trying = answer_views(shown, prices, found)
    columns = len(session.active_columns)
    turns = [
        TurnView(
            turn=found[pk],
            answers=[view for view in answers[pk] if view.answer.column < columns],
            siblings=tree.siblings(pk),
            trying=trying[pk],
            tries=max((len(view.tries) for view in answers[pk]), default=0),
            columns=columns,
        )
        for pk in shown
        if pk in found
    ]
    return Talk(turns, earlier, tree.children.get(session.head_id, []))


def answer_views(
    turns: Iterable[int], prices: Prices, found: dict[int, Turn]
) -> tuple[dict[int, list[AnswerView]], dict[int, list[int]]]:
    """The chosen answers of turns, each knowing its other tries, and the live ones that are not shown.

    Results of what has ended meanwhile are collected.
    """
    turns = list(turns)
    tries: dict[tuple[int, int], list[int]] = defaultdict(list)
    trying: dict[int, list[int]] = defaultdict(list)
    all = Answer.objects.filter(turn__in=turns)
    for turn, column, pk, state, is_chosen in all.values_list("turn_id", "column", "pk", "state", "chosen"):
        tries[turn, column].append(pk)
        if state in LIVE and not is_chosen:
            trying[turn].append(pk)
    views: dict[int, list[AnswerView]] = defaultdict(list)
    chosen = list(Answer.objects.filter(turn__in=turns, chosen=True))
    progress = call_progress(chosen)
    for answer in chosen:
        answer.turn = found[answer.turn_id]
        others = tries[answer.turn_id, answer.column]
        views[answer.turn_id].append(answer_view(answer, prices, others, progress.get(answer.pk)))
    return views, trying


def answer_view(answer: Answer, prices: Prices, tries: Sequence[int], progress: CallProgress | None) -> AnswerView:
    if progress is not None:
        so_far = hub.texts_of(answer.run_id).get(ACTION, "") if answer.run_id else ""
        return AnswerView(answer, tries, progress, so_far)
    return AnswerView(answer, tries, metrics=metrics_of(answer, prices), notice=notice_of(answer))


def call_progress(answers: Sequence[Answer]) -> dict[int, CallProgress]:
    """Of those that have not ended, how far they are; of the others the results are collected."""
    live = [answer for answer in answers if answer.state in LIVE]
    if not live:
        return {}
    collect_results(live)
    still = {answer.run_id: answer for answer in live if answer.state in LIVE}
    ids = [run_id for run_id in still if run_id]
    runs: dict[int | None, Run] = {run.pk: run for run in Run.objects.filter(pk__in=ids).only("state", "cancelled_by")}
    records: dict[int | None, ActionRun] = {
        record.run_id: record for record in ActionRun.objects.filter(run__in=ids, path=ACTION)
    }
    found = {}
    for run_id, answer in still.items():
        run, record = runs.get(run_id), records.get(run_id)
        found[answer.pk] = CallProgress(
            state=str(record.state if record and record.state in LIVE else run.state if run else State.QUEUED),
            reason=record.reason if record else "",
            until=record.waits_until if record else None,
            since=record.started_at if record else None,
            stopping=bool(run and run.cancelled_by),
        )
    return found


def live_answers(session: Session) -> list[Answer]:
    """Those whose calls have not ended, in every branch; of the others the results are collected."""
    live = list(Answer.objects.filter(turn__session=session, state__in=LIVE).select_related("turn"))
    collect_results(live)
    return [answer for answer in live if answer.state in LIVE]


def tries_of(answer: Answer) -> list[int]:
    same = Answer.objects.filter(turn=answer.turn_id, column=answer.column)
    return list(same.order_by("number").values_list("pk", flat=True))
