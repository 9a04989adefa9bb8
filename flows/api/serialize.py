"""Flows and runs as JSON for the API, as they are stored: secrets are masked there already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from connections.foundry.agent_list import ListedAgent
from connections.foundry.diagnosis import TestResult
from connections.kinds.base import SignInCheck
from flows.api.key_limits import runs_of
from flows.api.shapes import UsageCounts
from flows.models import ActionRun, Flow, LogEntry, Run, sql
from flows.models.usage import Span
from flows.models.usage_search import UsageFilters, UsagePeriod, UsageSearch, UsageSums, by_cost
from foundryflow.json_order import in_order
from foundryflow.models import ApiKey

LINES = 500  # of the log in one answer
USAGE_ROWS = 10_000
Json = dict[str, Any]


def serialize_flows(found: Iterable[Flow]) -> list[Json]:
    return [
        {
            "slug": flow.slug,
            "name": flow.name,
            "revision": flow.called_revision.number,
            "published": flow.published_id is not None,
            "draft": flow.current.number,
            "inputs": in_order(flow.called_revision.unchecked_document.json.get("inputs") or [], ("name", "type")),
            "changed_at": flow.changed_at.isoformat(),
        }
        for flow in found
    ]


@dataclass(frozen=True)
class RunQuery:
    """A run that somebody asks for, with its log behind an event."""

    run: int
    after: int = 0
    key: ApiKey | None = None  # that has to be able to see it; None when it does


def read_runs(asked: Sequence[RunQuery]) -> list[Json | None]:
    """None for a run that is not there, or not for this key."""
    queries = allowed_queries(asked)
    ids = list({each.run for each in queries if each})
    if not ids:
        return [None] * len(queries)
    known = sql.runs_with_flows(ids)
    actions: dict[int, list[ActionRun]] = defaultdict(list)
    for record in sql.actions_of_runs(ids):
        actions[record.run_id].append(record)
    logging = sql.runs_with_log(ids)
    return [
        serialize_run(known[each.run], actions[each.run], each.after, logs=each.run in logging)
        if each and each.run in known
        else None
        for each in queries
    ]


def allowed_queries(queries: Sequence[RunQuery]) -> list[RunQuery | None]:
    seen = {
        key: set(
            runs_of(key).filter(pk__in={each.run for each in queries if each.key == key}).values_list("pk", flat=True)
        )
        for key in {each.key for each in queries}
        if key is not None
    }
    return [each if each.key is None or each.run in seen[each.key] else None for each in queries]


def serialize_run_entry(run: Any) -> Json:
    """A run that knows `flow_slug` and `revision_number`."""
    return {
        "id": run.pk,
        "flow": run.flow_slug,
        "revision": run.revision_number,
        "published": bool(run.published),
        "state": run.state,
        "parent": run.parent_id,
        "customer": run.customer,
        "created_at": iso_time(run.created_at),
        "started_at": iso_time(run.started_at),
        "ended_at": iso_time(run.ended_at),
        "usage": {"prompt_tokens": run.all_prompt_tokens, "completion_tokens": run.all_completion_tokens},
    }


def serialize_run(run: Run, actions: Iterable[ActionRun], after: int, *, logs: bool) -> Json:
    lines = list(run.log.filter(event__gt=after)[:LINES]) if logs else []
    return {
        **serialize_run_entry(run),
        "notice": notice_of(run),
        "inputs": in_order(run.inputs),
        "output": in_order(run.output),
        "error": in_order(run.error, ("kind", "message")),
        "actions": [serialize_action(record) for record in actions],
        "log": [serialize_log_entry(entry) for entry in lines],
        "cursor": lines[-1].event if lines else after,
    }


def notice_of(run: Any) -> str:
    """Why a run that asked for nothing else has executed a draft; it knows `flow_slug` and `flow_published`, too."""
    if run.published or run.flow_published:
        return ""
    return (
        f"{run.flow_slug} was never published, so its draft runs (r{run.revision_number}) and every edit is at once "
        "what calls get. Publish a revision in the designer."
    )


def serialize_action(record: ActionRun) -> Json:
    return {
        "path": record.path,
        "id": record.action_id,
        "type": record.type,
        "title": record.title,
        "state": record.state,
        "output": in_order(record.output),
        "error": in_order(record.error, ("kind", "message")),
        "usage": in_order(record.usage),
        "warning": record.warning,
        "reason": record.reason,
        "started_at": iso_time(record.started_at),
        "ended_at": iso_time(record.ended_at),
        "waits_until": iso_time(record.waits_until),
        "refused": in_order(record.refused or []),
    }


def serialize_log_entry(entry: LogEntry) -> Json:
    return {
        "event": entry.event,
        "at": iso_time(entry.at),
        "path": entry.path,
        "level": entry.level,
        "message": entry.message,
    }


def report_usage(key: ApiKey, period: UsagePeriod, filters: UsageFilters, group: str, step: Span) -> Json:
    search = UsageSearch(key.created_by, period, filters, key.flow_ids)
    usage = search.group_by(group)
    return {
        "begins": period.begin.isoformat(),
        "ends": period.end.isoformat(),
        "group": group,
        "step": step.name.lower(),
        "total": serialize_sums(usage.total),
        "rows": [
            {"name": row.name, **serialize_sums(row.sums)} for row in sorted(usage.rows, key=by_cost)[:USAGE_ROWS]
        ],
        "parts": [{"begins": at.isoformat(), **serialize_sums(sums)} for at, sums in search.parts(step)],
    }


def serialize_sums(sums: UsageSums) -> Json:
    counts = {name: getattr(sums, name) for name in UsageCounts.model_fields if name != "costs"}
    return {**counts, "costs": {currency: f"{amount.normalize():f}" for currency, amount in sums.costs.items()}}


def iso_time(at: Any) -> str | None:
    return at.isoformat() if at else None


def serialize_check(result: TestResult) -> Json:
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
        "agent": serialize_agent(result.agent) if result.agent else None,
    }


def serialize_agent(agent: ListedAgent) -> Json:
    return {"name": agent.name, "kind": agent.kind, "model": agent.model, "version": agent.version}


def serialize_sign_in(check: SignInCheck, address: str) -> Json:
    """The same of a database or a vault, where nothing has tokens."""
    return {
        "ok": check.ok,
        "status": check.status,
        "url": address,
        "model": None,
        "latency_ms": check.latency_ms,
        "usage": {"prompt_tokens": 0, "completion_tokens": 0},
        "error": None if check.ok else {"kind": check.kind, "message": check.sentence, "hint": ""},
        "wrong": None,
        "tried": [],
        "better": None,
        "deployments": None,
        "agent": None,
    }
