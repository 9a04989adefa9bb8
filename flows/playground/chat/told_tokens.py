"""How likely each token of an answer was, as its run has recorded it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.models import ActionRun
from flows.playground.models import Answer
from flows.playground.setup import ACTION

MOST = 500  # tokens that are shown


@dataclass(frozen=True)
class TokenChance:
    token: str
    percent: str


@dataclass(frozen=True)
class ToldToken:
    """A token with its chance, and what else could have been in its place."""

    chance: TokenChance
    others: Sequence[TokenChance]


def told_tokens(answer: Answer) -> list[ToldToken]:
    """The first of them; none where the run is gone."""
    record = ActionRun.objects.filter(run=answer.run_id or 0, path=ACTION).only("output").first()
    output = record.output if record else None
    told = output.get("logprobs") if isinstance(output, Mapping) else None
    return [told_token(each) for each in (told if isinstance(told, list) else [])[:MOST] if isinstance(each, Mapping)]


def told_token(told: Mapping[str, Any]) -> ToldToken:
    others = [chance_of(each) for each in told.get("top_logprobs") or () if each.get("token") != told.get("token")]
    return ToldToken(chance_of(told), others)


def chance_of(told: Mapping[str, Any]) -> TokenChance:
    """ "77.9 %", from the natural logarithm of it."""
    token, logprob = str(told.get("token") or ""), told.get("logprob")
    if not isinstance(logprob, int | float) or logprob > 0:
        return TokenChance(token, "")
    return TokenChance(token, f"{math.exp(logprob) * 100:.1f} %")
