"""Edits of what was asked and answered: reword, choose, delete, branch, stop. `ask.py` asks."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from flows import engine
from flows.models import LIVE, Run
from flows.playground.chat.branch import Tree
from flows.playground.chat.calls import VIA, NotAskable, variable_values
from flows.playground.chat.forms import template_problems
from flows.playground.chat.results import html_of
from flows.playground.models import Answer, Session, Turn
from flows.playground.setup import Setup
from foundryflow.names import name_of


def reword_question(turn: Turn, prompt: str) -> None:
    """Changes the question in place; its answers stay. Raises NotAskable."""
    problems = template_problems(Setup(), prompt)
    if not prompt.strip():
        problems = {"prompt": "The question is empty."}
    if problems:
        raise NotAskable(problems)
    turn.prompt = prompt
    turn.variables = {**turn.variables, **variable_values(turn.session, [prompt], turn.variables)}
    turn.save(update_fields=["prompt", "variables"])


def edit_answer(answer: Answer, text: str) -> None:
    """Replaces the text of an answer; the conversation goes on from it."""
    answer.text, answer.html, answer.edited = text, html_of(text), True
    answer.save(update_fields=["text", "html", "edited"])


@transaction.atomic
def choose_answer(answer: Answer) -> None:
    """Makes the conversation go on from this try."""
    Answer.objects.filter(turn=answer.turn, column=answer.column, chosen=True).update(chosen=False)
    Answer.objects.filter(pk=answer.pk).update(chosen=True)
    answer.chosen = True


@transaction.atomic
def delete_turn(turn: Turn) -> None:
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
            choose_answer(left)


@transaction.atomic
def toggle_winner(answer: Answer) -> None:
    """Marks the best answer to its question, as somebody finds; a second time, takes the mark away."""
    was = answer.winner
    Answer.objects.filter(turn=answer.turn_id, winner=True).update(winner=False)
    Answer.objects.filter(pk=answer.pk).update(winner=not was)


def raise_token_limit(session: Session, column: int, tokens: int) -> None:
    """Gives the answers of a column more room, or all answers where the column has no limit of its own. Unsaved."""
    columns = list(session.columns)
    own = (columns[column].get("parameters") or {}) if column < len(columns) else {}
    if "max_completion_tokens" in own:
        columns[column] = {**columns[column], "parameters": {**own, "max_completion_tokens": tokens}}
        session.columns = columns
    else:
        setup = Setup.from_json(session.setup)
        parameters = {**setup.parameters, "max_completion_tokens": tokens}
        session.setup = {**setup.to_json(), "parameters": parameters}


def continue_from(turn: Turn) -> None:
    """Makes the next question go on from this turn."""
    Session.objects.filter(pk=turn.session_id).update(head=turn, changed_at=timezone.now())


def show_branch_of(turn: Turn) -> None:
    """Shows the newest branch through this turn."""
    leaf = Tree.of(turn.session).newest_leaf(turn.pk)
    Session.objects.filter(pk=turn.session_id).update(head=leaf, changed_at=timezone.now())


def stop_calls(session: Session, by: User) -> int:
    """Stops all live calls of the session, at once when called a second time; gives how many they were."""
    live = Run.objects.filter(playground_answers__turn__session=session, state__in=LIVE).defer("inputs")
    return sum(engine.cancel(run, by=name_of(by)) for run in live)
