"""Makes what tests need, with no surprises."""

from __future__ import annotations

import asyncio
from typing import Any

from django.contrib.auth.models import User

from connections.models import Connection
from connections.secret import Secret
from flows.engine import embedded
from flows.language.document import parse
from flows.models import Flow, Run
from tests.documents_of import load

PLANTED_KEY = "planted-key-5f2c9a7d1e"


def make_connection(
    name: str = "contoso", *, endpoint: str = "https://contoso.openai.azure.com/openai/v1", key: str = PLANTED_KEY
) -> Connection:
    return Connection.objects.create(name=name, endpoint=endpoint, key=Secret(key))


def make_flow(document: dict[str, Any] | str = "bar-static", *, by: User | None = None) -> Flow:
    """A flow from a document, or from a sample by its name."""
    data = load(document) if isinstance(document, str) else document
    return Flow.objects.create_flow(parse(data), by=by)


def make_run(flow: Flow, *, by: User | None = None, **inputs: object) -> Run:
    return Run.objects.start(flow=flow, inputs=inputs, by=by, via="run page")


def finish_run(run: Run) -> Run:
    """Executes it in this process, and reads how it ended."""
    asyncio.run(embedded.run_here(run))
    run.refresh_from_db()
    return run
