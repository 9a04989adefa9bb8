"""The form of the page New batch: what was typed into it, and the plan of the batch that it makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict

from connections.models import Connection
from flows.batch import checks, input_table
from flows.batch.lifecycle import MOST_CALLS, BatchPlan
from flows.batch.variants import Judge, Variant
from flows.batch.verdicts import judge_schema
from flows.playground.models import Session
from flows.playground.setup import LETTERS, Setup
from flows.playground.variables import template_problem
from foundryflow.http import whole_number

USUAL_CALLS = 20  # at the same time, of a connection without a limit
LONGEST_PROMPT = 200_000  # characters
CHECK_FIELDS = (
    "kind", "value", "column", "ignore_case", "minimum", "maximum", "connection", "model", "rubric",
)  # fmt: skip


class BatchIncomplete(ValueError):
    """The batch cannot be created; each problem says where and what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class ColumnChoice:
    """A column of the session, which may become a variant. `own_prompt` is none where the shared one is asked."""

    number: int
    setup: Setup
    chosen: bool
    own_prompt: str | None

    @property
    def letter(self) -> str:
        return LETTERS[self.number]


class CreateForm:
    """Filled from the session alone, or with what was posted."""

    def __init__(
        self, session: Session, posted: QueryDict | None = None, upload: UploadedFile[Any] | None = None
    ) -> None:
        self.session, self.posted, self.upload = session, posted, upload

    # What was typed

    @cached_property
    def columns(self) -> list[ColumnChoice]:
        active = len(self.session.active_columns)
        return [
            ColumnChoice(
                number, self.session.setup_of(number), self._is_chosen(number, active), self._own_prompt(number, own)
            )
            for number, own in enumerate(self.session.columns)
        ]

    def _is_chosen(self, number: int, active: int) -> bool:
        return number < active if self.posted is None else str(number) in self.posted.getlist("variant")

    def _own_prompt(self, number: int, own: Mapping[str, Any]) -> str | None:
        newest = self.session.head.prompts.get(str(number)) if self.session.head else None
        prompt = own.get("prompt", newest)
        return None if prompt is None else self._typed_or(f"prompt-{number}", str(prompt))

    @cached_property
    def prompt(self) -> str:
        newest = self.session.head or self.session.turns.order_by("pk").last()
        return self._typed_or("prompt", self.session.draft or (newest.prompt if newest else ""))

    def prompt_of(self, column: ColumnChoice) -> str:
        return self.prompt if column.own_prompt is None else column.own_prompt

    @property
    def name(self) -> str:
        return self._typed_or("name", self.session.name).strip()

    @property
    def typed_table(self) -> str:
        return self._typed_or("table", "")

    @property
    def concurrency(self) -> str:
        return self._typed_or("concurrency", str(usual_calls(column.setup for column in self.columns if column.chosen)))

    @cached_property
    def checks(self) -> list[dict[str, str]]:
        """As they were typed."""
        if self.posted is None:
            return []
        fields = [self.posted.getlist(f"check-{name}") for name in CHECK_FIELDS]
        return [dict(zip(CHECK_FIELDS, row, strict=False)) for row in zip(*fields, strict=False)][: checks.MOST_CHECKS]

    def _typed_or(self, name: str, otherwise: str) -> str:
        return otherwise if self.posted is None else str(self.posted.get(name, otherwise))

    # What comes out of it

    @cached_property
    def table(self) -> input_table.InputTable:
        """Raises TableError."""
        if self.upload is not None:
            return input_table.read_table(str(self.upload.name), self.upload.read(input_table.LARGEST + 1))
        if not self.typed_table.strip():
            raise input_table.TableError(["There is no table yet. Choose a file, or type one."])
        return input_table.parse_typed_table(self.typed_table)

    def variants(self, judges: list[Judge], columns: tuple[str, ...]) -> list[Variant]:
        known = {name: str(value) for name, value in self.session.variables.items()}
        return [
            Variant.of(column.setup, self.prompt_of(column), judges, columns, known)
            for column in self.columns
            if column.chosen
        ]

    def plan(self) -> BatchPlan:
        """The plan of the batch. Raises BatchIncomplete."""
        problems = list(self._problems())
        try:
            found = self.table
        except input_table.TableError as error:
            raise BatchIncomplete([*problems, *error.problems]) from None
        try:
            all_checks = checks.parse_checks(stored_checks(self.checks), found.columns)
        except checks.CheckError as error:
            raise BatchIncomplete([*problems, *error.problems]) from None
        judges = judges_of(all_checks)
        variants = self.variants(judges, found.columns)
        problems += judge_problems(judges)
        problems += missing_problems(variants, found.columns)
        calls = typed_number(self.concurrency)
        if calls is None or not 1 <= calls <= MOST_CALLS:
            problems.append(f"Calls at the same time are a whole number from 1 to {MOST_CALLS}.")
        if problems or calls is None:
            raise BatchIncomplete(list(dict.fromkeys(problems)))
        stored = stored_checks(self.checks)
        return BatchPlan(self.name[:200], self.session, variants, judges, found.columns, found.rows, stored, calls)

    def _problems(self) -> Iterator[str]:
        if not self.name:
            yield "The batch has no name. Give it one."
        chosen = [column for column in self.columns if column.chosen]
        if not chosen:
            yield "No model is chosen. Choose at least one."
        known = set(Connection.objects.foundry().values_list("name", flat=True))
        for column in chosen:
            where = f"{column.letter}: " if len(self.columns) > 1 else ""
            prompt = self.prompt_of(column)
            if not prompt.strip():
                yield f"{where}The prompt is empty. Type one."
            if len(prompt) > LONGEST_PROMPT:
                yield f"{where}The prompt is longer than {LONGEST_PROMPT:,} characters. Shorten it."
            for template in (prompt, *column.setup.templates()):
                if what := template_problem(template):
                    yield f"{where}A template cannot be read: {what}"
            if column.setup.connection not in known:
                yield f"{where}There is no connection {column.setup.connection or 'chosen'}. Choose one in the session."
            if not column.setup.model:
                yield f"{where}There is no deployment. Name one in the session."


