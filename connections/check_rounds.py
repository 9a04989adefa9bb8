"""Tests many connections in the background: a few at a time, stopped by a press, whoever looks at it and from where."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from contextvars import Context
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.db import DatabaseError, IntegrityError, InterfaceError, transaction
from django.utils import timezone

from connections.clients import check_sign_in, foundry_client
from connections.endpoint.endpoint import EndpointError
from connections.fields import KeyUnreadable
from connections.foundry.agents import LABEL as AGENT_LABEL
from connections.foundry.diagnosis import TestResult
from connections.foundry.errors import ErrorKind
from connections.foundry.values import Target
from connections.kinds.address import AddressError
from connections.kinds.base import SignInCheck
from connections.models import CheckRound, Connection
from connections.usage import months_by_connection
from foundryflow.database.jobs import execute
from foundryflow.database.threads import in_thread

log = logging.getLogger(__name__)

AT_ONCE = 4
LONGEST = 90.0  # seconds of one test
BEAT = 1.0  # seconds between two looks whether it is to stop
SILENCE = timedelta(seconds=15)  # after which nobody tests any more
MOST = 500  # connections of a round
NO_DEPLOYMENT = "no_deployment"  # kind of a check that could not be made
UNKNOWN_DEPLOYMENT = "foundryflow-connection-test"  # a deployment that is asked for to see whether the key is taken
NAME_A_DEPLOYMENT = "Address and key are right. Name a default deployment: a test calls it, and the service lists none."
_runners: dict[int, RoundRunner] = {}  # of this process, by the number of their round


class RoundState(StrEnum):
    """Of a connection in a round."""

    QUEUED = "queued"
    TESTING = "testing"
    DONE = "done"


def create_round(connections: Iterable[int], by: Any) -> CheckRound | None:
    """None when another one is going."""
    CheckRound.objects.exclude(running=True, seen_at__gte=timezone.now() - SILENCE).delete()
    try:
        with transaction.atomic():
            states = {str(pk): RoundState.QUEUED for pk in list(connections)[:MOST]}
            return CheckRound.objects.create(started_by=by, states=states)
    except IntegrityError:
        return None


def latest_round() -> CheckRound | None:
    """The one that is going, else the last one; of one whose process died nothing is going."""
    found = CheckRound.objects.order_by("-pk").first()
    if found is not None and found.seen_at < timezone.now() - SILENCE:
        found.running = None
    return found


def stop_round() -> None:
    """The process that tests hears of it within BEAT seconds, this one at once."""
    CheckRound.objects.filter(running=True).update(is_stopping=True)


def begin_testing(round: CheckRound) -> None:
    """On the loop that is running."""
    runner = _runners[round.pk] = RoundRunner(round)
    runner.task.add_done_callback(lambda _: _runners.pop(round.pk, None))


async def stop_testing() -> None:
    """Ends the rounds of this process."""
    runners = list(_runners.values())
    for runner in runners:
        runner.task.cancel()
    await asyncio.gather(*(runner.task for runner in runners), return_exceptions=True)


class RoundRunner:
    """The round of this process, while it is going."""

    def __init__(self, round: CheckRound) -> None:
        self._pk, self._states = round.pk, dict(round.states)
        self._queue = list(round.states)
        # Not in the context of the request that began it, whose threads end with it.
        self.task = asyncio.get_running_loop().create_task(self._run(), context=Context())

    async def _run(self) -> None:
        workers = asyncio.gather(*(self._work() for _ in range(AT_ONCE)))
        beats = asyncio.create_task(self._stop_when_told(workers))
        try:
            await workers
        except (asyncio.CancelledError, DatabaseError, InterfaceError):
            log.info("action=test_all_stopped round=%s", self._pk)
        finally:
            beats.cancel()
            workers.cancel()
        with suppress(DatabaseError, InterfaceError):  # silence says it, too
            await self._store(running=None)

    async def _work(self) -> None:
        while self._queue:
            number = self._queue.pop(0)
            await self._note(number, RoundState.TESTING)
            await self._check(int(number))
            await self._note(number, RoundState.DONE)

    async def _check(self, pk: int) -> None:
        try:
            await check_stored(pk)
        except Exception:
            # One that breaks the test is no reason to leave the others untested.
            log.exception("action=test_failed connection=%s", pk)

    async def _stop_when_told(self, workers: asyncio.Future[Any]) -> None:
        while True:
            if await execute(self._is_stopping):
                workers.cancel()
                return
            await asyncio.sleep(BEAT)

    def _is_stopping(self) -> bool:
        own = CheckRound.objects.filter(pk=self._pk)
        own.update(seen_at=timezone.now())
        return bool(own.values_list("is_stopping", flat=True).first() is not False)

    async def _note(self, number: str, state: RoundState) -> None:
        self._states[number] = state
        await self._store(seen_at=timezone.now())

    async def _store(self, **changed: Any) -> None:
        states = dict(self._states)
        await execute(lambda: CheckRound.objects.filter(pk=self._pk).update(states=states, **changed))


async def check_stored(pk: int) -> TestResult | SignInCheck | None:
    """Tests a connection as it is stored, and keeps the outcome; None when it is gone."""
    connection = await in_thread(Connection.objects.filter(pk=pk).first)()
    if connection is None:
        return None
    try:
        async with asyncio.timeout(LONGEST):
            outcome = await outcome_of(connection)
    except TimeoutError:
        outcome = SignInCheck(False, f"It did not answer within {LONGEST:.0f} s.", "timeout")
    except (KeyUnreadable, EndpointError, AddressError) as error:
        return SignInCheck(False, str(error), "unreadable")
    await execute(lambda: record_unless_changed(connection, outcome))
    return outcome


async def outcome_of(connection: Connection) -> TestResult | SignInCheck:
    """Raises KeyUnreadable, EndpointError, AddressError."""
    if not connection.is_foundry:
        return await check_sign_in(connection.data_target())
    target = replace(connection.target(), slot=0)  # a test is no use of the key
    model = await deployment_to_test(connection, target)
    outcome = await foundry_client().test(target, model or UNKNOWN_DEPLOYMENT)
    if not model and outcome.kind == ErrorKind.NOT_FOUND_DEPLOYMENT:
        return SignInCheck(False, NAME_A_DEPLOYMENT, NO_DEPLOYMENT, outcome.latency_ms, outcome.status)
    return outcome


async def deployment_to_test(connection: Connection, target: Target) -> str:
    """The default one, else the one that is called most, else the first that the service lists; empty without any."""
    if not connection.needs_deployment:
        return ""
    if connection.default_model:
        return connection.default_model
    month = (await in_thread(months_by_connection)()).get(connection.name)
    called = [name for name in (month.deployments if month else ()) if not name.startswith(AGENT_LABEL)]
    if called:
        return called[0]
    listed = await foundry_client().deployments(target)
    return listed[0].name if listed else ""


def record_unless_changed(tested: Connection, outcome: TestResult | SignInCheck) -> None:
    """What was said of an address or a key that was replaced meanwhile is not said of the new one."""
    now = Connection.objects.filter(pk=tested.pk).first()
    if now is not None and now.call_digest == tested.call_digest:
        now.record_check(outcome)
