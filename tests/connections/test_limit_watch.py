"""The limits that answers tell are kept, the newest of each deployment, and shown with their age."""

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.urls import reverse
from django.utils import timezone

from connections.clients import foundry_client
from connections.foundry.values import ChatRequest, Message
from connections.limit_rows import age_words, limit_rows
from connections.limit_watch import LimitWatch
from connections.models import SeenLimits
from tests.factories import make_connection
from tests.markup import one_line


@pytest.mark.django_db(transaction=True)
async def test_an_answer_of_a_stored_connection_leaves_its_limits(simulator):
    connection = await sync_to_async(make_connection)("sim", endpoint=f"{simulator}/openai/v1", key="simulator")
    client = foundry_client()
    request = ChatRequest("rpm-60", [Message("user", "Why?")])
    async for _ in client.chat(await sync_to_async(connection.target)(), request):
        pass
    await client.aclose()
    rows = await sync_to_async(limit_rows)(connection)
    assert [(row.model, row.what, row.age.endswith("s ago")) for row in rows] == [
        ("rpm-60", "Requests", True), ("rpm-60", "Tokens", True),
    ]  # fmt: skip
    assert rows[0].left.endswith(" of 60")


@pytest.mark.django_db(transaction=True)
async def test_many_answers_cost_few_statements_and_the_newest_stays():
    watch = LimitWatch()
    for left in range(100, 0, -1):
        watch.note_limits("https://x", "m", {"requests": {"remaining": str(left)}})
        await asyncio.sleep(0)
    await watch.aclose()
    seen = await SeenLimits.objects.aget()
    assert seen.told == {"requests": {"remaining": "1"}}


def test_the_page_says_what_is_left_and_how_old_that_is(client_alice, db):
    connection = make_connection()
    told = {"requests": {"limit": "60", "remaining": "12", "reset": "3"}, "tokens": {"remaining": "-1"}, "odd": {}}
    SeenLimits.objects.create(
        endpoint=connection.endpoint, model="gpt-<4>", told=told, seen_at=timezone.now() - timedelta(minutes=3)
    )
    page = one_line(client_alice.get(reverse("connections:learned", args=[connection.pk])).content.decode())
    assert (
        '<td class="mono">gpt-&lt;4&gt;</td><td>Requests</td><td class="num">12 of 60</td><td class="num">3 s</td>'
        in page
    )
    assert '<td>Tokens</td><td class="num">unknown</td><td class="num">not told</td>' in page
    assert "3 min ago" in page
    assert "Nothing yet." not in page


def test_ages_are_said_in_the_unit_that_fits():
    now = timezone.now()
    assert [age_words(now - timedelta(seconds=ago), now) for ago in (0, 59, 60, 3_599)] == [
        "0 s ago", "59 s ago", "1 min ago", "59 min ago",
    ]  # fmt: skip
