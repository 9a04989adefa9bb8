"""Sample flows: they run on the simulator, without a key of anybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User

from connections.kinds.sqlite import SQLITE
from connections.models import Connection
from connections.secret import Secret
from flows.catalog import files
from flows.catalog.sample_customers import write_customers
from flows.language.document import parse
from flows.models import Flow

FOLDER = Path(__file__).parent / "samples"
NAMES = ("answer-a-customer", "dynamic-connection", "all-customers")
SIMULATOR, CUSTOMERS = "simulator", "customers"  # connections that samples use


def add_sample(name: str = NAMES[0], *, by: User | None) -> Flow:
    """The flow and its connections; existing connections of their names are used as they are. Raises OSError."""
    endpoint = f"http://127.0.0.1:{settings.SIMULATOR_PORT}/openai/v1"
    text = (FOLDER / f"{name}.json").read_text().replace('"SIMULATOR"', f'"{endpoint}"')
    add_connection(SIMULATOR, endpoint=endpoint, key=Secret("simulator"))
    if f'"{CUSTOMERS}"' in text:
        path = Path(settings.SAMPLES_DIRECTORY) / "customers.sqlite3"
        write_customers(path, endpoint)
        add_connection(CUSTOMERS, kind=SQLITE.name, endpoint=f"sqlite://{path}", key=Secret(""))
    return Flow.objects.create_flow(parse(files.parse_json(text)), by=by, note="sample")


def add_connection(name: str, **fields: Any) -> None:
    if not Connection.objects.filter(name=name).exists():
        Connection.objects.create(name=name, **fields)
