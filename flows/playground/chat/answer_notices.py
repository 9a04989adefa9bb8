"""Figures of an answer, and what has to be said about how it ended, with the way out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flows.models import State
from flows.playground.chat.costs import Prices, cost_label
from flows.playground.models import Answer
from foundryflow.templatetags.ui import duration_ms, token_count

TOKENS = (("prompt_tokens", "in"), ("completion_tokens", "out"))
# Of those; shown when there are any.
PARTS = (("reasoning_tokens", "reasoning"), ("cached_tokens", "cached"), ("cache_write_tokens", "to cache"))
LEAST_RAISED = 600  # tokens that a cut answer is tried again with, at least


@dataclass(frozen=True)
class Metric:
    label: str
    value: str


@dataclass(frozen=True)
class AnswerNotice:
    """`raise_to` offers another try with that many tokens."""

    icon: str
    css: str
    title: str
    sentence: str = ""
    details: Sequence[Metric] = ()
    raise_to: int | None = None


def metrics_of(answer: Answer, prices: Prices) -> list[Metric]:
    facts = answer.facts
    found = [
        Metric("First token", duration_ms(facts.get("first_token_ms"))),
        Metric("Total", duration_ms(facts.get("total_ms"))),
        Metric("Tokens", tokens_label(answer)),
        Metric("Finish", str(facts.get("finish_reason") or "")),
        Metric("Repaired", "once" if facts.get("repair") else ""),
        Metric("Cost", cost_label(answer, prices)),
    ]
    return [metric for metric in found if metric.value]


def tokens_label(answer: Answer) -> str:
    usage = answer.usage or {}
    parts = [f"{count} {word}" for name, word in TOKENS if (count := token_count(usage, name))]
    return " · ".join([*parts, *(f"{usage[name]:,} {word}" for name, word in PARTS if usage.get(name))])


def notice_of(answer: Answer) -> AnswerNotice | None:
    if answer.state == State.FAILED:
        return failure_notice(answer)
    if answer.state == State.CANCELLED:
        after = duration_ms(answer.facts.get("total_ms"))
        kept = " The conversation goes on from what had come." if answer.text else ""
        return AnswerNotice("circle-minus", "", f"Stopped after {after}." if after else "Stopped.", kept.strip())
    if answer.facts.get("finish_reason") == "length":
        return cut_off_notice(answer)
    if answer.facts.get("finish_reason") == "content_filter":
        title = f"{answer.warning or 'Filtered'}."
        sentence = (
            "The content filter ended the answer. Ask in other words, or have the filter of the deployment changed."
        )
        return AnswerNotice("triangle-alert", "is-warn", title, sentence)
    if answer.warning:
        return AnswerNotice("triangle-alert", "is-warn", answer.warning)
    return None


def failure_notice(answer: Answer) -> AnswerNotice:
    error = answer.error or {}
    details = [
        Metric(label, str(error[name]))
        for label, name in (("kind", "kind"), ("status", "status"), ("request id", "request_id"))
        if error.get(name)
    ]
    title, sentence = str(error.get("message") or "The call failed."), str(error.get("hint") or "")
    return AnswerNotice("circle-x", "is-bad", title, sentence, details)


def cut_off_notice(answer: Answer) -> AnswerNotice:
    spent = (answer.usage or {}).get("completion_tokens")
    limit = (answer.setup.get("parameters") or {}).get("max_completion_tokens")
    title = f"Cut at {spent:,} tokens." if isinstance(spent, int) else "Cut."
    if not isinstance(limit, int):
        return AnswerNotice("triangle-alert", "is-warn", title, "The answer reached the limit of the deployment.")
    thought = "" if answer.text else " All of it went into reasoning."
    sentence = f"The answer reached Max completion tokens.{thought}"
    return AnswerNotice("triangle-alert", "is-warn", title, sentence, raise_to=max(LEAST_RAISED, limit * 2))
