"""Sessions as tests need them, put into the database without asking anybody."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from flows.models import ActionRun, Flow, Room, Run, State
from flows.playground.models import Answer, Session, Turn
from flows.playground.setup import ACTION, Example, Setup, document_of
from tests.factories import PLANTED_KEY, make_connection

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SETUP = Setup(
    connection="contoso",
    model="gpt-5.2",
    instructions="You answer for Contoso.\nBe {{ tone }}.",
    examples=(Example("Hi", "Hello"),),
    parameters={"temperature": 0.2, "stop": ["END"], "response_format": {"type": "object", "properties": {}}},
    history_messages=20,
)


def make_session(owner: User, name: str = "Invoice question", **more: Any) -> Session:
    return Session.objects.create(name=name, owner=owner, **{"setup": SETUP.to_json(), **more})


def make_turn(session: Session, prompt: str = "Why?", parent: Turn | None = None, **more: Any) -> Turn:
    return Turn.objects.create(session=session, prompt=prompt, parent=parent, **more)


def make_answer(turn: Turn, text: str = "Because.", **more: Any) -> Answer:
    known = {"state": State.SUCCEEDED, "html": f"<p>{text}</p>", "setup": SETUP.to_json()}
    return Answer.objects.create(turn=turn, text=text, **{**known, **more})


def make_run(session: Session, answer: Answer, state: str = State.SUCCEEDED, text: str = "From the run.") -> Run:
    """A run of the session's own flow that has given the answer, or is about to."""
    if session.flow is None:
        document = document_of(session.name, SETUP, answer.turn.prompt, {"tone": "calm"})
        session.flow = Flow.objects.create_flow(document, by=session.owner, room=Room.PLAYGROUND)
        session.save(update_fields=["flow"])
    run = Run.objects.start(flow=session.flow, inputs={}, by=session.owner, via="playground")
    Run.objects.filter(pk=run.pk).update(state=state)
    ActionRun.objects.create(
        run=run, path=ACTION, action_id=ACTION, type="chat_completion", title="Answer", state=state, event=1, order=1,
        output={"text": text}, facts={"connection": "contoso", "raw": PLANTED_KEY, "key_fingerprint": "5f2c", "total_ms": 812.5},
    )  # fmt: skip
    Answer.objects.filter(pk=answer.pk).update(run=run)
    return Run.objects.get(pk=run.pk)


def make_full_session(owner: User) -> Session:
    """Everything that a session can have: branches, columns, tries, images, failures, versions, a key to leak."""
    make_connection(key=PLANTED_KEY)
    session = make_session(
        owner,
        columns=[{}, {"model": "gpt-4o-mini", "prompt": "Only B", "history_tokens": None}, {"parameters": {"seed": None, "top_p": 0.5}}],
        comparing=True,
        variables={"tone": "calm", "rows": '["a"]'},
        draft="And {{ then }}?",
    )  # fmt: skip
    first = make_turn(
        session, "Why {{ tone }}?", images=[PIXEL], variables={"tone": "calm", "rows": ["a", {"b": None}]}
    )
    facts = {
        "connection": "contoso", "connection_reason": "chosen in the flow", "host": "contoso.openai.azure.com", "model": "gpt-5.2-2025",
        "model_requested": "gpt-5.2", "status": 200, "finish_reason": "stop", "request_id": "req-1", "first_token_ms": 412.5, "total_ms": 2100,
    }  # fmt: skip
    usage = {
        "prompt_tokens": 742,
        "completion_tokens": 118,
        "total_tokens": 860,
        "cached_tokens": 0,
        "reasoning_tokens": 5,
    }
    make_answer(first, "First **try**.", chosen=False, facts={**facts, "raw": PLANTED_KEY}, usage=usage)
    make_answer(
        first, "Second try, ünïcode 🙂.", number=2, edited=True, winner=True, facts=facts, warning="Cut at 118 tokens"
    )
    make_answer(first, "", column=1, state=State.FAILED, error={"kind": "refused", "message": "401: the key was refused.", "hint": "Copy key 1 again.", "status": 401, "request_id": "req-2", "raw": PLANTED_KEY})  # fmt: skip
    make_answer(first, "Half", column=2, state=State.CANCELLED)
    left = make_turn(session, "What now?", first, prompts={"1": "And B?"})
    make_answer(left, "<script>alert(1)</script>", html="")
    right = make_turn(session, "What else?", first)
    make_answer(right)
    session.head = left
    session.save()
    session.versions.create(number=1, setup=SETUP.to_json(), prompt="Why?", note="first", created_by=owner)
    session.versions.create(number=2, setup=session.setup, columns=session.columns, created_by=owner)
    return session