def usual_calls(setups: Any) -> int:
    """What the connections allow together."""
    names = {setup.connection for setup in setups}
    limits = dict(Connection.objects.filter(name__in=names).values_list("name", "max_calls"))
    return max(1, min(MOST_CALLS, sum(limits.get(name) or USUAL_CALLS for name in names)))


def typed_number(text: str) -> int | None:
    return whole_number(text.strip().replace(",", ""))


def stored_checks(typed: list[dict[str, str]]) -> list[dict[str, Any]]:
    """As `checks.parse` reads them: of each kind the fields that it has, and those that are set."""
    made = []
    for row in typed:
        kind = row["kind"]
        check: dict[str, Any] = {"kind": kind}
        if kind == checks.CheckKind.LENGTH:
            limits = {name: row[name].strip() for name in ("minimum", "maximum")}
            check.update(
                {
                    name: limit if typed_number(limit) is None else typed_number(limit)
                    for name, limit in limits.items()
                    if limit
                }
            )
        elif kind == checks.CheckKind.JUDGE:
            check.update({name: row[name].strip() for name in ("connection", "model", "rubric")})
        else:
            texts = {"value": row["value"], "column": row["column"].strip()}
            check.update({name: text for name, text in texts.items() if text})
            if row["ignore_case"] == "1":
                check["ignore_case"] = True
        made.append(check)
    return made


def judges_of(all_checks: tuple[checks.Check, ...]) -> list[Judge]:
    return [
        Judge(number, check.connection, check.model, check.rubric, judge_schema())
        for number, check in enumerate(all_checks)
        if check.kind == checks.CheckKind.JUDGE
    ]


def judge_problems(judges: list[Judge]) -> Iterator[str]:
    known = set(Connection.objects.foundry().values_list("name", flat=True)) if judges else set()
    for judge in judges:
        if judge.connection not in known:
            yield f"Check {judge.check + 1}: the judge has no connection. Choose one."
        if not judge.model:
            yield f"Check {judge.check + 1}: the judge has no deployment. Name one."
        if what := template_problem(judge.rubric):
            yield f"Check {judge.check + 1}: the rubric cannot be read: {what}"


def missing_problems(variants: list[Variant], columns: tuple[str, ...]) -> Iterator[str]:
    missing = dict.fromkeys(name for variant in variants for name in variant.missing(columns))
    for name in missing:
        yield f"The variable {name} has no column, and no value in the session. Add a column {name}."
