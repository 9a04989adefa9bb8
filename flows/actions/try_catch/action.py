"""Goes on in another branch when something fails in the first; a third runs in any case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.actions.base import ActionType, Group, NewBranch, Result, Step
from flows.language.errors import LoopLeft, Returned, RunFailed
from flows.language.nodes import Action, Branch
from flows.language.shape import TEXT, object_shape
from flows.properties.new_variable import new_variable

ROLES = ("try", "catch", "finally")
CAUGHT = object_shape(**dict.fromkeys(("kind", "message", "hint", "action", "path"), TEXT))


@dataclass(frozen=True)
class Properties:
    exception_variable_name: str = new_variable(
        "Exception variable name",
        default="exception",
        type="object",
        shape=lambda _: CAUGHT,
        inside="catch",
        hint="What failed, inside Catch.",
    )


class TryCatch(ActionType):
    type = "try_catch"
    title = "Try and catch"
    purpose = "what to do when something fails"
    group = Group.CONTROL
    branches = "try"
    new_branches = (NewBranch("try", "Try"), NewBranch("catch", "Catch"), NewBranch("finally", "Finally"))
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        lanes = lanes_of(step.action)
        try:
            caught = await self.run_try(lanes, properties, step)
        except (RunFailed, Returned, LoopLeft):
            await self.run(lanes.get("finally"), step)
            raise
        await self.run(lanes.get("finally"), step)
        facts = {"caught": caught["kind"], "message": caught["message"]} if caught else {}
        return Result(output=caught, facts=facts, warning=f"Caught: {caught['message']}"[:500] if caught else None)

    async def run_try(self, lanes: Mapping[str, Branch], properties: Properties, step: Step) -> dict[str, Any] | None:
        """What was caught; None when nothing failed."""
        catch = lanes.get("catch")
        try:
            await self.run(lanes.get("try"), step)
        except RunFailed as failed:
            if catch is None:
                raise
            error = failed.error
            caught = {"kind": error.kind, "message": error.message, "hint": error.hint}
            caught.update(action=failed.action_id, path=failed.path)
            await step.run_block(catch, variables={properties.exception_variable_name: caught})
            return caught
        except (Returned, LoopLeft):
            await self.skip_catch(catch, step)
            raise
        await self.skip_catch(catch, step)
        return None

    async def skip_catch(self, catch: Branch | None, step: Step) -> None:
        if catch is not None:
            await step.skip(catch, "nothing failed")

    async def run(self, lane: Branch | None, step: Step) -> None:
        if lane is not None:
            await step.run_block(lane)

    def ways(self, action: Action) -> Sequence[Sequence[Branch]]:
        lanes = lanes_of(action)
        last = [lanes["finally"]] if "finally" in lanes else []
        return [
            [*([lanes["try"]] if "try" in lanes else []), *last],
            *([[lanes["catch"], *last]] if "catch" in lanes else []),
        ]

    def role(self, action: Action, branch: Branch) -> str:
        return next((role for role, lane in lanes_of(action).items() if lane == branch), "")


def lanes_of(action: Action) -> dict[str, Branch]:
    """The branches by role: by id (catch, or ending in -catch), else by title, else by position."""
    lanes: dict[str, Branch] = {}
    for at, branch in enumerate(action.branches):
        named = next((role for role in ROLES if branch.id == role or branch.id.endswith(f"-{role}")), "")
        titled = branch.title.strip().lower()
        role = named or (titled if titled in ROLES else ROLES[at] if at < len(ROLES) else "")
        lanes.setdefault(role, branch)
    return lanes
