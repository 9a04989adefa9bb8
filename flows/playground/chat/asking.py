"""The verbs of a session: ask, ask again, edit, choose, branch, stop. Each is one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from connections.models import Connection
from flows import engine
from flows.models import LIVE, Run
from flows.playground import versions
from flows.playground.chat.branch import Tree, prompt_of, rendered
from flows.playground.chat.calling import VIA, NotAskable, prepared, started, values_for
from flows.playground.chat.columns import field_name
from flows.playground.chat.forms import template_problems
from flows.playground.chat.settling import html_of
from flows.playground.models import Answer, Session, Turn
from flows.playground.setup import Setup
from foundryflow.people import name_of

UNNAMED = "New session"
LONGEST_NAME = 60


@transaction.atomic
def ask(
    session: Session,
    prompt: str,
    images: Sequence[str],
    by: User,
    *,
    prompts: Mapping[str, str] | None = None,
) -> Turn:
    """Asks every active column, after the branch that is shown. `prompts` are those of columns that ask something else.

    Raises NotAskable.
    """
    lock(session)
    turn = asked_after(session, session.head, prompt, images, by, prompts or {})
    session.draft = ""
    session.save(update_fields=["draft"])
    return turn


@transaction.atomic
def again(answer: Answer, by: User, *, times: int = 1) -> list[Answer]:
    """The same question with the settings as they are now. One more answer is chosen, several are only looked at.

    Raises NotAskable.
    """
    turn = answer.turn
    session = turn.session
    lock(session)
    check(session, {answer.column: prompt_of(turn, answer.column)})
    call = prepared(session, turn, answer.column, by)
    made = [started(turn, call, by, chosen=times == 1) for _ in range(times)]
    session.changed_at = timezone.now()
    session.save(update_fields=["changed_at", "flow"])
    return made


@transaction.atomic
def edit_prompt(turn: Turn, prompt: str, by: User) -> Turn:
    """Asks another question in its place: a branch beside it. Raises NotAskable."""
    lock(turn.session)
    return asked_after(turn.session, turn.parent, prompt, turn.images, by, turn.prompts)


def reword(turn: Turn, prompt: str) -> None:
    """Changes the question in place; its answers stay. Raises NotAskable."""
    problems = template_problems(Setup(), prompt)
    if not prompt.strip():
        problems = {"prompt": "The question is empty."}
    if problems:
        raise NotAskable(problems)
    turn.prompt = prompt
    turn.variables = {**turn.variables, **values_for(turn.session, [prompt], turn.variables)}
    turn.save(update_fields=["prompt", "variables"])


def edit_answer(answer: Answer, text: str) -> None:
    """From now on the conversation goes on from this text."""
    answer.text, answer.html, answer.edited = text, html_of(text), True
    answer.save(update_fields=["text", "html", "edited"])


@transaction.atomic
def choose(answer: Answer) -> None:
    """The conversation goes on from this try."""
    Answer.objects.filter(turn=answer.turn, column=answer.column, chosen=True).update(chosen=False)
    Answer.objects.filter(pk=answer.pk).update(chosen=True)
    answer.chosen = True


@transaction.atomic
def delete(turn: Turn) -> None:
    """Takes the question with its answers out; what came after goes on from what came before."""
    session = turn.session
    for run in Run.objects.filter(playground_answers__turn=turn, state__in=LIVE).defer("inputs"):
        engine.cancel(run, by=VIA)
    turn.children.update(parent=turn.parent_id)
    if session.head_id == turn.pk:
        session.head = turn.parent
        session.save(update_fields=["head"])
    turn.delete()


def delete_answer(answer: Answer) -> None:
    """Takes one try away; the newest that is left is chosen."""
    with transaction.atomic():
        answer.delete()
        left = Answer.objects.filter(turn=answer.turn_id, column=answer.column).order_by("-number").first()
        if left and answer.chosen:
            choose(left)


@transaction.atomic
def mark_winner(answer: Answer) -> None:
    """The best of its question, as somebody finds; pressed again, none is."""
    was = answer.winner
    Answer.objects.filter(turn=answer.turn_id, winner=True).update(winner=False)
    Answer.objects.filter(pk=answer.pk).update(winner=not was)


def raise_limit(session: Session, column: int, tokens: int) -> None:
    """More room for answers: of a column where it has a limit of its own, else for all. Unsaved."""
    columns = list(session.columns)
    own = (columns[column].get("parameters") or {}) if column < len(columns) else {}
    if "max_completion_tokens" in own:
        columns[column] = {**columns[column], "parameters": {**own, "max_completion_tokens": tokens}}
        session.columns = columns
    else:
        setup = Setup.from_json(session.setup)
        parameters = {**setup.parameters, "max_completion_tokens": tokens}
        session.setup = {**setup.to_json(), "parameters": parameters}


def branch_at(turn: Turn) -> None:
    """The next question goes on from here."""
    Session.objects.filter(pk=turn.session_id).update(head=turn, changed_at=timezone.now())


def switch_to(turn: Turn) -> None:
    """Shows the newest branch through this turn."""
    leaf = Tree.of(turn.session).newest_leaf(turn.pk)
    Session.objects.filter(pk=turn.session_id).update(head=leaf, changed_at=timezone.now())


def stop(session: Session, by: User) -> int:
    """Stops whatever the session has going; pressed a second time, at once. How many that were."""
    live = Run.objects.filter(playground_answers__turn__session=session, state__in=LIVE).defer("inputs")
    return sum(engine.cancel(run, by=name_of(by)) for run in live)


# What they are made of


def lock(session: Session) -> None:
    """Two questions of one session are asked one after the other."""
    mine = Session.objects.select_for_update(of=("self",))
    session.refresh_from_db(fields=["head", "flow", "name"], from_queryset=mine)


def asked_after(
    session: Session,
    parent: Turn | None,
    prompt: str,
    images: Sequence[str],
    by: User,
    prompts: Mapping[str, str],
) -> Turn:
    columns = range(len(session.active_columns))
    own = {number: text for number, text in prompts.items() if text.strip()}
    check(session, {column: own.get(str(column), prompt) for column in columns})
    turn = Turn.objects.create(
        session=session,
        parent=parent,
        prompt=prompt,
        prompts=own,
        images=list(images),
        variables=values_for(session, [prompt, *own.values()], {}),
    )
    name(session, turn)
    for column in columns:
        started(turn, prepared(session, turn, column, by), by)
    session.head, session.changed_at = turn, timezone.now()
    session.save(update_fields=["head", "changed_at", "name", "flow"])
    versions.keep(session, by, prompt=prompt)
    return turn


def check(session: Session, prompts: Mapping[int, str]) -> None:
    """Says what is missing before anything is called. Raises NotAskable."""
    problems: dict[str, str] = {}
    known = set(Connection.objects.values_list("name", flat=True))
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
        problems |= {field_name(name, column): said for name, said in found.items()}
    if problems:
        raise NotAskable(problems)


def name(session: Session, turn: Turn) -> None:
    """A session that has no name yet is called after its first question."""
    if session.name == UNNAMED:
        asked = rendered(turn.prompt, turn.variables).strip().split("\n")[0] or UNNAMED
        session.name = asked if len(asked) <= LONGEST_NAME else f"{asked[: LONGEST_NAME - 1].rstrip()}…"
