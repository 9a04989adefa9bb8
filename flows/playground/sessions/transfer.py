"""Exports sessions to files, which hold no run and no key, and imports them after `session_file.py` checked them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from flows.playground.chat.results import AnswerRenderer
from flows.playground.models import Answer, Session, Turn, Version
from flows.playground.sessions.queries import answers_by_turn
from flows.playground.sessions.session_file import (
    FORMAT,
    AnswerEntry,
    ColumnEntry,
    FactsEntry,
    FailureEntry,
    SessionFile,
    SetupEntry,
    UsageEntry,
    read_session_file,
)
from flows.playground.sessions.turn_tree import TurnNode, store_turns
from flows.playground.setup import WINDOW, Setup
from foundryflow.json_order import in_order

Json = dict[str, Any]


def import_session(content: bytes, *, by: User) -> Session:
    """Creates the session that a file describes, as one's own. Raises SessionFileError, and then stores nothing."""
    file = read_session_file(content)
    places = {turn.id: place for place, turn in enumerate(file.turns)}
    nodes = nodes_in(file, places)  # takes its time, so not while the database waits
    with transaction.atomic():
        session = Session.objects.create(
            name=file.name,
            owner=by,
            setup=setup_in(file.setup),
            columns=columns_in(file.columns),
            comparing=file.comparing,
            variables=file.variables,
            draft=file.draft,
        )
        store_turns(session, nodes, head=None if file.head is None else places[file.head])
        Version.objects.bulk_create(versions_in(file, session))
    return session


def nodes_in(file: SessionFile, places: Mapping[int, int]) -> list[TurnNode]:
    renderer = AnswerRenderer()
    return [
        TurnNode(
            Turn(prompt=turn.prompt, prompts=turn.prompts, images=turn.images, variables=turn.variables),
            None if turn.parent is None else places[turn.parent],
            [answer_in(entry, renderer) for entry in turn.answers],
        )
        for turn in file.turns
    ]


def answer_in(entry: AnswerEntry, renderer: AnswerRenderer) -> Answer:
    return Answer(
        column=entry.column,
        number=entry.number,
        chosen=entry.chosen,
        winner=entry.winner,
        edited=entry.edited,
        state=entry.state,
        text=entry.text,
        html=renderer.html(entry.text),
        facts=entry.facts.model_dump(exclude_none=True),
        usage=entry.usage and entry.usage.model_dump(exclude_none=True),
        warning=entry.warning,
        error=entry.error and entry.error.model_dump(exclude_none=True),
        setup=setup_in(entry.setup),
    )


def setup_in(entry: SetupEntry) -> Json:
    return Setup.from_json(entry.model_dump()).to_json()


def columns_in(entries: Iterable[ColumnEntry]) -> list[Json]:
    return [entry.model_dump(exclude_unset=True) for entry in entries]


def versions_in(file: SessionFile, session: Session) -> list[Version]:
    return [
        Version(
            session=session,
            number=number,
            setup=setup_in(entry.setup),
            columns=columns_in(entry.columns),
            prompt=entry.prompt,
            note=entry.note,
        )
        for number, entry in enumerate(file.versions, 1)
    ]


def export_session(session: Session) -> str:
    """The file of a session."""
    return json.dumps(data_of(session), indent=2, ensure_ascii=False) + "\n"


def data_of(session: Session) -> Json:
    tree = answers_by_turn(session)
    ids: dict[int | None, int] = {turn.pk: number for number, turn in enumerate(tree, 1)}
    return {
        "format": FORMAT,
        "name": session.name,
        "setup": setup_out(session.setup),
        "columns": [column_out(column) for column in session.columns],
        "comparing": session.comparing,
        "variables": in_order(session.variables),
        "draft": session.draft,
        "head": ids.get(session.head_id),
        "turns": [turn_out(turn, answers, ids) for turn, answers in tree.items()],
        "versions": [version_out(version) for version in session.versions.order_by("number")],
    }


def turn_out(turn: Turn, answers: Iterable[Answer], ids: Mapping[int | None, int]) -> Json:
    return {
        "id": ids[turn.pk],
        "parent": ids.get(turn.parent_id),
        "prompt": turn.prompt,
        "prompts": in_order(turn.prompts),
        "images": turn.images,
        "variables": in_order(turn.variables),
        "created_at": turn.created_at.isoformat(),
        "answers": [answer_out(answer) for answer in answers],
    }


def answer_out(answer: Answer) -> Json:
    return {
        "column": answer.column,
        "number": answer.number,
        "chosen": answer.chosen,
        "winner": answer.winner,
        "edited": answer.edited,
        "state": answer.state,
        "text": answer.text,
        "facts": known_fields(answer.facts, FactsEntry),
        "usage": answer.usage and known_fields(answer.usage, UsageEntry),
        "warning": answer.warning,
        "error": answer.error and known_fields(answer.error, FailureEntry),
        "setup": setup_out(answer.setup),
        "created_at": answer.created_at.isoformat(),
    }


def version_out(version: Version) -> Json:
    return {
        "number": version.number,
        "setup": setup_out(version.setup),
        "columns": [column_out(column) for column in version.columns],
        "prompt": version.prompt,
        "note": version.note,
        "created_at": version.created_at.isoformat(),
    }


def setup_out(stored: Mapping[str, Any]) -> Json:
    return {name: in_order(value) for name, value in Setup.from_json(stored).to_json().items()}


def column_out(stored: Mapping[str, Any]) -> Json:
    """What the column overrides; of the window also that there is none."""
    own = {name: stored[name] for name in WINDOW if name in stored}
    return {**known_fields(stored, ColumnEntry), **own}


def known_fields(stored: Mapping[str, Any], entry: type[ColumnEntry | FactsEntry | UsageEntry | FailureEntry]) -> Json:
    """What a file has a place for: of what a service said, nothing but this leaves the installation."""
    return {name: in_order(stored[name]) for name in entry.model_fields if stored.get(name) is not None}
