"""A resource that refuses by rules, and a client that learns from it."""

import json

import httpx

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.lessons import LocalLessonMemory
from connections.foundry.values import ChatRequest, Completion, Message, Target
from connections.secret import Secret
from tests.connections.foundry.stub import DONE, KEY, QUICK, word

ROOT = "https://r.openai.azure.com"
V1 = f"{ROOT}/openai/v1"
CHAT, RESPONSES = "/openai/v1/chat/completions", "/openai/v1/responses"
NOT_FOUND = {"code": "404", "message": "Resource not found"}


class RefusingService:
    """Answers by rules: each takes URL and body and gives (status, error) to refuse."""

    def __init__(self, *rules):
        self.rules, self.asked, self.bodies = rules, [], []

    def __call__(self, request):
        body = json.loads(request.content)
        self.asked.append(request.url.raw_path.decode())
        self.bodies.append(body)
        for rule in self.rules:
            if refusal := rule(request.url, body):
                status, error = refusal
                return httpx.Response(status, json={"error": error})
        if request.url.path.endswith("/embeddings"):
            return httpx.Response(200, json={"data": [{"index": 0, "embedding": [1.0]}]})
        if request.url.path.endswith("/responses"):
            output = [{"type": "message", "content": [{"type": "output_text", "text": "hi"}]}]
            return httpx.Response(200, json={"status": "completed", "output": output})
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=word("hi", "stop") + DONE)


def target(endpoint=V1):
    return Target("contoso", parse_endpoint(endpoint), Secret(KEY))


def client_of(service, memory=None):
    return FoundryClient(
        destinations=Destinations(),
        transport=httpx.MockTransport(service),
        retry=QUICK,
        memory=memory or LocalLessonMemory(),
    )


async def answered(client, endpoint=V1, **more):
    request = ChatRequest("codex", (Message("user", "Where?"),), **more)
    last = [event async for event in client.chat(target(endpoint), request)][-1]
    assert isinstance(last, Completion)
    assert last.text == "hi"


def refuses(parameter):
    message = f"Unsupported parameter: '{parameter}' is not supported with this model."
    error = {"code": "unsupported_parameter", "param": parameter, "message": message}
    return lambda url, body: (400, error) if parameter in body else None


def no_chat(url, body):
    error = {"code": "OperationNotSupported", "message": "The chatCompletion operation does not work with the model."}
    return (400, error) if "chat/completions" in url.path else None


def no_responses(url, body):
    return (400, {"message": "model not supported"}) if url.path.endswith("/responses") else None


def not_at(*paths):
    return lambda url, body: (404, NOT_FOUND) if url.path.startswith(paths) else None


no_v1 = not_at("/openai/v1/")
