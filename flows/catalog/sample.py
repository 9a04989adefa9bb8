"""The sample flow of the empty state: it runs on the simulator, without a key of anybody."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User

from connections.models import Connection
from connections.secret import Secret
from flows.catalog import files
from flows.language.document import parse
from flows.models import Flow

FILE = Path(__file__).parent / "sample.json"
CONNECTION = "simulator"


def add_sample(*, by: User | None) -> Flow:
    """The flow and its connection; an existing connection of that name is used as it is."""
    if not Connection.objects.filter(name=CONNECTION).exists():
        url = f"http://127.0.0.1:{settings.SIMULATOR_PORT}/openai/v1"
        Connection.objects.create(name=CONNECTION, endpoint=url, key=Secret("simulator"))
    return Flow.objects.create_flow(parse(files.parse_json(FILE.read_text())), by=by, note="sample")
