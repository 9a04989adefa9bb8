"""Asks questions: a new one, the same once more, another one in its place. `edits.py` changes what was asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from connections.models import Connection
from flows.playground import versions
from flows.playground.chat.branch import prompt_of, render_prompt
from flows.playground.chat.calls import NotAskable, prepare_call, start_call, variable_values
from flows.playground.chat.comparison import field_name
from flows.playground.chat.forms import VARIABLE, template_problems
from flows.playground.models import Answer, Session, Turn
from flows.playground.variables import holes_in

UNNAMED = "New session"
LONGEST_NAME = 60


@transaction.atomic
def ask_question(
    session: Session,
    prompt: str,
    images: Sequence[str],
    by: User,
    *,
    prompts: Mapping[str, str] | None = None,
) -> Turn:
    """Asks every active column, at the end of the branch that is shown. Raises NotAskable.

    `prompts` are those of columns that ask something else, by number.
    """
    lock_session(session)
    turn = Turn(session=session, parent=session.head, prompt=prompt, prompts=dict(prompts or {}), images=list(images))
    ask_turn(turn, by)
    session.draft = ""
    session.save(update_fields=["draft"])
    return turn


@transaction.atomic
def ask_again(answer: Answer, by: User, *, times: int = 1) -> list[Answer]:
    """Asks the same with the settings as they are now. One more answer is chosen, several are only looked at.

    Raises NotAskable.
    """
    turn = answer.turn
    session = turn.session
    lock_session(session)
    check_askable(session, {answer.column: prompt_of(turn, answer.column)})
    call = prepare_call(session, turn, answer.column, by)
    made = [start_call(turn, call, by, chosen=times == 1) for _ in range(times)]
    session.changed_at = timezone.now()
    session.save(update_fields=["changed_at", "flow"])
    return made


@transaction.atomic
def ask_instead(turn: Turn, prompt: str, by: User) -> Turn:
    """Asks another question in place of a turn, as a branch beside it. Raises NotAskable."""
    lock_session(turn.session)
    question = {"prompt": prompt, "prompts": turn.prompts, "images": turn.images}
    return ask_turn(Turn(session=turn.session, parent=turn.parent, **question), by)


def lock_session(session: Session) -> None:
    """Locks the session, so that two questions of it are asked one after the other."""
    mine = Session.objects.select_for_update(of=("self",))
    session.refresh_from_db(fields=["head", "flow", "name"], from_queryset=mine)


def ask_turn(turn: Turn, by: User) -> Turn:
    """Stores a new turn, asks it of every active column and shows it. Raises NotAskable."""
    session, columns = turn.session, turn.session.column_numbers
    turn.prompts = {number: text for number, text in turn.prompts.items() if text.strip()}
    check_askable(session, {column: prompt_of(turn, column) for column in columns})
    turn.variables = variable_values(session, [turn.prompt, *turn.prompts.values()], {})
    turn.save()
    name_session(session, turn)
    for column in columns:
        start_call(turn, prepare_call(session, turn, column, by), by)
    session.head, session.changed_at = turn, timezone.now()
    session.save(update_fields=["head", "changed_at", "name", "flow"])
    versions.save_version(session, by, prompt=turn.prompt)
    return turn


def check_askable(session: Session, prompts: Mapping[int, str]) -> None:
    """Raises NotAskable with everything that is missing, before anything is called."""
    if problems := settings_problems(session, prompts):
        raise NotAskable(problems)


def settings_problems(session: Session, prompts: Mapping[int, str]) -> dict[str, str]:
    """What keeps these questions, by their columns, from being asked, by the name of its field."""
    problems: dict[str, str] = {}
    known = set(Connection.objects.foundry().values_list("name", flat=True))
    for column, prompt in prompts.items():
        setup = session.setup_of(column)
        found = template_problems(setup, prompt)
        if not prompt.strip():
            found["prompt"] = "Type a question."
        if not setup.connection:
            found["connection"] = "Choose a connection."
        elif setup.connection not in known:
            found["connection"] = f"There is no connection {setup.connection} any more. Choose another one."
        if not setup.model.strip():
            found["model"] = "Type the name of a deployment."
        problems |= {field_name(name, column): problem for name, problem in found.items()}
    return problems


def empty_variables(session: Session, prompts: Mapping[int, str], known: Collection[str]) -> dict[str, str]:
    """What would leave a hole in these questions and has not been typed, by the name of its field.

    `known` variables have a value already, or are to be empty.
    """
    setups = {column: session.setup_of(column).as_sent for column in prompts}
    templates = [text for column, prompt in prompts.items() for text in (*setups[column].templates(), prompt)]
    holes = holes_in(templates, session.variables)
    return {f"{VARIABLE}{name}": "Type a value first." for name in holes if name not in known}


def name_session(session: Session, turn: Turn) -> None:
    """Names a session that has no name yet after its first question without a hole."""
    if session.name == UNNAMED and not holes_in([turn.prompt], turn.variables):
        first_line = render_prompt(turn.prompt, turn.variables).strip().split("\n")[0] or UNNAMED
        short = f"{first_line[: LONGEST_NAME - 1].rstrip()}…"
        session.name = first_line if len(first_line) <= LONGEST_NAME else short
