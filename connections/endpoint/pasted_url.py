"""A pasted URL taken apart and made canonical: scheme and host in lower case, no doubled slashes, no key inside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from connections.endpoint.embedded_secrets import (
    EDGES,
    LONGEST,
    is_name_of_key,
    is_secret_parameter,
    path_has_secret,
)
from connections.endpoint.endpoint import EndpointError, SecretInEndpoint
from connections.endpoint.hosts import AZURE_MODEL, AZURE_RESOURCE, SERVERLESS, STANDARD_PORTS, copies_azure, is_near
from connections.endpoint.refused_addresses import NO_ADDRESS, check_address, check_path, check_word
from connections.secret import Secret

NAMES_FOLLOW = ("deployments", "projects", "applications", "agents")
WORDS = (
    *("openai", "v1", "models", "deployments", "chat", "completions", "responses", "embeddings"),
    *("api", "projects", "applications", "agents", "endpoint", "protocols", "anthropic", "messages"),
)


@dataclass(frozen=True, slots=True)
class PastedUrl:
    """A pasted URL taken apart and normalised: scheme and host in lower case, path as typed."""

    scheme: str
    netloc: str
    hostname: str
    path: str
    query: tuple[tuple[str, str], ...]
    key: Secret | None = None

    @classmethod
    def read(cls, text: str) -> PastedUrl:
        cleaned = text.strip(EDGES)
        if not cleaned:
            raise EndpointError("The endpoint is empty.", "Paste the address that the portal shows for the deployment.")
        if len(cleaned) > LONGEST:
            raise EndpointError("This is too long for an endpoint.", "Paste the address alone.")
        if re.search(r"[\s\x00-\x1f\x7f\ud800-\udfff]", cleaned):
            raise EndpointError("There are blanks inside.", "Paste the address alone, without what stands around it.")
        cleaned = re.sub(r"^(https?):/+", r"\1://", cleaned, flags=re.IGNORECASE)
        check_word(cleaned)
        if "://" not in cleaned:
            cleaned = f"{default_scheme(cleaned)}://{cleaned}"
        try:
            parts = urlsplit(cleaned)
            hostname, port = (parts.hostname or "").removesuffix("."), parts.port
        except ValueError:
            raise EndpointError(*NO_ADDRESS) from None
        check_address(parts.scheme, parts.username, hostname)
        scheme = "https" if hostname.endswith(AZURE_MODEL) else parts.scheme
        shown = f"[{hostname}]" if ":" in hostname else hostname
        standard = port in (None, STANDARD_PORTS[parts.scheme], STANDARD_PORTS[scheme])
        netloc = shown if standard else f"{shown}:{port}"
        query, key = read_query(parts.query)
        path = read_path(parts.path)
        check_path(hostname, path)
        return cls(scheme, netloc, hostname, lower_words(path) if hostname.endswith(AZURE_MODEL) else path, query, key)

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    @property
    def is_azure(self) -> bool:
        return self.hostname.endswith(AZURE_RESOURCE)

    @property
    def takes_api_key(self) -> bool:
        """Whether a key goes as `api-key`: to resources, and to gateways and simulators, which copy them."""
        return copies_azure(self.hostname)

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
    return "http" if is_near(name.lower()) else "https"


def read_path(path: str) -> str:
    """Without doubled slashes and the one at the end; what is neither letter nor mark is percent-encoded."""
    if re.search(r"(^|/)\.{1,2}(/|$)", unquote(path)):
        raise EndpointError("There are dots instead of names in the path.", "Paste the address as the portal shows it.")
    if path_has_secret(path):
        raise SecretInEndpoint("There is a key inside the path of the address.", KEY_ELSEWHERE)
    return quote(re.sub(r"/{2,}", "/", path).rstrip("/"), safe="/%:@!$&()*+=~")


def lower_words(path: str) -> str:
    """The words of the service in lower case, as it takes them in any; names of deployments and projects as typed."""
    words = path.split("/")
    for at, word in enumerate(words):
        if word.lower() in WORDS and words[at - 1].lower() not in NAMES_FOLLOW:
            words[at] = word.lower()
    return "/".join(words)


def read_query(query: str) -> tuple[tuple[tuple[str, str], ...], Secret | None]:
    """The parameters, and apart from them a key that stood among them."""
    try:
        pairs = parse_qsl(query, keep_blank_values=False, max_num_fields=20)
    except ValueError:
        raise EndpointError("There are too many parameters behind the ?.", "Paste the address alone.") from None
    if any(is_secret_parameter(name, value) for name, value in pairs):
        raise SecretInEndpoint("There is a key inside the address, behind the ?.", KEY_ELSEWHERE)
    keys = {value for name, value in pairs if is_name_of_key(name)}
    if len(keys) > 1:
        raise SecretInEndpoint("There are several keys inside the address, behind the ?.", KEY_ELSEWHERE)
    rest = tuple(pair for pair in pairs if not is_name_of_key(pair[0]))
    return rest, Secret(keys.pop()) if keys else None


KEY_ELSEWHERE = "Remove it; the key has a field of its own."
