"""A run with rows as the engine leaves them, without executing anything."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from flows.models import ActionRun, LogEntry, Run, State
from tests.factories import make_flow, make_run

FACTS = {
    "connection": "contoso",
    "connection_reason": "chosen in the flow",
    "host": "contoso.openai.azure.com",
    "key_fingerprint": "f00d",
    "model": "gpt-4o-mini-2024",
    "finish_reason": "stop",
    "total_ms": 1500,
    "first_token_ms": 250,
    "prompt": [{"role": "user", "content": "Why <b>not</b>?"}],
}


@pytest.fixture
def run(alice: User) -> Run:
    """Succeeded a while ago: a call of a model in ten seconds, a loop of two parts, a line in the log."""
    run = make_run(make_flow(by=alice), by=alice, question="Why?")
    start = timezone.now() - timedelta(minutes=5)
    record(run, 1, "chat", start, type="chat_completion", title="Answer", facts=FACTS,
           inputs={"user_prompt": "Why?"}, output={"text": "Because."},
           usage={"prompt_tokens": 1200, "completion_tokens": 34, "total_tokens": 1234})  # fmt: skip
    record(run, 2, "each", start + timedelta(seconds=5), type="for_each", title="Each", seconds=5)
    record(run, 3, "each[0]/note", start + timedelta(seconds=5), type="log", title="Note", seconds=1)
    record(run, 4, "each[1]/note", start + timedelta(seconds=6), type="log", title="Note", seconds=1, warning="odd")
    LogEntry.objects.create(run=run, event=5, at=start, level="warning", path="each[1]/note", message="Look <here>.")
    Run.objects.filter(pk=run.pk).update(
        state=State.SUCCEEDED, started_at=start, ended_at=start + timedelta(seconds=10), last_event=6,
        output=[{"city": "Oslo", "n": 1}, {"city": "Rome"}], prompt_tokens=1200, completion_tokens=34,
    )  # fmt: skip
    run.refresh_from_db()
    return run


def record(run: Run, number: int, path: str, start: datetime | None, *, seconds: float = 4, **fields: Any) -> ActionRun:
    """One execution; without a start it has not begun."""
    fields = {"state": State.SUCCEEDED, "inputs": {}, "facts": {}, "variables": {}, **fields}
    action_id = path.split("/")[-1].split("[")[0]
    ended_at = start + timedelta(seconds=seconds) if start else None
    return ActionRun.objects.create(
        run=run, order=number, event=number, path=path, action_id=action_id, started_at=start, ended_at=ended_at,
        **fields,
    )  # fmt: skip
