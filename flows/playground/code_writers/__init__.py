"""Writes the code that sends what the playground would send, in six languages. Pure; `code_page/` shows it."""

from flows.playground.code_writers.call_plan import CodeSource, ExtraHeader
from flows.playground.code_writers.choices import LABELS, Authentication, Language, Sdk, Snippet, SnippetChoice
from flows.playground.code_writers.snippet import (
    OfferedChoices,
    called_endpoint,
    fit_choice,
    offered_choices,
    write_snippet,
)

__all__ = [
    "LABELS",
    "Authentication",
    "CodeSource",
    "ExtraHeader",
    "Language",
    "OfferedChoices",
    "Sdk",
    "Snippet",
    "SnippetChoice",
    "called_endpoint",
    "fit_choice",
    "offered_choices",
    "write_snippet",
]
