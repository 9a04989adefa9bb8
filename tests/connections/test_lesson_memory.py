"""What a deployment refused is remembered, shown with what it said, and forgotten on request."""

from datetime import UTC, datetime

import pytest
from asgiref.sync import sync_to_async
from django.urls import reverse

from connections.clients import close_client, foundry_client
from connections.foundry.lessons import API, API_VERSION, Lesson
from connections.foundry.values import ChatRequest, Message
from connections.lesson_memory import DatabaseMemory, memory
from connections.models import LearntLesson
from tests.factories import make_connection, make_flow

SAID = "Unsupported parameter: 'temperature' is not supported with this model."
NOW = datetime(2026, 11, 20, tzinfo=UTC).timestamp()


def make_lesson(connection, parameter="temperature", instead="", model="gpt-5", **more):
    return LearntLesson.objects.create(
        endpoint=connection.endpoint,
        model=model,
        parameter=parameter,
        instead=instead,
        message=SAID,
        learned_at=datetime.fromtimestamp(NOW, UTC),
        **more,
    )


@pytest.mark.django_db(transaction=True)
async def test_the_database_remembers_and_replaces():
    kept = DatabaseMemory()
    await kept.learn("https://x/v1", "m", Lesson("temperature", "", "first", NOW))
    await kept.learn("https://x/v1", "m", Lesson("temperature", "", "second", NOW))
    await kept.learn("https://x/v1", "m", Lesson("reasoning_effort", "", "no", NOW, '"xhigh"'))
    assert await DatabaseMemory().lessons("https://x/v1", "m") == [
        Lesson("temperature", "", "second", NOW),
        Lesson("reasoning_effort", "", "no", NOW, '"xhigh"'),
    ]
    assert await kept.lessons("https://x/v1", "other") == []


@pytest.mark.django_db(transaction=True)
async def test_a_call_leaves_its_lesson_in_the_database(simulator_server, settings):
    settings.ALLOWED_DESTINATIONS = [simulator_server.removeprefix("http://")]
    connection = await sync_to_async(make_connection)(endpoint=f"{simulator_server}/openai/v1", key="simulator")
    request = ChatRequest("reasoning-lesson", (Message("user", "hi"),), temperature=0.2)
    try:
        [event async for event in foundry_client().chat(connection.target(), request)]
    finally:
        await close_client()
    lesson = await LearntLesson.objects.aget()
    assert (lesson.endpoint, lesson.model, lesson.parameter) == (connection.endpoint, "reasoning-lesson", "temperature")
    assert "temperature" in lesson.message


def test_lessons_stand_on_the_page_of_the_connection_with_what_was_said(client_alice):
    connection = make_connection()
    make_lesson(connection)
    make_lesson(connection, API, "responses")
    shown = client_alice.get(reverse("connections:learned", args=[connection.pk])).content.decode()
    assert "Learned about gpt-5" in shown
    assert "temperature is not sent" in shown
    assert "Responses API" in shown
    make_lesson(connection, API_VERSION, "2024-12-01-preview")
    shown = client_alice.get(reverse("connections:learned", args=[connection.pk])).content.decode()
    assert "2024-12-01-preview; https://contoso.openai.azure.com/openai/v1 takes none" in shown
    assert SAID.replace("'", "&#x27;") in shown


def test_one_lesson_is_forgotten_or_all_about_a_deployment(client_alice):
    connection = make_connection()
    first, _ = make_lesson(connection), make_lesson(connection, "top_p")
    make_lesson(connection, model="other")
    forget = reverse("connections:forget", args=[connection.pk])
    memory._known[connection.endpoint, "gpt-5"] = (1e12, [])
    assert client_alice.post(forget, {"lesson": first.pk}).status_code == 302
    assert (connection.endpoint, "gpt-5") not in memory._known
    assert set(LearntLesson.objects.values_list("parameter", "model")) == {("top_p", "gpt-5"), ("temperature", "other")}
    client_alice.post(forget, {"model": "gpt-5"})
    assert [lesson.model for lesson in LearntLesson.objects.all()] == ["other"]


def test_lessons_of_other_endpoints_are_not_forgotten(client_alice):
    connection = make_connection()
    other = make_lesson(make_connection(name="other", endpoint="https://other.openai.azure.com/openai/v1"))
    client_alice.post(reverse("connections:forget", args=[connection.pk]), {"lesson": other.pk})
    assert LearntLesson.objects.exists()


def test_the_panel_says_which_property_is_not_sent(client_alice):
    connection = make_connection()
    make_lesson(connection)
    properties = {"connection": connection.name, "model": "gpt-5", "user_prompt": "hi", "temperature": 0.2}
    action = {"id": "chat", "type": "chat_completion", "properties": properties}
    flow = make_flow({"format": "foundryflow/1", "name": "Lesson", "inputs": [], "actions": [action]})
    shown = client_alice.get(reverse("designer:show", args=[flow.slug]), {"action": "chat"}).content.decode()
    assert "gpt-5 refuses it (learned 20 Nov)" in shown
    assert shown.count("is-unsent") == 1
