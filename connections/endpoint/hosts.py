"""Whose hosts are whose: the one list of families of hosts, of their clouds, and of what a token for them must say."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

# A resource's own hosts: who owns the resource runs nothing there, and the service itself looks at tokens.
RESOURCE = (
    ".openai.azure.com",
    ".openai.azure.us",
    ".openai.azure.cn",
    ".cognitiveservices.azure.com",
    ".cognitiveservices.azure.us",
    ".cognitiveservices.azure.cn",
    ".services.ai.azure.com",
    ".services.ai.azure.us",
    ".services.ai.azure.cn",
)
REGIONAL = ".api.cognitive.microsoft.com"  # shared by the resources of a region; takes keys, but no tokens
AZURE_RESOURCE = (*RESOURCE, REGIONAL)
API_MANAGEMENT = ".azure-api.net"
SCORING = ".inference.ml.azure.com"
SERVERLESS = (".models.ai.azure.com", SCORING)
AZURE_MODEL = (*AZURE_RESOURCE, *SERVERLESS)  # whatever Microsoft has models on
ANTHROPIC = "api.anthropic.com"  # Claude, as its maker serves it
PORTALS = (
    *("ai.azure.com", "ai.azure.us", "ai.azure.cn", "oai.azure.com", "ml.azure.com", "ml.azure.us"),
    *("portal.azure.com", "portal.azure.us", "portal.azure.cn"),
)
PORTALS_WITHOUT_ENDPOINTS = ("portal.azure.com", "portal.azure.us", "portal.azure.cn", "oai.azure.com")  # below them
# Creates and lists resources; takes no key and answers no prompt.
MANAGEMENT = ("management.azure.com", "management.usgovcloudapi.net", "management.chinacloudapi.cn")
# Hosts that stand beside an endpoint in documentation and code, and are none.
NO_ENDPOINTS = (
    "learn.microsoft.com",
    "docs.microsoft.com",
    "go.microsoft.com",
    "schemas.microsoft.com",
    "login.microsoftonline.com",
    "aka.ms",
    "platform.openai.com",
    "help.openai.com",
    "cookbook.openai.com",
    "developers.openai.com",
    "github.com",
    "githubusercontent.com",
    "pypi.org",
    "npmjs.com",
    "nuget.org",
    "stackoverflow.com",
    "json-schema.org",
    "w3.org",
)
STANDARD_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class SovereignCloud:
    """A cloud of Microsoft beside the public one."""

    suffix: str  # of its hosts
    authority: str  # host that gives its tokens
    scope: str  # of a token for a model


def scope_of(audience: str) -> str:
    """What a token of Microsoft Entra ID is asked for, so that it is meant for this host."""
    return f"https://{audience}/.default"


FOUNDRY_SCOPE = scope_of("ai.azure.com")
CLASSIC_SCOPE = scope_of("cognitiveservices.azure.com")  # of the routes of Azure OpenAI with an api-version
SERVERLESS_SCOPE = scope_of("ml.azure.com")
SOVEREIGN_CLOUDS = (
    SovereignCloud(".azure.us", "login.microsoftonline.us", scope_of("cognitiveservices.azure.us")),
    SovereignCloud(".azure.cn", "login.chinacloudapi.cn", scope_of("cognitiveservices.azure.cn")),
)
# A 401 names the audience it wants. Only these are believed: a token for anything else is none of a model's business.
BELIEVED_SCOPES = (
    FOUNDRY_SCOPE,
    scope_of("ai.azure.us"),
    CLASSIC_SCOPE,
    *(cloud.scope for cloud in SOVEREIGN_CLOUDS),
    SERVERLESS_SCOPE,
)


@dataclass(frozen=True, slots=True)
class AzureFamily:
    """Hosts of one service in one cloud, where Microsoft itself looks at tokens."""

    suffix: str
    scope: str  # of a token for it
    authority: str = ""  # host that gives its tokens; empty: the public cloud, or AZURE_AUTHORITY_HOST


USA, CHINA = (cloud.authority for cloud in SOVEREIGN_CLOUDS)
SQL_FAMILIES = (
    AzureFamily(".database.windows.net", scope_of("database.windows.net")),
    AzureFamily(".database.usgovcloudapi.net", scope_of("database.usgovcloudapi.net"), USA),
    AzureFamily(".database.chinacloudapi.cn", scope_of("database.chinacloudapi.cn"), CHINA),
)
POSTGRESQL_FAMILIES = (
    AzureFamily(".postgres.database.azure.com", scope_of("ossrdbms-aad.database.windows.net")),
    AzureFamily(".postgres.database.usgovcloudapi.net", scope_of("ossrdbms-aad.database.usgovcloudapi.net"), USA),
    AzureFamily(".postgres.database.chinacloudapi.cn", scope_of("ossrdbms-aad.database.chinacloudapi.cn"), CHINA),
)
VAULT_FAMILIES = (
    AzureFamily(".vault.azure.net", scope_of("vault.azure.net")),
    AzureFamily(".vault.usgovcloudapi.net", scope_of("vault.usgovcloudapi.net"), USA),
    AzureFamily(".vault.azure.cn", scope_of("vault.azure.cn"), CHINA),
)


def sovereign_cloud_of(host: str) -> SovereignCloud | None:
    """The cloud that a host belongs to; None for the public one and for everybody else's hosts."""
    return next((cloud for cloud in SOVEREIGN_CLOUDS if host.endswith(cloud.suffix)), None)


def is_or_is_below(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def is_near(hostname: str) -> bool:
    """Whether it is this machine, or a private address."""
    if hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(hostname).is_private
    except ValueError:
        return False


def copies_azure(hostname: str) -> bool:
    """Whether it is a resource, or a gateway or simulator that has the paths and headers of one."""
    return hostname.endswith((*AZURE_RESOURCE, API_MANAGEMENT)) or is_near(hostname)
