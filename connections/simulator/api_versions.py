"""api-version: where it must be, where it must not, and what each one knows."""

from __future__ import annotations

import re
from typing import Any

from connections.simulator.refusals import NOT_FOUND, SimulatedRefusal, error_refusal, invalid_parameter
from connections.simulator.routes import SimulatedRoute

GENERAL = frozenset({"2022-12-01", "2023-05-15", "2024-02-01", "2024-06-01", "2024-10-21"})
PREVIEWS = frozenset(
    f"{date}-preview"
    for date in (
        "2023-03-15", "2023-06-01", "2023-07-01", "2023-08-01", "2023-09-01", "2023-10-01", "2023-12-01",
        "2024-02-15", "2024-03-01", "2024-04-01", "2024-05-01", "2024-07-01", "2024-08-01", "2024-09-01",
        "2024-10-01", "2024-12-01", "2025-01-01", "2025-02-01", "2025-03-01", "2025-04-01",
    )
)  # fmt: skip
LISTING = frozenset({"2022-12-01", "2023-03-15-preview"})  # later ones dropped the list of deployments
PROJECT = r"v1|202[5-9]-\d\d-\d\d(-preview)?"
RESPONSES_SINCE = "2025-03-01-preview"
SCHEMA_SINCE = "2024-08-01-preview"

# Field of the chat body -> the version it arrived with. By date, so 2024-10-21 takes what 2024-09-01-preview took.
ARRIVED = {
    "max_completion_tokens": "2024-09-01",
    "stream_options": "2024-09-01",
    "parallel_tool_calls": "2024-09-01",
    "reasoning_effort": "2024-12-01",
    "store": "2024-12-01",
    "metadata": "2024-12-01",
}
FORBIDDEN = error_refusal(400, "BadRequest", "api-version query parameter is not allowed when using /v1 path")
MISSING = error_refusal(400, "BadRequest", "Missing required query parameter: api-version")
UNSUPPORTED = error_refusal(400, "BadRequest", "API version not supported")


def version_refusal(route: SimulatedRoute, version: str) -> SimulatedRefusal | None:
    """`version` is empty when there is none."""
    family = route.family
    if family in ("v1", "project", "anthropic"):
        return FORBIDDEN if version else None
    if family.startswith("project"):
        if not version:
            return MISSING
        # A bare project serves nothing; its paths begin after /openai.
        return NOT_FOUND if family == "project-bare" else None if re.fullmatch(PROJECT, version) else UNSUPPORTED
    known = versions_of(route)
    return NOT_FOUND if known is not None and version not in known else None


def versions_of(route: SimulatedRoute) -> frozenset[str] | None:
    """The versions a family answers to; None when it takes any, or none."""
    if route.family == "deployment-list":
        return LISTING
    if route.family == "models":
        return frozenset({"2024-05-01-preview", "2024-04-01-preview", "2025-04-01", "2025-05-15-preview"})
    if route.family == "dated" and route.operation == "responses":
        return frozenset(version for version in PREVIEWS if version >= RESPONSES_SINCE)
    return GENERAL | PREVIEWS if route.family in ("deployment", "dated") else None


def field_refusal(route: SimulatedRoute, version: str, body: dict[str, Any]) -> SimulatedRefusal | None:
    """Fields that are younger than the version, in the words of old versions: the message alone names them."""
    if route.family != "deployment" or route.operation != "chat/completions":
        return None
    for name, since in ARRIVED.items():
        if name in body and version < since:
            return invalid_parameter(None, f"Unrecognized request argument supplied: {name}", None)
    wanted = body.get("response_format")
    if version < SCHEMA_SINCE and isinstance(wanted, dict) and wanted.get("type") == "json_schema":
        message = "response_format value as json_schema is enabled only for api versions 2024-08-01-preview and later"
        return error_refusal(400, "BadRequest", message)
    return None
