"""The columns of a comparison: what each has of its own, and what is the same for all.

The first column is the session itself. Another holds connection and deployment, and what is not the same for all:
a prompt, instructions, parameters (each by name, None where the provider decides).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.actions.chat_completion.action import PARAMETERS
from flows.playground.chat.forms import LONGEST, ParameterField, ParametersForm, empty_words
from flows.playground.chat.refusals import Refused, refusals_of
from flows.playground.models import MOST_COLUMNS, Answer, Session
from flows.playground.setup import LETTERS, Setup

LOCKABLE = ("prompt", "instructions", "parameters")  # what can be the same for all
SETTINGS = ("instructions", "parameters")
ASIDE = 1_000  # number of a column that is being moved


@dataclass(frozen=True)
class ColumnView:
    number: int
    setup: Setup
    own: Mapping[str, Any]
    differences: list[str]
    refused: Refused

    @property
    def letter(self) -> str:
        return LETTERS[self.number]

    @property
    def place(self) -> str:
        """What the ids of its controls begin with."""
        return f"column-{self.number}" if self.number else "setup"

    @property
    def connection_name(self) -> str:
        """Of the field of its connection, as the form and a complaint call it."""
        return field_name("connection", self.number)

    @property
    def model_name(self) -> str:
        return field_name("model", self.number)

    @property
    def is_tied(self) -> bool:
        """Whether its settings are those on the left."""
        return not any(name in self.own for name in SETTINGS)

    @property
    def prompt(self) -> str:
        return str(self.own.get("prompt", ""))

    @property
    def instructions(self) -> str | None:
        return self.own.get("instructions")

    @property
    def fields(self) -> list[ParameterField]:
        if "parameters" not in self.own:
            return []
        shown = ParametersForm.shown_values(self.own["parameters"])
        names = {name: field_name(name, self.number) for name in (*PARAMETERS, "schema")}
        refused = {self.number: self.refused}
        return [
            ParameterField(name, posted, posted, shown.get(name, ""), refusals=refusals_of(name, refused))
            for name, posted in names.items()
        ]


def locks_of(session: Session) -> dict[str, bool]:
    """Which fields are the same for all columns."""
    return {name: not any(name in column for column in session.columns[1:]) for name in LOCKABLE}


def field_name(name: str, column: int) -> str:
    """Of a field of a column, as the page names it; the first column has those of the session."""
    return f"column-{column}-{name}" if column else name


def column_views(session: Session, refused: Sequence[Refused]) -> list[ColumnView]:
    shared = Setup.from_json(session.setup)
    columns = zip(session.active_setups, session.active_columns, refused, strict=True)
    return [
        ColumnView(number, setup, own, differences(shared, setup), refusals)
        for number, (setup, own, refusals) in enumerate(columns)
    ]


def differences(shared: Setup, own: Setup) -> list[str]:
    """What of a column's settings is not as on the left, in words; connection and deployment are seen anyway."""
    found = ["Instructions"] if own.instructions != shared.instructions else []
    for name in sorted({*shared.parameters, *own.parameters}):
        if shared.parameters.get(name) != own.parameters.get(name):
            value = own.parameters.get(name) or empty_words(name)
            shown = f"{value:g}" if isinstance(value, float) else value if isinstance(value, str | int) else "own"
            found.append(f"{name.replace('_', ' ').capitalize()}: {shown}")
    return found


# Verbs: they change the session, which is saved by whoever calls them


def toggle_comparison(session: Session) -> None:
    """Shows one column or several; the second begins as the first."""
    session.comparing = not session.comparing
    if session.comparing and len(session.columns) < 2:
        session.columns = [{}, new_column(session)]


def add_column(session: Session) -> None:
    if len(session.columns) >= MOST_COLUMNS:
        return
    made = new_column(session)
    for name, locked in locks_of(session).items():
        if not locked:
            made[name] = initial_value(session, name)
    session.columns = [*session.columns, made]


def remove_column(session: Session, number: int) -> None:
    """Takes a column away. Its answers are kept, behind those of the columns that stay."""
    last = len(session.columns) - 1
    if not 1 <= number <= last or last < 2:
        return
    answers = Answer.objects.filter(turn__session=session)
    answers.filter(column=number).update(column=ASIDE)
    for column in range(number + 1, last + 1):
        answers.filter(column=column).update(column=column - 1)
    answers.filter(column=ASIDE).update(column=last)
    for turn in session.turns.exclude(prompts={}).only("prompts"):
        turn.prompts = {number_after_removal(key, number, last): text for key, text in turn.prompts.items()}
        turn.save(update_fields=["prompts"])
    session.columns = [own for at, own in enumerate(session.columns) if at != number]


def number_after_removal(key: str, number: int, last: int) -> str:
    at = int(key)
    return str(last if at == number else at - 1 if at > number else at)


def toggle_tie(session: Session, number: int) -> None:
    """A column takes the settings on the left, or goes on with its own copy of them."""
    if not 1 <= number < len(session.columns):
        return
    own = dict(session.columns[number])
    if any(name in own for name in SETTINGS):
        own = {name: value for name, value in own.items() if name not in SETTINGS}
    else:
        own |= {name: initial_value(session, name) for name in SETTINGS}
    session.columns = [own if at == number else each for at, each in enumerate(session.columns)]


def toggle_lock(session: Session, name: str) -> None:
    """Makes a field the same for all columns, or each column's own."""
    if name not in LOCKABLE:
        return
    locked = locks_of(session)[name]
    columns = [dict(each) for each in session.columns]
    for own in columns[1:]:
        if locked:
            own[name] = initial_value(session, name)
        else:
            own.pop(name, None)
    session.columns = columns


def clear_prompts(session: Session) -> None:
    """Once they are asked."""
    session.columns = [{**own, "prompt": ""} if "prompt" in own else own for own in session.columns]


def new_column(session: Session) -> dict[str, Any]:
    shared = Setup.from_json(session.setup)
    return {"connection": shared.connection, "model": shared.model}


def initial_value(session: Session, name: str) -> Any:
    """What a column begins with when a field becomes its own."""
    shared = Setup.from_json(session.setup)
    if name == "instructions":
        return shared.instructions
    return {each: shared.parameters.get(each) for each in PARAMETERS} if name == "parameters" else ""


def fill_columns(session: Session, data: Mapping[str, Any]) -> dict[str, str]:
    """Puts what was posted of the columns into the session, unsaved; says what could not be understood, by field."""
    problems: dict[str, str] = {}
    columns = [dict(each) for each in session.columns]
    for number, own in enumerate(columns[1:], 1):
        for name in ("connection", "model", "instructions", "prompt"):
            posted = field_name(name, number)
            if posted in data and (name in own or name in ("connection", "model")):
                own[name] = str(data[posted])[:LONGEST]
        if "parameters" in own:
            keys = {name: field_name(name, number) for name in (*PARAMETERS, "schema")}
            form = ParametersForm({name: data[key] for name, key in keys.items() if key in data})
            form.is_valid()
            known = form.parameters(own["parameters"])
            own["parameters"] = {name: known.get(name) for name in PARAMETERS}
            problems |= {keys[name]: str(errors[0]) for name, errors in form.errors.items()}
    session.columns = columns
    return problems
