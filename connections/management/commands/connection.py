"""`python manage.py connection add|list|test`. Whatever is secret comes from standard input, never from an argument."""

from __future__ import annotations

import asyncio
import getpass
import json
import sys
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from django.core.management.base import CommandError
from django.db import transaction

from connections.audit import record_test, subject_of
from connections.clients import check_sign_in, close_client, foundry_client
from connections.fields import KeyUnreadable
from connections.form_parts import KEY_HEADERS, LONGEST_CERTIFICATE
from connections.forms import ConnectionForm, connection_form
from connections.foundry.diagnosis import TestResult
from connections.kinds.address import ENCRYPTIONS, AddressError
from connections.kinds.foundry import FOUNDRY
from connections.kinds.registry import KINDS
from connections.models import Auth, Connection
from foundryflow.audit.record import COMMAND, record
from foundryflow.management.key_checks import KeyedCommand

Outcome = TypeVar("Outcome")


class Command(KeyedCommand):
    help = "Adds, lists and tests connections."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser(
            "add", help="store a connection; key, client secret or certificate is read from standard input"
        )
        add.add_argument("name")
        add.add_argument("--kind", choices=list(KINDS), default=FOUNDRY.name, help="of what; Foundry when left out")
        add.add_argument("--endpoint", required=True, help="address, server, file or vault")
        add.add_argument("--database", default="", help="on the server")
        add.add_argument("--user", default="", help="who signs in to the database")
        add.add_argument(
            "--encryption", choices=list(dict(ENCRYPTIONS)), default="", help="of the database; checked when left out"
        )
        add.add_argument("--model", default="", help="default deployment")
        add.add_argument(
            "--auth", choices=Auth.values, default=Auth.KEY, help="how it signs in; a key or a password when left out"
        )
        add.add_argument("--tenant-id", default="", help="tenant of Microsoft Entra ID")
        add.add_argument("--client-id", default="", help="app registration, or user-assigned managed identity")
        add.add_argument("--key-header", default="", help="header of the key when a gateway wants its own")
        add.add_argument("--token-scope", default="", help="of a token for a gateway, such as api://CLIENT-ID/.default")
        add.add_argument("--extra-header", default="", help="one more header that gets the key")
        verbs.add_parser("list", help="every connection").add_argument("--json", action="store_true")
        test = verbs.add_parser("test", help="send one tiny chat call, or sign in")
        test.add_argument("name")
        test.add_argument(
            "--model", default="", help="deployment; the default one of the connection when left out; none for an agent"
        )

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        getattr(self, f"{verb}_verb")(**options)

    def add_verb(self, *, name: str, endpoint: str, model: str, auth: str, **options: Any) -> None:
        kind = KINDS[options["kind"]]
        form = connection_form(
            kind,
            {
                "name": name, "endpoint": endpoint, "default_model": model,
                "database": options["database"], "user_name": options["user"], "encryption": options["encryption"],
                "auth": "key" if auth == Auth.KEY else "entra", "method": "" if auth == Auth.KEY else auth,
                "tenant_id": options["tenant_id"], "client_id": options["client_id"],
                **key_header_fields(options["key_header"]), "extra_header": options["extra_header"],
                "token_scope": options["token_scope"],
                **(read_secret(auth) if kind == FOUNDRY or kind.sign_ins else {}),
            },
        )  # fmt: skip
        if not form.is_valid():
            lines = [f"  {field}: {text}" for field, texts in form.errors.items() for text in texts]
            raise CommandError("Nothing was stored.\n" + "\n".join(lines))
        connection = Connection()
        form.fill(connection)
        with transaction.atomic():
            connection.save()
            record(COMMAND, "created", subject_of(connection), f"as {connection.label}")
        if form.identity_note:
            self.stderr.write(form.identity_note)
        where = connection.host
        if isinstance(form, ConnectionForm):
            where = f"will call {form.target().endpoint.chat_url}"
        self.stdout.write(f"{connection.name}: {connection.label}, {where}")

    def list_verb(self, *, json: bool, **options: Any) -> None:
        found = list(Connection.objects.all())
        if json:
            self.stdout.write(json_text([row_of(connection) for connection in found]))
            return
        for connection in found:
            self.stdout.write("  ".join(str(value) for value in row_of(connection).values()))

    def test_verb(self, *, name: str, model: str, **options: Any) -> None:
        connection = Connection.objects.filter(name=name).first()
        if connection is None:
            raise CommandError(f"There is no connection {name!r}. `connection list` shows those there are.")
        if not connection.is_foundry:
            self.sign_in(connection)
            return
        deployment = model or connection.default_model
        if not deployment and connection.needs_deployment:
            raise CommandError("Name a deployment: --model DEPLOYMENT.")
        try:
            target = connection.target()
        except KeyUnreadable as error:
            raise CommandError(str(error)) from None
        result = run_once(lambda: foundry_client().test(target, deployment))
        connection.record_check(result)
        record_test(COMMAND, connection, result)
        if result.error:
            raise CommandError(f"{result.error.kind}: {result.error.message} {result.error.hint}\n{findings(result)}")
        self.stdout.write(
            f"{result.status} in {result.latency_ms:.0f} ms, {result.usage.prompt_tokens} tokens in, "
            f"{result.usage.completion_tokens} out, model {result.model or 'unknown'}\n{result.url}"
            + (f"\n{result.agent.name}: {result.agent}" if result.agent else "")
        )

    def sign_in(self, connection: Connection) -> None:
        try:
            target = connection.data_target()
        except (KeyUnreadable, AddressError) as error:
            raise CommandError(str(error)) from None
        check = run_once(lambda: check_sign_in(target))
        connection.record_check(check)
        record_test(COMMAND, connection, check)
        if not check.ok:
            raise CommandError(f"{check.kind}: {check.sentence}")
        self.stdout.write(f"{check.sentence} ({check.latency_ms:.0f} ms)")


def read_secret(auth: str) -> dict[str, str]:
    """The field of the form that this way to sign in needs, from standard input."""
    match auth:
        case Auth.KEY:
            return {"key": read_line("Key or password: ")}
        case Auth.CLIENT_SECRET:
            return {"client_secret": read_line("Client secret: ")}
        case Auth.CERTIFICATE:
            return {"certificate": sys.stdin.read(LONGEST_CERTIFICATE + 1)}
    return {}


def read_line(prompt: str) -> str:
    return (getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()).strip()


def key_header_fields(name: str) -> dict[str, str]:
    listed = {value.lower(): value for value, _ in KEY_HEADERS}
    return {"key_header": listed[name.lower()]} if name.lower() in listed else {
        "key_header": "other", "other_key_header": name,
    }  # fmt: skip


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


def run_once(call: Callable[[], Awaitable[Outcome]]) -> Outcome:
    """On an event loop of its own, whose clients end with it."""

    async def run() -> Outcome:
        try:
            return await call()
        finally:
            await close_client()

    return asyncio.run(run())


def row_of(connection: Connection) -> dict[str, Any]:
    return {
        "name": connection.name,
        "kind": connection.label,
        "endpoint": connection.endpoint,
        "key": connection.fingerprint if connection.key_readable else "unreadable",
    }


def json_text(value: Any) -> str:
    return json.dumps(value, indent=2)
