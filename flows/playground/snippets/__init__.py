"""The Code view of the playground: the settings as they are now, as code that runs. Pure."""

from flows.playground.snippets.choice import LABELS, Authentication, Choice, Language, Sdk, Snippet
from flows.playground.snippets.plan import ExtraHeader, Source
from flows.playground.snippets.snippet import Choices, choices, fitted, snippet

__all__ = [
    "LABELS",
    "Authentication",
    "Choice",
    "Choices",
    "ExtraHeader",
    "Language",
    "Sdk",
    "Snippet",
    "Source",
    "choices",
    "fitted",
    "snippet",
]
