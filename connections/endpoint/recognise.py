"""Pasted text -> Endpoint: an address taken apart, made canonical, and recognised by its host and path."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import quote, unquote, urlencode

from connections.endpoint.embedded_secrets import LONGEST_PASTE, names_a_secret
from connections.endpoint.endpoint import (
    INFERENCE_VERSION,
    Endpoint,
    EndpointError,
    EndpointKind,
    KeyHeader,
    SecretInEndpoint,
)
from connections.endpoint.hosts import ANTHROPIC
from connections.endpoint.paste import Paste, read_paste
from connections.endpoint.pasted_url import KEY_ELSEWHERE, PastedUrl

LAST_GA = "2024-10-21"  # newest dated api-version that is generally available
PROJECT_VERSION = "2025-11-15-preview"  # also of applications, the older form of published agents
AGENT_VERSION = "v1"
AGENT = "agent_reference"  # parameter of our addresses that names an agent of a project; it is sent in the body
CATALOGUES = ("/openai/models", "/openai/deployments")  # lists of a resource, where chat is beside them
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
    if path.endswith("/models") and path not in CATALOGUES:
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
