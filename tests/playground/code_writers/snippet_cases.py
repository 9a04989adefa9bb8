"""Endpoints of every shape, and requests that are hard to write down."""

from __future__ import annotations

from typing import Any

from connections.foundry.values import ChatRequest, Message

V1 = "https://contoso.openai.azure.com/openai/v1"
FOUNDRY = "https://contoso.services.ai.azure.com/openai/v1"
DEPLOYMENT = "https://contoso.openai.azure.com/openai/deployments/gpt%204%2Fo?api-version=2024-10-21"
OLD = "https://contoso.cognitiveservices.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=2024-05-01-preview"
MODELS = "https://contoso.services.ai.azure.com/models"
PROJECT = "https://contoso.services.ai.azure.com/api/projects/Shop"
DATED = "https://contoso.openai.azure.com/openai/responses?api-version=2025-04-01-preview"
AGENT = "https://contoso.services.ai.azure.com/api/projects/Shop/openai/responses?api-version=2025-11-15-preview"
SERVERLESS = "https://phi.eastus2.models.ai.azure.com"
COMPATIBLE = "https://llm.contoso.example/v1"
GATEWAY = "https://gw.contoso.example/gateway/openai/v1"

TRICKY = (
    'She said "it\'s $5 (or `$HOME`)": C:\\new\\table, 100 % {sure}, {{ not a variable }}, ${nor this}, #{that}, %s.\n'
    "\n\ttabs\r\nand carriage returns\r, \u2028 \u2029 \x85 \x00 \x1b \x7f, naïve 日本語 👩🏽‍💻 \U0001f9ea \u202e, '''\n"
    '"""triple""" JSON\nJSON\nEOF\n\\u0041 \\n \\'
)
IMAGE = "data:image/png;base64," + "iVBORw0KGgo" * 40
ANSWER = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"text": {"type": "string"}, "sure": {"type": ["boolean", "null"]}},
            "required": ["text", "sure"],
            "additionalProperties": False,
        },
    },
}


def request(**more: Any) -> ChatRequest:
    messages = (
        Message("system", "Be brief."),
        Message("user", TRICKY),
        Message("assistant", "I see."),
        Message("user", "What do you see?"),
    )
    return ChatRequest("gpt-4o", messages, **{"temperature": 0.2, "max_completion_tokens": 300, **more})


SEEN = (
    {"type": "text", "text": "What is it?"},
    {"type": "image_url", "image_url": {"url": IMAGE, "detail": "low"}},
    {"type": "image_url", "image_url": {"url": "https://pictures.contoso.example/a.png"}},
)


def everything() -> ChatRequest:
    """Images, and every parameter that any of the models takes."""
    return ChatRequest(
        "gpt-4o",
        (Message("system", "Be brief."), Message("user", TRICKY), Message("assistant", "I see."), Message("user", list(SEEN))),
        temperature=0.2,
        top_p=1,
        max_completion_tokens=300,
        frequency_penalty=0.5,
        presence_penalty=-1,
        reasoning_effort="low",
        verbosity="high",
        response_format=ANSWER,
        stop=["\n\n", "END"],
        seed=7,
        user="person-7",
        metadata={"purpose": "test"},
        store=True,
        tools=[{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}],
        tool_choice="auto",
        parallel_tool_calls=False,
    )  # fmt: skip


def simple(**more: Any) -> ChatRequest:
    return ChatRequest("gpt-4o", (Message("user", "Hi"),), **more)
