"""Pasted text -> Endpoint: what it is, and the exact URLs that will be called.

Facts: Microsoft Foundry and Azure OpenAI endpoint shapes as documented by Microsoft (learn.microsoft.com/azure/foundry,
endpoints and API version lifecycle pages) and by the published v1 specification.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

LONGEST = 2_048  # characters of a pasted endpoint
LAST_GA = "2024-10-21"  # newest dated api-version that is generally available
INFERENCE_VERSION = "2024-05-01-preview"
PROJECT_VERSION = "2025-11-15-preview"

AZURE_RESOURCE = (
    ".openai.azure.com",
    ".openai.azure.us",
    ".openai.azure.cn",
    ".cognitiveservices.azure.com",
    ".cognitiveservices.azure.us",
    ".cognitiveservices.azure.cn",
    ".services.ai.azure.com",
    ".services.ai.azure.us",
    ".api.cognitive.microsoft.com",
)
SERVERLESS = (".models.ai.azure.com", ".inference.ml.azure.com")
PORTALS = ("ai.azure.com", "portal.azure.com", "oai.azure.com", "ml.azure.com", "portal.azure.us")
OPERATIONS = ("/chat/completions", "/responses", "/embeddings", "/completions")


class Kind(StrEnum):
    V1 = "v1"
    DEPLOYMENT = "deployment"
    INFERENCE = "inference"
    PROJECT = "project"
    RESPONSES = "responses"
    SERVERLESS = "serverless"
    COMPATIBLE = "compatible"


class KeyHeader(StrEnum):
    API_KEY = "api-key"
    BEARER = "bearer"


LABELS = {
    Kind.V1: "Foundry v1",
    Kind.DEPLOYMENT: "Azure OpenAI",
    Kind.INFERENCE: "Model inference (old)",
    Kind.PROJECT: "Foundry project",
    Kind.RESPONSES: "Responses",
    Kind.SERVERLESS: "Serverless",
    Kind.COMPATIBLE: "OpenAI-compatible",
}


class EndpointError(ValueError):
    """The text is no endpoint: `message` says what it is, `hint` what to do instead."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.message, self.hint = message, hint


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`url` is canonical: parsing it again gives the same. `base` is what operations are appended to."""

    kind: Kind
    url: str
    origin: str
    base: str
    deployment: str | None
    api_version: str | None
    key_header: KeyHeader
    warnings: tuple[str, ...] = ()
    operation: str | None = None  # the pasted one, when it says more than the kind
    query: str = ""  # what goes with every call, api-version included

    @property
    def host(self) -> str:
        """Host and port as they stand in the URL."""
        return self.origin.split("://", 1)[1]

    @property
    def label(self) -> str:
        return LABELS[self.kind]

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Raises EndpointError and nothing else."""
        return recognise(Pasted.read(text))

    def chat_url(self, model: str) -> str | None:
        """Where a chat completion goes; None when the endpoint has no such operation."""
        if self.kind is Kind.RESPONSES or self.operation == "embeddings":
            return None
        return self._url("/chat/completions")

    def responses_url(self, model: str) -> str | None:
        if self.kind is Kind.RESPONSES:
            return self.url
        if self.kind in (Kind.V1, Kind.PROJECT, Kind.COMPATIBLE):
            return self._url("/responses")
        return None

    def embeddings_url(self, model: str) -> str | None:
        if self.kind is Kind.PROJECT:
            return f"{self.origin}/openai/v1/embeddings"
        return None if self.kind is Kind.RESPONSES else self._url("/embeddings")

    @property
    def model_in_body(self) -> bool:
        return self.kind is not Kind.DEPLOYMENT

    def _url(self, operation: str) -> str:
        return f"{self.base}{operation}" + (f"?{self.query}" if self.query else "")


