"""Calls a function in Python that people have written, where it can reach nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.actions.base import ActionType, Group, Result, Step
from flows.language.errors import ActionError
from flows.language.nodes import Action
from flows.language.python_failures import FunctionFailed, FunctionLimits
from flows.language.python_sandbox import FunctionJob, sandbox
from flows.language.python_source import CodeError, read_source
from flows.properties.arguments import arguments
from flows.properties.code import code
from flows.properties.flow_inputs import object_in
from flows.properties.new_variable import result_variable
from flows.properties.number import number


@dataclass(frozen=True)
class Properties:
    code: str = code(
        "Code",
        required=True,
        arguments="arguments",
        limits=("time_limit", "memory_limit", "recursion_limit"),
        empty="def main(text):\n    return text.upper()",
        hint="A function; it gets what its parameters name, and gives what it returns.",
        rows=10,
        on_card=True,
    )
    arguments: Any = arguments("Arguments", of="code", empty="none", no_secrets="a function may not see a secret")
    time_limit: float = number("Time limit in seconds", minimum=0.1, maximum=60, default=5, advanced=True)
    memory_limit: int = number("Memory limit in MB", minimum=8, maximum=512, default=64, whole=True, advanced=True)
    recursion_limit: int = number(
        "Recursion limit",
        minimum=10,
        maximum=1_000,
        default=200,
        whole=True,
        hint="Calls inside each other.",
        advanced=True,
    )
    result_variable_name: str = result_variable("result")


class Function(ActionType):
    type = "function"
    title = "Function"
    purpose = "a value that Python computes"
    group = Group.BUILTIN
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        job = FunctionJob(properties.code, arguments_of(properties.arguments), limits_of(properties))
        try:
            outcome = await sandbox.run(job)
        except FunctionFailed as error:
            await log_printed(step, error.printed)
            raise
        await log_printed(step, outcome.printed)
        return Result(
            output=outcome.value,
            variables={properties.result_variable_name: outcome.value},
            facts={"function_ms": round(outcome.seconds * 1_000, 1)},
        )

    def problems(self, action: Action) -> Sequence[tuple[str | None, str]]:
        """Parameters without a value, and values without a parameter, as far as both are written down."""
        text, given = action.properties.get("code"), action.properties.get("arguments")
        if not isinstance(text, str) or not text or not (given in (None, "") or isinstance(given, Mapping)):
            return []
        try:
            problem = read_source(text).problem_with(given or {})
        except CodeError:
            return []  # which the code itself says
        return [("arguments", f"Arguments: {problem}")] if problem else []


def arguments_of(given: Any) -> Mapping[str, Any]:
    """Raises ActionError."""
    found = {} if given in (None, "") else given if isinstance(given, Mapping) else object_in(given)
    if found is None:
        raise ActionError("input", "Arguments is not an object.", 'Give an object such as {"text": "…"}.')
    return found


def limits_of(properties: Properties) -> FunctionLimits:
    return FunctionLimits.of(properties.time_limit, properties.memory_limit, properties.recursion_limit)


async def log_printed(step: Step, printed: str) -> None:
    if printed.strip():
        await step.log("info", printed.rstrip())
