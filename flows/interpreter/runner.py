"""The interpreter: walks the tree, and knows neither who is watching nor what an action does."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from connections.endpoint.embedded import without_secrets
from connections.endpoint.recognise import secret_in
from connections.secret import MASK, Secret
from flows.actions import registry
from flows.actions.base import Lap, Prop, PropertyKind, Result, default_of, label, props
from flows.actions.services import Services
from flows.interpreter.journal import (
    ActionCancelled,
    ActionEnd,
    ActionFailed,
    ActionFinished,
    ActionLogged,
    ActionNoted,
    ActionSkipped,
    ActionStarted,
    ActionStreamed,
    ActionWaiting,
    Journal,
)
from flows.interpreter.tries import Tries
from flows.language.document import Action, Branch, Document, Input
from flows.language.errors import ActionError, LoopLeft, Returned, RunFailed, Signal
from flows.language.expressions import ExpressionError
from flows.language.rendering import evaluate_condition, off_loop_if_heavy, render, render_deep
from flows.language.sandbox.budget import PART
from flows.language.scope import Scope
from flows.language.values import as_text, convert, display_json, to_number, weight
from flows.lint.literal_secrets import is_own_key, is_stored
from flows.lint.visible import unset_at

log = logging.getLogger(__name__)

HOLD_SECRETS = (PropertyKind.SECRET, PropertyKind.VARIABLES)  # where {"secret": id} stands for a stored literal
EMPTY: tuple[Any, ...] = (None, "", [])  # properties that are not set
# An iteration of a tight loop never waits for anything; others must get their turn all the same.
BREATHE_EVERY = 50
MOST_COMPOSED = 10_000_000  # characters of a value that is put together, with 16 for each of its parts
MOST_RESULTS = 40_000_000  # of all that an action gives, counted wherever it stands


async def execute(document: Document, inputs: Mapping[str, Any], journal: Journal, services: Services) -> Any:
    """Runs the document and gives the value of `return`, or None.

    Raises RunFailed; a cancellation passes through once it is recorded.
    """
    try:
        scope = first_scope(document, await with_stored_defaults(document, inputs, services))
    except ActionError as error:
        raise RunFailed("", "", error) from None
    try:
        await Runner(journal, services, document).run_block(document.actions, scope, "")
    except Returned as returned:
        return returned.value
    except LoopLeft as left:
        outside = ActionError("outside_loop", f"There is no loop for {left.signal} to leave.", "Move it into a loop.")
        raise RunFailed(left.path, left.action_id, outside) from None
    return None


async def with_stored_defaults(document: Document, inputs: Mapping[str, Any], services: Services) -> Mapping[str, Any]:
    """With the defaults of secret inputs that are kept in encrypted storage. Raises ActionError."""
    opened = {
        declared.name: await services.secret(declared.default["secret"])
        for declared in document.inputs
        if has_stored_default(declared) and inputs.get(declared.name) is None
    }
    return {**inputs, **opened} if opened else inputs


def has_stored_default(declared: Input) -> bool:
    return declared.type == "secret" and is_stored(declared.default)


def first_scope(document: Document, inputs: Mapping[str, Any]) -> Scope:
    """The inputs as variables, by their names and together as `inputs`.

    A default in encrypted storage counts as there; it is a mask until `with_stored_defaults` gives it.
    """
    known = {declared.name for declared in document.inputs}
    if unknown := sorted(set(inputs) - known):
        names = ", ".join(sorted(known)) or "none"
        raise ActionError("input", f"There is no input {unknown[0]}.", f"Inputs of this flow: {names}.")
    scope = Scope()
    for declared in document.inputs:
        value = inputs.get(declared.name)
        if value is None:
            value = Secret(MASK) if has_stored_default(declared) else declared.default
        if declared.required and (value is None or value == ""):
            raise ActionError("input", f"The input {declared.name} is missing.", "It is required; fill it in.")
        try:
            scope.declare(declared.name, declared.type, value)
        except ValueError as error:
            raise ActionError("input", f"The input {declared.name} {error}.", f"Its type is {declared.type}.") from None
    together = {name: variable.value for name, variable in scope.variables.items()}
    scope.put("inputs", together)
    return scope


class Runner:
    """Runs blocks of one run."""

    def __init__(self, journal: Journal, services: Services, document: Document | None = None) -> None:
        self.journal, self.services, self._document = journal, services, document
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
        # A container is walked again: what it did is what the actions inside did to the scope.
        ended = None if action.branches else self._recall(action, path)
        if isinstance(ended, ActionFailed):
            raise RunFailed(path, action.id, ended.error)
        if ended is None:
            async with self._outcome(path, action) as outcome:
                outcome.result = await self._run_tries(action, scope, path)
            ended = outcome.finished
        apply_outcome(ended, scope)
        match ended.signal:
            case Signal.RETURN:
                raise Returned(ended.output)
            case Signal.BREAK | Signal.CONTINUE:
                raise LoopLeft(ended.signal, path, action.id)

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
                    result = await self._perform(action, scope, path, tries.number)
            except ActionError as error:
                delay = tries.delay_after(error)
                if delay is None:
                    raise tries.annotate_error(error) from None
                await self.journal.record(ActionWaiting(path, tries.reason_to_wait(error), time.time() + delay))
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
        outcome.finished = finished_event(path, outcome.result)
        await self.journal.record(outcome.finished)

    async def _record_passing(self, outcome: ActionOutcome, passing: Returned | RunFailed | LoopLeft) -> None:
        # A container that something inside ended: it failed with it, or is done because of a return or break.
        if isinstance(passing, RunFailed):
            inside = ActionError("inside", f"{passing.path} failed: {passing.error.message}", passing.error.hint)
            await self.journal.record(ActionFailed(outcome.path, time.time(), inside))
        else:
            await self.journal.record(ActionFinished(outcome.path, time.time()))

    async def _perform(self, action: Action, scope: Scope, path: str, attempt: int) -> Result:
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
            rendered = await self._rendered(known.properties, action, scope)
        except ActionError:
            await self.journal.record(started)
            raise
        await self.journal.record(
            dataclasses.replace(
                started, inputs=await off_loop_if_heavy(inputs_for_display, without_keys_in_addresses(rendered))
            )
        )
        result = await known.execute(rendered, Execution(self, action, scope, path, attempt))
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

    async def _rendered(self, properties: Any, action: Action, scope: Scope) -> Any:
        """The properties with their templates evaluated and their secrets opened."""
        values = {}
        for name, declared in props(properties).items():
            value = action.properties.get(name)
            if value in (None, ""):
                value = default_of(properties, name)
            if declared.kind in HOLD_SECRETS:
                value = await self._opened(value)
            elif declared.typed_by or declared.inputs_of:
                value = await self._opened_among_values(value)
            try:
                values[name] = await read(declared, value, scope)
                if declared.kind is PropertyKind.VARIABLE and value and scope.find(value) is None:
                    self._refuse_unset(action, value)
            except ValueError as error:
                raise self.wrong_expression(action, error, label(name)) from None
            if declared.required and values[name] in (None, "", []):
                raise ActionError("property_missing", f"{label(name)} is missing.", "Fill it in in the property panel.")
        return properties(**values)

    def _refuse_unset(self, action: Action, name: str) -> None:
        if self._document and unset_at(self._document, action.id, name, in_loop=False):
            raise ExpressionError(f"`{name}` is not set.", missing=name)

    def wrong_expression(self, action: Action, error: ValueError, where: str, *, in_loop: bool = False) -> ActionError:
        """What to tell of a template of the action that could not be evaluated."""
        missing = error.missing if isinstance(error, ExpressionError) else ""
        unset = None
        if missing and self._document:
            unset = unset_at(self._document, action.id, missing, in_loop=in_loop)
        said = f"{where}: " if where else ""
        if unset is None:
            return ActionError("expression", f"{said}{error}", "Correct the property in the panel.")
        return ActionError(
            "not_set",
            f"{said}`{missing}` is not set: {unset.declared_by} sets it, and the run did not come through there.",
            f"Set it in every branch, declare it before, or read it with {{{{ {missing} | default('') }}}}.",
        )

    async def _opened(self, value: Any) -> Any:
        """With every reference of a stored secret replaced by the secret."""
        if isinstance(value, Mapping):
            if is_stored(value):
                return await self.services.secret(value["secret"])
            return {key: await self._opened(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [await self._opened(inner) for inner in value]
        return value

    async def _opened_among_values(self, value: Any) -> Any:
        """The same where any object may stand: only what this server has put there, and not deep inside."""
        if is_own_key(value):
            return await self.services.secret(value["secret"])
        if not isinstance(value, Mapping):
            return value
        return {
            key: await self.services.secret(inner["secret"]) if is_own_key(inner) else inner
            for key, inner in value.items()
        }


@dataclasses.dataclass
class ActionOutcome:
    path: str
    result: Result = dataclasses.field(default_factory=Result)
    finished: ActionFinished = dataclasses.field(init=False)


class Execution:
    """One execution of one action: what base.Step promises."""

    def __init__(self, runner: Runner, action: Action, scope: Scope, path: str, attempt: int) -> None:
        self._runner, self.action, self.scope, self.path, self.attempt = runner, action, scope, path, attempt

    @property
    def services(self) -> Services:
        return self._runner.services

    async def text(self, delta: str) -> None:
        await self._runner.journal.record(ActionStreamed(self.path, delta))

    async def log(self, level: str, message: str) -> None:
        await self._runner.journal.record(ActionLogged(self.path, level, message, time.time()))

    async def waiting(self, reason: str, until: float) -> None:
        await self._runner.journal.record(ActionWaiting(self.path, reason, until))

    @property
    def noted(self) -> Any:
        return self._runner.journal.noted(self.path)

    async def note(self, value: Any) -> None:
        await self._runner.journal.record(ActionNoted(self.path, value))

    async def rendered(self, value: Any, scope: Scope) -> Any:
        try:
            return await render_deep(value, scope)
        except ExpressionError as error:
            raise self._runner.wrong_expression(self.action, error, "", in_loop=True) from None

    async def holds(self, expression: str, scope: Scope, where: str) -> bool:
        try:
            return await evaluate_condition(expression, scope)
        except ExpressionError as error:
            raise self._runner.wrong_expression(self.action, error, where, in_loop=True) from None

    async def run_block(
        self,
        branch: Branch,
        *,
        index: int | None = None,
        variables: Mapping[str, Any] | None = None,
        isolated: bool = False,
    ) -> Lap:
        inner = (self.scope.copy() if isolated else self.scope).child()
        for name, value in (variables or {}).items():
            inner.bind(name, value)
        if index is None:
            await self._runner.run_block(branch.actions, inner, f"{self.path}/")
            self.scope.keep(inner, variables or ())
            return Lap(inner)
        try:
            await self._runner.run_block(branch.actions, inner, f"{self.path}[{index}]/")
        except LoopLeft as left:
            return Lap(inner, left.signal)
        return Lap(inner)

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


async def read(declared: Prop, value: Any, scope: Scope) -> Any:
    """The value of one property. Raises ExpressionError, ValueError."""
    match declared.kind:
        case PropertyKind.TEXT:
            rendered = await render(value, scope) if isinstance(value, str) else value
            if isinstance(rendered, Secret):
                raise ValueError("it is a secret; a secret goes only into a secret property")
            return rendered if rendered is None or type(rendered) is str else await off_loop_if_heavy(as_text, rendered)
        case PropertyKind.VALUE:
            return await composed(value, scope)
        case PropertyKind.NUMBER:
            rendered = await render(value, scope) if isinstance(value, str) else value
            return None if rendered in (None, "") else in_bounds(to_number(rendered), declared)
        case PropertyKind.SECRET:
            rendered = await render(value, scope) if isinstance(value, str) else value
            return convert(rendered, "secret")
        case PropertyKind.CONDITION:
            return value if isinstance(value, str) else as_text(value)
        case PropertyKind.CHOICE:
            if value is not None and value not in declared.choices:
                raise ValueError(f"{value!r} is not one of {', '.join(declared.choices)}")
            return value
        case PropertyKind.VARIABLES:
            return await rows(value, scope)
        case PropertyKind.CONNECTION | PropertyKind.VARIABLE | PropertyKind.NEW_VARIABLE:
            if value is not None and not isinstance(value, str):
                raise ValueError(f"{value!r} is not a name")
            return value
        case _:
            return value


async def composed(value: Any, scope: Scope) -> Any:
    """A value with templates in it. Raises ExpressionError, and ValueError when together they are too large."""
    made = await render_deep(value, scope)
    if isinstance(value, Mapping | list):
        # Parts may be the same list many times over, which takes no memory until it is written down.
        await off_loop_if_heavy(refuse_large, made)
    return made


def refuse_large(value: Any, most: int = MOST_COMPOSED) -> None:
    if weight(value, most, of_part=PART) >= most:
        raise ValueError(f"the value would be larger than {most:,} characters")


async def rows(value: Any, scope: Scope) -> list[dict[str, Any]]:
    """Declarations in order; each value may use the variables declared before it in the same action."""
    inner = scope.child()
    made = []
    for row in value if isinstance(value, list) else []:
        if not isinstance(row, Mapping) or not isinstance(row.get("name"), str) or not row["name"]:
            raise ValueError("a variable has no name")
        type = str(row.get("type") or "text")
        stored = row.get("value")
        try:
            value = None if stored == "" and type != "text" else await composed(stored, inner)
            inner.bind(row["name"], await off_loop_if_heavy(convert, value, type))
        except ValueError as error:
            prefix = "" if isinstance(error, ExpressionError) else f"{row['name']} "
            raise ValueError(f"{prefix}{error}") from None
        value = inner.variables[row["name"]].value
        made.append({"name": row["name"], "type": type, "value": value, "global": row.get("global") is True})
    return made


def in_bounds(number: float, declared: Prop) -> float:
    if declared.minimum is not None and number < declared.minimum:
        raise ValueError(f"{number:g} is less than {declared.minimum:g}")
    if declared.maximum is not None and number > declared.maximum:
        raise ValueError(f"{number:g} is more than {declared.maximum:g}")
    return number


def inputs_for_display(rendered: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that are set, as people may see them."""
    return {name: display_json(value) for name, value in rendered.items() if value not in EMPTY}


def without_keys_in_addresses(rendered: Any) -> dict[str, Any]:
    """The rendered properties; an address without the secrets that somebody has put into it."""
    kind: Any = type(rendered)
    values = {name: (declared, getattr(rendered, name)) for name, declared in props(kind).items()}
    return {
        name: without_secrets(value) if declared.address and isinstance(value, str) and secret_in(value) else value
        for name, (declared, value) in values.items()
    }


def title_of(action: Action) -> str:
    if action.title:
        return action.title
    try:
        return registry.action_type(action.type).title
    except registry.UnknownAction:
        return action.type
