"""Asks a database for rows, with parameters, limits and secret columns."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connections.databases.parameters import parameter_names
from connections.databases.query import DatabaseQuery, QueryResult
from connections.kinds.base import DataSourceError
from connections.kinds.registry import DATABASES
from connections.secret import Secret
from flows.actions.base import ActionType, Group, Result, Step
from flows.language.errors import ActionError
from flows.language.nodes import Action
from flows.language.shape import SECRET, UNKNOWN, Shape
from flows.language.values import as_text, to_json
from flows.properties.choice import choice
from flows.properties.connection import connection
from flows.properties.new_variable import result_variable
from flows.properties.number import number
from flows.properties.sql import sql
from flows.properties.text import text
from flows.properties.value import value

ROWS, ROW, VALUE = "rows", "one row", "one value"
MEGABYTE = 1_000_000
PARAMETERS_EXAMPLE = 'Give an object such as {"id": "{{ customer.id }}"}.'


def result_shape(properties: Mapping[str, Any]) -> Shape:
    """What is known of the result before a run: the columns that have to be there."""
    required, secret = (column_names(properties.get(name)) for name in ("required_columns", "secret_columns"))
    row = Shape("object", {**dict.fromkeys(required, UNKNOWN), **dict.fromkeys(secret, SECRET)})
    wanted = properties.get("result") or ROWS
    return Shape("list", item=row) if wanted == ROWS else row if wanted == ROW else UNKNOWN


@dataclass(frozen=True)
class Properties:
    connection: str = connection(
        "Connection",
        kinds=DATABASES,
        required=True,
        on_card=True,
    )
    sql: str = sql("SQL", required=True, hint="One statement. Parameters are named as :name.", on_card=True)
    parameters: Any = value(
        "Parameters",
        empty="none",
        hint='An object by name, such as {"id": "{{ customer.id }}"}. Values are bound, never pasted.',
        may_hold_secret=True,
        keeps_json=True,
        rows=2,
    )
    result: str = choice("Result", choices=(ROWS, ROW, VALUE), default=ROWS, on_card=True)
    secret_columns: str | None = text(
        "Secret columns", empty="none", hint="Names, separated by commas. Their values are secrets.", on_card=True
    )
    required_columns: str | None = text(
        "Required columns",
        empty="none",
        hint="Names, separated by commas. NULL in one of them is an error.",
        advanced=True,
    )
    row_limit: int = number("Row limit", minimum=1, maximum=10_000, whole=True, default=1_000, advanced=True)
    size_limit: float = number("Size limit in MB", minimum=0.001, maximum=20, default=5, advanced=True)
    timeout: float = number("Time limit in seconds", minimum=0.1, maximum=600, default=30, advanced=True)
    may_change_data: str | None = choice("May change data", choices=("yes",), empty="no", advanced=True)
    result_variable_name: str = result_variable("result", shape=result_shape)


class QueryDatabase(ActionType):
    type = "query_database"
    title = "Query database"
    purpose = "rows, one row or one value from a database"
    group = Group.BUILTIN
    properties = Properties
    brings_secrets = True

    async def execute(self, properties: Properties, step: Step) -> Result:
        target = await step.services.data_connection(properties.connection)
        facts = step.facts
        facts.update(connection=target.name, host=target.address.place)
        started = time.monotonic()
        try:
            found = await step.services.databases.query(target, query_of(properties))
            output = output_of(found, properties)
        except DataSourceError as error:
            kind, message = error_of(error, properties)
            facts |= {"sqlstate": error.sqlstate} if error.sqlstate else {}
            raise ActionError(kind, message, error.hint, raw=error.raw, facts=facts) from None
        facts["query_ms"] = round((time.monotonic() - started) * 1000, 1)
        facts |= {"rows": len(found.rows)} if found.columns is not None else {"changed": found.changed}
        return Result(output=output, variables={properties.result_variable_name: output}, facts=facts)

    def problems(self, action: Action) -> Sequence[tuple[str | None, str]]:
        """Parameters without a value, as far as they are written down."""
        text, given = action.properties.get("sql"), action.properties.get("parameters")
        if not isinstance(text, str) or not (given in (None, "") or isinstance(given, Mapping)):
            return []
        missing = [name for name in parameter_names(text) if name not in (given or {})]
        return [("parameters", f"Parameters: SQL names :{name}, which has no value here.") for name in missing[:1]]


def query_of(properties: Properties) -> DatabaseQuery:
    return DatabaseQuery(
        properties.sql,
        parameters_of(properties.parameters),
        most_rows=properties.row_limit if properties.result == ROWS else 1,
        most_bytes=int(properties.size_limit * MEGABYTE),
        timeout=properties.timeout,
        may_change=properties.may_change_data == "yes",
    )


def parameters_of(given: Any) -> Mapping[str, Any]:
    if given in (None, ""):
        return {}
    try:
        made: Mapping[str, Any] = to_json(given, dict, "an object")
    except ValueError as error:
        raise ActionError("input", f"Parameters {error}.", PARAMETERS_EXAMPLE) from None
    return made


def error_of(error: DataSourceError, properties: Properties) -> tuple[str, str]:
    """Kind and message, in the words of what was asked for."""
    if error.kind == "too_many_rows" and properties.result != ROWS:
        return "two_rows", f"Result is {properties.result}, but the query gives more than one row."
    return f"database_{error.kind}" if error.kind in ("query", "column") else error.kind, error.message


def output_of(found: QueryResult, properties: Properties) -> Any:
    """Rows, a row or a value, with their secrets; the number of changed rows where there are none.

    Raises DataSourceError.
    """
    if found.columns is None:
        return found.changed
    secret = known_columns(properties.secret_columns, found.columns, "Secret columns")
    required = known_columns(properties.required_columns, found.columns, "Required columns")
    rows = [row_of(found.columns, row, secret, required) for row in found.rows]
    if properties.result == ROWS:
        return rows
    if not rows:
        raise DataSourceError(
            "no_row", f"Result is {properties.result}, but the query gives no row.", "Check its WHERE."
        )
    if properties.result == ROW:
        return rows[0]
    if len(found.columns) != 1:
        raise DataSourceError(
            "column", f"Result is one value, but the query gives {len(found.columns)} columns.", "Name one column."
        )
    return rows[0][found.columns[0]]


def column_names(written: Any) -> list[str]:
    return [name.strip() for name in str(written or "").split(",") if name.strip()]


def known_columns(names: str | None, columns: Sequence[str], label: str) -> list[str]:
    wanted = column_names(names)
    for name in wanted:
        if name not in columns:
            hint = f"The query gives {', '.join(columns)}."
            raise DataSourceError("column", f"{label}: there is no column {name} in the result.", hint)
    return wanted


def row_of(
    columns: Sequence[str], values: Sequence[Any], secret: Sequence[str], required: Sequence[str]
) -> dict[str, Any]:
    row = dict(zip(columns, values, strict=True))
    for name in required:
        if row[name] is None:
            raise DataSourceError("null", f"The column {name} is NULL, but it is required.", "Fill it in the database.")
    for name in secret:
        if row[name] is not None:
            row[name] = Secret(as_text(row[name]))
    return row
