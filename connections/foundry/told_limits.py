"""The rate limits that an answer tells in its headers.

Azure and openai.com: `x-ratelimit-limit-requests`, `x-ratelimit-remaining-tokens`, `x-ratelimit-reset-requests`;
Anthropic: `anthropic-ratelimit-requests-limit`. Reset is a number of seconds, a duration (`6m0s`) or a moment.
"""

from __future__ import annotations

from collections.abc import Mapping

OPENAI, ANTHROPIC = "x-ratelimit-", "anthropic-ratelimit-"
WHAT = ("requests", "tokens", "input-tokens", "output-tokens")
SAYS = ("limit", "remaining", "reset")
LONGEST = 60  # characters of a value

ToldLimits = dict[str, dict[str, str]]  # by what is limited: limit, remaining, reset


def told_limits(headers: Mapping[str, str]) -> ToldLimits:
    """Names of headers are in lower case. Empty where the answer tells nothing."""
    told: ToldLimits = {}
    for name, value in headers.items():
        if "-ratelimit-" in name and (said := said_by(name)):
            told.setdefault(said[0], {})[said[1]] = value[:LONGEST]
    return told


def said_by(name: str) -> tuple[str, str] | None:
    """What is limited, and which of SAYS it is about."""
    if name.startswith(OPENAI):
        says, _, what = name.removeprefix(OPENAI).partition("-")
    else:
        what, _, says = name.removeprefix(ANTHROPIC).rpartition("-")
    return (what, says) if what in WHAT and says in SAYS else None
