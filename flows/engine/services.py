"""The services of the interpreter in the database: stored connections and secrets, and flows that run flows."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Protocol

from django.db.models.signals import post_delete, post_save

from connections.clients import database_client, foundry_client, http_client, vault_client
from connections.databases.client import DatabaseClient
from connections.fields import KeyUnreadable
from connections.foundry.values import Target
from connections.http.client import HttpClient
from connections.key_vault.client import KeyVaultClient
from connections.kinds.address import AddressError
from connections.kinds.base import DataTarget
from connections.ledger import DatabaseLedger
from connections.limits.client import LimitedClient, Spender
from connections.models import Connection
from connections.secret import Secret
from flows.actions.services import CallingStep, FlowRun, file_missing
from flows.engine.budgets import DatabaseBudgets
from flows.engine.configuration import errors_before_run
from flows.engine.environment_secrets import read_environment_secret
from flows.engine.writer import DatabaseWriter
from flows.interpreter.inputs import first_scope
from flows.interpreter.known_secrets import KnownSecrets
from flows.language.document import DocumentError
from flows.language.errors import ActionError
from flows.language.secret_parts import seal
from flows.language.values import secrets_in
from flows.models import Flow, FlowSecret, Revision, Run, RunFile, State
from flows.models.run_file import open_parts

FRESH = 1.0  # seconds that a connection is not read again
DEEPEST = 10  # flows that run each other
AnyTarget = Target | DataTarget


class RunHost(Protocol):
    """Who executes the run: the executor, as far as services need it."""

    writer: DatabaseWriter
    lookups: dict[str, asyncio.Future[Any]]  # of connections that are being read, by name
    queues: defaultdict[str, asyncio.Lock]  # for places of connections with limits, by account

    async def execute_child(self, run_id: int) -> None: ...


class RecentTargets:
    """Connections read a moment ago; another process that changes one is believed after `FRESH` seconds."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, AnyTarget]] = {}

    def get(self, name: str) -> AnyTarget | None:
        read_at, target = self._known.get(name, (0.0, None))
        return target if time.monotonic() - read_at < FRESH else None

    def put(self, name: str, target: AnyTarget) -> None:
        self._known[name] = time.monotonic(), target

    def clear(self, **_: Any) -> None:
        self._known.clear()


targets = RecentTargets()
for changed in (post_save, post_delete):
    changed.connect(targets.clear, sender=Connection)


class DatabaseServices:
    """Services of one run."""

    def __init__(self, run: Run, host: RunHost, secrets: KnownSecrets) -> None:
        self._run, self._host, self._secrets = run, host, secrets

    @property
    def foundry(self) -> LimitedClient:
        ledger = DatabaseLedger(self._host.writer.do)
        spender = Spender(DatabaseBudgets(self._host.writer.do), self._run.customer or "")
        return LimitedClient(foundry_client(), ledger, self.connection, self._host.queues, spender)

    @property
    def embeddings(self) -> LimitedClient:
        return self.foundry

    @property
    def databases(self) -> DatabaseClient:
        return database_client()

    @property
    def vaults(self) -> KeyVaultClient:
        return vault_client()

    @property
    def http(self) -> HttpClient:
        return http_client()

    async def environment_secret(self, name: str) -> Secret:
        return await asyncio.to_thread(read_environment_secret, name)

    async def connection(self, name: str) -> Target:
        target = await self._target(name)
        if not isinstance(target, Target):
            raise wrong_kind(name, "answers no prompts")
        return target

    async def data_connection(self, name: str) -> DataTarget:
        target = await self._target(name)
        if not isinstance(target, DataTarget):
            raise wrong_kind(name, "is none to a database or a vault")
        return target

    async def _target(self, name: str) -> AnyTarget:
        target = await self._find_target(name)
        self._secrets.learn(target.secrets)
        return target

    async def _find_target(self, name: str) -> AnyTarget:
        if known := targets.get(name):
            return known
        # Hundreds of runs that begin together ask once.
        asked = self._host.lookups.get(name)
        if asked is None:
            asked = self._host.lookups[name] = self._host.writer.put(lambda: lambda: stored_target(name))
            asked.add_done_callback(lambda _: self._host.lookups.pop(name, None))
        target: AnyTarget = await asyncio.shield(asked)
        targets.put(name, target)
        return target

    async def secret(self, id: str) -> Secret:
        secret: Secret = await self._host.writer.do(lambda: stored_secret(self._run.flow_id, id))
        return secret

    async def file(self, reference: Mapping[str, Any]) -> str:
        sealed: list[str] = await self._host.writer.do(lambda: stored_file(self._run.pk, reference))
        try:
            return await asyncio.to_thread(open_parts, sealed)
        except KeyUnreadable:
            raise ActionError(
                "key_unreadable",
                f"The file {reference['name']} cannot be read with the encryption key of this server.",
                "Start the flow again with the file.",
            ) from None

    async def run_flow(self, flow: str, inputs: Mapping[str, Any], step: CallingStep) -> FlowRun:
        child: Run = await self._host.writer.do(lambda: find_or_start_child(self._run, flow, inputs, step))
        self._secrets.learn(secrets_in(seal(child.hidden_values())), step.path, from_text=True)
        await self._host.execute_child(child.pk)
        ended: Run = await self._host.writer.do(lambda: Run.objects.get(pk=child.pk))
        if ended.state == State.SUCCEEDED:
            return FlowRun(ended.pk, ended.state, ended.output, usage_of(ended))
        raise failure_of(ended, flow)


