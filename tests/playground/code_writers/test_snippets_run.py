"""Snippets are run as they are, and send what the playground sends."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from connections.endpoint.endpoint import Endpoint
from connections.endpoint.recognise import parse_endpoint
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
    offered_choices,
    write_snippet,
)
from tests.playground.code_writers.snippet_cases import (
    AGENT,
    COMPATIBLE,
    DATED,
    DEPLOYMENT,
    GATEWAY,
    MODELS,
    OLD,
    PROJECT,
    SERVERLESS,
    TRICKY,
    V1,
    everything,
    request,
    simple,
)
from tests.playground.code_writers.snippet_stage import GATEWAY_VALUE, ROOT, Played, Sent, Stage

EXECUTED = (Language.PYTHON, Language.JAVASCRIPT, Language.CURL)
PROGRAMS = [
    (Language.PYTHON, Sdk.OPENAI),
    (Language.PYTHON, Sdk.REST),
    (Language.JAVASCRIPT, Sdk.OPENAI),
    (Language.JAVASCRIPT, Sdk.REST),
    (Language.CURL, Sdk.REST),
]
APIS = [Api.CHAT, Api.RESPONSES]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    subprocess.run([ROOT / "scripts" / "get-node"], cwd=ROOT, check=True)
    with Stage(tmp_path_factory.mktemp("stage")) as made:
        yield made


def environment(choice: SnippetChoice, source: CodeSource) -> dict[str, str]:
    """What a person has in the environment for this snippet, and nothing else."""
    given = {"GATEWAY_HEADER_VALUE": GATEWAY_VALUE} if source.extra_header and not source.extra_header.is_key else {}
    if choice.authentication is Authentication.KEY:
        return {**given, "AZURE_OPENAI_API_KEY": KEY}
    if choice.sdk is Sdk.REST and choice.language is not Language.CURL:
        return {**given, "AZURE_ACCESS_TOKEN": token(source.endpoint)}
    return given


def token(endpoint: Endpoint) -> str:
    """As the simulator takes it, for the right audience alone."""
    return f"token-for:{endpoint.scope.removesuffix('/.default')}"


async def compared(stage: Stage, source: CodeSource, choice: SnippetChoice) -> tuple[Played, Sent]:
    """Plays and runs, and finds the same request and the same answer."""
    played = await stage.played(source, choice.api)
    made = write_snippet(replace(source, lessons=played.lessons), choice)
    assert made.refused == ""
    assert KEY not in made.text
    sent, printed = stage.run(made, choice.language, environment(choice, source))
    assert without_known_additions(sent, choice, source.endpoint).what == played.sent.what
    if choice.language is not Language.CURL:
        assert printed.strip() == played.answer.strip()
    return played, sent


def without_known_additions(sent: Sent, choice: SnippetChoice, endpoint: Endpoint) -> Sent:
    """Two things an SDK adds where the route ignores them; notes of the snippet tell both."""
    if choice.sdk is Sdk.OPENAI and choice.language is Language.PYTHON and "/deployments/" in sent.path:
        assert sent.body.pop("model") == endpoint.deployment
    if choice.sdk is Sdk.INFERENCE and not endpoint.query:
        sent.query.remove(("api-version", "2024-05-01-preview"))
    return sent


def combinations(url: str, authentication: Authentication, apis: int = 2) -> Iterator[object]:
    endpoint = parse_endpoint(url)
    for api in offered_choices(endpoint, SnippetChoice()).apis[:apis]:
        for language in EXECUTED:
            for sdk in offered_choices(endpoint, SnippetChoice(api, language)).sdks:
                name = f"{url.removeprefix('https://')}-{api}-{language}-{sdk}"
                yield pytest.param(url, SnippetChoice(api, language, sdk, authentication), id=name)


SHAPES = (V1, DEPLOYMENT, MODELS, PROJECT, DATED, AGENT, SERVERLESS, COMPATIBLE)
BY_KEY = [case for url in SHAPES for case in combinations(url, Authentication.KEY)]
BY_TOKEN = [
    case
    for url in (V1, DEPLOYMENT, MODELS, AGENT, SERVERLESS)
    for case in combinations(url, Authentication.ENTRA, apis=1)
]


@pytest.mark.parametrize(("url", "choice"), [*BY_KEY, *combinations(OLD, Authentication.KEY, apis=1)])
async def test_a_snippet_sends_what_the_playground_sends(stage: Stage, url: str, choice: SnippetChoice) -> None:
    source = CodeSource(parse_endpoint(url), request())
    played, sent = await compared(stage, source, choice)
    assert set(sent.credentials.values()) <= {KEY, f"Bearer {KEY}"}
    if choice.sdk is Sdk.REST:
        assert sent.credentials == played.sent.credentials


@pytest.mark.parametrize(("url", "choice"), BY_TOKEN)
async def test_a_snippet_signs_in_with_entra_id_for_the_right_audience(
    stage: Stage, url: str, choice: SnippetChoice
) -> None:
    source = CodeSource(parse_endpoint(url), request())
    _, sent = await compared(stage, source, choice)
    assert sent.credentials == {"authorization": f"Bearer {token(source.endpoint)}"}


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("language", "sdk"), PROGRAMS)
async def test_every_parameter_and_images_are_sent(stage: Stage, api: Api, language: Language, sdk: Sdk) -> None:
    await compared(stage, CodeSource(parse_endpoint(V1), everything()), SnippetChoice(api, language, sdk))


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("language", "sdk"), PROGRAMS)
async def test_what_is_told_beside_an_answer_is_asked_for(stage: Stage, api: Api, language: Language, sdk: Sdk) -> None:
    asked = request(service_tier="priority", logprobs=True, top_logprobs=2)
    asked = asked if api is Api.CHAT else replace(asked, reasoning_summary="auto")
    played, _ = await compared(stage, CodeSource(parse_endpoint(V1), asked), SnippetChoice(api, language, sdk))
    assert played.sent.body["top_logprobs"] == 2
    assert played.sent.body["service_tier"] == "priority"
    assert api is Api.CHAT or played.sent.body["reasoning"] == {"summary": "auto"}


@pytest.mark.parametrize("url", [COMPATIBLE, MODELS])
@pytest.mark.parametrize(
    ("language", "sdk"), [*PROGRAMS, (Language.PYTHON, Sdk.INFERENCE), (Language.JAVASCRIPT, Sdk.INFERENCE)]
)
async def test_extra_parameters_are_sent_as_they_are(stage: Stage, url: str, language: Language, sdk: Sdk) -> None:
    if url == COMPATIBLE and sdk is Sdk.INFERENCE:
        return
    source = CodeSource(parse_endpoint(url), request(extra={"top_k": 5, "guided": {"a": [1, True]}}))
    played, sent = await compared(stage, source, SnippetChoice(Api.CHAT, language, sdk))
    assert played.sent.body["top_k"] == 5
    assert sent.headers.get("extra-parameters") == played.sent.headers.get("extra-parameters")
    assert (sent.headers.get("extra-parameters") == "pass-through") is (url == MODELS)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("language", "sdk"), PROGRAMS)
async def test_an_answer_that_does_not_stream_is_printed(stage: Stage, api: Api, language: Language, sdk: Sdk) -> None:
    await compared(stage, CodeSource(parse_endpoint(V1), simple(stream=False)), SnippetChoice(api, language, sdk))


@pytest.mark.parametrize(("language", "sdk"), PROGRAMS)
async def test_headers_of_a_gateway_are_sent(stage: Stage, language: Language, sdk: Sdk) -> None:
    source = CodeSource(
        parse_endpoint(GATEWAY),
        request(),
        key_header="Ocp-Apim-Subscription-Key",
        extra_header=ExtraHeader("X-Contoso", is_key=False),
    )
    played, sent = await compared(stage, source, SnippetChoice(Api.CHAT, language, sdk))
    assert sent.credentials == {"ocp-apim-subscription-key": KEY, "x-contoso": GATEWAY_VALUE}
    assert sent.credentials == played.sent.credentials


@pytest.mark.parametrize(("language", "sdk"), PROGRAMS)
async def test_a_snippet_reads_the_env_file(stage: Stage, language: Language, sdk: Sdk) -> None:
    source = CodeSource(parse_endpoint(V1), request())
    await compared(stage, source, SnippetChoice(Api.CHAT, language, sdk, env_file=True))


@pytest.mark.parametrize("path", ["/openai/v1", "/openai/deployments/gpt-4o", "/models", "/v1"])
@pytest.mark.parametrize(("language", "sdk"), PROGRAMS[::2])
async def test_servers_of_this_machine_are_called(stage: Stage, path: str, language: Language, sdk: Sdk) -> None:
    source = CodeSource(parse_endpoint(stage.url + path), request())
    played, sent = await compared(stage, source, SnippetChoice(Api.CHAT, language, sdk))
    assert sent.credentials == played.sent.credentials


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("language", "sdk"), PROGRAMS[:4])
async def test_variables_make_the_same_text(stage: Stage, api: Api, language: Language, sdk: Sdk) -> None:
    variables = {"customer_id": "C-20418", "question": TRICKY, "unused": "x", "class": "y"}
    templates = ["You know {{customer_id}} {}.", "{{ customer_id }} asks ${`'\"\\}:\r\n{{ question }}{{ question }}"]
    texts = [filled(template, variables) for template in templates]
    source = CodeSource(
        parse_endpoint(V1),
        ChatRequest("gpt-4o", (Message("system", texts[0]), Message("user", texts[1]))),
        variables=variables,
        templates=templates,
    )
    made = write_snippet(source, SnippetChoice(api, language, sdk))
    assert made.text.count("C-20418") == 1
    assert "unused" not in made.text
    await compared(stage, source, SnippetChoice(api, language, sdk))


def filled(template: str, variables: dict[str, str]) -> str:
    for name, value in variables.items():
        template = template.replace(f"{{{{ {name} }}}}", value).replace(f"{{{{{name}}}}}", value)
    return template
