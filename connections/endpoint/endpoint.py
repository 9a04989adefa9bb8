"""An endpoint of a model: what it is, and the exact URLs that will be called.

Facts: Microsoft Foundry and Azure OpenAI endpoint shapes as documented by Microsoft (learn.microsoft.com/azure/foundry,
endpoints and API version lifecycle pages) and by the published v1 specification.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from connections.endpoint.hosts import (
    AZURE_RESOURCE,
    CLASSIC_SCOPE,
    FOUNDRY_SCOPE,
    RESOURCE,
    SERVERLESS_SCOPE,
    STANDARD_PORTS,
    copies_azure,
    sovereign_cloud_of,
)
from connections.secret import Secret

ROUTES = r"/openai(?:/|$)|/models(?:/|$)|/api/projects/|/anthropic(?:/|$)"  # of a resource
RESPONSES_SINCE, RESPONSES_VERSION = "2025-03-01-preview", "2025-04-01-preview"
LIST_VERSION = "2023-03-15-preview"  # the only one that lists deployments by key
INFERENCE_VERSION = "2024-05-01-preview"


class EndpointKind(StrEnum):
    V1 = "v1"
    DEPLOYMENT = "deployment"
    INFERENCE = "inference"
    PROJECT = "project"
    RESPONSES = "responses"
    SERVERLESS = "serverless"
    COMPATIBLE = "compatible"
    CLAUDE = "claude"


class KeyHeader(StrEnum):
    API_KEY = "api-key"
    BEARER = "bearer"


LABELS = {
    EndpointKind.V1: "Foundry v1",
    EndpointKind.DEPLOYMENT: "Azure OpenAI",
    EndpointKind.INFERENCE: "Model inference (old)",
    EndpointKind.PROJECT: "Foundry project",
    EndpointKind.RESPONSES: "Responses",
    EndpointKind.SERVERLESS: "Serverless",
    EndpointKind.COMPATIBLE: "OpenAI-compatible",
    EndpointKind.CLAUDE: "Claude",
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

    kind: EndpointKind
    url: str
    origin: str
    base: str
    deployment: str | None
    api_version: str | None
    key_header: KeyHeader
    warnings: tuple[str, ...] = field(default=(), compare=False)
    operation: str | None = None  # the pasted one, when it says more than the kind
    query: str = ""  # what goes with every call, api-version included
    agent: str = ""  # of a project, whose name goes with every call; behind a colon its version
    found_key: Secret | None = field(default=None, compare=False)  # stood in what was pasted
    found_model: str | None = field(default=None, compare=False)

    @property
    def host(self) -> str:
        """Host and port as they stand in the URL."""
        return self.origin.split("://", 1)[1]

    @property
    def hostname(self) -> str:
        """The host without the port, and without the brackets of an IPv6 address."""
        return urlsplit(self.origin).hostname or ""

    @property
    def label(self) -> str:
        return "Foundry agent" if self.is_agent else LABELS[self.kind]

    @property
    def is_azure(self) -> bool:
        """Whether the host is a resource of Azure OpenAI or Foundry."""
        return self.hostname.endswith(AZURE_RESOURCE)

    @property
    def is_resource(self) -> bool:
        """Whether the host is a resource's own: what it says of tokens is said by Microsoft, and by nobody else."""
        return self.hostname.endswith(RESOURCE)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that are connected to."""
        parts = urlsplit(self.origin)
        return parts.hostname or "", parts.port or STANDARD_PORTS[parts.scheme]

    @property
    def prefers_responses(self) -> bool:
        return self.kind is EndpointKind.RESPONSES or self.operation == "responses"

    @property
    def is_agent(self) -> bool:
        """Whether an agent of a Foundry project answers, which has its own model, instructions and tools."""
        return bool(self.agent) or (self.kind is EndpointKind.RESPONSES and "/protocols/openai/" in self.base)

    @property
    def is_application(self) -> bool:
        """Whether that agent is published as an application: the older form, which keeps no conversations."""
        return self.is_agent and "/applications/" in self.base

    @property
    def agent_name(self) -> str:
        """Of the agent in the address; empty where there is none."""
        if self.agent:
            return self.agent.partition(":")[0]
        found = re.search(r"/(?:agents|applications)/([^/]+)/(?:endpoint/)?protocols/openai/", self.base)
        return unquote(found[1]) if found and self.is_agent else ""

    @property
    def project_url(self) -> str | None:
        """The address of the Foundry project that it belongs to, without a slash at its end."""
        found = re.search(r"^(.*/api/projects/[^/?]+)", self.base)
        return found[1] if found else None

    @property
    def chat_url(self) -> str | None:
        """Where a chat completion goes; None when the endpoint has no such operation."""
        if self.kind in (EndpointKind.RESPONSES, EndpointKind.CLAUDE) or self.operation == "embeddings":
            return None
        return self._url("/chat/completions")

    @property
    def messages_url(self) -> str | None:
        """Where Claude is asked; None when the endpoint has no such operation."""
        return self._url("/v1/messages") if self.kind is EndpointKind.CLAUDE else None

    @property
    def responses_url(self) -> str | None:
        if self.kind is EndpointKind.RESPONSES:
            return self.base if self.agent else self.url
        if self.kind is EndpointKind.DEPLOYMENT and self.operation is None:
            # Not below the deployment. Generally available versions answer 404 there.
            given = self.api_version or ""
            version = given if given >= RESPONSES_SINCE and given.endswith("preview") else RESPONSES_VERSION
            return f"{self.base.rsplit('/deployments/', 1)[0]}/responses?api-version={version}"
        if self.kind in (EndpointKind.V1, EndpointKind.PROJECT, EndpointKind.COMPATIBLE):
            return self._url("/responses")
        return None

    @property
    def embeddings_url(self) -> str | None:
        if self.kind is EndpointKind.PROJECT:
            return f"{self.origin}/openai/v1/embeddings"
        without = (EndpointKind.RESPONSES, EndpointKind.CLAUDE)
        return None if self.kind in without else self._url("/embeddings")

    @property
    def listing_url(self) -> str | None:
        """Where real deployments are listed, where there is such a place. The catalogue of models is none."""
        if self.project_url:
            return f"{self.project_url}/deployments?api-version=v1"
        if self.kind is EndpointKind.COMPATIBLE:
            return self._url("/models")
        if self.kind is EndpointKind.SERVERLESS:
            return f"{self.base}/info?api-version={INFERENCE_VERSION}"
        if self.kind is EndpointKind.CLAUDE and not self.other_surface:
            return None
        return f"{self.root}/openai/deployments?api-version={LIST_VERSION}"

    @property
    def root(self) -> str:
        """What stands before the routes of a resource."""
        return re.split(ROUTES, self.base.split("?")[0])[0]

    @property
    def other_surface(self) -> str:
        """Of an address that serves Claude, the one of the same resource that serves all other models, and the other
        way round; empty where there is none."""
        if self.is_agent or not copies_azure(self.hostname):
            return ""
        if self.kind is EndpointKind.CLAUDE:
            return f"{self.root}/openai/v1" if self.base.endswith("/anthropic") else ""
        return "" if self.kind in (EndpointKind.SERVERLESS, EndpointKind.COMPATIBLE) else f"{self.root}/anthropic"

    @property
    def model_in_body(self) -> bool:
        return self.kind is not EndpointKind.DEPLOYMENT and not self.is_agent

    @property
    def scope(self) -> str:
        """What a token of Microsoft Entra ID must be for. Sources: Microsoft's authentication pages for each route."""
        if cloud := sovereign_cloud_of(self.hostname):
            return cloud.scope
        if self.kind is EndpointKind.SERVERLESS:
            return SERVERLESS_SCOPE
        if self.kind is EndpointKind.RESPONSES:
            return FOUNDRY_SCOPE if "/api/projects/" in self.base else CLASSIC_SCOPE
        return CLASSIC_SCOPE if self.kind is EndpointKind.DEPLOYMENT else FOUNDRY_SCOPE

    @property
    def authority(self) -> str:
        """The host that gives tokens of Microsoft Entra ID; empty for the public cloud."""
        cloud = sovereign_cloud_of(self.hostname)
        return cloud.authority if cloud else ""

    def _url(self, operation: str) -> str:
        return f"{self.base}{operation}" + (f"?{self.query}" if self.query else "")
