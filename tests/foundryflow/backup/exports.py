"""Every export of an installation, as files of one folder: `python -m tests.foundryflow.backup.exports FOLDER`.

With `make` it first creates what is exported: flows, runs, a session, a batch, prices, usage.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from asgiref.sync import async_to_sync

DOCUMENT = {
    "format": "foundryflow/1",
    "name": "Zoë asks 🦊",
    "inputs": [
        {"name": "question", "type": "text", "required": True, "default": None, "description": ""},
        {"name": "key", "type": "secret", "required": False},
    ],
    "actions": [
        {"id": "log", "type": "log", "title": "Say", "properties": {"message": "{{ question }}", "level": "info"}},
        {"id": "each", "type": "for_each", "properties": {"items": '{{ ["b", "a", {"z": 1.50, "y": [1e2, none]}] }}'},
         "branches": [{"id": "body", "title": "", "actions": [
             {"id": "inner", "type": "log", "properties": {"message": "{{ item }}"}}]}]},
        {"id": "ret", "type": "return", "properties": {"value": '{{ {"zebra": 1, "ant": [0.1, 2.0, 12345678901]} }}'}},
    ],
}  # fmt: skip


def make() -> None:
    from django.contrib.auth.models import User

    from flows.batch.models import Batch
    from flows.engine.embedded import run_here
    from flows.language.document import parse
    from flows.models import Flow, Run
    from flows.playground.models import Answer, Session, Turn

    ann = User.objects.create_superuser("ann", password="benchmark")
    flow = Flow.objects.create_flow(parse(DOCUMENT), by=ann)
    for number in range(3):
        inputs = {"question": f"Wärum {number}?\u2028", "key": "planted-secret"}
        run = Run.objects.start(
            flow=flow, inputs=inputs, by=ann, via="run page", customer="Contoso" if number else None
        )
        async_to_sync(run_here)(run)
    hidden = Flow.objects.create_flow(parse({**DOCUMENT, "name": "Session"}), by=ann, room="playground")
    session = Session.objects.create(name="Session", owner=ann, flow=hidden, setup={"model": "m", "connection": "x"})
    turn = Turn.objects.create(session=session, prompt="Why?")
    Answer.objects.create(turn=turn, state="succeeded", text="Because.", html="<p>Because.</p>")
    Session.objects.filter(pk=session.pk).update(head=turn)
    Batch.objects.create(name="Batch", owner=ann, variants=[], columns=["b", "a"], concurrency=1,
                         flow=Flow.objects.create_flow(parse({**DOCUMENT, "name": "Batch"}), by=ann, room="batch"))  # fmt: skip


def export(folder: Path) -> None:
    from django.contrib.auth.models import User
    from django.test import Client

    from flows.batch.models import Batch
    from flows.models import Flow, Run
    from flows.playground.models import Session
    from foundryflow.models import ApiKey

    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get(username="ann"))
    _, key = ApiKey.objects.issue(f"exports {time.time()}", ["read", "usage"], by=None)
    addresses = [f"/flows/{flow.slug}/export/" for flow in Flow.objects.in_designer()]
    addresses += [f"/playground/{session.pk}/export/" for session in Session.objects.all()]
    addresses += [f"/batches/{batch.pk}/export/" for batch in Batch.objects.all()]
    addresses += ["/runs/export/", "/runs/export/?format=json", "/usage/csv/", "/api/runs", "/api/flows", "/api/usage"]
    addresses += [f"/api/runs/{run.pk}" for run in Run.objects.all()]
    addresses += [f"/runs/{run.pk}/download/" for run in Run.objects.all()]
    for address in addresses:
        answer = client.get(address, headers={"Authorization": f"Bearer {key}"} if address.startswith("/api") else {})
        content = async_to_sync(read)(answer.streaming_content) if answer.streaming else answer.content
        name = address.strip("/").replace("/", "_").replace("?", "_")
        (folder / f"{answer.status_code} {name}").write_bytes(content)


async def read(streamed: Any) -> bytes:
    if hasattr(streamed, "__aiter__"):
        return b"".join([piece async for piece in streamed])
    return b"".join(streamed)


if __name__ == "__main__":
    import django

    django.setup()
    if "make" in sys.argv:
        make()
    export(Path(sys.argv[1]))
