"""Pasted text -> Endpoint: what it is, and the exact URLs that will be called.

Facts: Microsoft Foundry and Azure OpenAI endpoint shapes as documented by Microsoft (learn.microsoft.com/azure/foundry,
endpoints and API version lifecycle pages) and by the published v1 specification.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from connections.clipping import Clipping, clip
from connections.secret import Secret

LONGEST = 2_048  # characters of an address
LONGEST_PASTE = 20_000  # characters of a pasted command, snippet or block of settings
LAST_GA = "2024-10-21"  # newest dated api-version that is generally available
RESPONSES_SINCE, RESPONSES_VERSION = "2025-03-01-preview", "2025-04-01-preview"
LIST_VERSION = "2023-03-15-preview"  # the only one that lists deployments by key
INFERENCE_VERSION = "2024-05-01-preview"
PROJECT_VERSION = "2025-11-15-preview"

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
SERVERLESS = (".models.ai.azure.com", ".inference.ml.azure.com")
PORTALS = ("ai.azure.com", "portal.azure.com", "oai.azure.com", "ml.azure.com", "portal.azure.us")
OPERATIONS = ("/chat/completions", "/responses", "/embeddings", "/completions")
STANDARD_PORTS = {"http": 80, "https": 443}
# An endpoint is stored and shown in the open: a key in the query moves to the key field, whatever else is secret is
# refused. Names are compared without case and marks: api-key, API_KEY and apiKey are one.
KEY_NAME = re.compile(
    r"(?:x|my)?(?:api|ocpapimsubscription|subscription|access|auth|account|primary|secondary|function|functions|app"
    r"|client|service|shared|master|admin|host|user)?key"
)
SECRET_NAME = re.compile(
    r"code|sig|sign|signature|sas|jwt|bearer|auth|authorization|cred|credentials?|pass|password|passwd|passphrase|pwd"
    r"|[a-z0-9]*(?:token|secret|password|signature|secretkey|privatekey|encryptionkey|signingkey)"
)
NAMED = re.compile(r"(?:^|[?&;,/#|\s])([\w.-]{2,60})=[^\s&;]")  # name=value inside of something else
# What is a key by its looks. Thirty-two hexadecimal digits in a path may be the id of an account.
LIKE_A_KEY = re.compile(
    r"sk-[\w-]{16,}|eyJ[\w-]{8,}\.[\w.-]+|(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9+/]{40,}={0,2}"
)
HEXADECIMAL_KEY = re.compile(r"[0-9a-fA-F]{32}")
LONGEST_LABEL = 63  # of a host name
LONG_WORD = 16  # characters of the shortest word that may be a secret
NO_ADDRESS = ("This is not a web address.", "It looks like https://NAME.openai.azure.com/openai/v1.")


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


class SecretInEndpoint(EndpointError):
    """A secret stands in the text, where it would be stored and shown in the open."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`url` is canonical: parsing it gives an equal endpoint. `base` is what operations are appended to.

    `warnings` are about the text that was pasted, so they are no part of what an endpoint is.
    """

    kind: Kind
    url: str
    origin: str
    base: str
    deployment: str | None
    api_version: str | None
    key_header: KeyHeader
    warnings: tuple[str, ...] = field(default=(), compare=False)
    operation: str | None = None  # the pasted one, when it says more than the kind
    query: str = ""  # what goes with every call, api-version included
    found_key: Secret | None = field(default=None, compare=False)  # stood in what was pasted
    found_model: str | None = field(default=None, compare=False)

    @property
    def host(self) -> str:
        """Host and port as they stand in the URL."""
        return self.origin.split("://", 1)[1]

    @property
    def label(self) -> str:
        return LABELS[self.kind]

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """An address, or a command, snippet or .env block that holds one. Raises EndpointError and nothing else."""
        if len(text) > LONGEST_PASTE:
            raise EndpointError("This is too long for an endpoint.", "Paste the address alone.")
        clipping = clip(text)
        return recognise(Pasted.read(text)) if clipping is None else from_clipping(clipping)

    @property
    def is_azure(self) -> bool:
        """Whether the host is a resource of Azure OpenAI or Foundry."""
        return (urlsplit(self.origin).hostname or "").endswith(AZURE_RESOURCE)

    @property
    def is_resource(self) -> bool:
        """Whether the host is a resource's own: what it says of tokens is said by Microsoft, and by nobody else."""
        return (urlsplit(self.origin).hostname or "").endswith(RESOURCE)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that are connected to."""
        parts = urlsplit(self.origin)
        return parts.hostname or "", parts.port or STANDARD_PORTS[parts.scheme]

    @property
    def prefers_responses(self) -> bool:
        return self.kind is Kind.RESPONSES or self.operation == "responses"

    def chat_url(self, model: str) -> str | None:
        """Where a chat completion goes; None when the endpoint has no such operation."""
        if self.kind is Kind.RESPONSES or self.operation == "embeddings":
            return None
        return self._url("/chat/completions")

    def responses_url(self, model: str) -> str | None:
        if self.kind is Kind.RESPONSES:
            return self.url
        if self.kind is Kind.DEPLOYMENT and self.operation is None:
            # Not below the deployment. Generally available versions answer 404 there.
            given = self.api_version or ""
            version = given if given >= RESPONSES_SINCE and given.endswith("preview") else RESPONSES_VERSION
            return f"{self.base.rsplit('/deployments/', 1)[0]}/responses?api-version={version}"
        if self.kind in (Kind.V1, Kind.PROJECT, Kind.COMPATIBLE):
            return self._url("/responses")
        return None

    def embeddings_url(self, model: str) -> str | None:
        if self.kind is Kind.PROJECT:
            return f"{self.origin}/openai/v1/embeddings"
        return None if self.kind is Kind.RESPONSES else self._url("/embeddings")

    @property
    def listing_url(self) -> str | None:
        """Where real deployments are listed, where there is such a place. The catalogue of models is none."""
        if found := re.search(r"^(.*/api/projects/[^/?]+)", self.base):
            return f"{found[1]}/deployments?api-version=v1"
        if self.kind is Kind.COMPATIBLE:
            return self._url("/models")
        if self.kind is Kind.SERVERLESS:
            return f"{self.base}/info?api-version={INFERENCE_VERSION}"
        root = re.split(r"/openai(?:/|$)|/models(?:/|$)", self.base.split("?")[0])[0]
        return f"{root}/openai/deployments?api-version={LIST_VERSION}"

    @property
    def model_in_body(self) -> bool:
        return self.kind is not Kind.DEPLOYMENT

    @property
    def scope(self) -> str:
        """What a token of Microsoft Entra ID must be for. Sources: Microsoft's authentication pages for each route."""
        host, _ = self.address
        if host.endswith((".azure.us", ".azure.cn")):
            return f"https://cognitiveservices.azure.{host.rsplit('.', 1)[1]}/.default"
        if self.kind is Kind.SERVERLESS:
            return "https://ml.azure.com/.default"
        dated = self.kind is Kind.DEPLOYMENT or (self.kind is Kind.RESPONSES and "/api/projects/" not in self.base)
        return "https://cognitiveservices.azure.com/.default" if dated else "https://ai.azure.com/.default"

    @property
    def authority(self) -> str:
        """The host that gives tokens of Microsoft Entra ID; empty for the public cloud."""
        host, _ = self.address
        if host.endswith(".azure.us"):
            return "login.microsoftonline.us"
        return "login.chinacloudapi.cn" if host.endswith(".azure.cn") else ""

    def _url(self, operation: str) -> str:
        return f"{self.base}{operation}" + (f"?{self.query}" if self.query else "")


