"""Collects results of calls into answers, which are then complete, so that a long session reads no runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flows.models import LIVE, ActionRun, Run, State
from flows.playground.models import Answer
from flows.playground.setup import ACTION
from foundryflow.markdown import render_markdown, render_plain

MOST_RENDERED = 1_000_000  # characters of answers that become Markdown at once
FACTS = (
    "connection",
    "connection_reason",
    "host",
    "model",
    "model_requested",
    "status",
    "finish_reason",
    "request_id",
    "first_token_ms",
    "total_ms",
    "repair",
)
LONGEST_THOUGHTS = 20_000  # characters that are kept
RUN_DELETED = {
    "kind": "gone",
    "message": "The run of this answer was deleted before it was read.",
    "hint": "Ask again.",
}


def html_of(text: str) -> str:
    return render_markdown(text) if text else ""


@dataclass
class AnswerRenderer:
    """Renders texts as Markdown until so many characters are done; the rest as they are, so that none takes minutes."""

    characters_left: int = MOST_RENDERED

    def html(self, text: str) -> str:
        self.characters_left -= len(text)
        return html_of(text) if self.characters_left >= 0 or not text else render_plain(text)


def collect_result(answer: Answer, run: Run | None = None) -> bool:
    """Copies how the call ended into the answer. False while it goes on. Done once, whoever is first."""
    if answer.state not in LIVE:
        return True
    run = run or run_of(answer)
    if run is not None and not run.ended:
        return False
    changes = result_of(run) if run is not None else {"state": State.FAILED, "error": RUN_DELETED}
    if Answer.objects.filter(pk=answer.pk, state__in=LIVE).update(**changes):
        for name, value in changes.items():
            setattr(answer, name, value)
    else:
        answer.refresh_from_db()
    return True


def collect_results(answers: Iterable[Answer]) -> None:
    for answer in answers:
        collect_result(answer)


def run_of(answer: Answer) -> Run | None:
    return Run.objects.filter(pk=answer.run_id or 0).only("pk", "state", "error", "started_at", "ended_at").first()


def result_of(run: Run) -> dict[str, Any]:
    record = ActionRun.objects.filter(run=run, path=ACTION).first()
    if record is None:
        return {"state": run.state, "error": without_raw(run.error)}
    output = record.output
    text = str(output.get("text") or "") if isinstance(output, dict) else record.text
    facts = {name: record.facts[name] for name in FACTS if record.facts.get(name) is not None}
    facts |= facts_told_beside(output if isinstance(output, dict) else {})
    if record.milliseconds is not None:
        facts.setdefault("total_ms", round(record.milliseconds, 1))
    return {
        "state": run.state,
        "text": text,
        "html": html_of(text),
        "facts": facts,
        "usage": record.usage,
        "warning": record.warning,
        "error": without_raw(record.error or run.error),
    }


def facts_told_beside(output: dict[str, Any]) -> dict[str, Any]:
    """What the model told beside its text: its thoughts, and of how many tokens it told how likely they were."""
    thoughts, told = output.get("reasoning"), output.get("logprobs")
    return {
        **({"reasoning": str(thoughts)[:LONGEST_THOUGHTS]} if thoughts else {}),
        **({"told_tokens": len(told)} if isinstance(told, list) and told else {}),
    }


def without_raw(error: dict[str, Any] | None) -> dict[str, Any] | None:
    """The page of the run shows the raw answer."""
    return {name: value for name, value in error.items() if name != "raw"} if error else None
