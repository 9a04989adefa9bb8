"""What refusals of parameters teach is remembered: of one deployment, from one call to the next."""

import json

from connections.foundry.lessons import LocalLessonMemory
from tests.connections.foundry.refusing_service import ROOT, V1, RefusingService, answered, client_of, refuses


async def test_the_second_call_begins_with_what_the_first_learnt():
    service = RefusingService(refuses("max_completion_tokens"), refuses("temperature"))
    client = client_of(service)
    for _ in range(2):
        await answered(client, temperature=0.2, max_completion_tokens=9)
    assert len(service.asked) == 4
    assert service.asked[2] == service.asked[3]
    assert service.bodies[2] == service.bodies[3]


async def test_what_another_call_learnt_meanwhile_is_taken_over():
    memory = LocalLessonMemory()
    service = RefusingService(refuses("temperature"), refuses("top_p"))
    client = client_of(service, memory)
    await answered(client, temperature=0.2)
    await answered(client, temperature=0.2, top_p=0.5)
    assert len(service.asked) == 4
    assert len(await memory.lessons(V1, "codex")) == 2


async def test_lessons_of_one_deployment_are_not_those_of_another():
    service = RefusingService(refuses("temperature"))
    client = client_of(service)
    await answered(client, temperature=0.2)
    await answered(client, f"{ROOT}/openai/deployments/other", temperature=0.2)
    assert ["temperature" in body for body in service.bodies] == [True, False, True, False]


async def test_stream_options_that_a_validation_error_refuses_are_left_out():
    detail = [{"type": "extra_forbidden", "loc": ["body", "stream_options", "include_usage"], "msg": "Extra inputs"}]
    error = {"code": "Invalid input", "message": json.dumps({"detail": detail}), "status": 422}
    service = RefusingService(lambda url, body: (422, error) if "stream_options" in body else None)
    client = client_of(service)
    for _ in range(2):
        await answered(client)
    assert ["stream_options" in body for body in service.bodies] == [True, False, False]