def from_clipping(clipping: Clipping) -> Endpoint:
    """What a snippet says beside the address counts as if it stood in it."""
    pasted = Pasted.read(clipping.address)
    if clipping.api_version and pasted.api_version is None:
        pasted = replace(pasted, query=(*pasted.query, ("api-version", clipping.api_version)))
        if pasted.is_azure and pasted.path in ("", "/openai") and clipping.model:
            # Client classes that take a version call the deployment.
            pasted = replace(pasted, path=f"/openai/deployments/{quote(clipping.model, safe='')}")
    endpoint = recognise(pasted)
    return replace(endpoint, found_key=clipping.key or pasted.key, found_model=endpoint.deployment or clipping.model)


# What stands around an address that was copied: blanks, also those without width, quotes and punctuation.
EDGES = " \t\r\n\f\v\u00a0\u200b\u2060\ufeff\u2028\u2029\"'`<>,;"


@dataclass(frozen=True, slots=True)
class Pasted:
    """A pasted URL taken apart and normalised: scheme and host in lower case, path as typed."""

    scheme: str
    netloc: str
    hostname: str
    path: str
    query: tuple[tuple[str, str], ...]
    key: Secret | None = None

    @classmethod
    def read(cls, text: str) -> Pasted:
        cleaned = text.strip(EDGES)
        if not cleaned:
            raise EndpointError("The endpoint is empty.", "Paste the address that the portal shows for the deployment.")
        if len(cleaned) > LONGEST:
            raise EndpointError("This is too long for an endpoint.", "Paste the address alone.")
        if re.search(r"[\s\x00-\x1f\x7f\ud800-\udfff]", cleaned):
            raise EndpointError("There are blanks inside.", "Paste the address alone, without what stands around it.")
        cleaned = re.sub(r"^(https?):/+", r"\1://", cleaned, flags=re.IGNORECASE)
        if is_bare_key(cleaned):
            raise SecretInEndpoint("This looks like a key, not like an address.", "It belongs into the key field.")
        if "://" not in cleaned:
            cleaned = f"{default_scheme(cleaned)}://{cleaned}"
        try:
            parts = urlsplit(cleaned)
            hostname, port = (parts.hostname or "").removesuffix("."), parts.port
        except ValueError:
            raise EndpointError(*NO_ADDRESS) from None
        check_address(parts.scheme, parts.username, hostname)
        scheme = "https" if hostname.endswith(AZURE_RESOURCE + SERVERLESS) else parts.scheme
        shown = f"[{hostname}]" if ":" in hostname else hostname
        standard = port in (None, STANDARD_PORTS[parts.scheme], STANDARD_PORTS[scheme])
        netloc = shown if standard else f"{shown}:{port}"
        query, key = read_query(parts.query)
        return cls(scheme, netloc, hostname, read_path(parts.path), query, key)

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


