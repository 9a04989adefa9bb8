"""Addresses, commands and settings of Claude on a resource, behind a gateway and at Anthropic."""

import pytest

from connections.endpoint.endpoint import EndpointKind
from connections.endpoint.recognise import parse_endpoint

BASE = "https://contoso.services.ai.azure.com/anthropic"
KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("pasted", "url"),
    [
        (BASE, BASE),
        (f"{BASE}/", BASE),
        (f"{BASE}/v1", BASE),
        (f"{BASE}/v1/messages", BASE),
        (f"{BASE}/v1/messages/count_tokens", BASE),
        ("CONTOSO.services.ai.azure.com/Anthropic/V1/messages", BASE),
        (f"{BASE}/v1/messages?api-version=2024-10-21", BASE),
        ("https://contoso.services.ai.azure.com/v1/messages", BASE),
        ("https://contoso.services.ai.azure.com/api/projects/Shop/anthropic/v1/messages", BASE),
        ("https://contoso.openai.azure.com/anthropic", "https://contoso.openai.azure.com/anthropic"),
        ("https://contoso.cognitiveservices.azure.com/anthropic/", "https://contoso.cognitiveservices.azure.com/anthropic"),
        ("https://gw.azure-api.net/models/anthropic/v1/messages", "https://gw.azure-api.net/models/anthropic"),
        ("https://gw.contoso.example/claude/v1/messages", "https://gw.contoso.example/claude/v1/messages"),
        ("https://api.anthropic.com/v1/messages", "https://api.anthropic.com"),
        ("http://localhost:8000/anthropic", "http://localhost:8000/anthropic"),
    ],
)  # fmt: skip
def test_an_address_of_claude_is_recognised(pasted, url):
    endpoint = parse_endpoint(pasted)
    assert (endpoint.kind, endpoint.url) == (EndpointKind.CLAUDE, url)
    assert parse_endpoint(endpoint.url) == endpoint
    assert endpoint.messages_url == f"{url.removesuffix('/v1/messages')}/v1/messages"
    assert (endpoint.chat_url, endpoint.responses_url, endpoint.embeddings_url) == (None, None, None)
    assert bool(endpoint.warnings) == ("api-version" in pasted)


@pytest.mark.parametrize(
    ("url", "other"),
    [
        (BASE, "https://contoso.services.ai.azure.com/openai/v1"),
        ("https://contoso.services.ai.azure.com/openai/v1", BASE),
        ("https://contoso.services.ai.azure.com", BASE),
        ("https://contoso.services.ai.azure.com/models", BASE),
        ("https://contoso.services.ai.azure.com/api/projects/Shop", BASE),
        ("https://contoso.openai.azure.com/openai/responses?api-version=2025-04-01-preview", "https://contoso.openai.azure.com/anthropic"),
        ("http://127.0.0.1:8000/gateway/openai/v1", "http://127.0.0.1:8000/gateway/anthropic"),
        ("https://contoso.services.ai.azure.com/api/projects/P/agents/A/endpoint/protocols/openai", ""),
        ("https://x.eastus2.models.ai.azure.com", ""),
        ("https://api.openai.com/v1", ""),
        ("https://api.groq.com/openai/v1", ""),
        ("https://api.anthropic.com", ""),
    ],
)  # fmt: skip
def test_a_resource_has_two_surfaces(url, other):
    assert parse_endpoint(url).other_surface == other


SNIPPETS = [
    f"""curl -X POST {BASE}/v1/messages \\
  -H "Content-Type: application/json" -H "x-api-key: {KEY}" -H "anthropic-version: 2023-06-01" \\
  -d '{{"model": "my-claude", "max_tokens": 1024, "messages": [{{"role": "user", "content": "Hello"}}]}}'""",
    f"""from anthropic import AnthropicFoundry

client = AnthropicFoundry(api_key="{KEY}", base_url="{BASE}")
message = client.messages.create(model="my-claude", max_tokens=1024, messages=[])""",
    f"""client = AnthropicFoundry(
    api_key="{KEY}",
    resource="contoso",
)
message = client.messages.create(model="my-claude", max_tokens=1024, messages=[])""",
    f"""import {{ AnthropicFoundry }} from "@anthropic-ai/foundry-sdk";
const client = new AnthropicFoundry({{ apiKey: "{KEY}", resource: "contoso" }});
const message = await client.messages.create({{ model: "my-claude", max_tokens: 1024 }});""",
    f"""export CLAUDE_CODE_USE_FOUNDRY=1
export ANTHROPIC_FOUNDRY_RESOURCE=contoso
export ANTHROPIC_FOUNDRY_API_KEY={KEY}
export ANTHROPIC_DEFAULT_SONNET_MODEL='my-claude'""",
    f"""ANTHROPIC_FOUNDRY_BASE_URL=https://contoso.services.ai.azure.com
ANTHROPIC_FOUNDRY_API_KEY={KEY}
ANTHROPIC_MODEL=my-claude""",
    f"""ANTHROPIC_API_BASE={BASE}
ANTHROPIC_API_KEY={KEY}
ANTHROPIC_MODEL=my-claude""",
    f"""endpoint = "{BASE}/v1/messages"
deployment_name = "my-claude"
subscription_key = "{KEY}"
client = AnthropicFoundry(api_key=subscription_key, base_url=endpoint)""",
]


@pytest.mark.parametrize("text", SNIPPETS)
def test_a_snippet_of_claude_is_read(text):
    endpoint = parse_endpoint(text)
    assert endpoint.url == BASE
    assert endpoint.found_key is not None
    assert (endpoint.found_key.reveal(), endpoint.found_model) == (KEY, "my-claude")


def test_a_key_of_anthropic_beside_an_address_of_azure_is_none_of_it():
    endpoint = parse_endpoint(
        f"AZURE_OPENAI_ENDPOINT=https://contoso.openai.azure.com/\nANTHROPIC_API_KEY={KEY}\nAZURE_OPENAI_API_KEY={KEY[::-1]}"
    )
    assert endpoint.kind is EndpointKind.V1
    assert endpoint.found_key is not None
    assert endpoint.found_key.reveal() == KEY[::-1]


def test_parameters_of_an_address_of_claude_go_with_every_call_but_for_the_version():
    endpoint = parse_endpoint(f"{BASE}/v1/messages?beta=true&Api-Version=2024-10-21")
    assert endpoint.messages_url == f"{BASE}/v1/messages?beta=true"
