"""A pasted command, snippet or block of settings -> the address, key, model and api-version it holds.

Shells, languages and settings files differ in everything but `NAME separator VALUE`, so that is what is looked for.
Nothing is executed, and what is not clearly an address, a key or a name is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote

from connections.endpoint.embedded_secrets import EDGES
from connections.endpoint.hosts import AZURE_MODEL, NO_ENDPOINTS, PORTALS, is_or_is_below
from connections.endpoint.pasted_settings import (
    MOST_REFERENCES,
    MOST_SETTINGS,
    Setting,
    fill_references,
    is_single_token,
    read_settings,
    tidy,
)
from connections.secret import Secret


@dataclass(frozen=True, slots=True)
class Paste:
    """What a pasted text holds. `address` is the URL as found (not normalised; parse_endpoint does that)."""

    address: str
    key: Secret | None = None  # never a placeholder
    model: str | None = None  # deployment (or model) named beside the address
    api_version: str | None = None  # when it stands apart from the address
    agent: str = ""  # of a project that the body names; behind a colon its version


def read_paste(text: str) -> Paste | None:
    """None when the text is a plain address (a single token) or holds no address; never raises."""
    if is_single_token(text.strip(EDGES)):
        return None
    text = tidy(text)
    settings = read_settings(text)
    found = find_address(text, settings)
    if found is None:
        return None
    key, model, version = find_key(settings, found), find_model(settings), find_version(text, settings)
    if not (key or model or version) and text.lstrip(EDGES).lower().startswith("http"):
        return None  # an address with blanks inside: its parser says so
    agent = find_agent(text, settings) if "/api/projects/" in found.value else ""
    return Paste(add_deployment_route(text, found.value, model, version), key, model, version, agent)


# --- The address ---

ADDRESS_NAME = re.compile(r"(?:endpoint|endpointurl|baseurl|baseuri|apibase|apiurl|targeturi|^uri)$")
# Services whose addresses and keys stand beside those of a model in the settings of an application.
OTHER_SERVICE = re.compile(
    r"search|storage|cosmos|redis|secret|speech|translat|documentintel|formrecogn|insights|instrumentation|stripe|aws"
    r"|anthropic(?!foundry)|gemini|google|github|publickey|privatekey|partition|encrypt|signing|session|telemetry|otel"
)
URL = re.compile(r"https?:/{1,3}[^\s\"'`<>|\\^\x00-\x1f\x7f]{1,2048}+", re.IGNORECASE)
HOST = re.compile(
    r"https?:/{1,3}(?:[^/?#@]*@)?(?P<host>\[[0-9a-f:.]+\]|[\w.-]*\w)\.?(?::\d{1,5})?(?:[/?#]|$)", re.IGNORECASE
)
BARE = re.compile(r"(?:localhost|[\w-]+(?:\.[\w-]+)+)(?::\d{1,5})?(?:/\S*)?")
CLAUDE = re.compile(r"/anthropic(?:/|$)|/v1/messages(?:[/?]|$)|^https?://api\.anthropic\.com(?:/|$)", re.IGNORECASE)
RESOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.IGNORECASE)
CLAUDES_CLIENT = re.compile(r"AnthropicFoundry\s{0,3}\(")
COMMAND = re.compile(r"\b(?:curl(?:\.exe)?|wget|Invoke-RestMethod|Invoke-WebRequest|irm|iwr)\s", re.IGNORECASE)
ARGUMENT = re.compile(r"\"([^\"]*+)\"|'([^']*+)'|([^\s\"']\S*+)")
WITH_OTHER_URL = ("-x", "--proxy", "-e", "--referer", "-o", "--output")
PROMPT = re.compile(r"[\"']?\b(?:messages|input|image_url)[\"']?\s{0,9}[:=]")


def find_address(text: str, settings: list[Setting]) -> Setting | None:
    """The one that is named or called; else one that looks like Azure AI; else any that is no documentation."""
    values = {setting.name: setting.value for setting in reversed(settings)}
    settings = [*settings, *claude_addresses(text, settings)]
    addresses = [s for s in settings if is_address(s.value) and not is_of_other_service(s, s.value)]
    named = [s for s in addresses if ADDRESS_NAME.search(s.plain_name)]
    if called := command_address(text, values):
        named.append(Setting("", called))
    if named:
        first = next((s for s in named if is_azure(s.value)), named[0])
        # What a client, a command or a request makes of the address says more than the address.
        base = first.value.rstrip("/") + "/"
        requested = [s for s in addresses if s.plain_name == "url"]
        return next((s for s in named + requested if s.value.startswith(base) and s.value != base), first)
    loose = list(loose_addresses(text, values))
    azure = next((url for url, _ in loose if is_azure(url)), None)
    if azure or COMMAND.search(text):
        return Setting("", azure) if azure else None
    prompt = PROMPT.search(text)
    end = prompt.start() if prompt else len(text)
    other = next((url for url, start in loose if start < end), None)
    return Setting("", other) if other else None


def is_of_other_service(setting: Setting, address: str) -> bool:
    """Whether its name says that it is none of a model's. One that names Anthropic is, where Claude is asked."""
    name = setting.plain_name.replace("anthropic", "") if CLAUDE.search(address) else setting.plain_name
    return bool(OTHER_SERVICE.search(name))


