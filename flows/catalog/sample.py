"""Sample flows: they run on the simulator, without a key of anybody."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
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
# What each shows, in the order in which they lead further.
WHAT_IT_SHOWS = {
    "plain-answer": "A question, a chat completion, its answer",
    "answer-a-customer": "Variables and a branch: long questions are condensed first",
    "loop-over-a-list": "For each item of a list, three at a time",
    "long-text": "A long text in chunks, a function in Python, a report from a template",
    "try-and-catch": "A call that fails, and what is done instead",
    "dynamic-connection": "A connection made at run time from a key and an endpoint",
    "all-customers": "1,000 customers from a database, each with its own key",
}
NAMES = tuple(WHAT_IT_SHOWS)
FIRST = "answer-a-customer"  # that a newcomer is offered
SIMULATOR, CUSTOMERS = "simulator", "customers"  # connections that samples use


@dataclass(frozen=True)
class SampleFlow:
    """One that can be added, as menus name it."""

    key: str
    name: str
    shows: str


@cache
def sample_flows() -> tuple[SampleFlow, ...]:
    return tuple(
        SampleFlow(key, json.loads((FOLDER / f"{key}.json").read_text())["name"], shows)
        for key, shows in WHAT_IT_SHOWS.items()
    )


def add_sample(name: str = FIRST, *, by: User | None, called: str = "") -> Flow:
    """The flow and its connections; existing connections of their names are used as they are. Raises OSError.

    `called` is the name of the flow, where it is to have another one."""
    endpoint = f"http://127.0.0.1:{settings.SIMULATOR_PORT}/openai/v1"
    text = (FOLDER / f"{name}.json").read_text().replace('"SIMULATOR"', f'"{endpoint}"')
    add_connection(SIMULATOR, endpoint=endpoint, key=Secret("simulator"))
    if f'"{CUSTOMERS}"' in text:
        path = Path(settings.SAMPLES_DIRECTORY) / "customers.sqlite3"
        write_customers(path, endpoint)
        add_connection(CUSTOMERS, kind=SQLITE.name, endpoint=f"sqlite://{path}", key=Secret(""))
    document = parse(files.parse_file(text))
    return Flow.objects.create_flow(document.with_name(called or document.name), by=by, note="sample")


def add_connection(name: str, **fields: Any) -> None:
    if not Connection.objects.filter(name=name).exists():
        Connection.objects.create(name=name, **fields)
