"""Streams every answer of a session as it comes, as server-sent events of one request.

Subscribes first, then sends each answer as the database and the engine know it, then follows: text at most twenty
times a second for each answer, the first piece of each at once. The database is read beside that, so that it holds
up no text.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, field

from django.http import StreamingHttpResponse
from django.views.decorators.http import require_GET

from flows.engine.live import hub
from flows.playground.access import find_session
from flows.playground.chat.regions import (
    answer_region,
    current_answers,
    figures_region,
    render_end,
    render_refusals,
    spread_region,
)
from flows.playground.chat.talk import CallProgress
from flows.playground.models import Answer, Session
from flows.playground.setup import ACTION
from foundryflow.access import reader
from foundryflow.database.threads import in_thread, read_patiently
from foundryflow.http import Request, whole_number
from foundryflow.names import may_change
from foundryflow.regions import Region, event, partial, text
from foundryflow.session_watch import session_end
from foundryflow.streams import event_stream

MOST = 200  # answers that one page follows
PACE = 0.05  # seconds between two pieces of one answer
TICK = 1.0  # seconds after which the time that has passed is shown anew
LOOK = 15.0  # seconds after which the database is read unasked: another process may have recorded something unheard


@dataclass
class FollowedAnswer:
    """One answer, as far as this browser has seen it."""

    answer_id: int
    run_id: int
    progress: CallProgress | None = None  # as shown; None before the first look
    came: int = 0  # what the engine had counted when text was sent last
    sent: int = 0  # characters in the page
    due: float = 0.0  # when the next piece may go
    has_ended: bool = False

    @property
    def has_new_text(self) -> bool:
        return not self.has_ended and self.progress is not None and hub.text_length(self.run_id, ACTION) > self.came

    def piece(self, now: float) -> str:
        """Text that has come since the last one, when it is time for it."""
        if not self.has_new_text or now < self.due:
            return ""
        self.came, so_far = hub.text_length(self.run_id, ACTION), hub.texts_of(self.run_id).get(ACTION, "")
        new, self.sent, self.due = so_far[self.sent :], len(so_far), now + PACE
        return text(f"text-{self.answer_id}", new) if new else ""


@dataclass(frozen=True)
class AnswerNews:
    """What the database says about one answer: the region to renew, rendered, and how much text that shows."""

    answer_id: int
    html: str
    progress: CallProgress | None  # None once it has ended, or was deleted
    text_length: int | None = None  # characters; None when the text is not part of the region


@dataclass
class AnswerFeed:
    """What one browser follows."""

    session: Session
    can_edit: bool
    answers: list[FollowedAnswer] = field(default_factory=list)
    refusals: str = ""  # as they were sent last
    has_begun: bool = False  # an answer, since the last look: what its deployment refused is known now

    @property
    def has_ended(self) -> bool:
        return all(each.has_ended for each in self.answers)

    def pieces(self) -> Iterator[str]:
        now = time.monotonic()
        for each in self.answers:
            is_first = not each.sent
            yield (piece := each.piece(now))
            self.has_begun = self.has_begun or (is_first and bool(piece))

    def pause(self, until: float) -> float:
        """Seconds until something is due though nothing happens."""
        due = min([until, *(each.due for each in self.answers if each.has_new_text)])
        return max(0.001, due - time.monotonic())

    def elapsed_times(self) -> Iterator[str]:
        for each in self.answers:
            if each.progress is not None and not each.has_ended:
                context = {"pk": each.answer_id, "elapsed": each.progress.milliseconds}
                yield partial(Region("playground/_elapsed.html", f"elapsed-{each.answer_id}", context))

    def news(self) -> list[AnswerNews]:
        """Looks into the database, in a thread of its own."""
        live = {each.answer_id: each for each in self.answers if not each.has_ended}
        found: list[AnswerNews] = []
        seen = list(current_answers(live))
        for answer, progress in seen:
            shown = live[answer.answer.pk].progress
            if not answer.answer.chosen:
                if progress is None or shown is None:
                    html = partial(spread_region(self.session, answer.answer.turn, can_edit=self.can_edit))
                    found.append(AnswerNews(answer.answer.pk, html, progress))
            elif progress is None or shown is None:
                region = answer_region(answer, self.session, can_edit=self.can_edit)
                found.append(AnswerNews(answer.answer.pk, partial(region), progress, len(answer.so_far)))
            elif progress != shown:
                context = {"view": answer}
                region = Region("playground/_answer_state.html", f"state-{answer.answer.pk}", context)
                found.append(AnswerNews(answer.answer.pk, partial(region), progress))
        if (refusals := render_refusals(self.session)) != self.refusals:
            self.refusals = refusals
            found.append(AnswerNews(0, refusals, None))
        present = {answer.answer.pk for answer, _ in seen}
        if self.session.comparing and found:
            found.append(AnswerNews(0, partial(figures_region(self.session)), None))
        return [*found, *(AnswerNews(gone, "", None) for gone in live if gone not in present)]

    def note_news(self, news: Sequence[AnswerNews]) -> Iterator[str]:
        """Notes what the page shows from now on."""
        by_id = {each.answer_id: each for each in self.answers}
        for one in news:
            if followed := by_id.get(one.answer_id):
                followed.has_ended, followed.progress = one.progress is None, one.progress
            if followed and one.text_length is not None:
                # What came while the database was read is sent with the next piece.
                followed.sent, followed.came = one.text_length, -1
            yield one.html


@reader
@require_GET
async def stream(request: Request, pk: int) -> StreamingHttpResponse:
    user = await request.auser()
    session = await in_thread(find_session)(request, pk)
    can_edit = may_change(user, session)
    shown = list(filter(None, map(whole_number, request.GET.get("answers", "").split(",")[:MOST])))
    return event_stream(follow(session, shown, can_edit=can_edit), lambda: session_end(request))


def followed_answers(session: Session, shown: Sequence[int]) -> list[FollowedAnswer]:
    """What the page shows as live, though it may have ended meanwhile."""
    mine = Answer.objects.filter(pk__in=shown, turn__session=session)
    return [FollowedAnswer(pk, run_id or 0) for pk, run_id in mine.values_list("pk", "run_id")]


async def follow(session: Session, shown: Sequence[int], *, can_edit: bool) -> AsyncGenerator[bytes]:
    feed = AnswerFeed(session, can_edit, await read_patiently(followed_answers, session, shown))
    reading: asyncio.Task[list[AnswerNews]] | None = None
    tick, look = time.monotonic() + TICK, time.monotonic() + LOOK
    with hub.subscribe(*(each.run_id for each in feed.answers)) as subscription:
        try:
            while not feed.has_ended and not hub.closing:
                parts = list(feed.pieces())
                if feed.has_begun:
                    feed.has_begun = False
                    subscription.notify()
                if reading is not None and reading.done():
                    parts += feed.note_news(reading.result())
                    reading = None
                if reading is None and subscription.take_news():
                    reading = asyncio.create_task(read_patiently(feed.news))
                    reading.add_done_callback(lambda _: subscription.notify(recorded=False))
                if time.monotonic() >= tick:
                    parts += feed.elapsed_times()
                    tick = time.monotonic() + TICK
                if time.monotonic() >= look:
                    subscription.notify()
                    look = time.monotonic() + LOOK
                if added := "".join(parts):
                    yield event(added)
                if not feed.has_ended:
                    await subscription.wait_for_change(feed.pause(tick))
        finally:
            if reading is not None:
                reading.cancel()
    if feed.has_ended:
        yield event("", name="answers-ended")
        yield event(await read_patiently(render_end, session, can_edit=can_edit))