@dataclass(frozen=True, slots=True)
class Pasted:
    """A pasted URL taken apart and normalised: scheme and host in lower case, path as typed."""

    scheme: str
    netloc: str
    hostname: str
    path: str
    query: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, text: str) -> Pasted:
        cleaned = text.strip().strip("\"'`<>,;").strip()
        if not cleaned:
            raise EndpointError("The endpoint is empty.", "Paste the address that the portal shows for the deployment.")
        if len(cleaned) > LONGEST:
            raise EndpointError("This is too long for an endpoint.", "Paste the address alone.")
        if re.search(r"[\s\x00-\x1f\x7f]", cleaned):
            raise EndpointError("There are blanks inside.", "Paste the address alone, without what stands around it.")
        if "://" not in cleaned:
            cleaned = f"{default_scheme(cleaned)}://{cleaned}"
        try:
            parts = urlsplit(cleaned)
            hostname, port = parts.hostname or "", parts.port
        except ValueError:
            raise EndpointError(
                "This is not a web address.", "It looks like https://NAME.openai.azure.com/openai/v1."
            ) from None
        check_address(parts.scheme.lower(), parts.username, hostname)
        shown = f"[{hostname}]" if ":" in hostname else hostname
        standard = {"http": 80, "https": 443}[parts.scheme.lower()]
        netloc = shown if port in (None, standard) else f"{shown}:{port}"
        path = re.sub(r"/{2,}", "/", parts.path).rstrip("/")
        try:
            query = tuple(parse_qsl(parts.query, keep_blank_values=False, max_num_fields=20))
        except ValueError:
            raise EndpointError("There are too many parameters behind the ?.", "Paste the address alone.") from None
        return cls(parts.scheme.lower(), netloc, hostname, path, query)

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    @property
    def is_azure(self) -> bool:
        return self.hostname.endswith(AZURE_RESOURCE)

    @property
    def is_serverless(self) -> bool:
        return self.hostname.endswith(SERVERLESS)

    @property
    def api_version(self) -> str | None:
        return next((value for name, value in self.query if name.lower() == "api-version"), None)

    def query_with(self, version: str) -> str:
        """The pasted parameters, with this api-version when none was among them."""
        pairs = list(self.query)
        if self.api_version is None:
            pairs.append(("api-version", version))
        return urlencode(pairs)


def default_scheme(text: str) -> str:
    """http for this machine and private addresses, https for all others."""
    host = re.split(r"[/?#]", text, maxsplit=1)[0].rsplit("@", 1)[-1]
    name = host[1 : host.find("]")] if host.startswith("[") else host.split(":", 1)[0]
    if name.lower() == "localhost":
        return "http"
    try:
        return "http" if ipaddress.ip_address(name).is_private else "https"
    except ValueError:
        return "https"


def check_address(scheme: str, username: str | None, hostname: str) -> None:
    if scheme not in ("http", "https"):
        raise EndpointError(f"{scheme}: is not a web address.", "An endpoint begins with https://.")
    if username is not None:
        raise EndpointError(
            "There is a user name or key inside the address.",
            "Remove everything before the @; the key has a field of its own.",
        )
    if not re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?|[0-9a-f:.]+", hostname) or ".." in hostname:
        raise EndpointError("This is not a web address.", "It looks like https://NAME.openai.azure.com/openai/v1.")
    if "." not in hostname and ":" not in hostname and hostname != "localhost" and not re.search("[a-z]", hostname):
        raise EndpointError("This is not a web address.", "It looks like https://NAME.openai.azure.com/openai/v1.")
    if hostname in PORTALS or hostname.endswith(
        tuple(f".{portal}" for portal in ("portal.azure.com", "oai.azure.com"))
    ):
        raise EndpointError(
            "This is the portal page, not an endpoint.",
            "In the portal open the deployment, tab Code, and copy the endpoint.",
        )


def recognise(pasted: Pasted) -> Endpoint:
    path, operation = without_operation(pasted.path)
    if re.search(r"(^|/)anthropic(/|$)", path):
        raise EndpointError(
            "This is the Anthropic route, which speaks another protocol.",
            f"For models that speak the OpenAI protocol use {pasted.origin}/openai/v1.",
        )
    if found := re.search(r"^(.*/openai)/deployments/([^/]+)$", path):
        return deployment(pasted, found[1], unquote(found[2]), operation)
    if path.endswith("/openai") and operation == "responses" and pasted.api_version:
        return dated_responses(pasted)
    if re.search(r"/api/projects/[^/]+", path):
        return project(pasted, path, operation)
    if path.endswith("/openai/v1"):
        return versioned(pasted, path, operation)
    if pasted.is_serverless:
        return serverless(pasted, path)
    if path.endswith("/models") and (pasted.is_azure or not path.endswith("/v1/models")):
        return inference(pasted, path)
    if pasted.is_azure and path in ("", "/openai"):
        return versioned(pasted, "/openai/v1", operation)
    if pasted.is_azure:
        raise EndpointError(
            f"The path {path} is not one of an Azure resource.",
            f"Use {pasted.origin}/openai/v1, or copy the endpoint again.",
        )
    return compatible(pasted, path, operation)