def claude_addresses(text: str, settings: list[Setting]) -> Iterator[Setting]:
    """Where the clients of Claude on Foundry are told to go: by the name of the resource, or by a base address that
    Claude Code takes without /anthropic."""
    for setting in settings:
        name = setting.plain_name
        by_name = name == "anthropicfoundryresource" or (name == "resource" and CLAUDES_CLIENT.search(text))
        if by_name and RESOURCE_NAME.fullmatch(setting.value):
            yield Setting(f"{setting.name}_endpoint", f"https://{setting.value}.services.ai.azure.com/anthropic")
        if name == "anthropicfoundrybaseurl" and is_azure(setting.value) and not CLAUDE.search(setting.value):
            yield Setting(f"{setting.name}_endpoint", f"{setting.value.rstrip('/')}/anthropic")


def loose_addresses(text: str, values: dict[str, str]) -> Iterator[tuple[str, int]]:
    for found in islice(URL.finditer(text), MOST_SETTINGS):
        url = fill_references(found[0], values).rstrip(".,;:!?)]}*")
        if is_address(url):
            yield url, found.start()


def command_address(text: str, values: dict[str, str]) -> str | None:
    """The first argument of a command that is an address."""
    for command in islice(COMMAND.finditer(text), 5):
        option = ""
        for argument in islice(ARGUMENT.finditer(text, command.end()), 200):
            word = argument[1] or argument[2] or argument[3] or ""
            url = "" if len(word) >= 2_048 else fill_references(argument_value(word), values)
            if option not in WITH_OTHER_URL and (is_address(url) or ("/" in url and BARE.fullmatch(url))):
                return url
            option = word
    return None


def argument_value(word: str) -> str:
    """Without the option that stands before it, and without marks around it."""
    return re.sub(r"^--?[a-zA-Z]{1,20}=", "", word).strip("\"';,)")


def host_of(url: str) -> str:
    found = HOST.match(url if "://" in url[:8] else f"https://{url}")
    return found["host"].lower() if found else ""


def is_azure(url: str) -> bool:
    return host_of(url).endswith(AZURE_MODEL)


def is_address(text: str) -> bool:
    """An absolute URL without gaps to fill; without a scheme only on a known host. No token scope, no documentation."""
    if len(text) > 2_048 or re.search(r"[\s\"'`<>{}|\\^$\x00-\x1f]", text) or text.rstrip("/").endswith("/.default"):
        return False
    if re.search(r"_[A-Z]+[=:]", text.partition("?")[0]):
        return False  # grown together with the setting behind it, maybe a key
    host = host_of(text)
    if URL.match(text):
        return bool(host) and host not in PORTALS and not is_or_is_below(host, NO_ENDPOINTS)
    return host.endswith(AZURE_MODEL) and bool(BARE.fullmatch(text))


CLIENT = re.compile(r"Azure(?:Chat)?OpenAI(?:Client|Embeddings)?\s{0,3}\(|AzureOpenAIClient\s")


def add_deployment_route(text: str, address: str, model: str | None, version: str | None) -> str:
    """Clients of the class AzureOpenAI append the route of the deployment to the address they are values."""
    if not (model and CLIENT.search(text)) or re.search(r"[?#]|/openai\b|/models\b|/api/projects/", address):
        return address
    query = f"?api-version={version}" if version else ""
    return f"{address.rstrip('/')}/openai/deployments/{quote(model, safe='')}{query}"


