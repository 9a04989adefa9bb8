"""The iterations of the loops of a run, as the records of their actions have left them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import connection, models

from flows.models.raw_sql import MOST_VALUES, Fields, db_values, placeholders, table
from flows.models.states import State

FEW_ITERATIONS = 20  # of a loop that the page of a run shows step by step first
LONGEST_LABEL = 200  # characters


class Iteration(models.Model):
    """One iteration of a loop. Changed in the transaction that records what its actions did.

    It has failed when an action in it has, whether or not a Try in it caught that.
    """

    run = models.ForeignKey("flows.Run", on_delete=models.CASCADE, related_name="iterations", db_index=False)
    loop = models.CharField(max_length=500)  # path of the loop: "each", "each[3]/part"
    number = models.PositiveIntegerField()  # counted from 0
    total = models.PositiveIntegerField(null=True)  # of the loop's items; None where nobody knows before its end
    state = models.CharField(max_length=12, choices=State.choices)
    caught = models.BooleanField(default=False)  # what failed was caught inside, so that the loop went on
    started_at = models.DateTimeField()
    milliseconds = models.PositiveBigIntegerField(null=True)  # that it took
    label = models.CharField(max_length=LONGEST_LABEL, blank=True)  # what people call its item
    digest = models.CharField(max_length=64, blank=True)  # of its item, without secrets
    path = models.CharField(max_length=500, blank=True)  # of the first action that failed, else the last call
    output_path = models.CharField(max_length=500, blank=True)  # of the last action that set a variable
    error = models.CharField(max_length=40, blank=True)  # kind of that failure
    status = models.PositiveSmallIntegerField(null=True)  # of its answer
    tokens = models.PositiveBigIntegerField(default=0)
    customer = models.CharField(max_length=LONGEST_LABEL, blank=True)
    connection = models.CharField(max_length=255, blank=True)
    host = models.CharField(max_length=255, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "loop", "number"], name="one_iteration_a_number")]

    def __str__(self) -> str:
        return self.place

    @property
    def place(self) -> str:
        """What the paths of its actions begin with, before a slash."""
        return place_of_iteration(self.loop, self.number)


def place_of_iteration(loop: str, number: int) -> str:
    return f"{loop}[{number}]"


def split_place(place: str) -> tuple[str, int]:
    """The path of the loop, and the number."""
    loop, _, number = place.removesuffix("]").rpartition("[")
    return loop, int(number)


def enclosing_places(path: str) -> Iterator[str]:
    """The places of the iterations that an action stands in, from the outermost: of `a[1]/b[2]/c` two."""
    at = path.find("]/")
    while at >= 0:
        yield path[: at + 1]
        at = path.find("]/", at + 2)


NEW: Fields = {
    "total": None, "state": State.RUNNING, "caught": False, "started_at": None, "milliseconds": None, "label": "",
    "digest": "", "path": "", "output_path": "", "error": "", "status": None, "tokens": 0, "customer": "",
    "connection": "", "host": "",
}  # fmt: skip
COLUMNS = ("run_id", "loop", "number", *NEW)
ITERATIONS = table(Iteration)
FIRST_FAILURE = f"CASE WHEN {ITERATIONS}.error <> '' THEN {ITERATIONS}.{{0}} ELSE {{1}} END"
NEWEST_KNOWN = f"COALESCE(NULLIF(excluded.{{0}}, ''), {ITERATIONS}.{{0}})"
CHANGES = {
    "total": f"COALESCE(excluded.total, {ITERATIONS}.total)",
    "state": f"CASE WHEN excluded.state = '{State.SUCCEEDED}' AND {ITERATIONS}.error <> ''"
    f" THEN '{State.FAILED}' ELSE excluded.state END",
    "caught": f"excluded.caught OR (excluded.state = '{State.SUCCEEDED}' AND {ITERATIONS}.error <> '')",
    "milliseconds": f"COALESCE({ITERATIONS}.milliseconds, excluded.milliseconds)",
    "label": NEWEST_KNOWN.format("label"),
    "output_path": NEWEST_KNOWN.format("output_path"),
    "digest": NEWEST_KNOWN.format("digest"),
    "path": FIRST_FAILURE.format("path", NEWEST_KNOWN.format("path")),
    "status": FIRST_FAILURE.format("status", "excluded.status"),
    "error": FIRST_FAILURE.format("error", "excluded.error"),
    "tokens": f"{ITERATIONS}.tokens + excluded.tokens",
    **{name: FIRST_FAILURE.format(name, NEWEST_KNOWN.format(name)) for name in ("customer", "connection", "host")},
}


def merge_change(before: Fields, change: Mapping[str, Any]) -> None:
    """What has become of an iteration since, in one change. Of failures the first one stays."""
    failed = bool(before["error"])
    for name, value in change.items():
        if name == "tokens":
            before["tokens"] += value
        elif value not in ("", None) and not (failed and name in KEPT_OF_FAILURE):
            before[name] = value


KEPT_OF_FAILURE = ("path", "error", "status", "customer", "connection", "host")


def store_iterations(changes: Sequence[tuple[int, Fields]]) -> None:
    """In the transaction that is open: changes of iterations, each with its run; of one iteration only one."""
    for _, change in changes:
        if change["state"] == State.SUCCEEDED and change["error"]:
            change.update(state=State.FAILED, caught=True)
    at_once = MOST_VALUES // len(COLUMNS)
    updates = ", ".join(f"{name} = {value}" for name, value in CHANGES.items())
    with connection.cursor() as cursor:
        for some in (changes[at : at + at_once] for at in range(0, len(changes), at_once)):
            rows = ", ".join([placeholders(COLUMNS)] * len(some))
            cursor.execute(
                f"INSERT INTO {ITERATIONS} ({', '.join(COLUMNS)}) VALUES {rows}"
                f" ON CONFLICT (run_id, loop, number) DO UPDATE SET {updates}",
                [value for run, change in some for value in (run, *db_values(Iteration, change))],
            )
