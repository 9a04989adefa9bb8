"""One run from the claim of its process to its end, or to where another process goes on."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from connections.fields import KeyUnreadable
from flows.engine import claims
from flows.engine.active_runs import ActiveRuns
from flows.engine.earlier_attempts import EarlierAttempts
from flows.engine.journal import DatabaseJournal, error_json
from flows.engine.live import hub
from flows.engine.records import StaleAttempt
from flows.engine.services import DatabaseServices, RunHost
from flows.interpreter import runner
from flows.interpreter.checkpoint import CheckpointError
from flows.interpreter.options import RunOptions, unpack_pins
from flows.language.document import DocumentError
from flows.language.errors import ActionError, RunFailed
from flows.language.rendering import off_loop_if_heavy
from flows.language.secret_parts import seal, seal_parts
from flows.language.values import display_json, secrets_in
from flows.models import Run, State
from foundryflow import logs
from foundryflow.database import errors, jobs

log = logging.getLogger(__name__)


class RunExecution:
    """Has the interpreter execute the run, and decides what that says of its end."""

    def __init__(self, run: Run, journal: DatabaseJournal, host: RunHost, active: ActiveRuns) -> None:
        self._run, self._journal, self._host, self._active = run, journal, host, active

    async def execute(self) -> None:
        run, journal = self._run, self._journal
        hub.publish_change(run.pk)
        logs.mask_secrets.set(journal.secrets.mask)
        jobs.patience.set(math.inf)  # of this task: a run waits for the database as long as it takes
        if run.attempt > 1 or run.origin_id:
            journal.remember(await self._host.writer.do(lambda: EarlierAttempts.of(run)))
        outcome = await self._run_document()
        if not outcome:
            return
        try:
            await journal.end(**outcome)
        except StaleAttempt:
            return
        except DatabaseError as error:
            if errors.is_away(error):
                raise  # this process ends meanwhile: another one goes on with the run
            log.exception("action=record_refused run=%s", run.pk)
            refused = type(error).__name__
            await self._host.writer.do(lambda: claims.fail_unrecorded(run, refused))

    async def _run_document(self) -> dict[str, Any]:
        """How the run ended; nothing when it is not this process that says so."""
        run, services = self._run, DatabaseServices(self._run, self._host, self._journal.secrets)
        try:
            document = run.revision.parsed()
            self._learn_hidden_inputs()
            async with asyncio.timeout(claims.seconds_left(run, settings.RUN_DEADLINE)):
                options = RunOptions(run.until or "", unpack_pins(run.pins.reveal()) if run.pins else {})
                output = await runner.execute(document, run.inputs_with_secrets(), self._journal, services, options)
        except RunFailed as failed:
            where = {"path": failed.path, "action_id": failed.action_id}
            return {"state": State.FAILED, "error": {**error_json(failed.error), **where}}
        except KeyUnreadable:
            said = "The secret inputs of the run cannot be read with the encryption key of this server."
            return failure_outcome("key_unreadable", said, "Run it again with its inputs.")
        except CheckpointError as broken_pins:
            return failure_outcome("checkpoint", str(broken_pins), "Remove the pins, and pin the outputs again.")
        except DocumentError as broken:
            return failure_outcome("document", "The flow cannot be read.", "; ".join(broken.problems)[:2000])
        except TimeoutError:
            return failure_outcome(
                "timeout",
                "The run took longer than its deadline.",
                "Raise the deadline of the flow, or FOUNDRYFLOW_RUN_DEADLINE.",
            )
        except asyncio.CancelledError:
            return await self._release_or_cancel()
        except StaleAttempt:
            return {}
        except Exception as error:
            if errors.is_away(error):
                raise
            log.exception("action=run_broken run=%s", run.pk)
            return failure_outcome(
                "internal", f"The server could not go on: {type(error).__name__}.", "See the log of the server."
            )
        return {"state": State.SUCCEEDED, "output": await off_loop_if_heavy(display_json, output)}

    def _learn_hidden_inputs(self) -> None:
        hidden = self._run.revision.hidden_inputs()
        for name, value in self._run.hidden_values().items():
            paths = hidden.get(name, ())
            self._journal.secrets.learn(secrets_in(seal_parts(value, paths) if paths else seal(value)))
            self._journal.secrets.are_texts_too = True

    async def _release_or_cancel(self) -> dict[str, Any]:
        run = self._run
        given_up = self._active.is_closing or run.pk in self._active.given_up
        if given_up and (run.parent_id or await self._host.writer.do(lambda: claims.release(run))):
            return {}
        return {"state": State.CANCELLED}


def failure_outcome(kind: str, message: str, hint: str) -> dict[str, Any]:
    return {"state": State.FAILED, "error": error_json(ActionError(kind, message, hint))}
