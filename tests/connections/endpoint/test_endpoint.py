"""What is known of an endpoint: its host, where its deployments are listed, and what a token for it must say."""

import pytest

from connections.endpoint.agent_place import AgentPlace, agent_place
from connections.endpoint.endpoint import Endpoint, EndpointError, EndpointKind, KeyHeader
from connections.endpoint.hosts import is_or_is_below, sovereign_cloud_of
from connections.endpoint.recognise import parse_endpoint

RESOURCE = "https://r.openai.azure.com"
PROJECT = "https://r.services.ai.azure.com/api/projects/P"
SERVERLESS = "https://x.eastus2.models.ai.azure.com"
LISTED = "openai/deployments?api-version=2023-03-15-preview"


@pytest.mark.parametrize(
    ("pasted", "url"),
    [
        (RESOURCE, f"{RESOURCE}/{LISTED}"),
        (f"{RESOURCE}/openai/v1", f"{RESOURCE}/{LISTED}"),
        (f"{RESOURCE}/openai/deployments/D?api-version=2024-10-21", f"{RESOURCE}/{LISTED}"),
        ("https://r.services.ai.azure.com/models", f"https://r.services.ai.azure.com/{LISTED}"),
        (f"{RESOURCE}/openai/responses?api-version=2025-04-01-preview", f"{RESOURCE}/{LISTED}"),
        ("https://gw.contoso.com/team/openai/v1", f"https://gw.contoso.com/team/{LISTED}"),
        (PROJECT, f"{PROJECT}/deployments?api-version=v1"),
        (f"{PROJECT}/openai/responses?api-version=2025-11-15-preview", f"{PROJECT}/deployments?api-version=v1"),
        (SERVERLESS, f"{SERVERLESS}/info?api-version=2024-05-01-preview"),
        ("https://r.services.ai.azure.com/anthropic", f"https://r.services.ai.azure.com/{LISTED}"),
        ("https://gw.contoso.com/claude/v1/messages", None),
        ("https://api.openai.com/v1", "https://api.openai.com/v1/models"),
        ("http://localhost:8080/v1?team=a", "http://localhost:8080/v1/models?team=a"),
    ],
)
def test_where_deployments_are_listed(pasted, url):
    assert parse_endpoint(pasted).listing_url == url


CLASSIC, FOUNDRY = "https://cognitiveservices.azure.com/.default", "https://ai.azure.com/.default"


@pytest.mark.parametrize(
    ("pasted", "scope", "authority"),
    [
        (RESOURCE, FOUNDRY, ""),
        (f"{RESOURCE}/openai/deployments/D", CLASSIC, ""),
        (f"{RESOURCE}/openai/responses?api-version=2025-04-01-preview", CLASSIC, ""),
        (PROJECT, FOUNDRY, ""),
        (f"{PROJECT}/openai/responses?api-version=2025-11-15-preview", FOUNDRY, ""),
        ("https://r.services.ai.azure.com/models", FOUNDRY, ""),
        (SERVERLESS, "https://ml.azure.com/.default", ""),
        ("https://gw.contoso.com/v1", FOUNDRY, ""),
        ("https://r.openai.azure.us", "https://cognitiveservices.azure.us/.default", "login.microsoftonline.us"),
        ("https://r.openai.azure.cn", "https://cognitiveservices.azure.cn/.default", "login.chinacloudapi.cn"),
        ("https://r.azure.us.evil.example/v1", FOUNDRY, ""),
    ],
)
def test_what_a_token_is_for_and_who_gives_it(pasted, scope, authority):
    endpoint = parse_endpoint(pasted)
    assert (endpoint.scope, endpoint.authority) == (scope, authority)


@pytest.mark.parametrize(
    ("pasted", "host", "address"),
    [
        (RESOURCE, "r.openai.azure.com", ("r.openai.azure.com", 443)),
        ("http://localhost/v1", "localhost", ("localhost", 80)),
        ("https://gw.contoso.com:8443/v1", "gw.contoso.com:8443", ("gw.contoso.com", 8443)),
        ("http://[::1]:9/v1", "[::1]:9", ("::1", 9)),
        ("http://[::1]/v1", "[::1]", ("::1", 80)),
    ],
)
def test_what_is_connected_to(pasted, host, address):
    endpoint = parse_endpoint(pasted)
    assert (endpoint.host, endpoint.address, endpoint.hostname) == (host, address, address[0])


@pytest.mark.parametrize(
    ("pasted", "is_azure", "is_resource"),
    [
        (RESOURCE, True, True),
        ("https://r.cognitiveservices.azure.com", True, True),
        ("https://r.services.ai.azure.cn/openai/v1", True, True),
        ("https://eastus.api.cognitive.microsoft.com/openai/v1", True, False),
        (SERVERLESS, False, False),
        ("https://gw.contoso.com/openai/v1", False, False),
        ("https://openai.azure.com.evil.example/v1", False, False),
    ],
)
def test_whose_host_it_is(pasted, is_azure, is_resource):
    endpoint = parse_endpoint(pasted)
    assert (endpoint.is_azure, endpoint.is_resource) == (is_azure, is_resource)


