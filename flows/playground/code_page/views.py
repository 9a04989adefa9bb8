"""The page of the Code view, which shows what `code_writers/` writes for the settings on the page."""

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
from flows.playground.chat.comparison import fill_columns
from flows.playground.chat.forms import SetupForm
from flows.playground.code_page.next_request import NextRequest, NothingToSend, next_request
from flows.playground.code_writers import (
    LABELS,
    Authentication,
    CodeSource,
    ExtraHeader,
    Language,
    Sdk,
    Snippet,
    SnippetChoice,
    called_endpoint,
    fit_choice,
    offered_choices,
    write_snippet,
)
from flows.playground.models import Session
from flows.playground.setup import LETTERS
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
    SetupForm(sent).fill_session(session)
    fill_columns(session, sent)
    column = column_of(session, sent.get("column", ""))
    choice = choice_of(sent)
    try:
        shown = code_context(session, column, choice)
    except NothingToSend as error:
        shown = {"snippet": Snippet(refused=str(error))}
    more = {"session": session, "columns": column_select(session, column), "env_file": choice.env_file}
    return page(request, "playground_code/_code.html", {**more, **shown})


def code_context(session: Session, column: int, choice: SnippetChoice) -> dict[str, Any]:
    """The snippet with its colours and line numbers, and what can be chosen beside it. Raises NothingToSend."""
    now = next_request(session, column)
    connection = find_connection(now.setup.connection)
    endpoint = connection.parsed
    if endpoint is None:
        raise NothingToSend(f"The address of {connection.name} is not recognised. Open the connection.")
    source = code_source(connection, endpoint, now)
    endpoint = called_endpoint(source)
    choice = fit_choice(endpoint, choice)
    snippet = write_snippet(source, choice)
    return {
        "snippet": snippet,
        "code": highlight(snippet.text, choice.language),
        "numbers": "\n".join(map(str, range(1, snippet.text.rstrip("\n").count("\n") + 2))),
        "selects": selects(endpoint, choice),
    }


def highlight(text: str, language: Language) -> SafeString:
    name = "bash" if language is Language.CURL else language.value
    return mark_safe(Highlighter().html(text.rstrip("\n"), name))  # noqa: S308 - escaped by the highlighter


def find_connection(name: str) -> Connection:
    """The connection by its name. Raises NothingToSend."""
    found = Connection.objects.foundry().filter(name=name).first() if name else None
    if found is None:
        raise NothingToSend(f"There is no connection {name}. Choose another one." if name else "Choose a connection.")
    return found


def code_source(connection: Connection, endpoint: Endpoint, now: NextRequest) -> CodeSource:
    """Everything but the key, which is not read."""
    lessons = LearntLesson.objects.filter(endpoint=connection.endpoint, model__in=("", now.request.model))
    return CodeSource(
        endpoint,
        now.request,
        connection.key_header,
        extra_header_of(connection),
        [as_lesson(row) for row in lessons],
        now.variables,
        now.templates,
    )


def extra_header_of(connection: Connection) -> ExtraHeader | None:
    name = connection.extra_header
    return ExtraHeader(name, is_key=not connection.extra_header_value) if name else None


def choice_of(posted: Mapping[str, Any]) -> SnippetChoice:
    """What is not known is left at its default."""
    kinds = {"api": Api, "language": Language, "sdk": Sdk, "authentication": Authentication}
    known: dict[str, Any] = {name: kind(posted[name]) for name, kind in kinds.items() if posted.get(name) in list(kind)}
    return SnippetChoice(**known, env_file=bool(posted.get("env_file")))


def column_of(session: Session, posted: str) -> int:
    number = whole_number(posted, 2) or 0
    return number if number < len(session.active_columns) else 0


def column_select(session: Session, chosen: int) -> Select | None:
    """Whose settings, where there are several."""
    count = len(session.active_columns)
    if count < 2:
        return None
    return Select("column", "Column", str(chosen), [(str(at), LETTERS[at]) for at in range(count)])


def selects(endpoint: Endpoint, choice: SnippetChoice) -> list[Select]:
    offered = offered_choices(endpoint, choice)
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
