"""`python manage.py connection add|list|test`. A key comes from standard input, never from an argument."""

from __future__ import annotations

import asyncio
import getpass
import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connections.clients import close_client, foundry_client
from connections.fields import KeyUnreadable
from connections.forms import ConnectionForm
from connections.foundry.diagnosis import TestResult
from connections.foundry.values import Target
from connections.models import Connection


class Command(BaseCommand):
    help = "Adds, lists and tests connections."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser("add", help="store a connection; the key is read from standard input")
        add.add_argument("name")
        add.add_argument("--endpoint", required=True)
        add.add_argument("--model", default="", help="default deployment")
        verbs.add_parser("list", help="every connection").add_argument("--json", action="store_true")
        test = verbs.add_parser("test", help="send one tiny chat call")
        test.add_argument("name")
        test.add_argument("--model", default="", help="deployment; the default one of the connection when left out")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        getattr(self, f"{verb}_verb")(**options)

    def add_verb(self, *, name: str, endpoint: str, model: str, **options: Any) -> None:
        key = getpass.getpass("API key: ") if sys.stdin.isatty() else sys.stdin.readline()
        form = ConnectionForm({"name": name, "endpoint": endpoint, "key": key.strip(), "default_model": model})
        if not form.is_valid():
            lines = [f"  {field}: {text}" for field, texts in form.errors.items() for text in texts]
            raise CommandError("Nothing was stored.\n" + "\n".join(lines))
        connection = Connection()
        form.fill(connection)
        connection.save()
        self.stdout.write(
            f"{connection.name}: {connection.label}, will call {form.target().endpoint.chat_url('MODEL')}"
        )

    def list_verb(self, *, json: bool, **options: Any) -> None:
        found = list(Connection.objects.all())
        if json:
            self.stdout.write(dumped([row(connection) for connection in found]))
            return
        for connection in found:
            self.stdout.write("  ".join(str(value) for value in row(connection).values()))

    def test_verb(self, *, name: str, model: str, **options: Any) -> None:
        connection = Connection.objects.filter(name=name).first()
        if connection is None:
            raise CommandError(f"There is no connection {name!r}. `connection list` shows those there are.")
        deployment = model or connection.default_model
        if not deployment:
            raise CommandError("Name a deployment: --model DEPLOYMENT.")
        try:
            target = connection.target()
        except KeyUnreadable as error:
            raise CommandError(str(error)) from None
        result = asyncio.run(tested(target, deployment))
        connection.record_check(result)
        if result.error:
            raise CommandError(f"{result.error.kind}: {result.error.message} {result.error.hint}\n{findings(result)}")
        self.stdout.write(
            f"{result.status} in {result.latency_ms:.0f} ms, {result.usage.prompt_tokens} tokens in, "
            f"{result.usage.completion_tokens} out, model {result.model or 'unknown'}\n{result.url}"
        )


def findings(result: TestResult) -> str:
    """What was tried, what is wrong, and what would answer."""
    lines = [f"Tried {tried.url} -> {tried.status or ''} {tried.said}" for tried in result.tried]
    if result.wrong:
        lines.append(f"Wrong: {result.wrong}")
    if result.better:
        lines.append(f"{'This answers' if result.better_answered else 'This path exists'}: {result.better.url}")
    if result.deployments:
        lines.append("Deployments there: " + ", ".join(deployment.name for deployment in result.deployments))
    return "\n".join(lines)


async def tested(target: Target, model: str) -> TestResult:
    try:
        return await foundry_client().test(target, model)
    finally:
        await close_client()


def row(connection: Connection) -> dict[str, Any]:
    return {
        "name": connection.name,
        "kind": connection.label,
        "endpoint": connection.endpoint,
        "key": connection.fingerprint if connection.key_readable else "unreadable",
    }


def dumped(value: Any) -> str:
    return json.dumps(value, indent=2)
