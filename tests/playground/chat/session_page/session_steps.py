"""What tests of the page of a session do and look at."""

from django.urls import reverse

from flows.models import State
from flows.playground.models import Answer, Turn

HTMX = {"HTTP_HX_REQUEST": "true"}


def url(name, pk, *more):
    return reverse(f"playground:{name}", args=[pk, *more])


def body(response):
    return response.content.decode()


def talk_of(session, count):
    """A branch of answered questions, without their runs."""
    parent = session.head
    for number in range(count):
        parent = Turn.objects.create(session=session, parent=parent, prompt=f"Question {number}")
        Answer.objects.create(
            turn=parent,
            state=State.SUCCEEDED,
            text=f"Answer {number} " + "word " * 100,
            html=f"<p>Answer {number}</p>",
            setup=session.setup,
            facts={"first_token_ms": 420, "total_ms": 2100, "finish_reason": "stop", "request_id": "r-1"},
            usage={"prompt_tokens": 742, "completion_tokens": 118},
        )
    session.head = parent
    session.save()
    return parent


def saved(client, session, **fields):
    response = client.post(url("save", session.pk), fields, **HTMX)
    session.refresh_from_db()
    return response
