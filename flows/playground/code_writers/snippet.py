"""Which combinations of choices there are, and the snippet of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from connections.endpoint.endpoint import Endpoint, EndpointKind
from connections.endpoint.hosts import ANTHROPIC
from connections.foundry.auth import API_KEY, BEARER
from connections.foundry.routes import Api, api_of, surface_of, url_of
from flows.playground.code_writers import (
    csharp,
    csharp_inference,
    csharp_openai,
    curl,
    go,
    go_openai,
    java,
    java_inference,
    java_openai,
    javascript,
    javascript_anthropic,
    python,
    python_anthropic,
)
from flows.playground.code_writers.call_plan import CallPlan, CodeSource, plan_of
from flows.playground.code_writers.choices import (
    LABELS,
    Authentication,
    Language,
    Sdk,
    Snippet,
    SnippetChoice,
    SnippetRefusal,
    WrittenCode,
)

Writer = Callable[[CallPlan], WrittenCode]
WRITERS: Mapping[Language, Mapping[Sdk, Writer]] = {
    Language.PYTHON: {
        Sdk.ANTHROPIC: python_anthropic.write_anthropic,
        Sdk.OPENAI: python.write_openai,
        Sdk.REST: python.write_rest,
        Sdk.INFERENCE: python.write_inference,
    },
    Language.JAVASCRIPT: {
        Sdk.ANTHROPIC: javascript_anthropic.write_anthropic,
        Sdk.OPENAI: javascript.write_openai,
        Sdk.REST: javascript.write_rest,
        Sdk.INFERENCE: javascript.write_inference,
    },
    Language.CSHARP: {
        Sdk.OPENAI: csharp_openai.write_openai,
        Sdk.REST: csharp.write_rest,
        Sdk.INFERENCE: csharp_inference.write_inference,
    },
    Language.JAVA: {
        Sdk.OPENAI: java_openai.write_openai,
        Sdk.REST: java.write_rest,
        Sdk.INFERENCE: java_inference.write_inference,
    },
    Language.GO: {Sdk.OPENAI: go_openai.write_openai, Sdk.REST: go.write_rest},
    Language.CURL: {Sdk.REST: curl.write_rest},
}
FILE_NAMES = {
    Language.PYTHON: "playground.py",
    Language.JAVASCRIPT: "playground.mjs",
    Language.CSHARP: "Program.cs",
    Language.JAVA: "Main.java",  # named like its class
    Language.GO: "main.go",
    Language.CURL: "playground.sh",
}
LOADS_ENV_FILE = (Language.PYTHON, Language.JAVASCRIPT, Language.CURL)
INFERENCE_KINDS = (EndpointKind.INFERENCE, EndpointKind.SERVERLESS)

RETIRED = "The Azure AI Inference SDK is retired. Use the OpenAI SDK."
ROUTE_MOVED = "The deployment route has no Responses: the address of the resource is called, and the model is named."
MODEL_TWICE = "The SDK also names the deployment as model in the body, which this route ignores."
VERSION_ADDED = "This SDK always sends an api-version, which a serverless endpoint ignores."
NO_ENV_FILE = "With Microsoft Entra ID there is no key to keep in a .env file."
LOAD_IT_BEFORE = "The program reads its environment. Load the .env file before it starts: set -a; . ./.env; set +a"


@dataclass(frozen=True)
class OfferedChoices:
    """What the selects of the page offer, each given the choices before it."""

    apis: tuple[Api, ...]
    languages: tuple[Language, ...]
    sdks: tuple[Sdk, ...]
    authentications: tuple[Authentication, ...]


def offered_choices(endpoint: Endpoint, choice: SnippetChoice) -> OfferedChoices:
    apis = tuple(api for api in (Api.CHAT, Api.RESPONSES, Api.MESSAGES) if url_of(endpoint, api))
    sdks = tuple(sdk for sdk in WRITERS[choice.language] if speaks(sdk, endpoint, choice.api))
    tokens = (Authentication.ENTRA,) if takes_tokens(endpoint) else ()
    return OfferedChoices(apis, tuple(WRITERS), sdks, (Authentication.KEY, *tokens))


def speaks(sdk: Sdk, endpoint: Endpoint, api: Api) -> bool:
    if sdk is Sdk.INFERENCE:
        # Only the retired route for models of all makers ever spoke the protocol of the retired SDK.
        return endpoint.kind in INFERENCE_KINDS and api is Api.CHAT
    return sdk is Sdk.REST or (sdk is Sdk.ANTHROPIC) is (api is Api.MESSAGES)


def takes_tokens(endpoint: Endpoint) -> bool:
    """Whether it takes those of Microsoft Entra ID."""
    return endpoint.kind is not EndpointKind.COMPATIBLE and endpoint.hostname != ANTHROPIC


def called_endpoint(source: CodeSource) -> Endpoint:
    """The address that serves the deployment, as far as was learnt: of Claude, or of all other models."""
    return surface_of(source.endpoint, api_of(source.endpoint, source.lessons))


def fit_choice(endpoint: Endpoint, choice: SnippetChoice) -> SnippetChoice:
    """The choice, with what does not exist here replaced by what does."""
    apis = offered_choices(endpoint, choice).apis
    choice = choice if choice.api in apis or not apis else replace(choice, api=apis[0])
    offered = offered_choices(endpoint, choice)
    sdk = choice.sdk if choice.sdk in offered.sdks else offered.sdks[0]
    authentication = choice.authentication if choice.authentication in offered.authentications else Authentication.KEY
    return replace(choice, sdk=sdk, authentication=authentication)


def write_snippet(source: CodeSource, choice: SnippetChoice) -> Snippet:
    """The code that sends what the playground would send now."""
    try:
        plan = plan_of(source, choice)
        refuse_impossible(plan)
        draft = WRITERS[choice.language][choice.sdk](plan)
    except SnippetRefusal as refusal:
        return Snippet(refused=str(refusal))
    env = "".join(f"{name}=\n" for name in plan.env_names) if choice.env_file else ""
    notes = (*notes_of(plan), *draft.notes)
    return Snippet(draft.text, FILE_NAMES[choice.language], draft.install, notes, env)


def refuse_impossible(plan: CallPlan) -> None:
    """Raises SnippetRefusal for combinations that there are none of."""
    choice = plan.choice
    if choice.sdk not in WRITERS[choice.language]:
        raise SnippetRefusal("There is no such SDK for this language. Choose another one, or REST.")
    if choice.sdk is not Sdk.INFERENCE and not speaks(choice.sdk, plan.endpoint, plan.api):
        raise SnippetRefusal(f"{LABELS[choice.sdk]} does not speak {LABELS[plan.api]}. Choose another SDK.")
    if plan.entra and not takes_tokens(plan.endpoint):
        raise SnippetRefusal("Microsoft Entra ID is for endpoints of Microsoft. Choose key authentication.")
    if choice.sdk is not Sdk.INFERENCE:
        return
    if plan.endpoint.kind not in INFERENCE_KINDS or plan.api is not Api.CHAT:
        raise SnippetRefusal(
            "The Azure AI Inference SDK calls chat completions of /models and of serverless endpoints alone."
            " Choose another SDK."
        )
    if plan.extra or plan.header not in (API_KEY, BEARER):
        raise SnippetRefusal("The Azure AI Inference SDK sends no header of a gateway. Choose the OpenAI SDK or REST.")


def notes_of(plan: CallPlan) -> tuple[str, ...]:
    choice = plan.choice
    repeats = bool(plan.deployment) and choice.language is not Language.JAVASCRIPT
    by_hand = choice.env_file and choice.language not in LOADS_ENV_FILE
    versioned = choice.sdk is Sdk.INFERENCE and "api-version" not in plan.query
    found = {
        RETIRED: choice.sdk is Sdk.INFERENCE,
        ROUTE_MOVED: plan.endpoint.kind is EndpointKind.DEPLOYMENT and plan.api is Api.RESPONSES,
        MODEL_TWICE: choice.sdk is Sdk.OPENAI and repeats,
        VERSION_ADDED: versioned,
        NO_ENV_FILE: choice.env_file and not plan.env_names,
        LOAD_IT_BEFORE: by_hand and bool(plan.env_names),
    }
    return tuple(note for note, applies in found.items() if applies)