def find_or_start_child(parent: Run, slug: str, inputs: Mapping[str, Any], step: CallingStep) -> Run:
    """The run that belongs to this try of the action: found again after a restart, else made."""
    path = f"{step.path}~{step.attempt}"
    known = Run.objects.filter(parent=parent, parent_path=path).first()
    if known is not None:
        return known
    flow = Flow.objects.by_slug({slug}).get(slug)
    if flow is None:
        raise ActionError("flow_missing", f"There is no flow {slug}.", "Give the slug that its address shows.")
    if depth_of(parent) >= DEEPEST:
        raise ActionError(
            "too_deep", f"Flows run each other {DEEPEST} deep.", "Check that they do not run in a circle."
        )
    try:
        first_scope(flow.called_revision.parsed(), inputs)
        check_configuration(parent, flow)
    except DocumentError:
        raise ActionError("document", f"The flow {slug} cannot be read.", "Open it in the designer.") from None
    return Run.objects.start(
        flow=flow,
        revision=flow.called_revision,
        inputs={name: reveal(value) for name, value in inputs.items()},
        by=parent.started_by,
        via="flow",
        priority=parent.priority,
        customer=parent.customer,
        parent=parent,
        parent_path=path,
    )


def check_configuration(parent: Run, flow: Flow) -> None:
    """Raises ActionError of kind configuration for a flow with errors, unless the calling run was started anyway."""
    errors = errors_before_run(flow.called_revision)
    if not errors or errors_before_run(Revision.objects.select_related("flow").get(pk=parent.revision_id)):
        return
    count = f"{len(errors)} configuration error{'s' if len(errors) > 1 else ''}"
    raise ActionError(
        "configuration",
        f"The flow {flow.slug} has {count}: {errors[0].message}",
        "Open it in the designer and correct them.",
        facts={"flow": flow.slug},
    )


def reveal(value: Any) -> Any:
    # A secret is handed on as one: an input of type secret is stored encrypted.
    return value.reveal() if isinstance(value, Secret) else value


def depth_of(run: Run) -> int:
    depth, above = 1, run.parent_id
    while above is not None and depth <= DEEPEST:
        depth, above = depth + 1, Run.objects.filter(pk=above).values_list("parent_id", flat=True).get()
    return depth


def usage_of(ended: Run) -> dict[str, int] | None:
    """None when it has called no model."""
    return ended.tokens if ended.tokens["total_tokens"] else None


def failure_of(ended: Run, slug: str) -> ActionError:
    usage = usage_of(ended)
    facts = {"run": ended.pk, "flow": slug, **({"usage": usage} if usage else {})}
    if ended.state == State.CANCELLED:
        return ActionError("flow_stopped", f"Run {ended.pk} of {slug} was stopped.", "", facts=facts)
    error = ended.error or {}
    return ActionError(
        str(error.get("kind") or "flow_failed"),
        f"Run {ended.pk} of {slug} failed: {error.get('message', '')}",
        str(error.get("hint") or ""),
        facts=facts,
    )


def wrong_kind(name: str, what: str) -> ActionError:
    return ActionError("connection_kind", f"The connection {name} {what}.", "Choose another one in the property panel.")


def stored_target(name: str) -> AnyTarget:
    connection = Connection.objects.select_related("spill_over_to").filter(name=name).first()
    if connection is None:
        raise ActionError(
            "connection_missing",
            f"There is no connection named {name}.",
            "Choose another one in the property panel, or create it under that name.",
        )
    try:
        return connection.target() if connection.is_foundry else connection.data_target()
    except KeyUnreadable as error:
        raise ActionError("key_unreadable", f"{name}: {error}", "Open the connection and re-enter the key.") from None
    except AddressError as error:
        raise ActionError("connection_missing", f"{name}: {error.message}", error.hint) from None


def stored_file(run_id: int, reference: Mapping[str, Any]) -> list[str]:
    """The encrypted parts of a file of the run, or of one that has started it."""
    holder: int | None = run_id
    while holder is not None:
        if sealed := RunFile.objects.sealed_parts(holder, reference["sha256"]):
            return sealed
        holder = Run.objects.filter(pk=holder).values_list("parent_id", flat=True).first()
    raise file_missing(reference)


def stored_secret(flow_id: int, id: str) -> Secret:
    stored = FlowSecret.objects.filter(flow_id=flow_id, key=id).first()
    if stored is None:
        raise ActionError(
            "secret_missing",
            "A secret of this flow is not filled in.",
            "Type it again in the property panel.",
        )
    try:
        return Secret(stored.value.reveal())
    except KeyUnreadable:
        raise ActionError(
            "key_unreadable", "A secret of this flow cannot be read.", "Type it again in the property panel."
        ) from None
