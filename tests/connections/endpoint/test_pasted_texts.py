"""Files of settings, tables and sentences are read as an endpoint."""

import pytest

from connections.endpoint.paste import read_paste
from connections.secret import Secret
from tests.connections.endpoint.pastes import AZURE, DATED, FOUNDRY, KEY, clipping, shown

SETTINGS = {
    "lines": (
        f"# Azure OpenAI\nAZURE_OPENAI_ENDPOINT={AZURE}/\nAZURE_OPENAI_API_KEY={KEY}\nAZURE_OPENAI_DEPLOYMENT_NAME=gpt-4o\nAZURE_OPENAI_API_VERSION={DATED}\n",
        clipping(f"{AZURE}/", KEY, "gpt-4o", DATED),
    ),
    "blanks instead of lines": (
        f"AZURE_OPENAI_ENDPOINT={AZURE}/ AZURE_OPENAI_API_KEY={KEY} AZURE_OPENAI_DEPLOYMENT=gpt-4o OPENAI_API_VERSION=2024-10-21",
        clipping(f"{AZURE}/", KEY, "gpt-4o", "2024-10-21"),
    ),
    "nothing instead of lines": (
        f"AZURE_OPENAI_ENDPOINT={AZURE}/AZURE_OPENAI_API_KEY={KEY}AZURE_OPENAI_DEPLOYMENT=gpt-4o", clipping(f"{AZURE}/", KEY, "gpt-4o"),
    ),
    "one setting": (f"AZURE_OPENAI_ENDPOINT={AZURE}/openai/v1", clipping(f"{AZURE}/openai/v1")),
    "export and quotes": (
        f"export AZURE_OPENAI_ENDPOINT='{AZURE}'\nexport AZURE_OPENAI_API_KEY=\"{KEY}\" # key 1\n", clipping(AZURE, KEY),
    ),
    "set": (f"set AZURE_OPENAI_ENDPOINT={AZURE}\r\nset AZURE_OPENAI_API_KEY={KEY}\r\n", clipping(AZURE, KEY)),
    "PowerShell": (
        f'$env:AZURE_OPENAI_ENDPOINT = "{AZURE}"\n$Env:AZURE_OPENAI_API_KEY = \'{KEY}\'', clipping(AZURE, KEY),
    ),
    "setx": (f'setx AZURE_OPENAI_ENDPOINT "{AZURE}"', clipping(AZURE)),
    "YAML": (
        f"azure:\n  endpoint: {AZURE}/openai/v1\n  api_key: {KEY}\n  model: gpt-4o # chat\n", clipping(f"{AZURE}/openai/v1", KEY, "gpt-4o"),
    ),
    "YAML, upper case": (
        f"OPENAI_BASE_URL: {AZURE}/openai/v1\nOPENAI_API_KEY: {KEY}\nOPENAI_MODEL: o3\n", clipping(f"{AZURE}/openai/v1", KEY, "o3"),
    ),
    "empty key": (f"AZURE_OPENAI_API_KEY=\nAZURE_OPENAI_ENDPOINT={AZURE}\nAZURE_OPENAI_DEPLOYMENT=\n", clipping(AZURE)),
    "empty key, blanks instead of lines": (f"AZURE_OPENAI_API_KEY= AZURE_OPENAI_ENDPOINT={AZURE}", clipping(AZURE)),
    "line that is switched off": (
        f"#AZURE_OPENAI_ENDPOINT=https://old.openai.azure.com\nAZURE_OPENAI_ENDPOINT={AZURE}\n", clipping(AZURE),
    ),
    "other names": (
        f"CONTOSO_API_BASE=https://gw.example/v1\nCONTOSO_KEY={KEY}\nCONTOSO_CHAT_MODEL=gpt-4o", clipping("https://gw.example/v1", KEY, "gpt-4o"),
    ),
    "settings of an application": (
        "SECRET_KEY=django-insecure-0123456789\nAZURE_SEARCH_ENDPOINT=https://s.search.windows.net\nAZURE_SEARCH_KEY=planted-search-key\n"
        f"DATABASE_URL=https://db.example\nAZURE_OPENAI_EMBEDDING_DEPLOYMENT=emb\nAZURE_OPENAI_ENDPOINT={AZURE}\nOPENAI_API_KEY=planted-other-key\nAZURE_OPENAI_KEY={KEY}\nAZURE_OPENAI_CHAT_DEPLOYMENT=gpt-4o\n",
        clipping(AZURE, KEY, "gpt-4o"),
    ),
    "key with signs of base64": (
        f"AZURE_OPENAI_ENDPOINT={AZURE}\nAZURE_OPENAI_API_KEY=planted+key/0123456789==\n", clipping(AZURE, "planted+key/0123456789=="),
    ),
    "key that ends like a name": (
        f"AZURE_OPENAI_ENDPOINT={AZURE}\nAZURE_OPENAI_API_KEY=WcOyYPlX4plantedKey0123456789tk=\n", clipping(AZURE, "WcOyYPlX4plantedKey0123456789tk="),
    ),
    "two empty settings": (f"AZURE_OPENAI_API_KEY= AZURE_OPENAI_DEPLOYMENT= AZURE_OPENAI_ENDPOINT={AZURE}", clipping(AZURE)),
    "key of letters and digits only": (
        f"AZURE_OPENAI_ENDPOINT={AZURE}\nAZURE_OPENAI_API_KEY=plantedkey0123456789abcdef\n", clipping(AZURE, "plantedkey0123456789abcdef"),
    ),
    "reference to another setting": (
        f"AZURE_OPENAI_ENDPOINT={AZURE}\nOPENAI_BASE_URL=${{AZURE_OPENAI_ENDPOINT}}/openai/v1\n", clipping(f"{AZURE}/openai/v1"),
    ),
    "known host without a scheme": ("AZURE_OPENAI_ENDPOINT=my-res.openai.azure.com\n", clipping("my-res.openai.azure.com")),
    "lists of pairs": (
        f'[{{"name":"AZURE_OPENAI_ENDPOINT","value":"{AZURE}"}},{{"name": "AZURE_OPENAI_API_KEY", "value": "{KEY}"}}]', clipping(AZURE, KEY),
    ),
    "XML": (
        f'<add key="AzureOpenAI:Endpoint" value="{AZURE}" />\n<add key="AzureOpenAI:ApiKey" value="{KEY}" />', clipping(AZURE, KEY),
    ),
    "before a command": (f"OPENAI_BASE_URL={AZURE}/openai/v1 OPENAI_API_KEY={KEY} python app.py", clipping(f"{AZURE}/openai/v1", KEY)),
    "docker": (f"docker run -e AZURE_OPENAI_ENDPOINT={AZURE} -e AZURE_OPENAI_API_KEY={KEY} image", clipping(AZURE, KEY)),
    "labels": (f"Endpoint: {AZURE}/openai/v1\nKey: {KEY}", clipping(f"{AZURE}/openai/v1", KEY)),
    "prose": (f"Please use {AZURE}/openai/v1, it is new.", clipping(f"{AZURE}/openai/v1")),
    "address and key": (f"{AZURE}/openai/v1\napi-key: {KEY}", clipping(f"{AZURE}/openai/v1", KEY)),
    "documentation beside the address": (
        f"As in https://learn.microsoft.com/azure and https://github.com/a/b use {AZURE}", clipping(AZURE),
    ),
    "a request to the named address": (
        "docs: https://gw.contoso.com/docs\nendpoint: https://gw.contoso.com\nurl: https://gw.contoso.com/v1",
        clipping("https://gw.contoso.com/v1"),
    ),
    "an address in a sentence": (
        f"We use https://gw.contoso.com/v1, api_key: {KEY}", clipping("https://gw.contoso.com/v1", KEY),
    ),
    "addresses and keys of other services first": (
        f"SEARCH_ENDPOINT=https://s.contoso.com\nSEARCH_KEY={KEY[::-1]}\nMY_BASE_URL=https://gw.contoso.com/v1\nKEY={KEY}",
        clipping("https://gw.contoso.com/v1", KEY),
    ),
    "a resource in capital letters": (
        "endpoint: MY-RES.openai.AZURE.com/openai/v1\nmodel: gpt-4o",
        clipping("MY-RES.openai.AZURE.com/openai/v1", None, "gpt-4o"),
    ),
    "a model that embeds, before one that chats": (
        f"A_EMBEDDING_DEPLOYMENT=emb\nCHAT_DEPLOYMENT=mine\nANY_MODEL=gpt-4o\nAZURE_OPENAI_ENDPOINT={AZURE}",
        clipping(AZURE, None, "mine"),
    ),
    "an address is no model": (
        f"AZURE_OPENAI_ENDPOINT={AZURE}\nCHAT_MODEL=http://gw.contoso.com/m\nKEY={KEY}", clipping(AZURE, KEY),
    ),
    "a gateway of Claude": (
        f"ANTHROPIC_FOUNDRY_BASE_URL=https://gw.contoso.com/claude\nANTHROPIC_FOUNDRY_API_KEY={KEY}",
        clipping("https://gw.contoso.com/claude", KEY),
    ),
    "an address that names Claude already": (
        f"ANTHROPIC_FOUNDRY_BASE_URL={FOUNDRY}/anthropic\nANTHROPIC_FOUNDRY_API_KEY={KEY}",
        clipping(f"{FOUNDRY}/anthropic", KEY),
    ),
    "the longest address": (
        "model: gpt-4o\nendpoint: https://gw.contoso.com/" + "x" * (2_048 - 23),
        clipping("https://gw.contoso.com/" + "x" * (2_048 - 23), None, "gpt-4o"),
    ),
    "look-alike host": (
        f"https://openai.azure.com.evil.example/v1 is not {AZURE} api_key={KEY}", clipping(AZURE, KEY),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SETTINGS.values(), ids=SETTINGS)
def test_a_setting_is_read(text, expected):
    assert shown(read_paste(text)) == shown(expected)


@pytest.mark.parametrize(
    ("beside", "model", "version"), [("model: gpt-4o", "gpt-4o", None), (f"api_version: {DATED}", None, DATED)]
)
def test_one_setting_beside_an_address_is_enough(beside, model, version):
    assert shown(read_paste(f"{AZURE}/openai/v1 {beside}")) == shown(
        clipping(f"{AZURE}/openai/v1", None, model, version)
    )


@pytest.mark.parametrize("end", ["X", "x", "=="])
@pytest.mark.parametrize("following", ["CONTOSO_CHAT_MODEL=gpt-4o", "AZURE_OPENAI_DEPLOYMENT=gpt-4o", "set A_B=c"])
def test_a_key_never_grows_together_with_what_follows_it_nor_with_the_address(end, following):
    found = read_paste(f"CONTOSO_ENDPOINT={AZURE}/CONTOSO_KEY={KEY}{end}{following}")
    assert found is None or found.address == f"{AZURE}/"
    assert found is None or found.key in (None, Secret(f"{KEY}{end}"))
