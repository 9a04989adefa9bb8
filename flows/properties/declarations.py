"""Variables to declare: rows of name, type, value and whether they are of the whole flow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connections.secret import Secret
from flows.language.expressions import ExpressionError, templates_in
from flows.language.rename import rename_in_value
from flows.language.rendering import off_loop_if_heavy
from flows.language.scope import Scope, VariableInScope
from flows.language.shape import Shape, shape_of
from flows.language.stored_secrets import is_stored
from flows.language.values import VARIABLE_TYPES, convert
from flows.properties.base import (
    ChangeSecret,
    Finding,
    LintContext,
    Property,
    SecretContext,
    declare,
    template_problems,
)
from flows.properties.value import render_value

MOST_ON_CARD = 12


@dataclass(frozen=True, kw_only=True)
class DeclarationsProperty(Property):
    kind = "declarations"
    makes_secrets = True

    may_hold_secret: bool = True

    async def open_secrets(self, value: Any, open: Callable[[str], Awaitable[Secret]]) -> Any:
        return await open_everywhere(value, open)

    async def read(self, value: Any, scope: Scope) -> Any:
        """The rows in their order; each value may use the variables declared before it in the same action."""
        inner = scope.child()
        return [await read_row(row, inner) for row in (value if isinstance(value, list) else [])]

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        if not isinstance(value, list):
            yield Finding(f"{self.label} is not a list.")
            return
        variables = dict(context.variables)
        for number, row in enumerate(value, 1):
            if not is_named(row) or not row["name"].isidentifier():
                yield Finding(f"Variable {number} has no name.")
                continue
            type = row.get("type") or "text"
            if type not in VARIABLE_TYPES:
                yield Finding(f"{row['name']}: {type!r} is not a type. Types: {', '.join(VARIABLE_TYPES)}.")
            for template in templates_in(row.get("value")):
                yield from template_problems(template, variables, self.label)
            variables[row["name"]] = VariableInScope(row["name"], str(type), "")

    def declares(self, value: Any) -> Sequence[tuple[str, str, bool]]:
        return [(row["name"], str(row.get("type") or "text"), bool(row.get("global"))) for row in named_rows(value)]

    def shapes(self, value: Any, properties: Mapping[str, Any]) -> Mapping[str, Shape]:
        written = ((row["name"], row.get("value")) for row in named_rows(value))
        return {name: shape_of(each) for name, each in written if isinstance(each, Mapping | list)}

    def assigns(self, value: Any, properties: Mapping[str, Any]) -> Sequence[tuple[Any, Any]]:
        return [(row["name"], row.get("value")) for row in named_rows(value)]

    def rename(self, value: Any, names: Mapping[str, str]) -> Any:
        renamed = rename_in_value(value, names)
        if not isinstance(renamed, list):
            return renamed
        return [{**row, "name": names.get(row["name"], row["name"])} if is_named(row) else row for row in renamed]

    def change_secrets(self, value: Any, change: ChangeSecret, context: SecretContext) -> Any:
        return [change_row(row, change) for row in value] if isinstance(value, list) else value

    def card_rows(self, value: Any) -> Sequence[tuple[str, str, bool]]:
        rows = [row for row in (value if isinstance(value, list) else []) if isinstance(row, dict)]
        return [
            (str(row.get("name") or "?"), str(row.get("type") or "text"), row.get("type") == "secret")
            for row in rows[:MOST_ON_CARD]
        ]


def declarations(label: str, **more: Any) -> Any:
    return declare(DeclarationsProperty(label=label, **more))


def is_named(row: Any) -> bool:
    return isinstance(row, Mapping) and isinstance(row.get("name"), str)


def named_rows(value: Any) -> Iterator[Mapping[str, Any]]:
    return (row for row in (value if isinstance(value, list) else []) if is_named(row))


async def open_everywhere(value: Any, open: Callable[[str], Awaitable[Secret]]) -> Any:
    """The value with every reference of a stored secret replaced by the secret."""
    if is_stored(value):
        return await open(value["secret"])
    if isinstance(value, Mapping):
        return {key: await open_everywhere(inner, open) for key, inner in value.items()}
    if isinstance(value, list):
        return [await open_everywhere(inner, open) for inner in value]
    return value


async def read_row(row: Any, scope: Scope) -> dict[str, Any]:
    """A row with its value of the type it says, which is put into the scope. Raises ValueError."""
    if not is_named(row) or not row["name"]:
        raise ValueError("a variable has no name")
    name, type, stored = row["name"], str(row.get("type") or "text"), row.get("value")
    try:
        rendered = None if stored == "" and type != "text" else await render_value(stored, scope)
        value = await off_loop_if_heavy(convert, rendered, type)
    except ValueError as error:
        prefix = "" if isinstance(error, ExpressionError) else f"{name} "
        raise ValueError(f"{prefix}{error}") from None
    scope.bind(name, value)
    return {"name": name, "type": type, "value": value, "global": row.get("global") is True}


def change_row(row: Any, change: ChangeSecret) -> Any:
    if not isinstance(row, Mapping) or row.get("type") != "secret" or "value" not in row:
        return row
    return {**row, "value": change(str(row.get("name") or "?"), row["value"])}
