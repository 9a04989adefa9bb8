"""What another run takes over from one: results, with their records, and iterations that stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from django.db import connection

from flows.models.iteration import Iteration, enclosing_places, place_of_iteration
from flows.models.raw_sql import placeholders, quote_name, table
from flows.models.record import TAKEN_OVER, ActionRun, Checkpoint
from flows.models.states import State

AT_ONCE = 10_000  # rows
Takes = Callable[[str, int, str], bool]  # by path, order and state of a record


def before(origin: int, path: str) -> Takes:
    """What had succeeded before the action at this path; empty: all that had."""
    pivot: int | None = None
    if path:
        pivot = ActionRun.objects.filter(run_id=origin, path=path).values_list("order", flat=True).first() or 0

    def takes(_: str, order: int, state: str) -> bool:
        return state in (State.SUCCEEDED, State.SKIPPED) and (pivot is None or order < pivot)

    return takes


def all_but(origin: int, loop: str, numbers: Collection[int]) -> Takes:
    """What was before the loop, and of it all iterations but those."""
    pivot = ActionRun.objects.filter(run_id=origin, path=loop).values_list("order", flat=True).first() or 0
    left_out = {place_of_iteration(loop, number) for number in numbers}

    def takes(path: str, order: int, _: str) -> bool:
        if path.startswith(f"{loop}["):
            return path[: path.index("]", len(loop)) + 1] not in left_out
        return order < pivot

    return takes


def take_over(run: int, origin: int, takes: Takes) -> int:
    """Gives how many records the run has then. Results that hold a secret are gone."""
    plain = set(Checkpoint.objects.filter(run_id=origin, note=False, sealed=None).values_list("path", flat=True))
    keys, paths, changed = [], [], set[str]()
    rows = ActionRun.objects.filter(run_id=origin).order_by("order").values_list("pk", "path", "order", "state")
    for key, path, order, state in rows:
        if not takes(path, order, state):
            changed.update(enclosing_places(path))
        elif path in plain:
            keys.append(key)
            paths.append(path)
    numbered = '%s + ROW_NUMBER() OVER (ORDER BY "order")'
    for at in range(0, len(keys), AT_ONCE):
        some = keys[at : at + AT_ONCE]
        values = {"run_id": "%s", "event": numbered, "order": numbered, "reason": "%s"}
        copy_rows(ActionRun, values, [run, at, at, f"{TAKEN_OVER}{origin}"], "id", some)
        kept = paths[at : at + AT_ONCE]
        copy_rows(Checkpoint, {"run_id": "%s"}, [run], f"run_id = {origin:d} AND NOT note AND path", kept)
    ended = Iteration.objects.filter(run_id=origin, state__in=(State.SUCCEEDED, State.FAILED))
    places = {key: place_of_iteration(loop, number) for key, loop, number in ended.values_list("pk", "loop", "number")}
    stay = [key for key, place in places.items() if place not in changed and takes(f"{place}/", 0, State.SUCCEEDED)]
    for at in range(0, len(stay), AT_ONCE):
        copy_rows(Iteration, {"run_id": "%s"}, [run], "id", stay[at : at + AT_ONCE])
    return len(keys)


def copy_rows(model: Any, values: dict[str, str], given: list[Any], which: str, among: list[Any]) -> None:
    """Rows that `which` finds among some; `values` are of columns that become others, with what is `given` for them."""
    others = [field.column for field in model._meta.concrete_fields if not field.primary_key]
    columns = [*values, *(column for column in others if column not in values)]
    chosen = ", ".join(values.get(column, quote_name(column)) for column in columns)
    names = ", ".join(quote_name(column) for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table(model)} ({names}) SELECT {chosen} FROM {table(model)}"
            f" WHERE {which} IN {placeholders(among)}",
            [*given, *among],
        )
