"""Commands of a terminal are read as an endpoint."""

import pytest

from connections.endpoint.paste import read_paste
from tests.connections.endpoint.pastes import AZURE, FOUNDRY, KEY, clipping, shown

COMMANDS = {
    "address only": (f"curl {AZURE}/openai/v1/models", clipping(f"{AZURE}/openai/v1/models")),
    "portal, key by header": (
        f'curl -X POST "{AZURE}/openai/deployments/gpt-4o/chat/completions?api-version=2025-01-01-preview" \\\n'
        f'  -H "Content-Type: application/json" \\\n  -H "api-key: {KEY}" \\\n'
        """  -d '{"messages": [{"role": "user", "content": "I am going to Paris, what should I see?"}], "model": "gpt-4o"}'""",
        clipping(f"{AZURE}/openai/deployments/gpt-4o/chat/completions?api-version=2025-01-01-preview", KEY, "gpt-4o"),
    ),
    "portal, bearer with a variable": (
        f'curl -X POST "{FOUNDRY}/models/chat/completions?api-version=2024-05-01-preview" \\\n'
        '    -H "Content-Type: application/json" \\\n    -H "Authorization: Bearer $AZURE_API_KEY" \\\n'
        """    -d '{\n        "messages": [{"role": "user", "content": "See https://example.com"}],\n        "model": "DeepSeek-R1"\n    }'""",
        clipping(f"{FOUNDRY}/models/chat/completions?api-version=2024-05-01-preview", None, "DeepSeek-R1"),
    ),
    "bearer key in single quotes": (
        f"curl --request POST --url '{AZURE}/openai/v1/responses' --header 'Authorization: Bearer {KEY}' --data '{{\"model\":\"gpt-4.1\",\"input\":\"x\"}}'",
        clipping(f"{AZURE}/openai/v1/responses", KEY, "gpt-4.1"),
    ),
    "options with equals signs": (
        f'curl --request=POST --url="{AZURE}/openai/v1/responses" --header="api-key: {KEY}"',
        clipping(f"{AZURE}/openai/v1/responses", KEY),
    ),
    "address last": (
        f"curl -H 'api-key: {KEY}' -d '{{\"model\": \"o1\"}}' {AZURE}/openai/v1/chat/completions",
        clipping(f"{AZURE}/openai/v1/chat/completions", KEY, "o1"),
    ),
    "cmd with carets": (
        f'curl -X POST "{AZURE}/openai/v1/chat/completions" ^\r\n  -H "api-key: {KEY}" ^\r\n  -d "{{\\"model\\": \\"gpt-4o\\"}}"',
        clipping(f"{AZURE}/openai/v1/chat/completions", KEY, "gpt-4o"),
    ),
    "copied as cURL (cmd)": (
        f'curl ^"{AZURE}/openai/v1/chat/completions^" ^\n  -H ^"api-key: {KEY}^"',
        clipping(f"{AZURE}/openai/v1/chat/completions", KEY),
    ),
    "gateway in single quotes, behind an empty header": (
        f"curl -H \"\" 'https://gw.contoso.com/v1/chat/completions' -H 'Authorization: bearer {KEY}'",
        clipping("https://gw.contoso.com/v1/chat/completions", KEY),
    ),
    "gateway behind an equals sign": (
        "curl --url=https://gw.contoso.com/v1?team_A=b", clipping("https://gw.contoso.com/v1?team_A=b"),
    ),
    "gateway without a scheme, behind a file": (
        "curl -d body.json gw.contoso.com/v1/chat/completions", clipping("gw.contoso.com/v1/chat/completions"),
    ),
    "the first of two values of a variable": (
        "BASE=https://a.contoso.com/v1\nBASE=https://b.contoso.com/v1\ncurl $BASE/models",
        clipping("https://a.contoso.com/v1/models"),
    ),
    "PowerShell with backticks": (
        f"curl.exe -X POST `\n  {AZURE}/openai/v1/chat/completions `\n  -H 'api-key: {KEY}'",
        clipping(f"{AZURE}/openai/v1/chat/completions", KEY),
    ),
    "lines joined without a separator": (
        f'curl -X POST "{AZURE}/openai/v1/chat/completions" \\  -H "Content-Type: application/json" \\-H "api-key: {KEY}" \\  -d \'{{"messages": [],"model": "gpt-4o"}}\'',
        clipping(f"{AZURE}/openai/v1/chat/completions", KEY, "gpt-4o"),
    ),
    "variables that are defined": (
        f'export AZURE_OPENAI_ENDPOINT="{AZURE}/"\nexport AZURE_OPENAI_API_KEY={KEY}\n'
        'curl "$AZURE_OPENAI_ENDPOINT/openai/v1/chat/completions" -H "api-key: $AZURE_OPENAI_API_KEY"',
        clipping(f"{AZURE}//openai/v1/chat/completions", KEY),
    ),
    "variables in braces, defined below": (
        f"curl ${{AZURE_OPENAI_ENDPOINT}}/openai/v1/models -H 'api-key: ${{AZURE_OPENAI_API_KEY}}'\n\nAZURE_OPENAI_ENDPOINT={AZURE}\n",
        clipping(f"{AZURE}/openai/v1/models"),
    ),
    "variable with another value": (
        f'curl "${{BASE:-{AZURE}}}/openai/v1/models"', clipping(f"{AZURE}/openai/v1/models"),
    ),
    "without a scheme": (
        f"curl -s my-res.openai.azure.com/openai/v1/models -H 'api-key: {KEY}'",
        clipping("my-res.openai.azure.com/openai/v1/models", KEY),
    ),
    "this machine": (
        "curl http://localhost:11434/v1/chat/completions -d '{\"model\": \"llama3\"}'",
        clipping("http://localhost:11434/v1/chat/completions", None, "llama3"),
    ),
    "picture inside the body": (
        f"curl -d '{{\"model\":\"gpt-4o\",\"messages\":[{{\"role\":\"user\",\"content\":[{{\"type\":\"image_url\",\"image_url\":{{\"url\":\"https://example.com/a.png\"}}}}]}}]}}' -H 'api-key: {KEY}' https://gw.example/v1/chat/completions",
        clipping("https://gw.example/v1/chat/completions", KEY, "gpt-4o"),
    ),
    "proxy": (f"curl -x http://proxy.example:3128 {AZURE}/openai/v1/models", clipping(f"{AZURE}/openai/v1/models")),
    "Invoke-RestMethod": (
        f"$headers = @{{ 'api-key' = '{KEY}' }}\nInvoke-RestMethod -Method Post -Uri \"{AZURE}/openai/v1/responses\" -Headers $headers",
        clipping(f"{AZURE}/openai/v1/responses", KEY),
    ),
    "Invoke-RestMethod with variables": (
        f'$env:AZURE_OPENAI_ENDPOINT = "{AZURE}"\nInvoke-RestMethod -Uri "$env:AZURE_OPENAI_ENDPOINT/openai/v1/responses" -Headers @{{"api-key" = $env:AZURE_OPENAI_API_KEY}}',
        clipping(f"{AZURE}/openai/v1/responses"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), COMMANDS.values(), ids=COMMANDS)
def test_a_command_is_read(text, expected):
    assert shown(read_paste(text)) == shown(expected)


@pytest.mark.parametrize("option", ["-x", "--proxy", "-e", "--referer", "-o", "--output"])
def test_what_an_option_of_a_command_names_is_not_what_it_calls(option):
    assert (
        read_paste(f"curl {option} files.contoso.com/x {AZURE}/openai/v1/models").address == f"{AZURE}/openai/v1/models"
    )
