"""Flows and runs as JSON, as they are stored: secrets are masked there already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from connections.foundry.diagnosis import TestResult
from flows.models import ActionRun, Flow, LogEntry, Revision, Run
from flows.models.raw import fetched, marks, table
from foundryflow.models import ApiKey

LINES = 500  # of the log in one answer
Json = dict[str, Any]
# What is read of the rows; their other columns may be large.
RUN = (
    "id", "state", "parent_id", "created_at", "started_at", "ended_at", "prompt_tokens", "completion_tokens", "inputs",
    "output", "error",
)  # fmt: skip
ACTION = (
    "id", "run_id", "path", "action_id", "type", "title", "state", "output", "error", "usage", "warning", "reason",
    "started_at", "ended_at", "waits_until", "event",
)  # fmt: skip
OF_RUNS = (
    f"SELECT {', '.join(f'run.{name}' for name in RUN)}, flow.slug AS flow_slug, revision.number AS revision_number"  # noqa: S608 - names of our own
    f" FROM {table(Run)} run JOIN {table(Flow)} flow ON flow.id = run.flow_id"
    f" JOIN {table(Revision)} revision ON revision.id = run.revision_id"
)
OF_ACTIONS = f"SELECT {', '.join(ACTION)} FROM {table(ActionRun)}"  # noqa: S608 - names of our own


def flows(found: Iterable[Flow]) -> list[Json]:
    return [
        {
            "slug": flow.slug,
            "name": flow.name,
            "revision": flow.current.number,
            "inputs": flow.current.document.get("inputs") or [],
            "changed_at": flow.changed_at.isoformat(),
        }
        for flow in found
    ]


@dataclass(frozen=True)
class Wanted:
    """A run that somebody asks for, with its log behind an event."""

    run: int
    after: int = 0
    key: ApiKey | None = None  # that has to be able to see it; None when it does


def runs_wanted(asked: Sequence[Wanted]) -> list[Json | None]:
    """None for a run that is not there, or not for this key."""
    wanted = visible(asked)
    ids = list({each.run for each in wanted if each})
    if not ids:
        return [None] * len(wanted)
    known = {run.pk: run for run in Run.objects.raw(f"{OF_RUNS} WHERE run.id IN {marks(ids)}", ids)}
    actions: dict[int, list[ActionRun]] = defaultdict(list)
    for record in ActionRun.objects.raw(f'{OF_ACTIONS} WHERE run_id IN {marks(ids)} ORDER BY "order"', ids):
        actions[record.run_id].append(record)
    logs = f"SELECT DISTINCT run_id FROM {table(LogEntry)} WHERE run_id IN {marks(ids)}"  # noqa: S608 - names of our own, values are bound
    logging = {run_id for (run_id,) in fetched(logs, ids)}
    return [
        whole(known[each.run], actions[each.run], each.after, logs=each.run in logging)
        if each and each.run in known
        else None
        for each in wanted
    ]


def visible(wanted: Sequence[Wanted]) -> list[Wanted | None]:
    seen = {
        key: set(
            Run.objects.visible_to(key.created_by)
            .filter(pk__in={each.run for each in wanted if each.key == key})
            .values_list("pk", flat=True)
        )
        for key in {each.key for each in wanted}
        if key is not None
    }
    return [each if each.key is None or each.run in seen[each.key] else None for each in wanted]


def brief(run: Any) -> Json:
    """A run that knows `flow_slug` and `revision_number`."""
    return {
        "id": run.pk,
        "flow": run.flow_slug,
        "revision": run.revision_number,
        "state": run.state,
        "parent": run.parent_id,
        "created_at": moment(run.created_at),
        "started_at": moment(run.started_at),
        "ended_at": moment(run.ended_at),
        "usage": {"prompt_tokens": run.prompt_tokens, "completion_tokens": run.completion_tokens},
    }


def whole(run: Run, actions: Iterable[ActionRun], after: int, *, logs: bool) -> Json:
    lines = list(run.log.filter(event__gt=after)[:LINES]) if logs else []
    return {
        **brief(run),
        "inputs": run.inputs,
        "output": run.output,
        "error": run.error,
        "actions": [action(record) for record in actions],
        "log": [line(entry) for entry in lines],
        "cursor": lines[-1].event if lines else after,
    }


def action(record: ActionRun) -> Json:
    return {
        "path": record.path,
        "id": record.action_id,
        "type": record.type,
        "title": record.title,
        "state": record.state,
        "output": record.output,
        "error": record.error,
        "usage": record.usage,
        "warning": record.warning,
        "reason": record.reason,
        "started_at": moment(record.started_at),
        "ended_at": moment(record.ended_at),
        "waits_until": moment(record.waits_until),
    }


def line(entry: LogEntry) -> Json:
    return {
        "event": entry.event,
        "at": moment(entry.at),
        "path": entry.path,
        "level": entry.level,
        "message": entry.message,
    }


def moment(at: Any) -> str | None:
    return at.isoformat() if at else None


def tested(result: TestResult) -> Json:
    return {
        "ok": result.ok,
        "status": result.status,
        "url": result.url,
        "model": result.model,
        "latency_ms": result.latency_ms,
        "usage": {
            "prompt_tokens": result.usage.prompt_tokens,
            "completion_tokens": result.usage.completion_tokens,
        },
        "error": None
        if result.error is None
        else {"kind": result.error.kind, "message": result.error.message, "hint": result.error.hint},
        "wrong": result.wrong or None,
        "tried": [{"url": tried.url, "status": tried.status, "said": tried.said} for tried in result.tried],
        "better": result.better.url if result.better else None,
        "deployments": None if result.deployments is None else [deployment.name for deployment in result.deployments],
    }