def without_operation(path: str) -> tuple[str, str | None]:
    """The path without the name of an operation at its end, and that name."""
    for suffix in OPERATIONS:
        if path.endswith(suffix):
            return path.removesuffix(suffix), suffix.rsplit("/", 1)[1]
    return (path.removesuffix("/models"), "models") if path.endswith("/v1/models") else (path, None)


def versioned(pasted: Pasted, path: str, operation: str | None) -> Endpoint:
    """The v1 route. Live services refuse api-version there, whatever it says, so it is dropped."""
    dropped = ("api-version is dropped: the v1 route refuses it.",) if pasted.api_version else ()
    base = pasted.origin + path
    return Endpoint(Kind.V1, base, pasted.origin, base, None, None, KeyHeader.API_KEY, dropped)


def deployment(pasted: Pasted, route: str, name: str, operation: str | None) -> Endpoint:
    version = pasted.api_version or LAST_GA
    base = f"{pasted.origin}{route}/deployments/{quote(name, safe='')}"
    query = pasted.query_with(LAST_GA)
    only = operation if operation == "embeddings" else None
    url = f"{base}{f'/{only}' if only else ''}?{query}"
    warnings = (
        f"An older address: deployment {name}, api-version {version}. Works as it is; "
        f"{pasted.origin}/openai/v1 is the newer one.",
    )
    return Endpoint(Kind.DEPLOYMENT, url, pasted.origin, base, name, version, KeyHeader.API_KEY, warnings, only, query)


def dated_responses(pasted: Pasted) -> Endpoint:
    url = f"{pasted.origin}{pasted.path}?{pasted.query_with(LAST_GA)}"
    return Endpoint(Kind.RESPONSES, url, pasted.origin, url, None, pasted.api_version, KeyHeader.API_KEY)


def project(pasted: Pasted, path: str, operation: str | None) -> Endpoint:
    """A bare project address answers 400 without api-version; with /openai/v1 it needs none."""
    found = re.search(r"^(.*/api/projects/[^/]+)(.*)$", path)
    assert found is not None  # noqa: S101 - the caller matched it
    rest = found[2]
    if operation == "responses" and rest != "/openai/v1":
        url = f"{pasted.origin}{pasted.path}?{pasted.query_with(PROJECT_VERSION)}"
        version = pasted.api_version or PROJECT_VERSION
        return Endpoint(Kind.RESPONSES, url, pasted.origin, url, None, version, KeyHeader.API_KEY)
    if rest not in ("", "/openai", "/openai/v1"):
        raise EndpointError(f"The path {rest} of the project is not known here.", f"Use {pasted.origin}{found[1]}.")
    base = f"{pasted.origin}{found[1]}/openai/v1"
    return Endpoint(Kind.PROJECT, base, pasted.origin, base, None, None, KeyHeader.API_KEY)


def inference(pasted: Pasted, path: str) -> Endpoint:
    version = pasted.api_version or INFERENCE_VERSION
    base, query = pasted.origin + path, pasted.query_with(INFERENCE_VERSION)
    warnings = (f"The model inference route is being retired; {pasted.origin}/openai/v1 is the newer address.",)
    return Endpoint(
        Kind.INFERENCE,
        f"{base}?{query}",
        pasted.origin,
        base,
        None,
        version,
        KeyHeader.API_KEY,
        warnings,
        None,
        query,
    )


def serverless(pasted: Pasted, path: str) -> Endpoint:
    base = pasted.origin + path
    query = urlencode(pasted.query)
    url = base + (f"?{query}" if query else "")
    return Endpoint(
        Kind.SERVERLESS, url, pasted.origin, base, None, pasted.api_version, KeyHeader.BEARER, (), None, query
    )


def compatible(pasted: Pasted, path: str, operation: str | None) -> Endpoint:
    """Any other server that speaks the protocol; most have it under /v1."""
    base = pasted.origin + path
    query = urlencode(pasted.query)
    url = base + (f"?{query}" if query else "")
    return Endpoint(
        Kind.COMPATIBLE, url, pasted.origin, base, None, pasted.api_version, KeyHeader.BEARER, (), None, query
    )
