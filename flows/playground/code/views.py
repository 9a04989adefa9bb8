"""The Code view: the settings as they stand on the page, as code that runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_POST

from connections.endpoint.endpoint import Endpoint
from connections.foundry.routes import Api
from connections.lesson_memory import as_lesson
from connections.models import Connection, LearntLesson
from flows.playground.access import find_session
from flows.playground.chat.columns import save_columns
from flows.playground.chat.forms import SetupForm
from flows.playground.code.asked import Asked, NotWritten, asked
from flows.playground.models import Session
from flows.playground.setup import LETTERS
from flows.playground.snippets import (
    LABELS,
    Authentication,
    Choice,
    ExtraHeader,
    Language,
    Sdk,
    Snippet,
    Source,
    choices,
    fitted,
    snippet,
)
from foundryflow.access import reader
from foundryflow.highlight import Highlighter
from foundryflow.http import Request, form_data, whole_number
from foundryflow.regions import page


@dataclass(frozen=True)
class Select:
    """One choice of the toolbar. Options are value and label."""

    name: str
    label: str
    chosen: str
    options: list[tuple[str, str]]


@reader
@require_POST
def code(request: Request, pk: int) -> HttpResponse:
    """The snippet for what is on the page; nothing is saved."""
    session = find_session(request, pk)
    sent = form_data(request)
    SetupForm(sent).fill(session)
    save_columns(session, sent)
    column = column_of(session, sent.get("column", ""))
    choice = choice_of(sent)
    context: dict[str, Any] = {"session": session, "columns": columns(session, column), "env_file": choice.env_file}
    try:
        now = asked(session, column)
        connection = stored_connection(now.setup.connection)
    except NotWritten as error:
        return page(request, "playground_code/_code.html", {**context, "snippet": Snippet(refused=str(error))})
    endpoint = connection.parsed
    if endpoint is None:
        refused = Snippet(refused=f"The address of {connection.name} is not recognised. Open the connection.")
        return page(request, "playground_code/_code.html", {**context, "snippet": refused})
    choice = fitted(endpoint, choice)
    made = snippet(source(connection, endpoint, now), choice)
    context |= {
        "snippet": made,
        "code": coloured(made.text, choice.language),
        "numbers": "\n".join(map(str, range(1, made.text.rstrip("\n").count("\n") + 2))),
        "selects": selects(endpoint, choice),
    }
    return page(request, "playground_code/_code.html", context)


def coloured(text: str, language: Language) -> SafeString:
    name = "bash" if language is Language.CURL else language.value
    return mark_safe(Highlighter().html(text.rstrip("\n"), name))  # noqa: S308 - escaped by the highlighter


def stored_connection(name: str) -> Connection:
    """Raises NotWritten."""
    found = Connection.objects.filter(name=name).first() if name else None
    if found is None:
        raise NotWritten(f"There is no connection {name}. Choose another one." if name else "Choose a connection.")
    return found


def source(connection: Connection, endpoint: Endpoint, now: Asked) -> Source:
    """Everything but the key, which is not read."""
    lessons = LearntLesson.objects.filter(endpoint=connection.endpoint, model__in=("", now.request.model))
    extra = None
    if connection.extra_header:
        extra = ExtraHeader(connection.extra_header, is_key=not connection.extra_header_value)
    return Source(
        endpoint,
        now.request,
        connection.key_header,
        extra,
        [as_lesson(row) for row in lessons],
        now.variables,
        now.templates,
    )


def choice_of(posted: Mapping[str, Any]) -> Choice:
    """What is not known is left at its default."""
    kinds = {"api": Api, "language": Language, "sdk": Sdk, "authentication": Authentication}
    known = {name: kind(posted[name]) for name, kind in kinds.items() if posted.get(name) in list(kind)}
    return Choice(**known, env_file=bool(posted.get("env_file")))


def column_of(session: Session, posted: str) -> int:
    number = whole_number(posted, 2) or 0
    return number if number < len(session.active_columns) else 0


def columns(session: Session, chosen: int) -> Select | None:
    """Whose settings, where there are several."""
    count = len(session.active_columns)
    if count < 2:
        return None
    return Select("column", "Column", str(chosen), [(str(at), LETTERS[at]) for at in range(count)])


def selects(endpoint: Endpoint, choice: Choice) -> list[Select]:
    offered = choices(endpoint, choice)
    rows = (
        ("api", "API", choice.api, offered.apis),
        ("language", "Language", choice.language, offered.languages),
        ("sdk", "SDK", choice.sdk, offered.sdks),
        ("authentication", "Authentication", choice.authentication, offered.authentications),
    )
    return [
        Select(name, label, chosen.value, [(each.value, LABELS[each]) for each in options])
        for name, label, chosen, options in rows
    ]
