"""Snippets as a person sees them: `golden/<endpoint>-<api>-<sdk>-<authentication>[-env].<language>.txt`.

The picture of the Code view shows `v1-chat-openai-key.py.txt`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.routes import Api
from connections.foundry.values import ChatRequest, Message
from flows.playground.code_writers import (
    Authentication,
    CodeSource,
    Language,
    Sdk,
    SnippetChoice,
    write_snippet,
)

QUESTION = "Since we moved to the new tenant on 3 March none of our invoices show up."
SOURCE = {
    "request": ChatRequest(
        "gpt-5.2",
        (
            Message(
                "system",
                "You are a support engineer at Contoso. Answer in at most five sentences and cite the article.",
            ),
            Message("user", f"Customer C-20418 asks: {QUESTION} Reply in the language of the question."),
        ),
        max_completion_tokens=600,
        reasoning_effort="low",
    ),
    "variables": {"customer_id": "C-20418", "question": QUESTION},
    "templates": ("", "Customer {{ customer_id }} asks: {{ question }} Reply in the language of the question."),
}
ENDPOINTS = {
    "v1": "https://contoso-ai.openai.azure.com/openai/v1",
    "deployment": "https://contoso.openai.azure.com/openai/deployments/gpt-4o",
    "models": "https://contoso.services.ai.azure.com/models",
}
LANGUAGES = {
    "py": Language.PYTHON,
    "js": Language.JAVASCRIPT,
    "sh": Language.CURL,
    "cs": Language.CSHARP,
    "java": Language.JAVA,
    "go": Language.GO,
}
GOLDEN = sorted((Path(__file__).parent / "golden").iterdir())


@pytest.mark.parametrize("file", GOLDEN, ids=[file.stem for file in GOLDEN])
def test_a_snippet_reads_like_this(file: Path) -> None:
    name, language, _ = file.name.split(".")
    endpoint, api, sdk, authentication, *env = name.split("-")
    choice = SnippetChoice(
        Api(api), LANGUAGES[language], Sdk(sdk), Authentication(authentication), env_file=env == ["env"]
    )
    snippet = write_snippet(CodeSource(parse_endpoint(ENDPOINTS[endpoint]), **SOURCE), choice)
    assert snippet.text == file.read_text()
