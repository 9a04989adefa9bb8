"""A session to make batches from, and a model that answers and judges."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from connections.models import Connection
from flows.batch import checks, lifecycle
from flows.batch.create_form import judges_of
from flows.batch.models import Batch
from flows.batch.variants import Variant
from flows.playground.models import Session
from tests.conftest import Server
from tests.engine.conftest import counting, start
from tests.factories import PLANTED_KEY, make_connection

__all__ = ["counting", "start"]

SETUP = {"connection": "simulator", "model": "fast", "instructions": "Be {{ tone }}."}


@pytest.fixture
def session(alice: User) -> Session:
    """Asks `{{ question }}` of two deployments; the tone is a value of the session."""
    return Session.objects.create(
        name="Questions",
        owner=alice,
        setup=SETUP,
        columns=[{}, {"model": "fast-long-3"}],
        comparing=True,
        variables={"tone": "brief"},
        draft="Answer: {{ question }}",
    )


@pytest.fixture
def ready(simulator: str, db: None) -> Connection:
    """The simulator under the name that the session uses."""
    return make_connection("simulator", endpoint=f"{simulator}/openai/v1", key="simulator")


MakeBatch = Callable[..., Batch]


@pytest.fixture
def make_batch(session: Session, alice: User) -> MakeBatch:
    def make(
        rows: int | list[dict[str, Any]] = 3,
        *,
        models: tuple[str, ...] = ("fast",),
        raw_checks: list[dict[str, Any]] | None = None,
        prompt: str = "Answer: {{ question }}",
        by: User | None = None,
        name: str = "Questions",
        concurrency: int = 20,
    ) -> Batch:
        table = [{"question": f"Why {n}?"} for n in range(1, rows + 1)] if isinstance(rows, int) else rows
        judges = judges_of(checks.parse_checks(raw_checks))
        columns = tuple(table[0])
        variants = [
            Variant.of(session.setup_of(0).with_overrides({"model": model}), prompt, judges, columns, {"tone": "brief"})
            for model in models
        ]
        plan = lifecycle.BatchPlan(name, session, variants, judges, columns, table, raw_checks or [], concurrency)
        return lifecycle.create_batch(plan, by=by or alice)

    return make


class Thinker:
    """ASGI. Answers a prompt with itself; a judge passes answers in which it finds `good`, fails on `broken`, and is
    silent about `hold` until it is released."""

    def __init__(self) -> None:
        self.judged: list[str] = []
        self.asked: list[str] = []
        self._released = False

    def release(self) -> None:
        self._released = True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        request = json.loads(body)
        prompt = request["messages"][-1]["content"]
        status, text = 200, prompt
        if request.get("response_format"):
            self.judged.append(prompt)
            while "hold" in prompt and not self._released:
                await asyncio.sleep(0.01)
            status = 500 if "broken" in prompt else 200
            text = json.dumps({"reason": "I looked.", "passed": "good" in prompt})
        else:
            self.asked.append(prompt)
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/event-stream")]}
        )
        usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
        delta = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}], "model": "thinker-1"}
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage, "model": "thinker-1"}
        lines = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in (delta, end)) + "data: [DONE]\n\n"
        await send({"type": "http.response.body", "body": lines.encode() if status == 200 else b""})


@pytest.fixture
def thinker(settings: Any, transactional_db: None) -> Iterator[Thinker]:
    """The connection `simulator` leads to it here; its key must be nowhere else."""
    app = Thinker()
    with Server(app) as server:
        settings.ALLOWED_DESTINATIONS = [server.url.removeprefix("http://")]
        make_connection("simulator", endpoint=f"{server.url}/v1", key=PLANTED_KEY)
        yield app
        app.release()
