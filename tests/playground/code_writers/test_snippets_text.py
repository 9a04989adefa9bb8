"""What the Code view offers, what it says, and what it never shows."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.lessons import Lesson
from connections.foundry.routes import SPOKEN, Api
from connections.foundry.values import ChatRequest, Message, ToolCall
from connections.secret import Secret
from flows.playground.code_writers import (
    LABELS,
    Authentication,
    CodeSource,
    ExtraHeader,
    Language,
    OfferedChoices,
    Sdk,
    SnippetChoice,
    fit_choice,
    offered_choices,
    write_snippet,
)
from tests.playground.code_writers.snippet_cases import (
    AGENT,
    COMPATIBLE,
    DATED,
    DEPLOYMENT,
    FOUNDRY,
    GATEWAY,
    IMAGE,
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
from tests.playground.code_writers.snippet_literals import GRAMMARS, literals, parsed

URLS = (V1, FOUNDRY, DEPLOYMENT, OLD, MODELS, PROJECT, DATED, AGENT, SERVERLESS, COMPATIBLE, GATEWAY)
ALL = [SnippetChoice(*chosen) for chosen in product(Api, Language, Sdk, Authentication, (False, True)) if chosen[0] in (Api.CHAT, Api.RESPONSES)]  # fmt: skip
TYPED = [*GRAMMARS]


def source(url: str, asked: ChatRequest | None = None) -> CodeSource:
    return CodeSource(parse_endpoint(url), asked or request())


def offered(url: str) -> Iterator[SnippetChoice]:
    return (choice for choice in ALL if fit_choice(parse_endpoint(url), choice) == choice)


# --- Extra parameters ---


def test_sdks_that_take_no_header_of_a_call_say_so_and_others_send_it() -> None:
    asked = source(MODELS, request(extra={"top_k": 5}))
    refused = write_snippet(asked, SnippetChoice(language=Language.CSHARP)).refused
    assert "sends a further header only by a class of its own" in refused
    for language in (Language.GO, Language.JAVA):
        made = write_snippet(asked, SnippetChoice(language=language)).text
        assert '"extra-parameters", "pass-through"' in made
        assert '"top_k"' in made
    assert "extra-parameters" not in write_snippet(source(MODELS), SnippetChoice(language=Language.GO)).text


# --- What is offered ---


def test_a_resource_offers_everything_but_the_retired_sdk() -> None:
    assert offered_choices(parse_endpoint(V1), SnippetChoice()) == OfferedChoices(
        (Api.CHAT, Api.RESPONSES), tuple(Language), (Sdk.OPENAI, Sdk.REST), (Authentication.KEY, Authentication.ENTRA)
    )


@pytest.mark.parametrize(
    ("url", "choice", "sdks"),
    [
        (MODELS, SnippetChoice(), (Sdk.OPENAI, Sdk.REST, Sdk.INFERENCE)),
        (SERVERLESS, SnippetChoice(language=Language.JAVA), (Sdk.OPENAI, Sdk.REST, Sdk.INFERENCE)),
        (MODELS, SnippetChoice(language=Language.GO), (Sdk.OPENAI, Sdk.REST)),
        (DEPLOYMENT, SnippetChoice(language=Language.CSHARP), (Sdk.OPENAI, Sdk.REST)),
        (V1, SnippetChoice(language=Language.CURL), (Sdk.REST,)),
    ],
)
def test_sdks_depend_on_language_and_endpoint(url: str, choice: SnippetChoice, sdks: tuple[Sdk, ...]) -> None:
    assert offered_choices(parse_endpoint(url), choice).sdks == sdks


@pytest.mark.parametrize(
    ("url", "apis"),
    [(V1, (Api.CHAT, Api.RESPONSES)), (MODELS, (Api.CHAT,)), (SERVERLESS, (Api.CHAT,)), (DATED, (Api.RESPONSES,))],
)
def test_apis_are_those_of_the_endpoint(url: str, apis: tuple[Api, ...]) -> None:
    assert offered_choices(parse_endpoint(url), SnippetChoice()).apis == apis


def test_entra_id_is_not_offered_for_servers_of_others() -> None:
    assert offered_choices(parse_endpoint(COMPATIBLE), SnippetChoice()).authentications == (Authentication.KEY,)


def test_a_choice_that_does_not_exist_becomes_the_nearest_one() -> None:
    wanted = SnippetChoice(Api.CHAT, Language.CURL, Sdk.OPENAI, Authentication.ENTRA, env_file=True)
    assert fit_choice(parse_endpoint(DATED), wanted) == replace(wanted, api=Api.RESPONSES, sdk=Sdk.REST)
    assert (
        fit_choice(parse_endpoint(COMPATIBLE), SnippetChoice(sdk=Sdk.INFERENCE, authentication=Authentication.ENTRA))
        == SnippetChoice()
    )


def test_every_option_has_a_label() -> None:
    assert set(LABELS) == {*SPOKEN, *Language, *Sdk, *Authentication}
    assert LABELS[Sdk.INFERENCE] == "Azure AI Inference SDK (retired)"


@pytest.mark.parametrize("url", URLS)
def test_what_is_offered_is_written_or_says_what_to_choose_instead(url: str) -> None:
    for choice in offered(url):
        made = write_snippet(source(url), choice)
        assert bool(made.text) != bool(made.refused), choice
        if made.refused:
            assert choice.language in (Language.CSHARP, Language.JAVA)
            assert "Choose" in made.refused


# --- What is never shown ---


@pytest.mark.parametrize("url", URLS)
def test_the_key_is_in_no_part_of_a_snippet_and_its_variable_is(url: str) -> None:
    planted = "planted-key-0123456789abcdef"
    endpoint = parse_endpoint(f"{url}{'&' if '?' in url else '?'}api-key={planted}")
    assert endpoint.found_key == Secret(planted)  # what was pasted held a key
    for choice in ALL:
        made = write_snippet(CodeSource(endpoint, request()), choice)
        assert planted not in repr(made)
        if made.text and choice.authentication is Authentication.KEY:
            assert "AZURE_OPENAI_API_KEY" in made.text
            assert made.env == ("AZURE_OPENAI_API_KEY=\n" if choice.env_file else "")


def test_the_env_file_has_names_and_no_values() -> None:
    extra = ExtraHeader("X-Contoso", is_key=False)
    made = write_snippet(replace(source(GATEWAY), extra_header=extra), SnippetChoice(sdk=Sdk.REST, env_file=True))
    assert made.env == "AZURE_OPENAI_API_KEY=\nGATEWAY_HEADER_VALUE=\n"


def test_with_entra_id_a_token_or_nothing_is_in_the_env_file() -> None:
    by_rest = SnippetChoice(sdk=Sdk.REST, authentication=Authentication.ENTRA, env_file=True)
    assert write_snippet(source(V1), by_rest).env == "AZURE_ACCESS_TOKEN=\n"
    made = write_snippet(source(V1), replace(by_rest, sdk=Sdk.OPENAI))
    assert made.env == ""
    assert "dotenv" not in made.text + made.install
    assert made.notes == ("With Microsoft Entra ID there is no key to keep in a .env file.",)


# --- What is said ---


@pytest.mark.parametrize(
    ("url", "choice", "note"),
    [
        (MODELS, SnippetChoice(sdk=Sdk.INFERENCE), "The Azure AI Inference SDK is retired. Use the OpenAI SDK."),
        (DEPLOYMENT, SnippetChoice(Api.RESPONSES), "The deployment route has no Responses: the address of the resource is called, and the model is named."),
        (DEPLOYMENT, SnippetChoice(), "The SDK also names the deployment as model in the body, which this route ignores."),
        (SERVERLESS, SnippetChoice(sdk=Sdk.INFERENCE), "This SDK always sends an api-version, which a serverless endpoint ignores."),
        (V1, SnippetChoice(language=Language.GO, env_file=True), "The program reads its environment. Load the .env file before it starts: set -a; . ./.env; set +a"),
        (V1, SnippetChoice(language=Language.JAVA, sdk=Sdk.REST), "The JDK reads no JSON, so the answer is printed as it comes."),
    ],
)  # fmt: skip
def test_what_a_person_should_know_is_a_note(url: str, choice: SnippetChoice, note: str) -> None:
    assert note in write_snippet(source(url), choice).notes


@pytest.mark.parametrize(
    ("url", "choice", "sentence"),
    [
        (MODELS, SnippetChoice(Api.RESPONSES), "This endpoint (Model inference (old)) has no Responses. Use https://contoso.services.ai.azure.com/openai/v1."),
        (V1, SnippetChoice(language=Language.CURL), "There is no such SDK for this language. Choose another one, or REST."),
        (V1, SnippetChoice(sdk=Sdk.INFERENCE), "The Azure AI Inference SDK calls chat completions of /models and of serverless endpoints alone. Choose another SDK."),
        (COMPATIBLE, SnippetChoice(authentication=Authentication.ENTRA), "Microsoft Entra ID is for endpoints of Microsoft. Choose key authentication."),
        (DATED, SnippetChoice(Api.RESPONSES, Language.CSHARP), "The SDK for .NET has Responses at /openai/v1 alone. Choose REST, or a connection to that address."),
        (OLD, SnippetChoice(language=Language.CSHARP), "Azure.AI.OpenAI for .NET does not know the api-version 2024-05-01-preview. Choose REST."),
    ],
)  # fmt: skip
def test_what_cannot_be_written_says_why_and_what_can(url: str, choice: SnippetChoice, sentence: str) -> None:
    made = write_snippet(source(url), choice)
    assert made.refused == sentence
    assert made.text == ""


def test_an_sdk_without_a_model_is_refused() -> None:
    nameless = replace(simple(), model="")
    assert "Type the deployment" in write_snippet(source(SERVERLESS, nameless), SnippetChoice()).refused
    assert write_snippet(source(SERVERLESS, nameless), SnippetChoice(sdk=Sdk.REST)).refused == ""


def test_a_gateway_is_none_of_the_retired_sdks_business() -> None:
    made = write_snippet(
        replace(source(MODELS), key_header="Ocp-Apim-Subscription-Key"), SnippetChoice(sdk=Sdk.INFERENCE)
    )
    assert made.refused.startswith("The Azure AI Inference SDK sends no header of a gateway.")


def test_a_number_that_javascript_does_not_have_is_refused() -> None:
    big = simple(seed=2**60)
    assert (
        "JavaScript has no exact number"
        in write_snippet(source(V1, big), SnippetChoice(language=Language.JAVASCRIPT)).refused
    )
    assert f"seed={2**60}," in write_snippet(source(V1, big), SnippetChoice()).text


@pytest.mark.parametrize("language", TYPED)
def test_calls_of_tools_in_the_history_are_refused_by_languages_with_types(language: Language) -> None:
    history = (
        Message("user", "Look it up."),
        Message("assistant", None, tool_calls=[ToolCall("call-1", "look_up", "{}")]),
        Message("tool", "found", tool_call_id="call-1"),
    )
    asked = ChatRequest("gpt-4o", history)
    for api in (Api.CHAT, Api.RESPONSES):
        assert (
            "Choose Python, JavaScript or REST."
            in write_snippet(source(V1, asked), SnippetChoice(api, language)).refused
        )
        assert write_snippet(source(V1, asked), SnippetChoice(api)).refused == ""


# --- What is written ---


def test_what_the_deployment_refuses_is_not_written() -> None:
    lessons = (Lesson("temperature", "", "not supported", 0), Lesson("max_completion_tokens", "max_tokens", "old", 0))
    made = write_snippet(replace(source(V1), lessons=lessons), SnippetChoice())
    assert "temperature" not in made.text
    assert "max_tokens=300" in made.text


def test_responses_are_never_stored_by_the_service() -> None:
    assert "store=False," in write_snippet(source(V1), SnippetChoice(Api.RESPONSES)).text


def test_what_to_install_is_one_line() -> None:
    for url in URLS:
        for choice in offered(url):
            assert "\n" not in write_snippet(source(url), choice).install
    assert (
        write_snippet(source(V1), SnippetChoice(authentication=Authentication.ENTRA)).install
        == "pip install openai azure-identity"
    )


@pytest.mark.parametrize("url", URLS)
def test_python_is_valid_and_says_every_text(url: str) -> None:
    for choice in offered(url):
        if choice.language is Language.PYTHON:
            tree = ast.parse(write_snippet(source(url, everything()), choice).text)
            texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
            assert {TRICKY, IMAGE} <= texts


@pytest.mark.parametrize("language", TYPED)
@pytest.mark.parametrize("url", URLS)
def test_compiled_languages_are_valid_and_say_every_text(language: Language, url: str) -> None:
    for asked in (
        everything(),
        replace(everything(), response_format={"type": "json_object"}, stream=False),
        request(),
        simple(),
    ):
        for choice in offered(url):
            made = write_snippet(source(url, asked), choice)
            if choice.language is not language or made.refused:
                continue
            assert not parsed(language, made.text).has_error, made.text
            if len(asked.messages) > 1 and choice.sdk is not Sdk.REST:
                assert TRICKY in "".join(literals(language, made.text)), choice


@pytest.mark.parametrize("language", TYPED)
def test_the_body_of_a_rest_snippet_is_the_body_of_the_request(language: Language) -> None:
    made = write_snippet(source(V1, everything()), SnippetChoice(Api.CHAT, language, Sdk.REST))
    (body,) = [json.loads(text) for text in literals(language, made.text) if text.lstrip().startswith("{\n")]
    assert body["messages"][1] == {"role": "user", "content": TRICKY}
    assert body["stream_options"] == {"include_usage": True}
    assert body["seed"] == 7


def test_a_variable_whose_name_means_something_else_is_written_out() -> None:
    asked = ChatRequest("gpt-4o", (Message("user", "Hello Ann"), Message("user", "Bye Ann")))
    named = replace(
        source(V1, asked), variables={"client": "Ann", "who": "Ann"}, templates=("Hello {{ client }}", "Bye {{ who }}")
    )
    for language in (Language.PYTHON, Language.JAVASCRIPT):
        text = write_snippet(named, SnippetChoice(language=language)).text
        assert '"Hello Ann"' in text
        assert "who}" in text
    assert '"Bye Ann"' in write_snippet(named, SnippetChoice(language=Language.GO)).text


def test_variables_are_used_where_a_message_has_images() -> None:
    asked = ChatRequest(
        "gpt-4o",
        (
            Message(
                "user", [{"type": "text", "text": "What is Ann"}, {"type": "image_url", "image_url": {"url": IMAGE}}]
            ),
        ),
    )
    named = replace(source(V1, asked), variables={"who": "Ann"}, templates=("What is {{ who }}",))
    assert 'f"What is {who}"' in write_snippet(named, SnippetChoice(Api.RESPONSES)).text
