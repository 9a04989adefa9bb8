"""What is no paste is left alone, what is no key is none, and an agent is kept."""

import pytest

from connections.endpoint.paste import read_paste
from connections.endpoint.recognise import parse_endpoint
from tests.connections.endpoint.pastes import AZURE, FOUNDRY, KEY, shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n ",
        AZURE,
        f"  {AZURE}/openai/v1  ",
        f'"{AZURE}/openai/v1",',
        f"`{AZURE}/openai/v1?api-version=preview`\n",
        "my-res.openai.azure.com/openai/v1",
        "localhost:11434/v1",
        f"gw.example/forward?url={AZURE}",
        "ftp://my-res.openai.azure.com",
        "hello world",
        "The key is under Keys and Endpoint, model: see there.",
        f"api_key = '{KEY}'",
        f"{AZURE}/open ai/v1",
        f"{AZURE.upper()}/open ai/v1",
        f"{AZURE} or {FOUNDRY}",
        "curl $AZURE_OPENAI_ENDPOINT/openai/v1/models -H 'api-key: $AZURE_OPENAI_API_KEY'",
        "curl %AZURE_OPENAI_ENDPOINT%/openai/v1/models",
        'curl $BASE/v1/chat -d \'{"messages": [{"content": "https://example.com/a.png"}]}\'',
        "client = OpenAI(base_url=os.environ['OPENAI_BASE_URL'], api_key=os.environ['OPENAI_API_KEY'])",
        'endpoint = "https://<resource>.openai.azure.com/"',
        'base_url = f"https://{resource}.openai.azure.com/openai/v1"',
        "See https://learn.microsoft.com/azure/ai-foundry for help",
        'scope = "https://ai.azure.com/.default"',
        "read https://cognitiveservices.azure.com/.default and https://aka.ms/x",
        'messages = [{"image_url": {"url": "https://example.com/a.png"}}]',
        "AZURE_SEARCH_ENDPOINT= AZURE_SEARCH_KEY=planted-search-key",
        "model: gpt-4o\nendpoint: https://gw.contoso.com/" + "x" * (2_049 - 23),
        'model: gpt-4o\nendpoint = "https://gw.contoso.com/{team}/v1"',
        "model: gpt-4o\nendpoint: gw.contoso.com/v1",
        "model: gpt-4o\nSee https://ai.azure.com/resource/x",
    ],
)
def test_a_plain_address_and_a_text_without_one_are_left_alone(text):
    assert read_paste(text) is None


