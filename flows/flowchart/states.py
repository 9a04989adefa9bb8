"""The state of a run or an action in one icon, one word and one colour, the same on every page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from foundryflow.templatetags.ui import duration_ms, token_count

if TYPE_CHECKING:
    from flows.models import ActionRun, Run


@dataclass(frozen=True, slots=True)
class StateView:
    """`words` says more than `word` where there is more to say: duration, tokens, what happened."""

    name: str
    icon: str
    word: str
    css: str
    words: str = ""


LOOK = {
    "queued": ("clock", "Queued", "mute"),
    "running": ("loader", "Running", "run"),
    "waiting": ("hourglass", "Waiting", "warn"),
    "succeeded": ("circle-check", "Succeeded", "ok"),
    "warning": ("triangle-alert", "Warning", "warn"),
    "failed": ("circle-x", "Failed", "bad"),
    "cancelled": ("circle-minus", "Cancelled", "mute"),
    "skipped": ("circle-slash", "Skipped", "mute"),
    "pinned": ("pin", "Pinned", "mute"),
}


def state_view_of(name: str, words: str = "") -> StateView:
    icon, word, css = LOOK[name]
    return StateView(name, icon, word, css, words or word)


def state_view(record: ActionRun) -> StateView:
    """How one execution of an action ended, or stands."""
    if is_pinned(record):
        return state_view_of("pinned")
    name = "warning" if record.state == "succeeded" and record.warning else str(record.state)
    return state_view_of(name, words_of(record))


def is_pinned(record: ActionRun) -> bool:
    """Whether it was not executed, because the output of an earlier run is pinned."""
    return record.state == "succeeded" and record.reason.startswith("pinned")


def words_of(record: ActionRun) -> str:
    if record.state == "succeeded":
        if record.warning:
            return record.warning
        usage, duration = record.usage or {}, duration_ms(record.milliseconds)
        return f"{duration} · {token_count(usage)} tokens" if usage.get("total_tokens") else duration
    if record.state == "failed":
        return failure_words(record.error or {})
    if record.state == "waiting":
        return record.reason.split(":", 1)[0] or "Waiting"
    if record.state == "cancelled":
        return f"Cancelled at {duration_ms(record.milliseconds)}"
    if record.state == "skipped":
        return "Disabled" if record.reason == "disabled" else "Skipped"
    return ""


SHORT = {
    "auth_key": "key refused",
    "auth_token": "token refused",
    "permission": "no permission",
    "network_rule": "blocked by a network rule",
    "not_found_deployment": "no such deployment",
    "not_found_route": "wrong path",
    "not_found_agent": "no such agent",
    "not_found_conversation": "conversation gone",
    "content_filter": "filtered",
    "context_length": "prompt too long",
    "rate_limit": "throttled",
    "quota": "quota used up",
    "budget": "budget spent",
    "server": "service failed",
    "connect": "unreachable",
    "dns": "no such host",
    "timeout": "no answer in time",
    "truncated": "answer cut off",
    "protocol": "unreadable answer",
    "invalid_json": "not JSON",
    "schema_mismatch": "does not fit the schema",
    "inside": "an action inside failed",
    "killed_worker": "killed its process",
}


REASONS = {
    **SHORT,
    "blocked_destination": "host not allowed",
    "checkpoint": "result unreadable",
    "connection_missing": "no connection",
    "dynamic_connection": "no connection",
    "endpoint": "wrong endpoint",
    "expression": "wrong expression",
    "flow_missing": "no such flow",
    "internal": "action broke",
    "not_set": "variable not set",
    "property_missing": "value missing",
    "property_wrong": "wrong value",
    "secret_in_text": "secret in text",
    "secret_missing": "secret missing",
    "tls": "certificate refused",
    "unsupported_parameter": "parameter refused",
}


def reason_words(kind: str, status: int | None = None) -> str:
    """A failure in three words, by its kind: "401, key refused"; "Key refused" where there was no answer."""
    short = REASONS.get(kind) or kind.replace("_", " ")
    return f"{status}, {short}" if status else f"{short[:1].upper()}{short[1:]}"


BUDGETS = ("Daily budget spent", "Monthly budget spent")


def failure_words(error: dict[str, Any]) -> str:
    """ "401 · key refused"."""
    if error.get("kind") == "budget":
        return next((words for words in BUDGETS if words in str(error.get("message"))), "Budget spent")
    short = SHORT.get(error.get("kind", ""), "") or str(error.get("message") or "failed")[:60]
    return f"{error['status']} · {short}" if error.get("status") else short.capitalize()


def run_view(run: Run) -> StateView:
    words = ""
    if run.state == "failed":
        words = f"Failed: {failure_words(run.error or {})}"
    return state_view_of(str(run.state), words)
