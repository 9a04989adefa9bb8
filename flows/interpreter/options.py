"""What a run is told beside its inputs: where it ends, and whose outcomes are pinned, so that they are not executed."""

from __future__ import annotations

import dataclasses
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from flows.actions import registry
from flows.interpreter.checkpoint import CheckpointError, pack_outcome, unpack_outcome
from flows.interpreter.journal import ActionFinished
from flows.language.nodes import Action

NUMBERS = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True)
class PinnedAction:
    """Outcomes of one action in an earlier run, by the iterations that it stood in: `2.0`; empty outside of loops."""

    run: int
    outcomes: Mapping[str, ActionFinished]

    def outcome_at(self, path: str, action: Action) -> ActionFinished | None:
        """What the action has done in that iteration, as if it had just been done; None where that is not pinned."""
        found = self.outcomes.get(iterations_of(path)) or self.outcomes.get("")
        if found is None:
            return None
        variables = named_as_now(found, action)
        reason = f"pinned, output of run {self.run}"
        return dataclasses.replace(found, path=path, at=time.time(), variables=variables, reason=reason)

    def to_json(self) -> dict[str, object]:
        """Lossless, with the secrets that are in it: to be kept encrypted."""
        return {"run": self.run, "outcomes": {key: pack_outcome(each).text for key, each in self.outcomes.items()}}

    @classmethod
    def of_json(cls, stored: Mapping[str, object]) -> PinnedAction:
        """Raises CheckpointError."""
        run, outcomes = stored.get("run"), stored.get("outcomes")
        if not isinstance(run, int) or not isinstance(outcomes, Mapping):
            raise CheckpointError("The pinned output is malformed.")
        read = {str(key): unpack_outcome("", str(text)) for key, text in outcomes.items()}
        return cls(run, {key: each for key, each in read.items() if isinstance(each, ActionFinished)})


@dataclass(frozen=True)
class RunOptions:
    """`until` is the id of an action, or a path: the run ends once that has ended, as with a Return behind it."""

    until: str = ""
    pins: Mapping[str, PinnedAction] = field(default_factory=dict)  # by id of the action

    def ends_behind(self, action: Action, path: str) -> bool:
        return bool(self.until) and self.until in (action.id, path)

    def pinned_outcome(self, action: Action, path: str) -> ActionFinished | None:
        pinned = self.pins.get(action.id)
        return pinned.outcome_at(path, action) if pinned and not action.branches else None


def pack_pins(pins: Mapping[str, PinnedAction]) -> str:
    """As text, with the secrets that are in it: to be kept encrypted."""
    return json.dumps({action_id: pinned.to_json() for action_id, pinned in pins.items()})


def unpack_pins(text: str) -> dict[str, PinnedAction]:
    """Raises CheckpointError."""
    try:
        stored = json.loads(text)
    except ValueError:
        raise CheckpointError("The pinned outputs are malformed.") from None
    return {action_id: PinnedAction.of_json(each) for action_id, each in stored.items()}


def iterations_of(path: str) -> str:
    """The numbers of the iterations that an action stands in: of `each[2]/part[0]/chat` it is `2.0`."""
    return ".".join(NUMBERS.findall(path))


def named_as_now(outcome: ActionFinished, action: Action) -> Mapping[str, object]:
    """Its variables; the one that holds the result by the name that the action gives it now."""
    result = next((name for name, each in registry.properties_of_type(action.type).items() if each.is_result), "")
    if not result or len(outcome.variables) != 1:
        return outcome.variables
    name = action.properties.get(result) or registry.properties_of_type(action.type)[result].default
    return {str(name): next(iter(outcome.variables.values()))} if name else outcome.variables
