"""Where the Foundry client keeps its lessons: the database, with a short memory of this process before it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from django.utils.formats import date_format

from connections.foundry.lessons import Lesson
from connections.models import LearntLesson
from foundryflow.database.jobs import execute

FRESH = 30.0  # seconds after which another process's lessons are seen, and what it forgot is forgotten
MOST_PLACES = 5_000  # endpoints and deployments held in memory
MOST_KEPT = 20_000  # lessons; beyond, the oldest go


class DatabaseMemory:
    """The memory of all clients of this process."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[float, list[Lesson]]] = {}

    async def lessons(self, endpoint: str, model: str) -> Sequence[Lesson]:
        known = self._fresh(endpoint, model)
        return known if known is not None else await execute(lambda: self._read(endpoint, model))

    async def learn(self, endpoint: str, model: str, lesson: Lesson) -> None:
        await execute(lambda: store_lesson(endpoint, model, lesson))
        self._known.pop((endpoint, model), None)

    def _fresh(self, endpoint: str, model: str) -> list[Lesson] | None:
        read_at, known = self._known.get((endpoint, model), (-math.inf, []))
        return known if time.monotonic() - read_at < FRESH else None

    def _read(self, endpoint: str, model: str) -> list[Lesson]:
        """From the database, unless somebody has done so meanwhile: hundreds of calls may begin together."""
        known = self._fresh(endpoint, model)
        if known is None:
            if len(self._known) > MOST_PLACES:
                self._known.clear()
            now, known = time.monotonic(), stored_lessons(endpoint, model)
            self._known[endpoint, model] = now, known
        return known

    def forget(self, endpoint: str, model: str) -> None:
        """Reads anew at the next call."""
        self._known.pop((endpoint, model), None)


memory = DatabaseMemory()


def stored_lessons(endpoint: str, model: str) -> list[Lesson]:
    return [as_lesson(row) for row in LearntLesson.objects.filter(endpoint=endpoint, model=model[:200])]


def as_lesson(row: LearntLesson) -> Lesson:
    return Lesson(row.parameter, row.instead, row.message, row.learned_at.timestamp(), row.value)


def day_learned(lesson: Lesson) -> str:
    """The day as sentences say it: 3 Nov."""
    return date_format(datetime.fromtimestamp(lesson.learned_at, UTC), "j M")


def store_lesson(endpoint: str, model: str, lesson: Lesson) -> None:
    LearntLesson.objects.update_or_create(
        endpoint=endpoint,
        model=model[:200],
        parameter=lesson.parameter[:100],
        value=lesson.value[:100],
        defaults={
            "instead": lesson.instead,
            "message": lesson.message,
            "learned_at": datetime.fromtimestamp(lesson.learned_at, UTC),
        },
    )
    oldest = LearntLesson.objects.order_by("-learned_at", "-pk").values_list("pk", flat=True)[MOST_KEPT:]
    LearntLesson.objects.filter(pk__in=list(oldest)).delete()
