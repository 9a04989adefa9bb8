"""Snippets for Claude are run as they are, and send what the playground sends."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.lessons import API, KEY_HEADER, Lesson
from connections.foundry.routes import Api
from connections.foundry.values import ChatRequest, Message
from connections.simulator.app import KEY
from flows.playground.code_writers import (
    Authentication,
    CodeSource,
    ExtraHeader,
    Language,
    Sdk,
    SnippetChoice,
    called_endpoint,
    fit_choice,
    offered_choices,
    write_snippet,
)
from tests.playground.code_writers.snippet_cases import ANSWER, FOUNDRY, SEEN, TRICKY
from tests.playground.code_writers.snippet_stage import GATEWAY_VALUE, ROOT, Played, Sent, Stage

CLAUDE = "https://contoso.services.ai.azure.com/anthropic"
GATEWAY = "https://gw.contoso.example/gateway/anthropic"
PROGRAMS = [
    (Language.PYTHON, Sdk.ANTHROPIC),
    (Language.PYTHON, Sdk.REST),
    (Language.JAVASCRIPT, Sdk.ANTHROPIC),
    (Language.JAVASCRIPT, Sdk.REST),
    (Language.CURL, Sdk.REST),
]
TOKEN = "token-for:https://ai.azure.com"
TALK = (Message("system", "Be brief."), Message("user", TRICKY), Message("assistant", "I see."), Message("user", "So?"))
LOOK_UP = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    subprocess.run([ROOT / "scripts" / "get-node"], cwd=ROOT, check=True)
    with Stage(tmp_path_factory.mktemp("stage")) as made:
        yield made


def talk(**more: Any) -> ChatRequest:
    return ChatRequest("claude-x", TALK, **{"max_completion_tokens": 300, **more})


def choice_of(
    language: Language, sdk: Sdk, authentication: Authentication = Authentication.KEY, *, env_file: bool = False
) -> SnippetChoice:
    return SnippetChoice(Api.MESSAGES, language, sdk, authentication, env_file)


def environment(choice: SnippetChoice, source: CodeSource) -> dict[str, str]:
    given = {"GATEWAY_HEADER_VALUE": GATEWAY_VALUE} if source.extra_header else {}
    if choice.authentication is Authentication.KEY:
        return {**given, "ANTHROPIC_FOUNDRY_API_KEY": KEY}
    if choice.sdk is Sdk.REST and choice.language is not Language.CURL:
        return {"AZURE_ACCESS_TOKEN": TOKEN}
    return {}


async def compared(stage: Stage, source: CodeSource, choice: SnippetChoice) -> tuple[Played, Sent]:
    """Plays and runs, and finds the same request, of the same version, and the same answer."""
    played = await stage.played(source, Api.MESSAGES)
    made = write_snippet(replace(source, lessons=played.lessons), choice)
    assert made.refused == ""
    assert KEY not in made.text
    sent, printed = stage.run(made, choice.language, environment(choice, source))
    assert sent.what == played.sent.what
    assert sent.headers["anthropic-version"] == played.sent.headers["anthropic-version"]
    if choice.language is not Language.CURL:
        assert printed.strip() == played.answer.strip()
    return played, sent


@pytest.mark.parametrize(
    "given",
    [
        talk(),
        talk(temperature=0.2, top_p=0.9, stop=["END"]),
        talk(reasoning_effort="high", max_completion_tokens=64_000, user="person-7", response_format=ANSWER),
        replace(talk(reasoning_effort="high"), model="claude-haiku-4-5"),
        talk(stream=False),
        ChatRequest("claude-x", (Message("user", list(SEEN)),), tools=[LOOK_UP], tool_choice="auto"),
    ],
    ids=["plain", "sampling", "effort", "budget", "whole", "images"],
)
@pytest.mark.parametrize(("language", "sdk"), PROGRAMS)
async def test_a_snippet_sends_what_the_playground_sends(
    stage: Stage, language: Language, sdk: Sdk, given: ChatRequest
) -> None:
    played, sent = await compared(stage, CodeSource(parse_endpoint(CLAUDE), given), choice_of(language, sdk))
    assert set(sent.credentials.values()) == {KEY}
    if sdk is Sdk.REST:
        assert sent.credentials == played.sent.credentials == {"x-api-key": KEY, "api-key": KEY}


@pytest.mark.parametrize(("language", "sdk"), PROGRAMS)
async def test_a_snippet_signs_in_with_entra_id(stage: Stage, language: Language, sdk: Sdk) -> None:
    source = CodeSource(parse_endpoint(CLAUDE), talk())
    _, sent = await compared(stage, source, choice_of(language, sdk, Authentication.ENTRA))
    assert sent.credentials == {"authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(("language", "sdk"), PROGRAMS)
async def test_a_snippet_reads_the_env_file(stage: Stage, language: Language, sdk: Sdk) -> None:
    source = CodeSource(parse_endpoint(CLAUDE), talk())
    await compared(stage, source, choice_of(language, sdk, env_file=True))


@pytest.mark.parametrize(("language", "sdk"), PROGRAMS)
async def test_headers_of_a_gateway_are_sent(stage: Stage, language: Language, sdk: Sdk) -> None:
    source = CodeSource(
        parse_endpoint(GATEWAY), talk(), "Ocp-Apim-Subscription-Key", ExtraHeader("X-Contoso", is_key=False)
    )
    _, sent = await compared(stage, source, choice_of(language, sdk))
    assert sent.credentials["ocp-apim-subscription-key"] == KEY
    assert sent.credentials["x-contoso"] == GATEWAY_VALUE


@pytest.mark.parametrize(("language", "sdk"), PROGRAMS[:4])
async def test_variables_make_the_same_text(stage: Stage, language: Language, sdk: Sdk) -> None:
    variables = {"customer_id": "C-20418", "message": "x", "params": "y"}
    messages = (Message("system", "You know C-20418."), Message("user", "C-20418 asks: x, y"))
    templates = ["You know {{ customer_id }}.", "{{ customer_id }} asks: {{ message }}, {{ params }}"]
    request = ChatRequest("claude-x", messages, temperature=0.5)
    source = CodeSource(parse_endpoint(CLAUDE), request, variables=variables, templates=templates)
    await compared(stage, source, choice_of(language, sdk))


@pytest.mark.parametrize(("language", "sdk"), PROGRAMS)
def test_a_key_that_goes_as_a_bearer_is_sent_so(stage: Stage, language: Language, sdk: Sdk) -> None:
    lesson = Lesson(KEY_HEADER, "bearer", "401", 0)
    source = CodeSource(parse_endpoint(CLAUDE), talk(), lessons=[lesson])
    choice = choice_of(language, sdk)
    # The simulator takes a token here, and no key as a bearer: so a token stands for the key.
    sent, _ = stage.run(write_snippet(source, choice), language, {"ANTHROPIC_FOUNDRY_API_KEY": TOKEN})
    assert sent.credentials == {"authorization": f"Bearer {TOKEN}"}


def test_a_deployment_of_claude_behind_a_connection_of_the_resource_is_called_where_it_answers():
    lesson = Lesson(API, "messages", "404", 0)
    source = CodeSource(parse_endpoint(FOUNDRY), talk(), lessons=[lesson])
    assert called_endpoint(source) == parse_endpoint(CLAUDE)
    choice = fit_choice(called_endpoint(source), SnippetChoice())
    assert (choice.api, choice.sdk) == (Api.MESSAGES, Sdk.ANTHROPIC)
    assert f'base_url="{CLAUDE}"' in write_snippet(source, choice).text


def test_every_language_can_ask_claude():
    endpoint = parse_endpoint(CLAUDE)
    for language in Language:
        offered = offered_choices(endpoint, SnippetChoice(Api.MESSAGES, language))
        assert offered.apis == (Api.MESSAGES,)
        for sdk in offered.sdks:
            made = write_snippet(CodeSource(endpoint, talk()), choice_of(language, sdk))
            assert f"{CLAUDE}/v1/messages" in made.text or f'"{CLAUDE}"' in made.text
            assert "2026-10-21" in made.text or sdk is Sdk.ANTHROPIC


def test_the_major_version_of_an_sdk_is_pinned():
    source = CodeSource(parse_endpoint(CLAUDE), talk())
    python = write_snippet(source, choice_of(Language.PYTHON, Sdk.ANTHROPIC))
    javascript = write_snippet(source, choice_of(Language.JAVASCRIPT, Sdk.ANTHROPIC))
    assert python.install == 'pip install "anthropic>=2,<3"'
    assert javascript.install == "npm install @anthropic-ai/foundry-sdk@1"


def test_an_sdk_of_others_does_not_speak_to_claude():
    refused = write_snippet(CodeSource(parse_endpoint(CLAUDE), talk()), choice_of(Language.PYTHON, Sdk.OPENAI)).refused
    assert refused == "OpenAI SDK does not speak Messages (Claude). Choose another SDK."
