"""The lists: deployments, which can be called, and the catalogue, which is not what was deployed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connections.simulator.routes import SimulatedRoute

# Deployment -> its model, version and what it can do.
MODELS: dict[str, tuple[str, str, str]] = {
    "gpt-4o-mini": ("gpt-4o-mini", "2024-07-18", "chat_completion"),
    "gpt-4o": ("gpt-4o", "2024-08-06", "chat_completion"),
    "gpt-5.2": ("gpt-5.2", "2025-12-11", "chat_completion"),
    "claude-sonnet-4-6": ("claude-sonnet-4-6", "1", "chat_completion"),
    "text-embedding-3-small": ("text-embedding-3-small", "1", "embeddings"),
}
DEPLOYMENTS = tuple(MODELS)
# None of them is deployed: to call one is a 404, as in the service.
CATALOGUE = (
    *(f"{model}-{version}" for model, version, _ in MODELS.values()),
    "gpt-35-turbo-0125",
    "gpt-4.1-2025-04-14",
    "gpt-5-mini-2025-08-07",
    "o4-mini-2025-04-16",
    "text-embedding-3-large-1",
)
PAGE = 2
# Project -> where its list says that it goes on. The last two would trap or rob a client that follows blindly.
NEXT_LINKS = {
    "paged": "{origin}/api/projects/paged/deployments?api-version=v1&$skip={next}",
    "endless": "{origin}/api/projects/endless/deployments?api-version=v1",
    "elsewhere": "https://elsewhere.invalid/api/projects/elsewhere/deployments?api-version=v1&$skip={next}",
}


def listing(route: SimulatedRoute, query: Mapping[str, list[str]], origin: str) -> dict[str, Any]:
    if route.operation == "info":
        return {
            "model_name": route.deployment,
            "model_type": "chat-completion",
            "model_provider_name": "Simulated",
        }
    if route.operation == "deployments":
        return project_listing(route.project, skip_of(query), origin)
    if route.family == "deployment-list":
        entries = [resource_entry(name) for name in DEPLOYMENTS[skip_of(query) :]]
        return {"object": "list", "data": entries}
    names = DEPLOYMENTS if route.family == "compatible" else CATALOGUE
    more = {"lifecycle_status": "generally-available", "status": "succeeded"} if route.family == "dated" else {}
    return {"object": "list", "data": [{**model_entry(name), **more} for name in names]}


def model_entry(name: str) -> dict[str, Any]:
    embeds = "embedding" in name
    return {
        "id": name,
        "object": "model",
        "created": 1_700_000_000,
        "owned_by": "simulated",
        "capabilities": {"chat_completion": not embeds, "embeddings": embeds, "inference": True},
    }


def resource_entry(name: str) -> dict[str, Any]:
    scale = {"scale_type": "standard"}
    model = MODELS[name][0]
    return {"id": name, "model": model, "status": "succeeded", "object": "deployment", "scale_settings": scale}


def project_listing(project: str, skip: int, origin: str) -> dict[str, Any]:
    link = NEXT_LINKS.get(project)
    end = skip + PAGE if link else len(DEPLOYMENTS)
    value = [
        {
            "name": name,
            "type": "ModelDeployment",
            "modelName": MODELS[name][0],
            "modelVersion": MODELS[name][1],
            "modelPublisher": "Anthropic" if name.startswith("claude") else "Simulated",
            "capabilities": {MODELS[name][2]: "true"},
            "sku": {"name": "GlobalStandard", "capacity": 1},
        }
        for name in DEPLOYMENTS[skip:end]
    ]
    if link and (end < len(DEPLOYMENTS) or project == "endless"):
        return {"value": value, "nextLink": link.format(origin=origin, next=end)}
    return {"value": value}


def skip_of(query: Mapping[str, list[str]]) -> int:
    given = query.get("$skip", ["0"])[0]
    return int(given) if given.isdecimal() else 0
