"""Which URL a call goes to, and what a refusal of the way teaches."""

import pytest

from connections.endpoint.recognise import LAST_GA, parse_endpoint
from connections.foundry.agent_errors import NEEDS_ROLE, error_of_agent, is_missing_route
from connections.foundry.auth import API_KEY, BEARER, SUBSCRIPTION_KEY
from connections.foundry.classify import MISSING_KEY
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.lessons import API, DOCUMENTS, ENDPOINT, FEATURES, KEY_HEADER, SCOPE, VERSION, Lesson
from connections.foundry.messages import NEWEST, WITH_SAMPLING
from connections.foundry.routes import (
    Api,
    Route,
    at_version,
    first_url,
    lesson_about_credentials,
    lesson_about_features,
    lesson_about_version,
    lessons_about_route,
    moved_endpoint,
    route_of,
)
from connections.foundry.values import Identity, Target
from connections.secret import Secret

NOW = 1_800_000_000.0
ROOT = "https://r.openai.azure.com"
V1, OLD = f"{ROOT}/openai/v1", f"{ROOT}/openai/deployments/m?api-version=2024-06-01"
PROJECT = "https://r.services.ai.azure.com/api/projects/P"
CLAUDE = "https://r.services.ai.azure.com/anthropic"
SERVERLESS = "https://x.eastus2.models.ai.azure.com"
OTHER, GATEWAY = "https://gw.contoso.example/v1", "https://gw.contoso.example/openai/v1"
NO_FILES = "This model Does Not Support file content types"


def refused(status, raw="", kind=ErrorKind.NOT_FOUND_ROUTE, message="no", **more):
    return FoundryError(kind, message, status=status, raw=raw, **more)


def learnt(address, error, api=None, model="m"):
    """What a refusal at an address teaches: parameter and what is done instead."""
    endpoint = parse_endpoint(address)
    route = route_of(endpoint, (), api)
    return [(lesson.parameter, lesson.instead) for lesson in lessons_about_route(route, endpoint, model, error, NOW)]


@pytest.mark.parametrize(
    ("address", "version", "url"),
    [
        (OLD, "2025-01-01-preview", f"{ROOT}/openai/deployments/m?api-version=2025-01-01-preview"),
        (OLD, "2024-06-01", OLD),
        (OLD, "2024-05-01", OLD),
        (OLD, "", OLD),
        (V1, "2025-01-01", V1),
        (f"{OLD}&x=1", "2025-01-01", f"{ROOT}/openai/deployments/m?api-version=2025-01-01&x=1"),
    ],
)
def test_only_a_newer_version_is_taken_and_only_where_there_is_one(address, version, url):
    assert at_version(parse_endpoint(address), version).url == url


@pytest.mark.parametrize(
    ("found", "url"), [(OLD, OLD), ("", V1), ("https://evil.example/v1", V1), ("no address", V1), (f"{ROOT}/x", V1)]
)
def test_an_endpoint_never_moves_to_another_host(found, url):
    assert moved_endpoint(parse_endpoint(V1), found).url == url


def test_what_is_called_as_long_as_nothing_was_learnt():
    assert first_url(parse_endpoint(V1)) == f"{V1}/chat/completions"
    assert first_url(parse_endpoint(CLAUDE)) == f"{CLAUDE}/v1/messages"
    embeddings = f"{ROOT}/openai/deployments/m/embeddings?api-version=2024-06-01"
    assert first_url(parse_endpoint(embeddings)) == embeddings


OLDER = f"{ROOT}/openai/deployments/m?api-version={LAST_GA}"


@pytest.mark.parametrize(
    ("address", "api", "error", "lessons"),
    [
        (V1, None, refused(404), [(ENDPOINT, OLDER), (API, "messages")]),
        (V1, Api.RESPONSES, refused(404), [(ENDPOINT, f"{ROOT}/openai/responses?api-version=2025-04-01-preview"), (API, "messages")]),
        (V1, None, refused(405), []),
        (V1, None, refused(404, "code: API_not_supported"), [(API, "messages")]),
        (V1, None, refused(404, kind=ErrorKind.NOT_FOUND_DEPLOYMENT), [(API, "messages")]),
        (V1, None, refused(404, kind=ErrorKind.SERVER), []),
        (OLD, None, refused(404), []),
        (OLD, None, refused(404, kind=ErrorKind.NOT_FOUND_DEPLOYMENT), []),
        (OTHER, None, refused(404), []),
        (PROJECT, None, refused(404), [(API, "responses"), (API, "messages")]),
        (PROJECT, Api.RESPONSES, refused(404), [(ENDPOINT, "https://r.services.ai.azure.com/openai/v1"), (API, "messages")]),
        (CLAUDE, None, refused(404), [(API, "chat")]),
        (CLAUDE, None, refused(404, kind=ErrorKind.NOT_FOUND_DEPLOYMENT), [(API, "chat")]),
        (SERVERLESS, None, refused(404), [(ENDPOINT, f"{SERVERLESS}/v1")]),
        (f"{SERVERLESS}/v1", None, refused(404), []),
        (GATEWAY, None, refused(404), []),
        (V1, None, refused(400, NO_FILES), [(DOCUMENTS, "responses")]),
        (V1, Api.RESPONSES, refused(400, NO_FILES), []),
        ("https://r.services.ai.azure.com/models", None, refused(404, NO_FILES), []),
    ],
)  # fmt: skip
def test_a_way_that_is_not_there_leads_to_the_likeliest_other_ones(address, api, error, lessons):
    assert learnt(address, error, api) == lessons


