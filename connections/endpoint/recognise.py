"""Pasted text -> Endpoint: an address taken apart, made canonical, and recognised by its host and path."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from connections.endpoint.embedded_secrets import (
    EDGES,
    LONGEST,
    LONGEST_PASTE,
    is_name_of_key,
    is_secret_parameter,
    names_a_secret,
    path_has_secret,
)
from connections.endpoint.endpoint import (
    INFERENCE_VERSION,
    Endpoint,
    EndpointError,
    EndpointKind,
    KeyHeader,
    SecretInEndpoint,
)
from connections.endpoint.hosts import (
    ANTHROPIC,
    AZURE_MODEL,
    AZURE_RESOURCE,
    SERVERLESS,
    STANDARD_PORTS,
    copies_azure,
    is_near,
)
from connections.endpoint.paste import Paste, read_paste
from connections.endpoint.refused_addresses import NO_ADDRESS, check_address, check_path, check_word
from connections.secret import Secret

LAST_GA = "2024-10-21"  # newest dated api-version that is generally available
PROJECT_VERSION = "2025-11-15-preview"  # also of applications, the older form of published agents
AGENT_VERSION = "v1"
AGENT = "agent_reference"  # parameter of our addresses that names an agent of a project; it is sent in the body
CATALOGUES = ("/openai/models", "/openai/deployments")  # lists of a resource, where chat is beside them
NAMES_FOLLOW = ("deployments", "projects", "applications", "agents")
WORDS = (
    *("openai", "v1", "models", "deployments", "chat", "completions", "responses", "embeddings"),
    *("api", "projects", "applications", "agents", "endpoint", "protocols", "anthropic", "messages"),
)
OPERATIONS = ("/chat/completions", "/responses", "/embeddings", "/completions")
CLAUDE_OPERATIONS = r"(?:/v1(?:/messages(?:/count_tokens|/batches)?|/models)?)?"


def parse_endpoint(text: str) -> Endpoint:
    """An address, or a command, snippet or .env block that holds one. Raises EndpointError and nothing else."""
    if len(text) > LONGEST_PASTE:
        raise EndpointError("This is too long for an endpoint.", "Paste the address alone.")
    paste = read_paste(text)
    return recognise(PastedUrl.read(text)) if paste is None else endpoint_of_paste(paste)


def endpoint_of_paste(paste: Paste) -> Endpoint:
    """What a snippet says beside the address counts as if it stood in it."""
    pasted = PastedUrl.read(paste.address)
    if paste.api_version and pasted.api_version is None:
        pasted = replace(pasted, query=(*pasted.query, ("api-version", paste.api_version)))
        if pasted.is_azure and pasted.path in ("", "/openai") and paste.model:
            # Client classes that take a version call the deployment.
            pasted = replace(pasted, path=f"/openai/deployments/{quote(paste.model, safe='')}")
    if paste.agent:
        pasted = replace(pasted, query=((AGENT, paste.agent),))
    endpoint = recognise(pasted)
    return replace(endpoint, found_key=paste.key or pasted.key, found_model=endpoint.deployment or paste.model)


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


def secret_warning(text: str) -> str:
    """Why a text is not kept as an endpoint: a secret stands in it, as a sentence; empty when none does. It may be a
    template."""
    filled = re.sub(r"\{\{.*?\}\}", "x", text, flags=re.DOTALL)
    try:
        found = parse_endpoint(filled).found_key is not None
    except SecretInEndpoint as error:
        return f"{error.message} {error.hint}"
    except EndpointError:
        found = names_a_secret(filled)
    return f"There is a key inside the endpoint. {KEY_ELSEWHERE}" if found else ""


def recognise(pasted: PastedUrl) -> Endpoint:
    """The endpoint that a URL means, with the key that stood in it. Raises EndpointError."""
    endpoint = endpoint_of_path(pasted)
    return endpoint if pasted.key is None else replace(endpoint, found_key=pasted.key)


def endpoint_of_path(pasted: PastedUrl) -> Endpoint:
    path, operation = without_operation(pasted.path)
    if found := re.search(r"^(.*/openai)/deployments/([^/]+)$", path):
        return deployment_endpoint(pasted, found[1], unquote(found[2]), operation)
    if serves_claude(pasted):
        return claude_endpoint(pasted)
    if found := re.search(r"^(.*/api/projects/[^/]+)(.*)$", path):
        return project_endpoint(pasted, found[1], found[2], operation)
    if path.endswith("/openai") and operation == "responses" and pasted.api_version:
        return responses_endpoint(pasted)
    if path.endswith("/openai/v1"):
        return v1_endpoint(pasted, path, operation)
    if pasted.is_serverless:
        return serverless_endpoint(pasted, path)
    if path.endswith("/models") and path not in CATALOGUES and (pasted.is_azure or not path.endswith("/v1/models")):
        return inference_endpoint(pasted, path)
    if pasted.is_azure and path in ("", "/openai", *CATALOGUES):
        return v1_endpoint(pasted, "/openai/v1", operation)
    if pasted.is_azure:
        raise EndpointError(
            "The path is not one of an Azure resource.",
            f"Use {pasted.origin}/openai/v1, or copy the endpoint again.",
        )
    return compatible_endpoint(pasted, path, operation)


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


def url_and_preference(base: str, operation: str | None) -> tuple[str, str | None]:
    """The canonical address: who pasted the one for responses prefers them, so it stays in it."""
    return (f"{base}/responses", operation) if operation == "responses" else (base, None)


def version_warnings(pasted: PastedUrl) -> tuple[str, ...]:
    return ("api-version is dropped: the v1 route refuses it.",) if pasted.api_version else ()


def v1_endpoint(pasted: PastedUrl, path: str, operation: str | None) -> Endpoint:
    """The v1 route. Live services refuse api-version there, whatever it says, so it is dropped."""
    base = pasted.origin + path
    url, preferred = url_and_preference(base, operation)
    header = KeyHeader.API_KEY if pasted.takes_api_key else KeyHeader.BEARER
    return Endpoint(EndpointKind.V1, url, pasted.origin, base, None, None, header, version_warnings(pasted), preferred)


def deployment_endpoint(pasted: PastedUrl, route: str, name: str, operation: str | None) -> Endpoint:
    version = pasted.api_version or LAST_GA
    base = f"{pasted.origin}{route}/deployments/{quote(name, safe='')}"
    query = pasted.query_with(LAST_GA)
    only = operation if operation == "embeddings" else None
    url = f"{base}{f'/{only}' if only else ''}?{query}"
    warnings = (
        f"An older address: deployment {name}, api-version {version}. Works as it is; "
        f"{pasted.origin}/openai/v1 is the newer one.",
    )
    return Endpoint(
        EndpointKind.DEPLOYMENT, url, pasted.origin, base, name, version, KeyHeader.API_KEY, warnings, only, query
    )


def responses_endpoint(pasted: PastedUrl) -> Endpoint:
    url = f"{pasted.origin}{pasted.path}?{pasted.query_with(LAST_GA)}"
    return Endpoint(EndpointKind.RESPONSES, url, pasted.origin, url, None, pasted.api_version, KeyHeader.API_KEY)


def project_endpoint(pasted: PastedUrl, route: str, rest: str, operation: str | None) -> Endpoint:
    """A bare project address answers 400 without api-version; with /openai/v1 it needs none."""
    if found := re.fullmatch(r"/(agents/[^/]+/endpoint|applications/[^/]+)/protocols/openai", rest):
        version = AGENT_VERSION if found[1].startswith("agents/") else PROJECT_VERSION
        return agent_endpoint(pasted, f"{route}{rest}", version)
    if agent := next((value for name, value in pasted.query if name == AGENT), ""):
        return referred_agent_endpoint(pasted, route, agent)
    if operation == "responses" and rest != "/openai/v1":
        url = f"{pasted.origin}{pasted.path}?{pasted.query_with(PROJECT_VERSION)}"
        version = pasted.api_version or PROJECT_VERSION
        return Endpoint(EndpointKind.RESPONSES, url, pasted.origin, url, None, version, KeyHeader.API_KEY)
    if rest not in ("", "/openai", "/openai/v1"):
        raise EndpointError(
            "What stands behind the name of the project is not known here.", f"Use {pasted.origin}{route}."
        )
    base = f"{pasted.origin}{route}/openai/v1"
    url, preferred = url_and_preference(base, operation)
    return Endpoint(
        EndpointKind.PROJECT,
        url,
        pasted.origin,
        base,
        None,
        None,
        KeyHeader.API_KEY,
        version_warnings(pasted),
        preferred,
    )


def referred_agent_endpoint(pasted: PastedUrl, route: str, agent: str) -> Endpoint:
    """An agent that the body of a call names, at the route of its project."""
    base = f"{pasted.origin}{route}/openai/v1/responses"
    url = f"{base}?{urlencode({AGENT: agent})}"
    return Endpoint(EndpointKind.RESPONSES, url, pasted.origin, base, None, None, KeyHeader.API_KEY, agent=agent)


def agent_endpoint(pasted: PastedUrl, path: str, newest: str) -> Endpoint:
    """An agent that is published answers as Responses do."""
    url = f"{pasted.origin}{path}/responses?{pasted.query_with(newest)}"
    version = pasted.api_version or newest
    return Endpoint(EndpointKind.RESPONSES, url, pasted.origin, url, None, version, KeyHeader.API_KEY)


def inference_endpoint(pasted: PastedUrl, path: str) -> Endpoint:
    version = pasted.api_version or INFERENCE_VERSION
    base, query = pasted.origin + path, pasted.query_with(INFERENCE_VERSION)
    warnings = (f"The model inference route is being retired; {pasted.origin}/openai/v1 is the newer address.",)
    return Endpoint(
        EndpointKind.INFERENCE,
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


def serves_claude(pasted: PastedUrl) -> bool:
    """Whether the address is of the Messages API: of a resource, of a gateway before one, or of Anthropic itself."""
    ends = r"(^|/)anthropic(/|$)|/v1/messages(/count_tokens|/batches)?$"
    return pasted.hostname == ANTHROPIC or bool(re.search(ends, pasted.path))


def claude_endpoint(pasted: PastedUrl) -> Endpoint:
    """The Messages API has no api-version; a project has no route of its own for it, its resource has."""
    path = re.sub(r"/api/projects/[^/]+(?=/anthropic(/|$))", "", pasted.path)
    base = re.sub(f"{CLAUDE_OPERATIONS}$", "", path)
    if pasted.is_azure and not base:
        base = "/anthropic"
    if pasted.is_azure and base != "/anthropic":
        raise EndpointError(
            "The path is not one of Claude on a resource.", f"Use {pasted.origin}/anthropic, or copy it again."
        )
    query = urlencode([(name, value) for name, value in pasted.query if name.lower() != "api-version"])
    dropped = ("api-version is dropped: the route of Claude has none.",) if pasted.api_version else ()
    is_named = base.endswith("/anthropic") or pasted.hostname == ANTHROPIC
    url = f"{pasted.origin}{base}{'' if is_named else '/v1/messages'}{f'?{query}' if query else ''}"
    return Endpoint(
        EndpointKind.CLAUDE,
        url,
        pasted.origin,
        pasted.origin + base,
        None,
        None,
        KeyHeader.API_KEY,
        dropped,
        query=query,
    )


def serverless_endpoint(pasted: PastedUrl, path: str) -> Endpoint:
    return plain_endpoint(EndpointKind.SERVERLESS, pasted, path, None)


def compatible_endpoint(pasted: PastedUrl, path: str, operation: str | None) -> Endpoint:
    """Any other server that speaks the protocol; most have it under /v1."""
    return plain_endpoint(EndpointKind.COMPATIBLE, pasted, path, operation)


def plain_endpoint(kind: EndpointKind, pasted: PastedUrl, path: str, operation: str | None) -> Endpoint:
    base, query = pasted.origin + path, urlencode(pasted.query)
    url, preferred = url_and_preference(base, operation)
    if query:
        url = f"{url}?{query}"
    return Endpoint(kind, url, pasted.origin, base, None, pasted.api_version, KeyHeader.BEARER, (), preferred, query)