def is_bare_key(text: str) -> bool:
    """Whether a word is rather a key than the name of a host in one's own network."""
    return not re.search(r"[.:/]", text) and len(text) >= LONG_WORD and bool(re.search(r"[0-9]", text))


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
        raise EndpointError("This is not a web address.", "An endpoint begins with https://.")
    if username is not None:
        raise SecretInEndpoint(
            "There is a user name or key inside the address.",
            "Remove everything before the @; the key has a field of its own.",
        )
    if not re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|[0-9a-f]*:[0-9a-f:.]+", hostname) or ".." in hostname:
        raise EndpointError(*NO_ADDRESS)
    if any(len(label) > LONGEST_LABEL for label in hostname.split(".")):
        raise EndpointError(*NO_ADDRESS)
    if is_odd_number(hostname) or hostname in ("http", "https"):
        raise EndpointError(*NO_ADDRESS)
    if f".{hostname}" in AZURE_RESOURCE + SERVERLESS:
        raise EndpointError(
            "The name of the resource is missing.", f"It stands before the rest: https://NAME.{hostname}/openai/v1."
        )
    if hostname in PORTALS or hostname.endswith(
        tuple(f".{portal}" for portal in ("portal.azure.com", "oai.azure.com"))
    ):
        raise EndpointError(
            "This is the portal page, not an endpoint.",
            "In the portal open the deployment, tab Code, and copy the endpoint.",
        )


def is_odd_number(hostname: str) -> bool:
    """127.1 and 2130706433: sockets take them for addresses, so they are not taken for names here."""
    if not hostname.replace(".", "").isdigit():
        return False
    try:
        ipaddress.ip_address(hostname)
    except ValueError:
        return True
    return False


