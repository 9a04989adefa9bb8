"""Runs the first branch whose condition holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flows.actions.base import ActionType, Group, NewBranch, Result, Step
from flows.language.decision import decision_of
from flows.language.nodes import Action, Branch


@dataclass(frozen=True)
class Properties:
    """None: the branches carry the conditions."""


class IfElse(ActionType):
    type = "if_else"
    title = "If"
    purpose = "the first branch whose condition holds"
    group = Group.CONTROL
    branches = "conditions"
    new_branches = (NewBranch("1", "If", condition=""), NewBranch("2", "Otherwise"))
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        taken = await self.choose(step)
        decision = self.decision(step, taken)
        await step.report_facts({"decision": decision})
        for branch in step.action.branches:
            if branch is not taken:
                await step.skip(branch, "branch not taken")
        if taken is None:
            return Result(output=None, facts={"branch": None, "decision": decision})
        facts = {"branch": taken.id, "condition": taken.condition, "decision": decision}
        await step.run_block(taken)
        return Result(output=taken.title or taken.id, facts=facts)

    async def choose(self, step: Step) -> Branch | None:
        """Branches in order; one without a condition is the otherwise, wherever it stands."""
        otherwise = None
        for branch in step.action.branches:
            if branch.condition is None:
                otherwise = otherwise or branch
                continue
            where = f"Condition of {branch.title or branch.id}"
            if await step.holds(branch.condition, step.scope, where):
                return branch
        return otherwise

    def decision(self, step: Step, taken: Branch | None) -> str:
        """Why this branch, with the values of its condition; where they cannot be said briefly, which one."""
        conditions = [branch.condition for branch in step.action.branches if branch.condition is not None]
        said = ""
        if taken and taken.condition is not None:
            said = decision_of(taken.condition, step.scope, held=True)
        elif len(conditions) == 1:
            said = decision_of(conditions[0], step.scope, held=False)
        return said or ((taken.title or taken.id) if taken else "None holds")

    def ways(self, action: Action) -> Sequence[Sequence[Branch]]:
        otherwise = [branch for branch in action.branches if branch.condition is None][:1]
        conditions = [(branch,) for branch in action.branches if branch.condition is not None]
        return [*conditions, tuple(otherwise)]

    def problems(self, action: Action) -> Sequence[tuple[str | None, str]]:
        without = [branch for branch in action.branches if branch.condition is None]
        found: list[tuple[str | None, str]] = []
        if not action.branches:
            found.append((None, "It has no branches. Add one in the panel."))
        for branch in without[:-1]:
            found.append(
                (
                    f"branch-{branch.id}-condition",
                    f"{branch.title or branch.id} has no condition. Only one branch can be the otherwise.",
                )
            )
        return found
