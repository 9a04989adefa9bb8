"""What goes over the wire: URL, header and body for every shape of endpoint."""

import json

import httpx
import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.auth import key_headers
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import PARAMETERS, ChatRequest, Message, Target
from connections.secret import Secret
from tests.connections.foundry.stub import DONE, KEY, word


async def sent(endpoint, key=KEY, **more):
    """URL, headers that say who calls, and body."""
    asked = []

    def answer(request):
        asked.append(request)
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=word("hi", "stop") + DONE)

    client = FoundryClient(destinations=Destinations(), transport=httpx.MockTransport(answer))
    request = ChatRequest("my-gpt", (Message("user", "Where?"),), **more)
    target = Target("contoso", parse_endpoint(endpoint), Secret(key))
    [event async for event in client.chat(target, request)]
    credentials = {name: asked[0].headers[name] for name in ("api-key", "Authorization") if name in asked[0].headers}
    return str(asked[0].url), credentials, json.loads(asked[0].content)


AZURE, BEARER = {"api-key": KEY}, {"Authorization": f"Bearer {KEY}"}
NEW = {"model": "my-gpt", "max_completion_tokens": 9, "stream_options": {"include_usage": True}}
PATH = {"max_completion_tokens": 9, "stream_options": {"include_usage": True}}
OLD_PATH = {"max_tokens": 9}
COMPATIBLE = {"model": "my-gpt", "max_tokens": 9, "stream_options": {"include_usage": True}}
ROOT, D = "https://r.services.ai.azure.com", "https://r.openai.azure.com/openai/deployments/my%20gpt"


@pytest.mark.parametrize(
    ("endpoint", "url", "headers", "fields"),
    [
        (ROOT, f"{ROOT}/openai/v1/chat/completions", AZURE, NEW),
        (f"{ROOT}/models", f"{ROOT}/models/chat/completions?api-version=2024-05-01-preview", AZURE, {"model": "my-gpt", "max_tokens": 9}),
        (f"{ROOT}/api/projects/P", f"{ROOT}/api/projects/P/openai/v1/chat/completions", AZURE, NEW),
        (D, f"{D}/chat/completions?api-version=2024-10-21", AZURE, PATH),
        (f"{D}/chat/completions?api-version=2024-05-01-preview", f"{D}/chat/completions?api-version=2024-05-01-preview", AZURE, OLD_PATH),
        ("https://x.eastus2.models.ai.azure.com", "https://x.eastus2.models.ai.azure.com/chat/completions", BEARER, COMPATIBLE),
        ("https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions", BEARER, COMPATIBLE),
        ("https://ollama.example/v1", "https://ollama.example/v1/chat/completions", BEARER, COMPATIBLE),
    ],
)  # fmt: skip
async def test_every_shape_is_asked_in_its_own_way(endpoint, url, headers, fields):
    messages = [{"role": "user", "content": "Where?"}]
    assert await sent(endpoint, max_completion_tokens=9) == (
        url,
        headers,
        {"messages": messages, "stream": True, **fields},
    )


async def test_what_was_left_empty_is_not_sent():
    _, _, body = await sent(ROOT, stream=False)
    assert body == {"model": "my-gpt", "messages": [{"role": "user", "content": "Where?"}]}


async def test_everything_that_was_filled_in_is_sent_as_it_is():
    given = dict.fromkeys(PARAMETERS, 0.5) | {
        "response_format": {"type": "json_object"},
        "stop": ["a"],
        "temperature": 0,
    }
    _, _, body = await sent(ROOT, stream=False, **given)
    assert {name: body[name] for name in PARAMETERS} == given


@pytest.mark.parametrize("key", ["ké", "two words", "line\nend", "tab\t", "\x7f", "“quoted”"])
def test_a_key_that_fits_in_no_header_is_said_to_be_one(key):
    with pytest.raises(FoundryError) as caught:
        key_headers(Target("contoso", parse_endpoint(ROOT), Secret(key)), "api-key")
    assert caught.value.kind is ErrorKind.AUTH_KEY
    assert key not in caught.value.message


async def test_without_a_key_no_header_is_sent():
    assert (await sent("https://ollama.example/v1", key=""))[1] == {}


async def test_an_endpoint_without_chat_says_where_chat_is():
    with pytest.raises(FoundryError) as caught:
        await sent(f"{D}/embeddings?api-version=2023-05-15")
    assert caught.value.kind is ErrorKind.NOT_FOUND_ROUTE
    assert "https://r.openai.azure.com/openai/v1" in caught.value.hint
