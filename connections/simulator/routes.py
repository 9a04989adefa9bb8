"""Paths -> Route: which face of the service is asked, and for what.

Besides the faces of section 1 there are four places below a prefix: /resource-old (an Azure OpenAI resource that
knows /openai/deployments alone), /resource-new (v1 alone), /gateway (API Management in front of everything), and
/aoai-api-simulator (as Microsoft's own simulator answers).
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from urllib.parse import unquote

from connections.endpoint.hosts import SERVERLESS as SERVERLESS_HOSTS

# What `Simulator(routes=...)` takes -> the families of paths it opens.
FACES: dict[str, frozenset[str]] = {
    "v1": frozenset({"v1"}),
    "deployment": frozenset({"deployment", "deployment-list", "dated"}),
    "models": frozenset({"models"}),
    "project": frozenset({"project", "project-dated", "project-list", "project-bare"}),
    "serverless": frozenset({"serverless", "serverless-v1"}),
    "anthropic": frozenset({"anthropic"}),
    "compatible": frozenset({"compatible"}),
}
ALL = frozenset(FACES)
PREFIXES: dict[str, frozenset[str]] = {
    "/resource-old": frozenset({"deployment"}),
    "/resource-new": frozenset({"v1"}),
    "/gateway": ALL,
    "/aoai-api-simulator": frozenset({"deployment"}),
}
LISTS = frozenset({"list", "models", "deployments", "agents", "info"})  # these are asked with GET

EVERYTHING = "(?P<op>chat/completions|responses|embeddings|models)"
PROJECT = "/api/projects/(?P<project>[^/]+)"
CONVERSATIONS = "(?P<op>conversations)(?:/(?P<rest>[^/]+(?:/items)?))?"
PATTERNS = (
    ("deployment", "/openai/deployments/(?P<name>[^/]+)/(?P<op>chat/completions|embeddings)"),
    ("deployment-list", "/openai/deployments"),
    ("v1", f"/openai/v1/{EVERYTHING}"),
    ("dated", "/openai/(?P<op>responses|models)"),
    ("models", "/models/(?P<op>chat/completions|embeddings)"),
    ("project", f"{PROJECT}/openai/v1/(?P<op>chat/completions|responses)"),
    ("project", f"{PROJECT}/openai/v1/{CONVERSATIONS}"),
    ("project-dated", f"{PROJECT}/openai/(?P<op>responses)"),
    ("project-dated", f"{PROJECT}/agents/(?P<name>[^/]+)/endpoint/protocols/openai/(?P<op>responses)"),
    ("project-dated", f"{PROJECT}/agents/(?P<name>[^/]+)/endpoint/protocols/openai/{CONVERSATIONS}"),
    ("project-dated", f"{PROJECT}/applications/(?P<name>[^/]+)/protocols/openai/(?P<op>responses)"),
    ("project-list", f"{PROJECT}/(?P<op>deployments)"),
    ("project-list", f"{PROJECT}/(?P<op>agents)(?:/(?P<name>[^/]+))?"),
    ("project-bare", f"{PROJECT}(?!/openai/v1)(?:/.*)?"),
    ("anthropic", "/anthropic/v1/(?P<op>messages(?:/count_tokens)?)"),
    ("compatible", f"/v1/{EVERYTHING}"),
)
SERVERLESS = (
    ("serverless", "/(?P<op>chat/completions|embeddings|info)"),
    ("serverless-v1", "/v1/(?P<op>chat/completions|embeddings)"),
)


@dataclass(frozen=True)
class SimulatedRoute:
    """A request taken apart."""

    family: str
    operation: str
    deployment: str | None = None  # None when it stands in the body
    project: str = ""
    gateway: bool = False
    microsoft: bool = False  # as Microsoft's own simulator answers
    is_application: bool = False  # an agent that is published in the older form
    rest: str = ""  # of a conversation: its id, or ID/items

    @property
    def strict(self) -> bool:
        """Compatible servers are lenient; Azure is not."""
        return self.family not in ("compatible", "serverless-v1") and not self.microsoft

    @property
    def inference(self) -> bool:
        """The model inference API, which has a schema and a manner of its own."""
        return self.family in ("models", "serverless")

    @property
    def azure(self) -> bool:
        """Whether Azure's filters and details are part of the answer."""
        return self.family not in ("compatible", "serverless", "serverless-v1", "models")


def route_of(path: str, host: str = "", faces: Set[str] = ALL) -> SimulatedRoute | None:
    """`path` as it was sent, still encoded: a deployment may have a slash in its name."""
    path = path.rstrip("/")
    prefix = next((known for known in PREFIXES if path.startswith(f"{known}/")), "")
    opened = faces & PREFIXES.get(prefix, ALL)
    name = host.partition(":")[0].lower()
    serverless = name.endswith(SERVERLESS_HOSTS)
    for family, pattern in SERVERLESS if serverless else PATTERNS:
        if found := re.fullmatch(pattern, path.removeprefix(prefix)):
            if not any(family in FACES[face] for face in opened):
                return None
            parts = found.groupdict()
            # A serverless host has one model, and the host is its name.
            deployment = name.partition(".")[0] if serverless else unquote(parts.get("name") or "")
            project = unquote(parts.get("project") or "")
            return SimulatedRoute(
                family,
                parts.get("op") or "list",
                deployment or None,
                project,
                gateway=prefix == "/gateway",
                microsoft=prefix == "/aoai-api-simulator",
                is_application="/applications/" in pattern,
                rest=unquote(parts.get("rest") or ""),
            )
    return None
