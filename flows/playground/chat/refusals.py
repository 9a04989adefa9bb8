"""Which parameters the deployments of a session were seen to refuse, as the page says it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from connections.foundry.lessons import Lesson, unsent_fields
from connections.foundry.routes import absent_fields
from connections.lesson_memory import as_lesson, day_learned
from connections.models import Connection, LearntLesson
from flows.playground.models import Session
from flows.playground.setup import LETTERS

Refused = Mapping[str, str]  # parameters, each with a sentence


@dataclass(frozen=True)
class Refusals:
    """What stands beside one control: sentences, and whether nobody gets what is typed there."""

    sentences: Sequence[str] = ()
    unsent: bool = False


def refused_by_columns(session: Session, connections: Iterable[Connection]) -> list[Refused]:
    """For each active column what its deployment was seen to refuse."""
    known = {connection.name: connection for connection in connections}
    asked = [(known.get(setup.connection), setup.model.strip()) for setup in session.active_setups]
    lessons = lessons_of([(connection.endpoint, model) for connection, model in asked if connection and model])
    return [
        refused_by(connection, model, lessons[connection.endpoint, model]) if connection else {}
        for connection, model in asked
    ]


def lessons_of(places: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], list[Lesson]]:
    """By endpoint and deployment."""
    found: dict[tuple[str, str], list[Lesson]] = defaultdict(list)
    if places:
        endpoints, models = zip(*places, strict=True)
        for row in LearntLesson.objects.filter(endpoint__in=endpoints, model__in=models):
            found[row.endpoint, row.model].append(as_lesson(row))
    return found


def refused_by(connection: Connection, model: str, lessons: Sequence[Lesson]) -> Refused:
    endpoint = connection.parsed
    absent = absent_fields(endpoint, lessons) if endpoint else {}
    return absent | {
        name: f"{model} refuses it (learned {day_learned(lesson)}). The page of {connection.name} can forget that."
        for name, lesson in unsent_fields(lessons).items()
    }


def refusals_of(parameter: str, refused: Mapping[int, Refused]) -> Refusals:
    """Beside the control that these columns share, by their numbers. One of several that refuses is named."""
    columns_by_sentence: dict[str, list[str]] = defaultdict(list)
    for column, sentences in refused.items():
        if parameter in sentences:
            columns_by_sentence[sentences[parameter]].append(LETTERS[column])
    unsent = bool(refused) and all(parameter in sentences for sentences in refused.values())
    if unsent and len(columns_by_sentence) == 1:
        return Refusals(tuple(columns_by_sentence), unsent=True)
    return Refusals(
        tuple(f"{', '.join(letters)}: {sentence}" for sentence, letters in columns_by_sentence.items()), unsent=unsent
    )
