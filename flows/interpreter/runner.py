"""The interpreter: walks the tree, and knows neither who is watching nor what an action does."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from connections.secret import Secret
from flows.actions import registry
from flows.actions.base import BlockResult, Result
from flows.actions.refused_try import RefusedTry
from flows.actions.services import Services
from flows.interpreter.inputs import first_scope, with_stored_defaults
from flows.interpreter.journal import (
    ActionCancelled,
    ActionEnd,
    ActionFailed,
    ActionFinished,
    ActionLogged,
    ActionNoted,
    ActionReported,
    ActionResumed,
    ActionSkipped,
    ActionStarted,
    ActionStreamed,
    ActionWaiting,
    IterationEnded,
    IterationStarted,
    Journal,
)
from flows.interpreter.options import RunOptions
from flows.interpreter.property_reader import PropertyReader, displayed_inputs
from flows.interpreter.tries import Tries
from flows.language.document import Document
from flows.language.errors import ActionError, LoopLeft, Returned, RunFailed, Signal
from flows.language.expressions import ExpressionError
from flows.language.nodes import Action, Branch
from flows.language.rendering import evaluate_condition, off_loop_if_heavy, render_deep
from flows.language.scope import Scope
from flows.language.values import secrets_in
from flows.properties.base import properties_of
from flows.properties.value import refuse_large

log = logging.getLogger(__name__)

# An iteration of a tight loop never waits for anything; others must get their turn all the same.
BREATHE_EVERY = 50
MOST_RESULTS = 40_000_000  # of all that an action gives, counted wherever it stands
EVERYTHING = RunOptions()


async def execute(
    document: Document,
    inputs: Mapping[str, Any],
    journal: Journal,
    services: Services,
    options: RunOptions = EVERYTHING,
) -> Any:
    """Runs the document and gives the value of `return`, or None; of a run that ends early the output it ends with.

    Raises RunFailed; a cancellation passes through once it is recorded.
    """
    try:
        scope = first_scope(document, await with_stored_defaults(document, inputs, services))
        journal.secrets.learn(secrets_in([scope.get(i.name) for i in document.inputs if i.may_hold_secret]))
    except ActionError as error:
        raise RunFailed("", "", error) from None
    try:
        await Runner(journal, services, document, options).run_block(document.actions, scope, "")
    except Returned as returned:
        if returned.failure:
            raise returned.failure from None
        return returned.value
    except LoopLeft as left:
        outside = ActionError("outside_loop", f"There is no loop for {left.signal} to leave.", "Move it into a loop.")
        raise RunFailed(left.path, left.action_id, outside) from None
    return None


class Runner:
    """Runs blocks of one run."""

    def __init__(
        self,
        journal: Journal,
        services: Services,
        document: Document | None = None,
        options: RunOptions = EVERYTHING,
    ) -> None:
        self.journal, self.services, self._options = journal, services, options
        self.properties = PropertyReader(journal, services, document)
        self._steps = 0

    async def run_block(self, actions: Sequence[Action], scope: Scope, prefix: str) -> None:
        for action in actions:
            path = f"{prefix}{action.id}"
            if action.disabled:
                await self.skip([action], prefix, "disabled")
            else:
                await self._run(action, scope, path)

    async def skip(self, actions: Sequence[Action], prefix: str, reason: str) -> None:
        """Walks what is not run, and says so of every action."""
        for action in actions:
            path = f"{prefix}{action.id}"
            await self.journal.record(
                ActionSkipped(path, action.id, action.type, title_of(action), reason, time.time())
            )
            for branch in action.branches:
                await self.skip(branch.actions, f"{path}/", reason)

    async def _run(self, action: Action, scope: Scope, path: str) -> None:
        self._steps += 1
        if self._steps % BREATHE_EVERY == 0:
            await asyncio.sleep(0)
        is_last = self._options.ends_behind(action, path)
        try:
            ended = await self._recall_or_run(action, scope, path)
        except RunFailed as failed:
            if is_last:  # nothing around may catch it and go on
                raise Returned(None, failed) from None
            raise
        apply_outcome(ended, scope)
        if is_last:
            raise Returned(ended.output)
        match ended.signal:
            case Signal.RETURN:
                raise Returned(ended.output)
            case Signal.BREAK | Signal.CONTINUE:
                raise LoopLeft(ended.signal, path, action.id)

    async def _recall_or_run(self, action: Action, scope: Scope, path: str) -> ActionFinished:
        # A container is walked again: what it did is what the actions inside did to the scope.
        ended = None if action.branches else self._recall(action, path)
        if isinstance(ended, ActionFailed):
            raise RunFailed(path, action.id, ended.error)
        if ended is not None:
            return ended
        async with self._outcome(path, action) as outcome:
            pinned = self._options.pinned_outcome(action, path)
            if pinned is None:
                outcome.result = await self._run_tries(action, scope, path)
            else:
                outcome.pinned = await self._use_pinned(pinned, action)
        return outcome.finished

    async def _use_pinned(self, pinned: ActionFinished, action: Action) -> ActionFinished:
        """Begins an action whose outcome is known."""
        await self.journal.admit(pinned.path)
        await self.journal.record(ActionStarted(pinned.path, action.id, action.type, title_of(action), time.time()))
        return pinned

    def _recall(self, action: Action, path: str) -> ActionEnd | None:
        try:
            return self.journal.recall(path)
        except ActionError as error:
            raise RunFailed(path, action.id, error) from None

    async def _run_tries(self, action: Action, scope: Scope, path: str) -> Result:
        """Performs the action within its timeout, and again when it failed in a way its retry is for."""
        tries = Tries(None if action.branches else action.retry, action.timeout)
        while True:
            await self.journal.admit(path)
            try:
                async with tries.within_timeout():
                    result = await self._perform(action, scope, path, tries)
            except ActionError as error:
                error.facts = {**tries.facts, **error.facts}
                delay = tries.delay_after(error)
                if delay is None:
                    raise tries.annotate_error(error) from None
                reason, refused = tries.reason_to_wait(error), tries.refused_try(error, time.time())
                await self.journal.record(ActionWaiting(path, reason, refused.at + delay, refused))
                await asyncio.sleep(delay)
                continue
            return tries.annotate_result(result)

    @asynccontextmanager
    async def _outcome(self, path: str, action: Action) -> AsyncIterator[ActionOutcome]:
        """The one place that decides how an action ended, and records it."""
        outcome = ActionOutcome(path)
        try:
            yield outcome
        except (Returned, RunFailed, LoopLeft) as passing:
            await self._record_passing(outcome, passing)
            raise
        except asyncio.CancelledError:
            await self.journal.record(ActionCancelled(path, time.time()))
            raise
        except ActionError as error:
            await self.journal.record(ActionFailed(path, time.time(), error))
            raise RunFailed(path, action.id, error) from None
        except Exception as error:
            log.exception("action=action_broken path=%s type=%s", path, action.type)
            broken = ActionError("internal", f"The action broke: {type(error).__name__}.", "See the log of the server.")
            await self.journal.record(ActionFailed(path, time.time(), broken))
            raise RunFailed(path, action.id, broken) from error
        outcome.finished = outcome.pinned or finished_event(path, outcome.result)
        await self.journal.record(outcome.finished)

    async def _record_passing(self, outcome: ActionOutcome, passing: Returned | RunFailed | LoopLeft) -> None:
        # A container that something inside ended: it failed with it, or is done because of a return or break.
        if isinstance(passing, RunFailed):
            inside = ActionError("inside", f"{passing.path} failed: {passing.error.message}", passing.error.hint)
            await self.journal.record(ActionFailed(outcome.path, time.time(), inside))
        else:
            await self.journal.record(ActionFinished(outcome.path, time.time()))

    async def _perform(self, action: Action, scope: Scope, path: str, tries: Tries) -> Result:
        started = ActionStarted(
            path, action.id, action.type, title_of(action), time.time(), container=bool(action.branches)
        )
        try:
            known = registry.action_type(action.type)
        except registry.UnknownAction:
            await self.journal.record(started)
            raise ActionError(
                "unknown_action",
                f"The action type {action.type} is not installed on this server.",
                "Disable the action, or replace it with one of the toolbox.",
            ) from None
        try:
            rendered = await self.properties.read(known.properties, action, scope)
        except ActionError:
            await self.journal.record(started)
            raise
        values, properties = vars(rendered), properties_of(known.properties)
        if made := [values[name] for name, property in properties.items() if property.makes_secrets]:
            self.journal.secrets.learn(secrets_in(made), path, from_text=True)
        inputs = await off_loop_if_heavy(displayed_inputs, values, properties)
        if self.journal.secrets:
            try:
                await off_loop_if_heavy(
                    self.properties.refuse_secrets, values, properties, inputs if known.calls_model else {}
                )
            except ActionError:
                await self.journal.record(started)
                raise
        await self.journal.record(dataclasses.replace(started, inputs=inputs))
        result = await known.execute(rendered, Execution(self, action, scope, path, tries))
        if known.brings_secrets:
            brought = await off_loop_if_heavy(list_secrets, [result.output, result.variables])
            self.journal.secrets.learn(brought, path)
        await self._refuse_large(result)
        return result

    async def _refuse_large(self, result: Result) -> None:
        if not result.variables and not result.declared and (result.output is None or isinstance(result.output, str)):
            return
        together = [result.output, *result.variables.values(), *(declared.value for declared in result.declared)]
        try:
            await off_loop_if_heavy(refuse_large, together, MOST_RESULTS)
        except ValueError as error:
            raise ActionError("too_large", f"What it gives is too large: {error}.", "Work on less at a time.") from None


@dataclasses.dataclass
class ActionOutcome:
    path: str
    result: Result = dataclasses.field(default_factory=Result)
    pinned: ActionFinished | None = None  # instead of a result
    finished: ActionFinished = dataclasses.field(init=False)


class Execution:
    """One execution of one action: what base.Step promises."""

    def __init__(self, runner: Runner, action: Action, scope: Scope, path: str, tries: Tries) -> None:
        self._runner, self.action, self.scope, self.path = runner, action, scope, path
        self.attempt, self.facts = tries.number, tries.facts

    @property
    def services(self) -> Services:
        return self._runner.services

    async def stream_text(self, delta: str) -> None:
        await self._runner.journal.record(ActionStreamed(self.path, delta))

    async def report_facts(self, facts: Mapping[str, Any]) -> None:
        await self._runner.journal.record(ActionReported(self.path, facts))

    async def log(self, level: str, message: str) -> None:
        await self._runner.journal.record(ActionLogged(self.path, level, message, time.time()))

    async def report_wait(self, reason: str, until: float | None, refused: RefusedTry | None = None) -> None:
        await self._runner.journal.record(ActionWaiting(self.path, reason, until, refused))

    async def report_resumption(self) -> None:
        await self._runner.journal.record(ActionResumed(self.path))

    @property
    def last_note(self) -> Any:
        return self._runner.journal.recall_note(self.path)

    async def note(self, value: Any) -> None:
        await self._runner.journal.record(ActionNoted(self.path, value))

    async def render(self, value: Any, scope: Scope) -> Any:
        try:
            return await render_deep(value, scope)
        except ExpressionError as error:
            raise self._runner.properties.wrong_expression(self.action, error, "", in_loop=True) from None

    async def holds(self, expression: str, scope: Scope, where: str) -> bool:
        try:
            return await evaluate_condition(expression, scope)
        except ExpressionError as error:
            raise self._runner.properties.wrong_expression(self.action, error, where, in_loop=True) from None

    async def run_block(
        self,
        branch: Branch,
        *,
        index: int | None = None,
        items: Sequence[Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        isolated: bool = False,
    ) -> BlockResult:
        inner = (self.scope.copy() if isolated else self.scope).child()
        for name, value in (variables or {}).items():
            inner.bind(name, value)
        if index is None:
            await self._runner.run_block(branch.actions, inner, f"{self.path}/")
            self.scope.keep(inner, variables or ())
            return BlockResult(inner)
        try:
            async with self._iteration(index, items) as path:
                await self._runner.run_block(branch.actions, inner, f"{path}/")
        except LoopLeft as left:
            return BlockResult(inner, left.signal)
        return BlockResult(inner)

    @asynccontextmanager
    async def _iteration(self, index: int, items: Sequence[Any] | None) -> AsyncIterator[str]:
        """Records that an iteration begins, and how it ends; gives its path."""
        record, started = self._runner.journal.record, IterationStarted(self.path, index, time.time(), items)
        await record(started)
        try:
            yield started.path
        except (LoopLeft, Returned):
            await record(IterationEnded(started.path, time.time()))
            raise
        except RunFailed:
            await record(IterationEnded(started.path, time.time(), failed=True))
            raise
        except asyncio.CancelledError:
            await record(IterationEnded(started.path, time.time(), cancelled=True))
            raise
        await record(IterationEnded(started.path, time.time()))

    async def skip(self, branch: Branch, reason: str) -> None:
        await self._runner.skip(branch.actions, f"{self.path}/", reason)


def finished_event(path: str, result: Result) -> ActionFinished:
    return ActionFinished(
        path,
        time.time(),
        output=result.output,
        variables=result.variables,
        declared=result.declared,
        facts=result.facts,
        usage=result.usage,
        warning=result.warning,
        signal=result.signal,
    )


def apply_outcome(done: ActionFinished, scope: Scope) -> None:
    """What a finished action has done to the variables; the same now and after a restart."""
    for declared in done.declared:
        scope.declare(declared.name, declared.type, declared.value, global_=declared.global_)
    for name, value in done.variables.items():
        scope.put(name, value)


def list_secrets(value: Any) -> list[Secret]:
    return list(secrets_in(value))


def title_of(action: Action) -> str:
    if action.title:
        return action.title
    known = registry.find_type(action.type)
    return known.title if known else action.type
