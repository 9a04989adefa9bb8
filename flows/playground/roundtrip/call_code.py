"""A recorded call of a model as a program: the request that was sent, the key from the environment."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET

from connections.foundry.routes import Api
from flows.access import find_run
from flows.engine.records import LONGEST_PATH
from flows.playground.code_page.views import extra_header_of
from flows.playground.code_writers import (
    LABELS,
    CodeSource,
    Language,
    Sdk,
    Snippet,
    SnippetChoice,
    fit_choice,
    write_snippet,
)
from flows.runs.sent_request import RecordedRequest, recorded_request
from flows.runs.start_code import program_response
from foundryflow.access import reader
from foundryflow.http import Request
from foundryflow.regions import page

CHOICES = {"curl": (Language.CURL, Sdk.REST), "python": (Language.PYTHON, Sdk.OPENAI)}
UNKNOWN = "The record of this call does not say enough to make a program of it."


@dataclass(frozen=True)
class CallProgram:
    name: str  # as the address asks for it
    title: str
    snippet: Snippet

    @property
    def text(self) -> str:
        """Of a refusal a comment, as both languages write it."""
        return self.snippet.text or f"# {self.snippet.refused}\n"


@reader
@require_GET
def code(request: Request, pk: int) -> HttpResponse:
    """A page with the programs; ?as=curl or ?as=python gives one of them as text."""
    run = find_run(request, pk)
    called = run.actions.filter(path=request.GET.get("path", "")[:LONGEST_PATH]).first()
    if called is None:
        raise Http404("This run has no such action.")
    programs = [program_of(recorded_request(called), name) for name in CHOICES]
    if (language := request.GET.get("as")) is None:
        return page(request, "roundtrip/call_code.html", {"run": run, "record": called, "programs": programs})
    return program_response({program.name: program.text for program in programs}, language)


def program_of(recorded: RecordedRequest | None, name: str) -> CallProgram:
    language, sdk = CHOICES[name]
    if recorded is None:
        return CallProgram(name, LABELS[language], Snippet(refused=UNKNOWN))
    connection = recorded.connection
    source = CodeSource(
        recorded.endpoint,
        recorded.request,
        connection.key_header if connection else "",
        extra_header_of(connection) if connection else None,
        recorded.lessons,
    )
    choice = fit_choice(recorded.endpoint, SnippetChoice(recorded.api or Api.CHAT, language, sdk))
    title = LABELS[language] if choice.sdk is Sdk.REST else f"{LABELS[language]}, {LABELS[choice.sdk]}"
    return CallProgram(name, title, write_snippet(source, choice))