# --- Key, model, version ---

KEY_NAME = re.compile(r"(?:key|keycredential|^authorization)$")
PLACEHOLDER = re.compile(
    r"^[<{$%\[(]|_[a-z]+=[^=]|\.\.\.|\*{3}|x{5}|^x{3,}$|^\W*(?:your|my-?key|replace|insert|enter|paste|add|put)(?![a-z0-9]{12})"
    r"|[-_](?:your|here)\b|[-_]your[-_]|placeholder|change-?me|process\.env|environ|getenv|api[-_ ]?key$|^(.)\1{5,}$"
    r"|^(?:sk-)?(?:dummy|fake|none|null|empty|unused|not-needed)",
    re.IGNORECASE,
)
MODEL_NAME = re.compile(r"deployment|model|^engine$|(?:chat|responses?|embedding)client$")
NO_MODEL_NAME = re.compile(
    r"version|type|endpoint|key|ur[il]$|path|dir|count|format|scale|sku|capacity|provider|kwargs|modelclient"
)
DATED = re.compile(r"\d{4}-\d{2}-\d{2}(?:-preview)?")
SERVICE_VERSION = re.compile(
    r"(?:ServiceVersion(?:\.fromString\(|\.)?[\"']?V?|WithEndpoint\([^,()]{1,300},\s{0,9}[\"'])"
    r"(\d{4})[-_](\d\d)[-_](\d\d)([-_]preview)?",
    re.IGNORECASE,
)


def find_key(settings: list[Setting], address: Setting) -> Secret | None:
    """The one whose name is nearest to the name of the address, as in CONTOSO_ENDPOINT and CONTOSO_KEY."""
    keys = [s for s in settings if KEY_NAME.search(s.plain_name) and not is_of_other_service(s, address.value)]
    keys = [s._replace(value=re.sub(r"^\s*Bearer\s+", "", s.value, flags=re.IGNORECASE)) for s in keys]
    keys = [s for s in keys if is_key(s.value)]
    best = max(keys, key=lambda s: shared_prefix_length(s.name, address.name), default=None)
    return Secret(best.value) if best else None


def shared_prefix_length(one: str, other: str) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def is_key(text: str) -> bool:
    looks_like_one = re.fullmatch(r"[!-~]{8,4096}", text) and "://" not in text
    return bool(looks_like_one) and not PLACEHOLDER.search(text)


def find_model(settings: list[Setting]) -> str | None:
    """A deployment rather than a model, one that chats rather than one that embeds."""
    models = [s for s in settings if MODEL_NAME.search(s.plain_name) and not NO_MODEL_NAME.search(s.plain_name)]
    models = [s for s in models if is_model(s.value)]
    best = min(models, key=lambda s: ("embed" in s.plain_name, "deployment" not in s.plain_name), default=None)
    return best.value if best else None


def is_model(text: str) -> bool:
    looks_like_one = re.fullmatch(r"[A-Za-z0-9][\w.:/@+-]{0,127}", text) and "://" not in text
    return bool(looks_like_one) and not PLACEHOLDER.search(text)


AGENT_REFERENCE = re.compile(r"\bagent(?:_reference)?[\"']?\s{0,9}[:=]\s{0,9}\{([^{}]{1,400})\}")
AGENT_FIELD = re.compile(r"(\w+)[\"']?\s{0,9}:\s{0,9}([\"']?)([\w.-]+)")
AGENT_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,62}")


def find_agent(text: str, settings: list[Setting]) -> str:
    """The agent that the body of a call refers to: name, or name:version. Empty without one."""
    values = {setting.name: setting.value for setting in settings}
    for found in islice(AGENT_REFERENCE.finditer(text), MOST_REFERENCES):
        fields = {
            name: value if quote else values.get(value, "") for name, quote, value in AGENT_FIELD.findall(found[1])
        }
        if fields.get("type") == "agent_reference" and AGENT_NAME.fullmatch(fields.get("name", "")):
            return ":".join(filter(None, (fields["name"], fields.get("version"))))
    return ""


def find_version(text: str, settings: list[Setting]) -> str | None:
    for setting in settings:
        if setting.plain_name.endswith("apiversion") and DATED.fullmatch(setting.value):
            return setting.value
    if found := SERVICE_VERSION.search(text):
        return "-".join(found.groups("")[:3]) + ("-preview" if found[4] else "")
    return None
