"""The page that describes the API, from its OpenAPI schema; nothing comes from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from flows.api.views import api
from foundryflow.access import reader
from foundryflow.http import Request
from foundryflow.regions import page


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    summary: str
    description: str
    parameters: list[dict[str, Any]]
    takes_inputs: bool


def schema() -> dict[str, Any]:
    servers = [{"url": settings.PREFIX}] if settings.PREFIX else []
    return {**api.get_openapi_schema(path_prefix="/api/"), **({"servers": servers} if servers else {})}


def operations() -> list[Operation]:
    return [
        Operation(
            method.upper(),
            path,
            said.get("summary", ""),
            said.get("description", ""),
            [each for each in said.get("parameters", []) if each["in"] == "query"],
            "requestBody" in said and path.startswith("/api/flows"),
        )
        for path, verbs in schema()["paths"].items()
        for method, said in verbs.items()
    ]


@reader
@require_GET
def docs(request: Request) -> HttpResponse:
    context = {
        "operations": operations(),
        "about": api.description,
        "base": request.build_absolute_uri("/").rstrip("/") + settings.PREFIX,
    }
    return page(request, "api/docs.html", context)


@reader
@require_GET
def openapi(request: Request) -> HttpResponse:
    return JsonResponse(schema())