def read_path(path: str) -> str:
    """Without doubled slashes and the one at the end; what is neither letter nor mark is percent-encoded."""
    if re.search(r"(^|/)\.{1,2}(/|$)", unquote(path)):
        raise EndpointError("There are dots instead of names in the path.", "Paste the address as the portal shows it.")
    if has_secret(path):
        raise SecretInEndpoint("There is a key inside the path of the address.", KEY_ELSEWHERE)
    return quote(re.sub(r"/{2,}", "/", path).rstrip("/"), safe="/%:@!$&()*+=~")


def read_query(query: str) -> tuple[tuple[tuple[str, str], ...], Secret | None]:
    """The parameters, and apart from them a key that stood among them."""
    try:
        pairs = parse_qsl(query, keep_blank_values=False, max_num_fields=20)
    except ValueError:
        raise EndpointError("There are too many parameters behind the ?.", "Paste the address alone.") from None
    if any(is_secret(name, value) for name, value in pairs):
        raise SecretInEndpoint("There is a key inside the address, behind the ?.", KEY_ELSEWHERE)
    keys = {value for name, value in pairs if KEY_NAME.fullmatch(bare(name))}
    if len(keys) > 1:
        raise SecretInEndpoint("There are several keys inside the address, behind the ?.", KEY_ELSEWHERE)
    rest = tuple(pair for pair in pairs if not KEY_NAME.fullmatch(bare(pair[0])))
    return rest, Secret(keys.pop()) if keys else None


KEY_ELSEWHERE = "Remove it; the key has a field of its own."


def bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", unquote(name).lower())


def is_secret(name: str, value: str) -> bool:
    """Whether a parameter is a secret that no key field takes: by its name, by its looks, or by what it holds."""
    if KEY_NAME.fullmatch(bare(name)):
        return False
    looks = LIKE_A_KEY.fullmatch(value) or HEXADECIMAL_KEY.fullmatch(value)
    return bool(SECRET_NAME.fullmatch(bare(name)) or looks) or names_a_secret(value)


def secret_in(text: str) -> str:
    """Why a text is not kept as an endpoint: a secret stands in it, as a sentence; empty when none does. It may be a
    template."""
    filled = re.sub(r"\{\{.*?\}\}", "x", text, flags=re.DOTALL)
    try:
        found = Endpoint.parse(filled).found_key is not None
    except SecretInEndpoint as error:
        return f"{error.message} {error.hint}"
    except EndpointError:
        found = names_a_secret(filled)
    return f"There is a key inside the endpoint. {KEY_ELSEWHERE}" if found else ""


def names_a_secret(text: str) -> bool:
    """Whether name=value stands in it, and the name is one of a secret."""
    names = [bare(name) for name in NAMED.findall(unquote(text))]
    return any(KEY_NAME.fullmatch(name) or SECRET_NAME.fullmatch(name) for name in names)


def has_secret(path: str) -> bool:
    """Whether a path holds a secret: /key=..., ;sig=..., /api-key/..., or a part that looks like nothing else."""
    parts = unquote(path).split("/")
    named = any(
        (KEY_NAME.fullmatch(bare(name)) or SECRET_NAME.fullmatch(bare(name))) and re.search(r"[0-9]", value)
        for name, value in pairwise(parts)
        if len(value) >= LONG_WORD
    )
    return named or names_a_secret(path) or any(LIKE_A_KEY.fullmatch(part) for part in parts)


def without_secrets(text: str) -> str:
    """As much of a text that was pasted as an endpoint as can be shown: its address, up to whatever may be secret."""
    words = text[:LONGEST_PASTE].strip(EDGES).split()
    found = re.search(r"https?://[^\s\"'<>`]+", text[:LONGEST_PASTE])
    if len(words) > 1 and any(len(word) >= LONG_WORD for word in words):
        return without_secrets(found[0]) if found else ""
    if len(words) > 1:
        return " ".join(words)
    word = re.split(r"[?#;]", words[0], maxsplit=1)[0] if words else ""
    scheme, separator, rest = word.rpartition("://")
    rest = rest.rpartition("@")[2]
    host, _, path = rest.partition("/")
    if not separator and "." not in host and ":" not in host and len(host) >= LONG_WORD:
        return ""
    parts = list[str]()
    for part in path.split("/") if path else []:
        if has_secret("/".join(("", *parts, part))):
            break
        parts.append(part)
    scheme = scheme if scheme.lower() in STANDARD_PORTS else "https"
    return (f"{scheme}://" if separator else "") + "/".join((host, *parts))[:LONGEST]


