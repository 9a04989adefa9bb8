"""Pasted text is recognised, and the exact URL that will be called is known."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connections.endpoint.endpoint import EndpointError, EndpointKind, KeyHeader
from connections.endpoint.recognise import parse_endpoint, secret_warning

V1, DEPLOYMENT, INFERENCE, PROJECT = (
    EndpointKind.V1,
    EndpointKind.DEPLOYMENT,
    EndpointKind.INFERENCE,
    EndpointKind.PROJECT,
)
RESPONSES, SERVERLESS, COMPATIBLE = EndpointKind.RESPONSES, EndpointKind.SERVERLESS, EndpointKind.COMPATIBLE
DEPLOYED = "https://r.cognitiveservices.azure.com/openai/deployments/gpt-4o"

ROWS = [
    ("https://MY-PROJECT.openai.azure.com/openai/v1", V1, "https://my-project.openai.azure.com/openai/v1/chat/completions", "api-key"),
    ("https://my-project.openai.azure.com//openai/v1//", V1, "https://my-project.openai.azure.com/openai/v1/chat/completions", "api-key"),
    ("  MY-PROJECT.openai.azure.com/openai/v1 ", V1, "https://my-project.openai.azure.com/openai/v1/chat/completions", "api-key"),
    ("https://r.openai.azure.com/openai/v1?api-version=preview", V1, "https://r.openai.azure.com/openai/v1/chat/completions", "api-key"),
    ("https://r.openai.azure.com/openai/v1/chat/completions", V1, "https://r.openai.azure.com/openai/v1/chat/completions", "api-key"),
    ("https://r.openai.azure.com/openai/v1/embeddings", V1, "https://r.openai.azure.com/openai/v1/chat/completions", "api-key"),
    ("https://xx-eastus2.services.ai.azure.com/openai/v1", V1, "https://xx-eastus2.services.ai.azure.com/openai/v1/chat/completions", "api-key"),
    ("https://r.cognitiveservices.azure.com/openai/v1/", V1, "https://r.cognitiveservices.azure.com/openai/v1/chat/completions", "api-key"),
    ("https://xx.services.ai.azure.com/models/", INFERENCE, "https://xx.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview", "api-key"),
    ("https://xx.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview", INFERENCE, "https://xx.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview", "api-key"),
    (DEPLOYED, DEPLOYMENT, f"{DEPLOYED}/chat/completions?api-version=2024-10-21", "api-key"),
    (f"{DEPLOYED}/chat/completions?api-version=2024-05-01-preview", DEPLOYMENT, f"{DEPLOYED}/chat/completions?api-version=2024-05-01-preview", "api-key"),
    (f"{DEPLOYED}/chat/completions?api-version=2024-05-01-preview&foo=bar", DEPLOYMENT, f"{DEPLOYED}/chat/completions?api-version=2024-05-01-preview&foo=bar", "api-key"),
    ("https://r.openai.azure.com/openai/deployments/emb3/embeddings?api-version=2023-05-15", DEPLOYMENT, None, "api-key"),
    ("https://r.cognitiveservices.azure.com/openai/responses?api-version=2025-04-01-preview", RESPONSES, None, "api-key"),
    ("https://RES.services.ai.azure.com/api/projects/PROJ", PROJECT, "https://res.services.ai.azure.com/api/projects/PROJ/openai/v1/chat/completions", "api-key"),
    ("https://res.services.ai.azure.com/api/projects/PROJ/openai/v1", PROJECT, "https://res.services.ai.azure.com/api/projects/PROJ/openai/v1/chat/completions", "api-key"),
    ("https://res.services.ai.azure.com/api/projects/P/openai/responses?api-version=2025-11-15-preview", RESPONSES, None, "api-key"),
    ("https://RES.openai.azure.com/", V1, "https://res.openai.azure.com/openai/v1/chat/completions", "api-key"),
    ("https://res.services.ai.azure.com/openai", V1, "https://res.services.ai.azure.com/openai/v1/chat/completions", "api-key"),
    ("https://X.eastus2.models.ai.azure.com/", SERVERLESS, "https://x.eastus2.models.ai.azure.com/chat/completions", "bearer"),
    ("https://x.eastus2.models.ai.azure.com/v1/chat/completions", SERVERLESS, "https://x.eastus2.models.ai.azure.com/v1/chat/completions", "bearer"),
    ("https://api.openai.com/v1", COMPATIBLE, "https://api.openai.com/v1/chat/completions", "bearer"),
    ("localhost:11434/v1", COMPATIBLE, "http://localhost:11434/v1/chat/completions", "bearer"),
    ("https://gw.contoso.com/openai/deployments/D/chat/completions?api-version=2024-10-21", DEPLOYMENT, "https://gw.contoso.com/openai/deployments/D/chat/completions?api-version=2024-10-21", "api-key"),
    ("https://openai.azure.com.evil.example/v1", COMPATIBLE, "https://openai.azure.com.evil.example/v1/chat/completions", "bearer"),
    ("https://r.openai.azure.com/openai/v1/responses", V1, "https://r.openai.azure.com/openai/v1/chat/completions", "api-key"),
    ("https://xx-eastus2.services.ai.azure.com/models", INFERENCE, "https://xx-eastus2.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview", "api-key"),
    ("https://xx-eastus2.cognitiveservices.azure.com/openai/deployments/gpt-4o-mini", DEPLOYMENT, "https://xx-eastus2.cognitiveservices.azure.com/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21", "api-key"),
    ("https://RES.openai.azure.com/openai", V1, "https://res.openai.azure.com/openai/v1/chat/completions", "api-key"),
    ("https://RES.cognitiveservices.azure.com/", V1, "https://res.cognitiveservices.azure.com/openai/v1/chat/completions", "api-key"),
    ("https://RES.services.ai.azure.com", V1, "https://res.services.ai.azure.com/openai/v1/chat/completions", "api-key"),
    ("http://localhost:11434/v1", COMPATIBLE, "http://localhost:11434/v1/chat/completions", "bearer"),
    ("https://res.services.ai.azure.com/api/projects/P/openai/v1/responses", PROJECT, "https://res.services.ai.azure.com/api/projects/P/openai/v1/chat/completions", "api-key"),
    ("https://res.services.ai.azure.com/api/projects/P/agents/A/endpoint/protocols/openai/responses?api-version=v1", RESPONSES, None, "api-key"),
    ("https://r.openai.azure.us/openai/v1", V1, "https://r.openai.azure.us/openai/v1/chat/completions", "api-key"),
    ("https://eastus.api.cognitive.microsoft.com/openai/v1", V1, "https://eastus.api.cognitive.microsoft.com/openai/v1/chat/completions", "api-key"),
    ("https://R.openai.azure.com./openai/v1#top", V1, "https://r.openai.azure.com/openai/v1/chat/completions", "api-key"),
    ("\ufeff“https:/r.openai.azure.com/openai/v1”,".replace("“", '"').replace("”", '"'), V1, "https://r.openai.azure.com/openai/v1/chat/completions", "api-key"),
    ("https://r.openai.azure.com/openai/deployments/my model%2Fx".replace(" ", "%20"), DEPLOYMENT, "https://r.openai.azure.com/openai/deployments/my%20model%2Fx/chat/completions?api-version=2024-10-21", "api-key"),
    ("https://r.openai.azure.com/openai/deployments/anthropic", DEPLOYMENT, "https://r.openai.azure.com/openai/deployments/anthropic/chat/completions?api-version=2024-10-21", "api-key"),
    ("http://127.0.0.1:8765/openai/deployments/D", DEPLOYMENT, "http://127.0.0.1:8765/openai/deployments/D/chat/completions?api-version=2024-10-21", "api-key"),
    ("http://127.0.0.1:8765/api/projects/P", PROJECT, "http://127.0.0.1:8765/api/projects/P/openai/v1/chat/completions", "api-key"),
    ("http://127.0.0.1:8765/v1", COMPATIBLE, "http://127.0.0.1:8765/v1/chat/completions", "bearer"),
    ("[::1]:8765/v1", COMPATIBLE, "http://[::1]:8765/v1/chat/completions", "bearer"),
    ("https://gw.azure-api.net/openai/v1", V1, "https://gw.azure-api.net/openai/v1/chat/completions", "api-key"),
    ("http://127.0.0.1:8765/openai/v1", V1, "http://127.0.0.1:8765/openai/v1/chat/completions", "api-key"),
    ("http://127.0.0.1:8765/models", INFERENCE, "http://127.0.0.1:8765/models/chat/completions?api-version=2024-05-01-preview", "api-key"),
]  # fmt: skip


@pytest.mark.parametrize(("pasted", "kind", "chat", "header"), ROWS)
def test_a_pasted_endpoint_is_recognised(pasted, kind, chat, header):
    endpoint = parse_endpoint(pasted)
    assert (endpoint.kind, endpoint.chat_url, endpoint.key_header) == (kind, chat, header)
    assert parse_endpoint(endpoint.url) == endpoint
    assert parse_endpoint(endpoint.url).chat_url == chat


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        ("", "empty"),
        ("https://ai.azure.com/build/overview", "portal page"),
        ("https://portal.azure.com/#home", "portal page"),
        ("https://r.services.ai.azure.com/anthropic/nonsense", "not one of Claude"),
        ("https://user:key@r.openai.azure.com/openai/v1", "before the @"),
        ("ftp://r.openai.azure.com", "not a web address"),
        ("https://r.openai.azure.com/nonsense", "not one of an Azure resource"),
        ("hello world", "blanks"),
        ("https://gw.contoso.com/v1?code=planted-key", "There is a key inside the address"),
        ("https://openai.azure.com/openai/v1", "name of the resource is missing"),
        ("https://r.openai.azure.com/openai/../v1", "dots"),
        ("https://127.1/v1", "not a web address"),
        ("2130706433", "not a web address"),
        ("..", "not a web address"),
        ("https://", "not a web address"),
        ("https://oai.azure.com/portal", "portal page"),
        ("https://r.services.ai.azure.com/api/projects/P/connections", "not known here"),
        ("https://r.openai.azure.com/openai/v1?" + "&".join(f"a{n}=1" for n in range(30)), "too many parameters"),
        ("https://r.openai.azure.com/" + "x" * 3000, "too long"),
    ],
)
def test_what_is_no_endpoint_is_explained(pasted, words):
    with pytest.raises(EndpointError) as caught:
        parse_endpoint(pasted)
    assert words in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("pasted", "responses", "embeddings"),
    [
        (f"{DEPLOYED}?api-version=2024-10-21", "https://r.cognitiveservices.azure.com/openai/responses?api-version=2025-04-01-preview", f"{DEPLOYED}/embeddings?api-version=2024-10-21"),
        ("https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1/responses", "https://r.openai.azure.com/openai/v1/embeddings"),
        ("https://r.services.ai.azure.com/models", None, "https://r.services.ai.azure.com/models/embeddings?api-version=2024-05-01-preview"),
        ("https://r.services.ai.azure.com/api/projects/P", "https://r.services.ai.azure.com/api/projects/P/openai/v1/responses", "https://r.services.ai.azure.com/openai/v1/embeddings"),
        ("https://r.openai.azure.com/openai/deployments/e/embeddings?api-version=2023-05-15", None, "https://r.openai.azure.com/openai/deployments/e/embeddings?api-version=2023-05-15"),
        ("https://r.cognitiveservices.azure.com/openai/responses?api-version=2025-04-01-preview", "https://r.cognitiveservices.azure.com/openai/responses?api-version=2025-04-01-preview", None),
        ("https://r.services.ai.azure.com/api/projects/P/openai/responses?api-version=2025-11-15-preview", "https://r.services.ai.azure.com/api/projects/P/openai/responses?api-version=2025-11-15-preview", None),
        ("https://x.eastus2.models.ai.azure.com", None, "https://x.eastus2.models.ai.azure.com/embeddings"),
        ("https://api.openai.com/v1", "https://api.openai.com/v1/responses", "https://api.openai.com/v1/embeddings"),
    ],
)  # fmt: skip
def test_the_urls_of_the_other_operations(pasted, responses, embeddings):
    endpoint = parse_endpoint(pasted)
    assert (endpoint.responses_url, endpoint.embeddings_url) == (responses, embeddings)


HOSTS = [
    "r.openai.azure.com",
    "r.services.ai.azure.com",
    "x.y.models.ai.azure.com",
    "gw.example:99",
    "[::1]",
    "ai.azure.com",
]
PIECES = [
    "/", "//", "/openai", "/v1", "/models", "/deployments", "/api/projects/P", "/chat/completions", "/responses", "/embeddings",
    "/a b", "/'", "/,", "/%2f", "/%zz", "/%FF", "/..", "/é", "?", "&api-version=", "api-version=2024-10-21", "foo=bar", "#", ";", "=", "+", "%",
]  # fmt: skip
ADDRESSES = st.tuples(
    st.sampled_from(["", "https://", "HTTP://", "https:/"]), st.sampled_from(HOSTS), st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
).map("".join)  # fmt: skip
ANYTHING = st.characters(codec=None, exclude_categories=())


@given(
    ADDRESSES
    | st.text(ANYTHING, max_size=80)
    | st.text("htps:/.@?#[]%azureopni1-& ", max_size=60).map("https://".__add__)
)
@settings(max_examples=400)
def test_no_text_raises_anything_but_an_endpoint_error_and_the_canonical_form_stays(text):
    try:
        endpoint = parse_endpoint(text)
    except EndpointError:
        return
    assert parse_endpoint(endpoint.url) == endpoint


@given(st.from_regex(r"[a-z]{1,8}", fullmatch=True))
def test_a_look_alike_host_is_never_taken_for_azure(name):
    for host in (f"openai.azure.com.{name}.example", f"{name}openai.azure.com", f"{name}.openai.azure.com.{name}"):
        assert parse_endpoint(f"https://{host}/v1").kind is COMPATIBLE


def test_azure_is_never_called_without_tls():
    assert parse_endpoint("http://r.openai.azure.com/openai/v1").origin == "https://r.openai.azure.com"


def test_who_pastes_the_address_for_responses_prefers_them():
    endpoint = parse_endpoint("https://r.openai.azure.com/openai/v1/responses")
    assert (endpoint.operation, endpoint.responses_url) == (
        "responses",
        "https://r.openai.azure.com/openai/v1/responses",
    )


@pytest.mark.parametrize(
    ("pasted", "message", "hint"),
    [
        ("", "The endpoint is empty.", "Paste the address that the portal shows for the deployment."),
        ("x" * 20_001, "This is too long for an endpoint.", "Paste the address alone."),
        ("https://r.openai.azure.com/" + "x" * 2_022, "This is too long for an endpoint.", "Paste the address alone."),
        ("https://ai.azure.com/x", "This is the portal page, not an endpoint.", "In the portal open the deployment, tab Code, and copy the endpoint."),
        ("https://x.portal.azure.com/x", "This is the portal page, not an endpoint.", "In the portal open the deployment, tab Code, and copy the endpoint."),
        ("ftp://r.openai.azure.com", "This is not a web address.", "An endpoint begins with https://."),
        ("https://user@r.openai.azure.com", "There is a user name or key inside the address.", "Remove everything before the @; the key has a field of its own."),
        ("https://openai.azure.com", "The name of the resource is missing.", "It stands before the rest: https://NAME.openai.azure.com/openai/v1."),
        ("https://r.openai.azure.com/x", "The path is not one of an Azure resource.", "Use https://r.openai.azure.com/openai/v1, or copy the endpoint again."),
        ("https://r.services.ai.azure.com/api/projects/P/x", "What stands behind the name of the project is not known here.", "Use https://r.services.ai.azure.com/api/projects/P."),
    ],
)  # fmt: skip
def test_a_sentence_says_what_it_is_and_another_what_to_do(pasted, message, hint):
    with pytest.raises(EndpointError) as caught:
        parse_endpoint(pasted)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_the_longest_address_is_read():
    longest = "https://gw.contoso.com/" + "x" * (2_048 - 23)
    assert parse_endpoint(longest).url == longest
    assert parse_endpoint(longest.ljust(20_000)).url == longest


@pytest.mark.parametrize("rest", ["", "/openai", "/openai/v1"])
def test_a_project_may_be_written_with_its_route_or_without(rest):
    endpoint = parse_endpoint(f"https://r.services.ai.azure.com/api/projects/P{rest}")
    assert (endpoint.kind, endpoint.base) == (PROJECT, "https://r.services.ai.azure.com/api/projects/P/openai/v1")


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("https://r.openai.azure.com/openai/v1", ""),
        ("https://{{ name }}.openai.azure.com/openai/v1", ""),
        ("nonsense", ""),
        ("https://r.openai.azure.com/openai/v1?api-key=planted-key-1", "There is a key inside the endpoint. Remove it; the key has a field of its own."),
        ("https://user@r.openai.azure.com", "There is a user name or key inside the address. Remove everything before the @; the key has a field of its own."),
        ("nonsense api-key=planted", "There is a key inside the endpoint. Remove it; the key has a field of its own."),
        ("https://gw.contoso.com/sk-planted-0123456789/{{ a }}", "There is a key inside the path of the address. Remove it; the key has a field of its own."),
        ("https://gw.contoso.com/sk-planted-0123456789/{{ a\nor b }}", "There is a key inside the path of the address. Remove it; the key has a field of its own."),
    ],
)  # fmt: skip
def test_a_text_that_holds_a_secret_is_warned_of(text, warning):
    assert secret_warning(text) == warning


# Kind, URL, origin, base, deployment, api-version, header of the key, operation, query, model that stood beside it.
WHOLE = [
    ("https://r.openai.azure.com/openai/v1",
     (EndpointKind.V1, "https://r.openai.azure.com/openai/v1", "https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1", None, None, KeyHeader.API_KEY, None, "", None)),
    ("https://r.openai.azure.com/openai/deployments/my%20gpt/embeddings?api-version=2023-05-15",
     (EndpointKind.DEPLOYMENT, "https://r.openai.azure.com/openai/deployments/my%20gpt/embeddings?api-version=2023-05-15", "https://r.openai.azure.com", "https://r.openai.azure.com/openai/deployments/my%20gpt", "my gpt", "2023-05-15", KeyHeader.API_KEY, "embeddings", "api-version=2023-05-15", None)),
    ("https://r.openai.azure.com/openai/deployments/D/chat/completions?api-version=2024-10-21&foo=bar",
     (EndpointKind.DEPLOYMENT, "https://r.openai.azure.com/openai/deployments/D?api-version=2024-10-21&foo=bar", "https://r.openai.azure.com", "https://r.openai.azure.com/openai/deployments/D", "D", "2024-10-21", KeyHeader.API_KEY, None, "api-version=2024-10-21&foo=bar", None)),
    ("https://r.cognitiveservices.azure.com/openai/responses?api-version=2025-04-01-preview",
     (EndpointKind.RESPONSES, "https://r.cognitiveservices.azure.com/openai/responses?api-version=2025-04-01-preview", "https://r.cognitiveservices.azure.com", "https://r.cognitiveservices.azure.com/openai/responses?api-version=2025-04-01-preview", None, "2025-04-01-preview", KeyHeader.API_KEY, None, "", None)),
    ("https://r.cognitiveservices.azure.com/openai/responses",
     (EndpointKind.V1, "https://r.cognitiveservices.azure.com/openai/v1/responses", "https://r.cognitiveservices.azure.com", "https://r.cognitiveservices.azure.com/openai/v1", None, None, KeyHeader.API_KEY, "responses", "", None)),
    ("https://r.services.ai.azure.com/api/projects/P",
     (EndpointKind.PROJECT, "https://r.services.ai.azure.com/api/projects/P/openai/v1", "https://r.services.ai.azure.com", "https://r.services.ai.azure.com/api/projects/P/openai/v1", None, None, KeyHeader.API_KEY, None, "", None)),
    ("https://r.services.ai.azure.com/api/projects/P/openai/v1/responses",
     (EndpointKind.PROJECT, "https://r.services.ai.azure.com/api/projects/P/openai/v1/responses", "https://r.services.ai.azure.com", "https://r.services.ai.azure.com/api/projects/P/openai/v1", None, None, KeyHeader.API_KEY, "responses", "", None)),
    ("https://r.services.ai.azure.com/api/projects/P/openai/responses",
     (EndpointKind.RESPONSES, "https://r.services.ai.azure.com/api/projects/P/openai/responses?api-version=2025-11-15-preview", "https://r.services.ai.azure.com", "https://r.services.ai.azure.com/api/projects/P/openai/responses?api-version=2025-11-15-preview", None, "2025-11-15-preview", KeyHeader.API_KEY, None, "", None)),
    ("https://r.services.ai.azure.com/api/projects/P/openai/responses?api-version=2025-11-15-preview",
     (EndpointKind.RESPONSES, "https://r.services.ai.azure.com/api/projects/P/openai/responses?api-version=2025-11-15-preview", "https://r.services.ai.azure.com", "https://r.services.ai.azure.com/api/projects/P/openai/responses?api-version=2025-11-15-preview", None, "2025-11-15-preview", KeyHeader.API_KEY, None, "", None)),
    ("https://r.services.ai.azure.com/models",
     (EndpointKind.INFERENCE, "https://r.services.ai.azure.com/models?api-version=2024-05-01-preview", "https://r.services.ai.azure.com", "https://r.services.ai.azure.com/models", None, "2024-05-01-preview", KeyHeader.API_KEY, None, "api-version=2024-05-01-preview", None)),
    ("https://r.services.ai.azure.com/models/chat/completions?api-version=2024-08-01-preview&x=1",
     (EndpointKind.INFERENCE, "https://r.services.ai.azure.com/models?api-version=2024-08-01-preview&x=1", "https://r.services.ai.azure.com", "https://r.services.ai.azure.com/models", None, "2024-08-01-preview", KeyHeader.API_KEY, None, "api-version=2024-08-01-preview&x=1", None)),
    ("https://x.eastus2.models.ai.azure.com/v1/chat/completions",
     (EndpointKind.SERVERLESS, "https://x.eastus2.models.ai.azure.com/v1", "https://x.eastus2.models.ai.azure.com", "https://x.eastus2.models.ai.azure.com/v1", None, None, KeyHeader.BEARER, None, "", None)),
    ("http://localhost:11434/v1/embeddings",
     (EndpointKind.COMPATIBLE, "http://localhost:11434/v1", "http://localhost:11434", "http://localhost:11434/v1", None, None, KeyHeader.BEARER, None, "", None)),
    ("https://r.openai.azure.com/openai/v1/responses?api-version=preview",
     (EndpointKind.V1, "https://r.openai.azure.com/openai/v1/responses", "https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1", None, None, KeyHeader.API_KEY, "responses", "", None)),
    ("AZURE_OPENAI_ENDPOINT=https://r.openai.azure.com/openai\nOPENAI_API_VERSION=2024-06-01\nAZURE_OPENAI_DEPLOYMENT_NAME=g",
     (EndpointKind.DEPLOYMENT, "https://r.openai.azure.com/openai/deployments/g?api-version=2024-06-01", "https://r.openai.azure.com", "https://r.openai.azure.com/openai/deployments/g", "g", "2024-06-01", KeyHeader.API_KEY, None, "api-version=2024-06-01", "g")),
    ("AZURE_OPENAI_ENDPOINT=https://r.openai.azure.com/openai/deployments/D?api-version=2024-02-01\nOPENAI_API_VERSION=2024-06-01\n",
     (EndpointKind.DEPLOYMENT, "https://r.openai.azure.com/openai/deployments/D?api-version=2024-02-01", "https://r.openai.azure.com", "https://r.openai.azure.com/openai/deployments/D", "D", "2024-02-01", KeyHeader.API_KEY, None, "api-version=2024-02-01", "D")),
    ("AZURE_OPENAI_ENDPOINT=https://r.openai.azure.com/\nOPENAI_API_VERSION=2024-06-01\n",
     (EndpointKind.V1, "https://r.openai.azure.com/openai/v1", "https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1", None, None, KeyHeader.API_KEY, None, "", None)),
    ("AZURE_OPENAI_ENDPOINT=https://r.openai.azure.com/\nOPENAI_API_VERSION=2024-06-01\nAZURE_OPENAI_DEPLOYMENT=\"my gpt/4\"\n",
     (EndpointKind.V1, "https://r.openai.azure.com/openai/v1", "https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1", None, None, KeyHeader.API_KEY, None, "", None)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), WHOLE)
def test_every_part_of_an_endpoint_is_known(text, expected):
    found = parse_endpoint(text)
    assert (
        found.kind, found.url, found.origin, found.base, found.deployment, found.api_version, found.key_header,
        found.operation, found.query, found.found_model,
    ) == expected  # fmt: skip


AGENTS = "https://r.services.ai.azure.com/api/projects/P"


@pytest.mark.parametrize(
    ("pasted", "url"),
    [
        ("/agents/A/endpoint/protocols/openai", "/agents/A/endpoint/protocols/openai/responses?api-version=v1"),
        ("/agents/A/endpoint/protocols/openai?api-version=v2", "/agents/A/endpoint/protocols/openai/responses?api-version=v2"),
        ("/agents/A/endpoint/protocols/openai/responses?api-version=v1", "/agents/A/endpoint/protocols/openai/responses?api-version=v1"),
        ("/applications/A/protocols/openai", "/applications/A/protocols/openai/responses?api-version=2025-11-15-preview"),
        ("/applications/A/protocols/openai/responses?api-version=2026-01-01", "/applications/A/protocols/openai/responses?api-version=2026-01-01"),
    ],
)  # fmt: skip
def test_the_address_of_a_published_agent_is_kept(pasted, url):
    found = parse_endpoint(AGENTS + pasted)
    assert (found.label, found.url, found.responses_url) == ("Foundry agent", AGENTS + url, AGENTS + url)
    assert found.api_version == url.rpartition("=")[2]
    assert (found.chat_url, found.embeddings_url, found.model_in_body) == (None, None, False)
    assert parse_endpoint(found.url) == found


@pytest.mark.parametrize(
    ("pasted", "url"),
    [
        ("https://r.openai.azure.com/openai/models?api-version=2024-10-21", "https://r.openai.azure.com/openai/v1"),
        ("https://r.openai.azure.com/openai/deployments?api-version=2023-03-15-preview", "https://r.openai.azure.com/openai/v1"),
        ("https://R.openai.azure.com/OpenAI/V1/Chat/Completions", "https://r.openai.azure.com/openai/v1"),
        ("https://r.openai.azure.com/OpenAI/Deployments/Chat/chat/completions?api-version=2024-10-21", "https://r.openai.azure.com/openai/deployments/Chat?api-version=2024-10-21"),
        ("https://r.services.ai.azure.com/API/Projects/API", "https://r.services.ai.azure.com/api/projects/API/openai/v1"),
        ("https://gateway.contoso.com/OpenAI/V1", "https://gateway.contoso.com/OpenAI/V1"),
    ],
)  # fmt: skip
def test_the_words_of_a_resource_stand_in_any_case(pasted, url):
    assert parse_endpoint(pasted).url == url


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://x.eastus.inference.ml.azure.com/score", "https://x.eastus.inference.ml.azure.com/v1"),
        ("https://ai.azure.us/resource/x", "portal page"),
        ("https://portal.azure.cn/#home", "portal page"),
        ("https://ms.portal.azure.us/x", "portal page"),
        ("https://management.azure.com/subscriptions/1", "manages resources"),
        ("https://management.chinacloudapi.cn/x", "manages resources"),
    ],
)
def test_other_services_are_refused_with_what_to_paste_instead(text, words):
    with pytest.raises(EndpointError, match=words):
        parse_endpoint(text)


@pytest.mark.parametrize(
    ("pasted", "url"),
    [
        ("https://api.openai.com/v1/models", "https://api.openai.com/v1"),
        ("https://api.openai.com/v1/completions", "https://api.openai.com/v1"),
        ("https://r.openai.azure.com/openai/v1/models", "https://r.openai.azure.com/openai/v1"),
        ("https://r.openai.azure.com/openai?api-version=2024-06-01", "https://r.openai.azure.com/openai/v1"),
    ],
)
def test_what_stands_behind_the_route_is_left_out(pasted, url):
    assert parse_endpoint(pasted).url == url


@pytest.mark.parametrize(
    ("address", "model", "url"),
    [
        ("https://r.openai.azure.com", "g", "https://r.openai.azure.com/openai/deployments/g?api-version=2024-06-01"),
        ("https://r.openai.azure.com", "team/g", "https://r.openai.azure.com/openai/deployments/team%2Fg?api-version=2024-06-01"),
        ("https://r.openai.azure.com/openai/v1", "g", "https://r.openai.azure.com/openai/v1"),
        ("https://gw.contoso.com", "g", "https://gw.contoso.com?api-version=2024-06-01"),
    ],
)  # fmt: skip
def test_a_version_and_a_model_beside_the_root_of_a_resource_mean_its_deployment(address, model, url):
    text = f"AZURE_OPENAI_ENDPOINT={address}\nOPENAI_API_VERSION=2024-06-01\nAZURE_OPENAI_DEPLOYMENT_NAME={model}\n"
    assert parse_endpoint(text).url == url


@pytest.mark.parametrize(
    ("pasted", "url"),
    [
        ("LOCALHOST:8000/v1", "http://localhost:8000/v1"),
        ("LocalHost/", "http://localhost"),
        ("[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("10.0.0.5/a/b", "http://10.0.0.5/a/b"),
        ("gw.contoso.com/a/b", "https://gw.contoso.com/a/b"),
        ("https://word", "https://word"),
        ("https://0123456789abcdef0", "https://0123456789abcdef0"),
        (f"https://{'a' * 63}.contoso.com", f"https://{'a' * 63}.contoso.com"),
        ("https://gw.contoso.com/score", "https://gw.contoso.com/score"),
        ("https://x.eastus.inference.ml.azure.com/v1", "https://x.eastus.inference.ml.azure.com/v1"),
        (f"{DEPLOYED}?API-VERSION=2024-06-01", f"{DEPLOYED}?API-VERSION=2024-06-01"),
        (f"{DEPLOYED}?x=1&api-version=2024-06-01", f"{DEPLOYED}?x=1&api-version=2024-06-01"),
        (f"{DEPLOYED}?api-version=", f"{DEPLOYED}?api-version=2024-10-21"),
        ("https://gw.contoso.com/v1?" + "&".join(f"p{n}=1" for n in range(20)), "https://gw.contoso.com/v1?" + "&".join(f"p{n}=1" for n in range(20))),
    ],
)  # fmt: skip
def test_what_is_typed_in_its_own_way_is_one_address(pasted, url):
    assert parse_endpoint(pasted).url == url


@pytest.mark.parametrize(
    ("pasted", "message"),
    [
        ("word", "This is not a web address, only a word."),
        ("word/", "This is not a web address, only a word."),
        ("https://a..contoso.com", "This is not a web address."),
        (f"https://{'a' * 64}.contoso.com", "This is not a web address."),
        ("https://127.1/v1", "This is not a web address."),
        ("0123456789abcdef0", "This is a key, not an address."),
        (
            "https://gw.contoso.com/v1?" + "&".join(f"p{n}=1" for n in range(21)),
            "There are too many parameters behind the ?.",
        ),
    ],
)
def test_what_only_looks_like_an_address_is_none(pasted, message):
    with pytest.raises(EndpointError) as refused:
        parse_endpoint(pasted)
    assert refused.value.message == message


def test_the_version_of_an_address_is_the_one_that_it_names():
    assert parse_endpoint(f"{DEPLOYED}?x=1&API-VERSION=2024-06-01").api_version == "2024-06-01"
