"""Every answer of a session as it comes, as server-sent events of one request.

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
from flows.playground.chat.answers import answer_region, at_the_end, figures, spread, view_as_it_is
from flows.playground.chat.contexts import Going
from flows.playground.models import Answer, Session
from flows.playground.setup import ACTION
from foundryflow.access import reader
from foundryflow.database import in_thread, read_patiently
from foundryflow.http import Request, event_stream, whole_number
from foundryflow.people import may_change
from foundryflow.regions import Region, event, partial, text

MOST = 200  # answers that one page follows
PACE = 0.05  # seconds between two pieces of one answer
TICK = 1.0  # seconds after which the time that has passed is shown anew
LOOK = 15.0  # seconds after which the database is read unasked: another process may have recorded something unheard


@dataclass
class Followed:
    """One answer, as far as this browser has seen it."""

    answer_id: int
    run_id: int
    going: Going | None = None  # as shown; None before the first look
    came: int = 0  # what the engine had counted when text was sent last
    sent: int = 0  # characters in the page
    due: float = 0.0  # when the next piece may go
    ended: bool = False

    @property
    def behind(self) -> bool:
        return not self.ended and self.going is not None and hub.text_length(self.run_id, ACTION) > self.came

    def piece(self, now: float) -> str:
        """Text that has come since the last one, when it is time for it."""
        if not self.behind or now < self.due:
            return ""
        self.came, so_far = hub.text_length(self.run_id, ACTION), hub.texts_of(self.run_id).get(ACTION, "")
        new, self.sent, self.due = so_far[self.sent :], len(so_far), now + PACE
        return text(f"text-{self.answer_id}", new) if new else ""


@dataclass(frozen=True)
class News:
    """What the database says about one answer: the region to renew, rendered, and how much text that shows."""

    answer_id: int
    html: str
    going: Going | None  # None once it has ended, or was deleted
    shown: int | None = None  # characters; None when the text is not part of the region


@dataclass
class Feed:
    """What one browser follows."""

    session: Session
    can_edit: bool
    answers: list[Followed] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return all(each.ended for each in self.answers)

    def pieces(self) -> Iterator[str]:
        now = time.monotonic()
        for each in self.answers:
            yield each.piece(now)

    def pause(self, until: float) -> float:
        """Seconds until something is due though nothing happens."""
        due = min([until, *(each.due for each in self.answers if each.behind)])
        return max(0.001, due - time.monotonic())

    def elapsed(self) -> Iterator[str]:
        for each in self.answers:
            if each.going is not None and not each.ended:
                context = {"pk": each.answer_id, "elapsed": each.going.elapsed}
                yield partial(Region("playground/_elapsed.html", f"elapsed-{each.answer_id}", context))

    def news(self) -> list[News]:
        """Looks into the database, in a thread of its own."""
        live = {each.answer_id: each for each in self.answers if not each.ended}
        found: list[News] = []
        seen = list(view_as_it_is(live))
        for answer, going in seen:
            shown = live[answer.answer.pk].going
            if not answer.answer.chosen:
                if going is None or shown is None:
                    html = partial(spread(self.session, answer.answer.turn, can_edit=self.can_edit))
                    found.append(News(answer.answer.pk, html, going))
            elif going is None or shown is None:
                region = answer_region(answer, self.session, can_edit=self.can_edit)
                found.append(News(answer.answer.pk, partial(region), going, len(answer.so_far)))
            elif going != shown:
                context = {"view": answer}
                region = Region("playground/_answer_state.html", f"state-{answer.answer.pk}", context)
                found.append(News(answer.answer.pk, partial(region), going))
        present = {answer.answer.pk for answer, _ in seen}
        if self.session.comparing and found:
            found.append(News(0, partial(figures(self.session)), None))
        return [*found, *(News(gone, "", None) for gone in live if gone not in present)]

    def take(self, news: Sequence[News]) -> Iterator[str]:
        """Notes what the page shows from now on."""
        by_id = {each.answer_id: each for each in self.answers}
        for one in news:
            if followed := by_id.get(one.answer_id):
                followed.ended, followed.going = one.going is None, one.going
            if followed and one.shown is not None:
                # What came while the database was read is sent with the next piece.
                followed.sent, followed.came = one.shown, -1
            yield one.html


@reader
@require_GET
async def stream(request: Request, pk: int) -> StreamingHttpResponse:
    user = await request.auser()
    session = await in_thread(find_session)(request, pk)
    can_edit = may_change(user, session)
    shown = list(filter(None, map(whole_number, request.GET.get("answers", "").split(",")[:MOST])))
    return event_stream(follow(session, shown, can_edit=can_edit))


def followed(session: Session, shown: Sequence[int]) -> list[Followed]:
    """What the page shows as going, though it may have ended meanwhile."""
    mine = Answer.objects.filter(pk__in=shown, turn__session=session)
    return [Followed(pk, run_id or 0) for pk, run_id in mine.values_list("pk", "run_id")]


async def follow(session: Session, shown: Sequence[int], *, can_edit: bool) -> AsyncGenerator[bytes]:
    feed = Feed(session, can_edit, await read_patiently(followed, session, shown))
    reading: asyncio.Task[list[News]] | None = None
    tick, look = time.monotonic() + TICK, time.monotonic() + LOOK
    with hub.subscribe(*(each.run_id for each in feed.answers)) as subscription:
        try:
            while not feed.ended and not hub.closing:
                parts = list(feed.pieces())
                if reading is not None and reading.done():
                    parts += feed.take(reading.result())
                    reading = None
                if reading is None and subscription.take_recorded():
                    reading = asyncio.create_task(read_patiently(feed.news))
                    reading.add_done_callback(lambda _: subscription.notify(recorded=False))
                if time.monotonic() >= tick:
                    parts += feed.elapsed()
                    tick = time.monotonic() + TICK
                if time.monotonic() >= look:
                    subscription.notify()
                    look = time.monotonic() + LOOK
                if added := "".join(parts):
                    yield event(added)
                if not feed.ended:
                    await subscription.wait_for_change(feed.pause(tick))
        finally:
            if reading is not None:
                reading.cancel()
    if feed.ended:
        yield event("", name="answers-ended")
        yield event(await read_patiently(at_the_end, session, can_edit=can_edit))