def test_a_list_is_looked_for_at_no_other_surface():
    endpoint = parse_endpoint(V1)
    lessons = lessons_about_route(Route(Api.LIST, V1, endpoint), endpoint, "m", refused(404), NOW)
    assert [lesson.parameter for lesson in lessons] == [ENDPOINT]


def test_without_the_name_of_a_model_there_is_no_older_path():
    assert learnt(V1, refused(404), model="") == [(API, "messages")]


@pytest.mark.parametrize(
    ("sent", "status", "raw", "instead"),
    [
        (NEWEST, 400, "Anthropic-Version: x is not known", WITH_SAMPLING),
        (WITH_SAMPLING, 400, "anthropic-version", NEWEST),
        ("", 400, "anthropic-version", None),
        (NEWEST, 404, "anthropic-version", None),
        (NEWEST, 400, "version", None),
    ],
)
def test_another_version_of_anthropic_is_tried_where_it_is_named(sent, status, raw, instead):
    lesson = lesson_about_version(sent, refused(status, raw), NOW)
    assert lesson == (instead and Lesson(VERSION, instead, raw, NOW))


WANTED = (
    "preview_feature_required: Include the 'Foundry-Features: HostedAgents=V1Preview' header, HostedAgents=V1Preview."
)


@pytest.mark.parametrize(
    ("sent", "status", "raw", "features"),
    [
        ("", 403, WANTED, "HostedAgents=V1Preview"),
        ("HostedAgents=V1Preview", 403, WANTED, None),
        ("", 400, WANTED, None),
        ("", 403, "preview_feature_required", None),
        ("", 403, "HostedAgents=V1Preview", None),
    ],
)
def test_previews_are_asked_for_as_the_service_names_them(sent, status, raw, features):
    lesson = lesson_about_features(sent, refused(status, raw), NOW)
    assert lesson == (features and Lesson(FEATURES, features, raw, NOW))


def credentials(address, error, *, identity=False, scope="", tried=()):
    lesson = lesson_about_credentials(
        error, parse_endpoint(address), identity=identity, scope=scope, tried_headers=tried, now=NOW
    )
    return lesson and (lesson.parameter, lesson.instead)


AUDIENCE = "The audience is incorrect (https://cognitiveservices.azure.com)"
TOKEN, KEY = ErrorKind.AUTH_TOKEN, ErrorKind.AUTH_KEY


