"""The page that describes the API, from its OpenAPI schema; nothing comes from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from flows.api import problems
from flows.api.views import api
from foundryflow.access import Access, reader
from foundryflow.http import Request
from foundryflow.models import ApiKey
from foundryflow.regions import page


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    summary: str
    description: str
    parameters: list[dict[str, Any]]
    example: str  # a line of a shell


def schema() -> dict[str, Any]:
    servers = [{"url": settings.PREFIX}] if settings.PREFIX else []
    return {**api.get_openapi_schema(path_prefix="/api/"), **({"servers": servers} if servers else {})}


def operations(base: str) -> list[Operation]:
    """What the API can do; the examples ask the server at `base`."""
    return [
        Operation(
            method.upper(),
            path,
            said.get("summary", ""),
            said.get("description", ""),
            [each for each in said.get("parameters", []) if each["in"] == "query"],
            example(method.upper(), f"{base}{path}", "requestBody" in said and path.startswith("/api/flows")),
        )
        for path, verbs in schema()["paths"].items()
        for method, said in verbs.items()
    ]


def example(method: str, url: str, takes_inputs: bool) -> str:
    lines = [f"curl -X {method} {url}" if method != "GET" else f"curl {url}"]
    lines.append('-H "Authorization: Bearer $FOUNDRYFLOW_API_KEY"')
    if takes_inputs:
        lines.append("""-H "Content-Type: application/json" -d '{"inputs": {"question": "Why?"}}'""")
    return " \\\n  ".join(lines)


@reader
@require_GET
def docs(request: Request) -> HttpResponse:
    base = request.build_absolute_uri("/").rstrip("/") + settings.PREFIX
    context = {"operations": operations(base), "about": api.description}
    return page(request, "api/docs.html", context)


@login_not_required
@require_GET
def openapi(request: Request) -> HttpResponse:
    """For whoever is signed in, and for programs with a key of any scope."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    keyed = scheme.lower() == "bearer" and ApiKey.objects.find(token) is not None
    if request.user.is_authenticated or keyed:
        response: HttpResponse = JsonResponse(schema())
    else:
        response = problems.problem_response(401, "Sign in, or give a key: Authorization: Bearer ffk_…")
    response.headers["Cache-Control"] = "no-store"
    return response


openapi.access = Access.KEY  # type: ignore[attr-defined]
