"""A gateway takes a key in one header alone: it is found, and remembered."""

import httpx
import pytest

from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.lessons import LocalLessonMemory
from tests.connections.foundry.refusing_service import V1, RefusingService, answered, client_of
from tests.connections.foundry.stub import DONE, KEY, word


class Gateway:
    """Lets a key in by one header alone, and says what API Management says."""

    def __init__(self, header, key=KEY):
        self.header, self.key, self.seen = header, key, []

    def __call__(self, request):
        names = ("authorization", "api-key", "ocp-apim-subscription-key")
        sent = [name for name in names if name in request.headers]
        self.seen += sent
        value = request.headers.get(self.header, "").removeprefix("Bearer ")
        if not value:
            message = "Access denied due to missing subscription key. Make sure to include subscription key."
        elif value != self.key:
            message = "Access denied due to invalid subscription key. Make sure to provide a valid key."
        else:
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=word("hi", "stop") + DONE)
        return httpx.Response(401, json={"statusCode": 401, "message": message})


GATEWAY = "https://gateway.contoso.com"


@pytest.mark.parametrize(
    ("endpoint", "header", "seen"),
    [
        (f"{GATEWAY}/openai/v1", "authorization", ["authorization"]),
        (f"{GATEWAY}/openai/v1", "api-key", ["authorization", "api-key"]),
        (f"{GATEWAY}/v1", "ocp-apim-subscription-key", ["authorization", "api-key", "ocp-apim-subscription-key"]),
        ("https://gw.azure-api.net/openai/v1", "ocp-apim-subscription-key", ["api-key", "ocp-apim-subscription-key"]),
        (f"{GATEWAY}/openai/deployments/codex", "authorization", ["api-key", "ocp-apim-subscription-key", "authorization"]),
    ],
)  # fmt: skip
async def test_the_header_of_a_key_follows_what_answers_and_is_remembered(endpoint, header, seen):
    gateway = Gateway(header)
    client = client_of(gateway)
    await answered(client, endpoint)
    await answered(client, endpoint)
    assert gateway.seen == [*seen, seen[-1]]


async def test_a_key_that_is_found_but_wrong_is_called_wrong():
    gateway = Gateway("ocp-apim-subscription-key", "another")
    with pytest.raises(FoundryError, match="the key was refused") as caught:
        await answered(client_of(gateway), f"{GATEWAY}/openai/v1")
    assert "invalid subscription key" in caught.value.raw
    assert len(gateway.seen) == 3


async def test_a_missing_key_is_never_called_wrong():
    gateway, memory = Gateway("x-other"), LocalLessonMemory()
    with pytest.raises(FoundryError, match="found no key where it looks") as caught:
        await answered(client_of(gateway, memory), f"{GATEWAY}/openai/v1")
    assert (caught.value.kind, "refused" in caught.value.message) == (ErrorKind.AUTH_KEY, False)
    assert await memory.lessons(f"{GATEWAY}/openai/v1", "codex") == []


@pytest.mark.parametrize("endpoint", [V1, "https://api.openai.com/v1"])
async def test_a_wrong_key_is_tried_once_where_its_header_is_known(endpoint):
    service = RefusingService(lambda url, body: (401, {"code": "401", "message": "Access denied: wrong key."}))
    with pytest.raises(FoundryError, match="the key was refused"):
        await answered(client_of(service), endpoint)
    assert len(service.asked) == 1