@pytest.mark.parametrize(
    ("address", "error", "more", "taught"),
    [
        (OTHER, refused(401, kind=TOKEN), {}, (KEY_HEADER, API_KEY)),
        (OTHER, refused(401, kind=TOKEN), {"tried": (API_KEY,)}, None),
        (OTHER, refused(401, kind=KEY), {}, None),
        (GATEWAY, refused(401, kind=KEY), {}, (KEY_HEADER, API_KEY)),
        (OTHER, refused(401, kind=KEY, message=MISSING_KEY), {"tried": (API_KEY, SUBSCRIPTION_KEY)}, (KEY_HEADER, BEARER)),
        (OTHER, refused(403, kind=KEY), {}, None),
        (OTHER, refused(401, kind=ErrorKind.PERMISSION), {}, None),
        (V1, refused(401, kind=KEY), {}, None),
        (V1, refused(401, kind=TOKEN), {}, (KEY_HEADER, API_KEY)),
        (CLAUDE, refused(401, kind=KEY), {"tried": (API_KEY,)}, (KEY_HEADER, BEARER)),
        ("https://api.anthropic.com", refused(401, kind=KEY, message=MISSING_KEY), {"tried": (API_KEY,)}, (KEY_HEADER, SUBSCRIPTION_KEY)),
        (V1, refused(401, kind=KEY), {"identity": True}, None),
        (GATEWAY, refused(401, kind=KEY), {"identity": True}, None),
        (GATEWAY, refused(403, kind=KEY), {}, None),
        (GATEWAY, refused(401, kind=ErrorKind.PERMISSION), {}, None),
        (CLAUDE, refused(401, kind=KEY, message=MISSING_KEY), {"tried": (API_KEY,)}, (KEY_HEADER, BEARER)),
        (V1, refused(401, AUDIENCE, kind=TOKEN), {"identity": True}, (SCOPE, "https://cognitiveservices.azure.com/.default")),
        (V1, refused(401, AUDIENCE, kind=TOKEN), {"identity": True, "scope": "https://cognitiveservices.azure.com/.default"}, None),
        (OTHER, refused(401, AUDIENCE, kind=TOKEN), {"identity": True}, None),
        (V1, refused(401, "audience https://management.azure.com", kind=TOKEN), {"identity": True}, None),
    ],
)  # fmt: skip
def test_a_refused_credential_teaches_only_what_is_believed(address, error, more, taught):
    assert credentials(address, error, **more) == taught


# --- Agents ---

SHOP, APPLICATION = f"{PROJECT}/agents/shop/endpoint/protocols/openai", f"{PROJECT}/applications/shop/protocols/openai"


def of_agent(error, address=SHOP, identity=None, agent="shop"):
    found = error_of_agent(error, agent, Target("t", parse_endpoint(address), Secret("k"), identity))
    return found.kind, found.message, found.hint


OWN = Identity("managed_identity")


@pytest.mark.parametrize(
    ("error", "identity", "kind", "words"),
    [
        (refused(401, kind=KEY), None, KEY, "401: agent shop was not opened by the key."),
        (refused(401, kind=TOKEN, message="Expired."), OWN, TOKEN, "Expired."),
        (refused(404, "no such Conversation"), None, ErrorKind.NOT_FOUND_CONVERSATION, "404: the service does not know the conversation"),
        (refused(400, "Previous_Response gone"), None, ErrorKind.NOT_FOUND_CONVERSATION, "400: the service does not know the conversation"),
        (refused(500, "conversation", kind=ErrorKind.SERVER), None, ErrorKind.SERVER, "no"),
        (refused(404, "agent not there"), None, ErrorKind.NOT_FOUND_AGENT, "404: the project has no agent shop."),
        (refused(400, kind=ErrorKind.NOT_FOUND_DEPLOYMENT), None, ErrorKind.NOT_FOUND_AGENT, "400: the project has no agent shop."),
        (refused(404, "Resource Not Found"), None, ErrorKind.NOT_FOUND_ROUTE, "404: r.services.ai.azure.com has no agents"),
        (refused(404), None, ErrorKind.NOT_FOUND_ROUTE, "404: r.services.ai.azure.com has no agents"),
        (refused(400, "conversation", kind=ErrorKind.UNSUPPORTED_PARAMETER, params=("a", "b")), None, ErrorKind.UNSUPPORTED_PARAMETER, "400: the agent takes no a and no b;"),
    ],
)  # fmt: skip
def test_a_refusal_is_said_in_words_about_agents(error, identity, kind, words):
    found_kind, message, _ = of_agent(error, identity=identity)
    assert (found_kind, message[: len(words)]) == (kind, words)


def test_who_is_refused_is_told_what_is_needed():
    denied = refused(403, kind=ErrorKind.PERMISSION, message="Denied.")
    assert of_agent(denied, identity=OWN) == (ErrorKind.PERMISSION, "Denied.", NEEDS_ROLE)
    assert of_agent(denied) == (ErrorKind.PERMISSION, "Denied.", "")
    unsent = refused(None, kind=TOKEN, message="Nobody signs in.")
    assert of_agent(unsent, identity=OWN) == (TOKEN, "Nobody signs in.", "")
    assert of_agent(refused(401, kind=KEY), APPLICATION)[1].startswith(
        "401: agent shop is published as an application."
    )
    assert of_agent(refused(401, kind=KEY), agent="")[1].startswith("401: the agent was not opened")


@pytest.mark.parametrize(
    ("status", "raw", "missing"),
    [(405, "x", True), (404, "", True), (404, "RESOURCE not found", True), (404, "agent x", False), (400, "", False)],
)
def test_a_path_that_is_missing_is_told_from_what_it_names(status, raw, missing):
    assert is_missing_route(refused(status, raw)) is missing