def recognise(pasted: Pasted) -> Endpoint:
    endpoint = shape(pasted)
    return endpoint if pasted.key is None else replace(endpoint, found_key=pasted.key)


def shape(pasted: Pasted) -> Endpoint:
    path, operation = without_operation(pasted.path)
    if found := re.search(r"^(.*/openai)/deployments/([^/]+)$", path):
        return deployment(pasted, found[1], unquote(found[2]), operation)
    if re.search(r"(^|/)anthropic(/|$)", path):
        raise EndpointError(
            "This is the Anthropic route, which speaks another protocol.",
            f"For models that speak the OpenAI protocol use {pasted.origin}/openai/v1.",
        )
    if path.endswith("/openai") and operation == "responses" and pasted.api_version:
        return dated_responses(pasted)
    if found := re.search(r"^(.*/api/projects/[^/]+)(.*)$", path):
        return project(pasted, found[1], found[2], operation)
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
            "The path is not one of an Azure resource.",
            f"Use {pasted.origin}/openai/v1, or copy the endpoint again.",
        )
    return compatible(pasted, path, operation)


def without_operation(path: str) -> tuple[str, str | None]:
    """The path without the names of operations at its end, and the last of them."""
    operation = None
    while suffix := operation_of(path):
        path, operation = path.removesuffix(suffix), operation or suffix.rsplit("/", 1)[1]
    return path, operation


def operation_of(path: str) -> str | None:
    if path.endswith("/v1/models"):
        return "/models"
    return next((suffix for suffix in OPERATIONS if path.endswith(suffix)), None)


def preferring(base: str, operation: str | None) -> tuple[str, str | None]:
    """The canonical address: who pasted the one for responses prefers them, so it stays in it."""
    return (f"{base}/responses", operation) if operation == "responses" else (base, None)


def dropped(pasted: Pasted) -> tuple[str, ...]:
    return ("api-version is dropped: the v1 route refuses it.",) if pasted.api_version else ()


def versioned(pasted: Pasted, path: str, operation: str | None) -> Endpoint:
    """The v1 route. Live services refuse api-version there, whatever it says, so it is dropped."""
    base = pasted.origin + path
    url, preferred = preferring(base, operation)
    return Endpoint(Kind.V1, url, pasted.origin, base, None, None, KeyHeader.API_KEY, dropped(pasted), preferred)


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


def project(pasted: Pasted, route: str, rest: str, operation: str | None) -> Endpoint:
    """A bare project address answers 400 without api-version; with /openai/v1 it needs none."""
    if operation == "responses" and rest != "/openai/v1":
        url = f"{pasted.origin}{pasted.path}?{pasted.query_with(PROJECT_VERSION)}"
        version = pasted.api_version or PROJECT_VERSION
        return Endpoint(Kind.RESPONSES, url, pasted.origin, url, None, version, KeyHeader.API_KEY)
    if rest not in ("", "/openai", "/openai/v1"):
        raise EndpointError(
            "What stands behind the name of the project is not known here.", f"Use {pasted.origin}{route}."
        )
    base = f"{pasted.origin}{route}/openai/v1"
    url, preferred = preferring(base, operation)
    return Endpoint(Kind.PROJECT, url, pasted.origin, base, None, None, KeyHeader.API_KEY, dropped(pasted), preferred)


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
    return plain(Kind.SERVERLESS, pasted, path, None)


def compatible(pasted: Pasted, path: str, operation: str | None) -> Endpoint:
    """Any other server that speaks the protocol; most have it under /v1."""
    return plain(Kind.COMPATIBLE, pasted, path, operation)


def plain(kind: Kind, pasted: Pasted, path: str, operation: str | None) -> Endpoint:
    base, query = pasted.origin + path, urlencode(pasted.query)
    url, preferred = preferring(base, operation)
    if query:
        url = f"{url}?{query}"
    return Endpoint(kind, url, pasted.origin, base, None, pasted.api_version, KeyHeader.BEARER, (), preferred, query)