@pytest.mark.parametrize(
    "value",
    [
        "$AZURE_OPENAI_API_KEY", "${AZURE_OPENAI_API_KEY}", "$env:AZURE_OPENAI_API_KEY", "%AZURE_OPENAI_API_KEY%", "$(cat key.txt)",
        "<your-key>", "<your-api-key>", "YOUR_API_KEY", "your-api-key", "YOUR_AZURE_OPENAI_API_KEY", "{key}", "{your-key-here}", "{{AZURE_KEY}}",
        "[your key]", "xxxx", "xxxxxxxxxxxxxxxx", "XXXXXXXX-XXXX-XXXX", "...", "sk-...0123456789", "********", "REPLACE_WITH_YOUR_KEY_VALUE_HERE",
        "process.env.AZURE_KEY", "replace-me-with-a-key", "insert-key-here", "my-api-key", "changeme-please", "placeholder", "", "short", "not-needed",
        "two words", "ключ-ключ-ключ", "https://vault.example/key", "x" * 5_000,
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "around",
    ['client = OpenAI(base_url="{u}", api_key="{k}")', 'curl {u} -H "api-key: {k}"', "curl {u} -H 'Authorization: Bearer {k}'", "OPENAI_BASE_URL={u}\nOPENAI_API_KEY='{k}'"],
)  # fmt: skip
def test_a_placeholder_is_no_key(value, around):
    text = around.replace("{u}", f"{AZURE}/openai/v1").replace("{k}", value)
    assert shown(read_paste(text)) == (f"{AZURE}/openai/v1", None, None, None, "")


@pytest.mark.parametrize(
    "value",
    [
        'os.environ["AZURE_OPENAI_API_KEY"]', "os.environ.get('AZURE_OPENAI_API_KEY')", 'os.getenv("AZURE_OPENAI_API_KEY")', "process.env.AZURE_OPENAI_API_KEY",
        'process.env["AZURE_OPENAI_API_KEY"]', 'Environment.GetEnvironmentVariable("AZURE_OPENAI_API_KEY")', 'System.getenv("AZURE_OPENAI_API_KEY")',
        "settings.AZURE_KEY_2", "token_provider", "azureOpenAIKey2", "AZURE_OPENAI_API_KEY", 'getpass.getpass("Key-of-Azure:")',
        'vault.get_secret("openai-key-0123456789").value', 'config["openai-key-0123456789"]', 'open("openai-key-0123456789.txt").read()',
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["api_key=", "apiKey: ", "API_KEY = ", "var key = "])
def test_code_that_fetches_a_key_is_no_key(value, name):
    text = f'Client(base_url="{AZURE}/openai/v1", {name}{value})'
    assert shown(read_paste(text)) == (f"{AZURE}/openai/v1", None, None, None, "")


@pytest.mark.parametrize(
    "key",
    ["aaaabbbb", "K" * 10 + "1" * 4_086, "sk-proj-planted_0-9", "planted$key%0123", "eyJhbGciOi.eyJzdWIi.plantedS1g"],
)
def test_a_key_of_any_form_is_found(key):
    assert shown(read_paste(f'OpenAI(base_url="https://gw.example/v1", api_key="{key}")'))[1] == key


def test_a_key_does_not_show():
    assert KEY not in repr(read_paste(f'curl {AZURE}/openai/v1/models -H "api-key: {KEY}"'))


PROJECT = "https://contoso.services.ai.azure.com/api/projects/Shop"
REFERENCE = '"agent_reference": {"type": "agent_reference", "name": "helper", "version": "2"}'
AGENTS = [
    (f"curl {PROJECT}/openai/v1/responses -H 'api-key: {KEY}' -d '{{\"input\": \"Hi\", {REFERENCE}}}'", "helper:2"),
    (
        f'endpoint = "{PROJECT}"\nmine = "helper"\nclient = AIProjectClient(endpoint=endpoint)\n'
        'client.responses.create(input="Hi", extra_body={"agent_reference": {"name": mine, "type": "agent_reference"}})',
        "helper",
    ),
    (
        f"curl '{PROJECT}/openai/responses?api-version=2025-11-15-preview' -H 'api-key: {KEY}' "
        '-d \'{"agent": {"type": "agent_reference", "name": "helper"}}\'',
        "helper",
    ),
]


@pytest.mark.parametrize(("text", "agent"), AGENTS)
def test_the_agent_that_a_call_names_is_kept(text, agent):
    endpoint = parse_endpoint(text)
    assert (endpoint.agent, endpoint.label) == (agent, "Foundry agent")
    assert endpoint.responses_url == f"{PROJECT}/openai/v1/responses"
    assert endpoint.url == f"{PROJECT}/openai/v1/responses?agent_reference={agent.replace(':', '%3A')}"
    assert parse_endpoint(endpoint.url) == endpoint


def test_a_call_without_an_agent_has_none():
    for body in ('{"name": unknown, "type": "agent_reference"}', '{"name": "helper", "type": "other"}'):
        assert (
            read_paste(f'endpoint = "{PROJECT}"\nkey = "{KEY}"\nextra_body={{"agent_reference": {body}}}').agent == ""
        )
    text = f'curl {PROJECT}/openai/v1/responses -H \'api-key: {KEY}\' -d \'{{"input": "Hi", "model": "gpt-4o"}}\''
    assert parse_endpoint(text).agent == ""