@pytest.mark.parametrize(
    ("pasted", "label", "in_body"),
    [
        (RESOURCE, "Foundry v1", True),
        (f"{RESOURCE}/openai/deployments/D", "Azure OpenAI", False),
        ("https://r.services.ai.azure.com/models", "Model inference (old)", True),
        (PROJECT, "Foundry project", True),
        (f"{RESOURCE}/openai/responses?api-version=2025-04-01-preview", "Responses", True),
        (SERVERLESS, "Serverless", True),
        ("https://api.openai.com/v1", "OpenAI-compatible", True),
        ("https://r.services.ai.azure.com/anthropic", "Claude", True),
        (f"{PROJECT}/agents/A/endpoint/protocols/openai", "Foundry agent", False),
    ],
)
def test_each_kind_has_a_label_and_says_where_the_model_stands(pasted, label, in_body):
    endpoint = parse_endpoint(pasted)
    assert (endpoint.label, endpoint.model_in_body) == (label, in_body)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2025-03-01-preview", "2025-03-01-preview"),
        ("2025-04-01-preview", "2025-04-01-preview"),
        ("2025-02-01-preview", "2025-04-01-preview"),
        ("2025-06-01", "2025-04-01-preview"),
        ("2024-10-21", "2025-04-01-preview"),
    ],
)
def test_responses_of_a_deployment_need_a_preview_that_has_them(version, expected):
    endpoint = parse_endpoint(f"{RESOURCE}/openai/deployments/D?api-version={version}")
    assert endpoint.responses_url == f"{RESOURCE}/openai/responses?api-version={expected}"


def test_an_address_for_embeddings_has_no_other_operation():
    endpoint = parse_endpoint(f"{RESOURCE}/openai/deployments/E/embeddings?api-version=2023-05-15")
    assert endpoint.chat_url is None
    assert endpoint.responses_url is None
    assert endpoint.operation == "embeddings"


@pytest.mark.parametrize(
    ("pasted", "prefers"),
    [
        (f"{RESOURCE}/openai/v1/responses", True),
        (f"{RESOURCE}/openai/responses?api-version=2025-04-01-preview", True),
        (f"{RESOURCE}/openai/v1/chat/completions", False),
        (f"{RESOURCE}/openai/v1", False),
        ("https://api.openai.com/v1/responses", True),
    ],
)
def test_whose_address_prefers_responses(pasted, prefers):
    assert parse_endpoint(pasted).prefers_responses is prefers


def test_what_was_found_beside_the_address_makes_no_other_endpoint():
    plain = parse_endpoint(f"{RESOURCE}/openai/v1")
    pasted = parse_endpoint(
        f"curl {RESOURCE}/openai/v1/chat/completions -H 'api-key: 0123456789abcdef0123456789abcdef'"
    )
    assert pasted == plain
    assert pasted.found_key is not None
    assert plain.found_key is None
    assert plain.warnings == ()
    assert plain.query == ""


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        (f"{RESOURCE}/openai/v1?api-version=preview", "api-version is dropped"),
        (f"{RESOURCE}/openai/deployments/gpt?api-version=2024-06-01", "deployment gpt, api-version 2024-06-01"),
        (f"{PROJECT}/openai/v1?api-version=v1", "api-version is dropped"),
        ("https://r.services.ai.azure.com/models", "https://r.services.ai.azure.com/openai/v1 is the newer address"),
    ],
)
def test_an_older_address_is_warned_of(pasted, words):
    (warning,) = parse_endpoint(pasted).warnings
    assert words in warning


def test_an_error_says_what_it_is_and_what_to_do():
    error = EndpointError("This is no address.", "Paste one.")
    assert (error.message, error.hint, str(error)) == (
        "This is no address.",
        "Paste one.",
        "This is no address. Paste one.",
    )


def test_endpoints_are_equal_by_what_they_are():
    one = Endpoint(EndpointKind.V1, "u", "o", "b", None, None, KeyHeader.API_KEY, ("a warning",))
    assert one == Endpoint(EndpointKind.V1, "u", "o", "b", None, None, KeyHeader.API_KEY)
    assert one != Endpoint(EndpointKind.V1, "v", "o", "b", None, None, KeyHeader.API_KEY)


def test_hosts_are_told_by_whole_names():
    assert is_or_is_below("w3.org", ("w3.org",))
    assert is_or_is_below("www.w3.org", ("w3.org",))
    assert not is_or_is_below("xw3.org", ("w3.org",))
    assert sovereign_cloud_of("r.openai.azure.com") is None
    assert sovereign_cloud_of("xazure.us") is None


@pytest.mark.parametrize(
    ("rest", "name", "is_application", "place"),
    [
        ("", "", False, AgentPlace.PROJECT),
        ("/openai/v1", "", False, AgentPlace.PROJECT),
        ("/agents/My%20agent/endpoint/protocols/openai", "My agent", False, AgentPlace.AGENT),
        ("/applications/Shop/protocols/openai", "Shop", True, AgentPlace.AGENT),
        ("/openai/v1/responses?agent_reference=helper%3A2", "helper", False, AgentPlace.AGENT),
    ],
)
def test_the_agent_of_an_address_has_a_name(rest, name, is_application, place):
    endpoint = parse_endpoint(PROJECT + rest)
    assert (endpoint.agent_name, endpoint.is_application, endpoint.project_url) == (name, is_application, PROJECT)
    assert agent_place(endpoint.url) is place


def test_what_is_no_project_has_no_agents():
    endpoint = parse_endpoint("https://gw.contoso.com/agents/A/protocols/openai/v1")
    assert (endpoint.agent_name, endpoint.is_application, endpoint.project_url) == ("", False, None)
    assert agent_place(endpoint.url) is AgentPlace.NONE
