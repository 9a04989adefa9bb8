"""The pages that describe the API, from its OpenAPI schema and from the flows; nothing comes from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, JsonResponse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_GET

from flows.access import find_flow
from flows.api import problems
from flows.api.examples import CallExample, body_in_shell, curl, examples_of_flow, sample_inputs, start_in_shell
from flows.api.keys import token_of
from flows.api.views import api
from flows.language.document import DocumentError
from flows.language.nodes import Input
from flows.models import Flow
from foundryflow.access import Access, reader
from foundryflow.highlight import Highlighter
from foundryflow.http import Request, base_address
from foundryflow.models import ApiKey, ApiScope
from foundryflow.regions import page

MOST_FLOWS = 50  # that the page shows with their calls
TITLES = {"flows": "Flows", "runs": "Runs", "usage": "Usage", "connections": "Connections"}
EXAMPLE_BODIES = {"retry_run": "'{}'", "cancel_run": "", "test_connection": '\'{"model": "gpt-4o-mini"}\''}
STATUSES = [  # what every call may be answered with
    ("400", "The body is no JSON, or the server is not called by one of its names."),
    ("401", "No key, one that nobody has, or one that is expired or revoked: the detail says which."),
    ("403", "The key lacks the scope, or its person may not do this."),
    ("404", "There is no such thing, or not for this key."),
    ("409", "The run has ended, or not yet; the Idempotency-Key came with another request."),
    ("422", "A value does not fit, or the flow has configuration errors."),
    ("503", "The database is away. Retry-After says when to come again."),
]


@dataclass(frozen=True)
class Operation:
    """A call as its section shows it."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    scope: str
    parameters: list[dict[str, Any]]
    example: str  # lines of a shell


@dataclass(frozen=True)
class FlowCalls:
    """A flow and how to call it, as its published revision says, or its draft while there is none; without calls where
    that cannot be read."""

    flow: Flow
    call: str
    inputs: list[Input]


@dataclass(frozen=True)
class CodeExample:
    """An example with its colours."""

    number: int
    example: CallExample
    codes: list[tuple[str, str, SafeString]]  # language, id and code


def schema() -> dict[str, Any]:
    servers = [{"url": settings.PREFIX}] if settings.PREFIX else []
    return {**api.get_openapi_schema(path_prefix="/api/"), **({"servers": servers} if servers else {})}


def operations(base: str) -> list[tuple[str, list[Operation]]]:
    """What the API can do, by what it is about; the examples ask the server at `base`."""
    found = [
        (said["tags"][0], operation_of(base, method.upper(), path, said))
        for path, verbs in schema()["paths"].items()
        for method, said in verbs.items()
    ]
    order = list(TITLES)
    found.sort(key=lambda each: order.index(each[0]))
    return [(TITLES[tag], [each for _, each in group]) for tag, group in groupby(found, key=lambda each: each[0])]


def operation_of(base: str, method: str, path: str, said: dict[str, Any]) -> Operation:
    name, (scope,) = said["operationId"], said["security"][0]["key"]
    sample = body_in_shell({"question": "Why?"}) if path.startswith("/api/flows/") else EXAMPLE_BODIES.get(name, "")
    address = path.replace("{slug}", "answer-a-customer").replace("{run_id}", "4191").replace("{name}", "contoso")
    return Operation(
        name,
        method,
        path,
        said.get("summary", ""),
        said.get("description", "").removesuffix(f"Scope: `{scope}`.").strip(),
        scope,
        [{**each, "type": type_of(each["schema"])} for each in said.get("parameters", []) if each["in"] == "query"],
        curl(f"{base}{address}", body=sample, method="POST" if method == "POST" and not sample else ""),
    )


def type_of(shape: dict[str, Any]) -> str:
    """One of a few words, or what kind of value."""
    choices = shape.get("enum") or [word for each in shape.get("anyOf", []) for word in each.get("enum", [])]
    if choices:
        return ", ".join(str(word) for word in choices if word)
    kind = str(shape.get("type", "text"))
    return {"string": "text", "integer": "whole number"}.get(kind, kind)


def flow_calls(base: str) -> list[FlowCalls]:
    flows = Flow.objects.in_designer().exclude(head=None).order_by("-changed_at")
    flows = flows.select_related("head", "published")[:MOST_FLOWS]
    return sorted((calls_of(base, flow) for flow in flows), key=lambda each: each.flow.name.lower())


def calls_of(base: str, flow: Flow) -> FlowCalls:
    try:
        inputs = list(flow.called_revision.parsed().inputs)
    except DocumentError:
        return FlowCalls(flow, "", [])
    call = start_in_shell(f"{base}/api/flows/{flow.slug}/run", sample_inputs(inputs))
    return FlowCalls(flow, call, inputs)


@reader
@require_GET
def docs(request: Request) -> HttpResponse:
    base = base_address(request)
    context = {
        "base": base,
        "groups": operations(base),
        "flows": flow_calls(base),
        "flow_count": Flow.objects.in_designer().exclude(head=None).count(),
        "scopes": list(ApiScope),
        "statuses": STATUSES,
    }
    return page(request, "api/docs.html", context)


@reader
@require_GET
def flow_page(request: Request, slug: str) -> HttpResponse:
    """How a program calls this flow, with its own inputs."""
    flow, base = find_flow(request, slug), base_address(request)
    calls, highlighter = calls_of(base, flow), Highlighter()
    examples = [
        CodeExample(
            number,
            each,
            [
                ("curl", f"curl-{number}", mark_safe(highlighter.html(each.curl, "bash"))),  # noqa: S308 - it escapes
                ("Python", f"python-{number}", mark_safe(highlighter.html(each.python, "python"))),  # noqa: S308
            ],
        )
        for number, each in enumerate(examples_of_flow(base, flow.slug, calls.inputs) if calls.call else [])
    ]
    takes_files = any(each.type == "file" for each in calls.inputs)
    context = {"flow": flow, "inputs": calls.inputs, "examples": examples, "takes_files": takes_files}
    return page(request, "api/flow.html", context)


@login_not_required
@require_GET
def openapi(request: Request) -> HttpResponse:
    """For whoever is signed in, and for programs with a key of any scope."""
    token = token_of(request)
    key = ApiKey.objects.find_any(token) if token else None
    trouble = key.trouble() if key else "Sign in, or give a key: Authorization: Bearer ffk_…"
    if request.user.is_authenticated or not trouble:
        response: HttpResponse = JsonResponse(schema())
    else:
        response = problems.problem_response(401, trouble)
    response.headers["Cache-Control"] = "no-store"
    return response


openapi.access = Access.KEY  # type: ignore[attr-defined]
