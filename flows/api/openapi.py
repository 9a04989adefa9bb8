"""The OpenAPI document: what every call can be answered with, errors and headers included."""

from __future__ import annotations

import json
import math
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.operation import Operation
from ninja.parser import Parser

from flows.api import problems
from flows.api.multipart import INPUTS, MULTIPART, SWITCHES, TEXTS, UnfitBody, read_form
from flows.api.shapes import DEEPEST, HAS_VALUES, VALUE, VALUES, ProblemDetail, UsageQuestion
from foundryflow.models import ApiScope
from foundryflow.strict_json import LONGEST_NUMBER

KEY_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "ffk_…",
    "description": "A key of the API. Each call asks for one scope: "
    + "; ".join(f"`{scope.value}`: {scope.label}" for scope in ApiScope)
    + ". A key may be limited to flows: others are not there for it.",
}
# Whatever is called: a host of another name, no key, a scope that is missing, a method that is not there, a body that
# is too long or no JSON, an address that cannot be read, a fault of ours, a database that is away.
EVERYWHERE = (400, 401, 403, 405, 413, 415, 422, 500, 503)
HEADERS = {
    202: {"Location": ("Where the run is.", "string")},
    401: {"WWW-Authenticate": ("The scheme: Bearer.", "string")},
    405: {"Allow": ("The methods that there are.", "string")},
    503: {"Retry-After": ("Seconds.", "string")},
}
EVENT = {
    "type": "object",
    "description": "One server-sent event; `data` is JSON.",
    "properties": {
        "event": {"enum": ["run", "action", "text", "log", "end"]},
        "data": {"type": "string"},
        "id": {"type": "string", "description": "Give it as Last-Event-ID to go on behind this event."},
    },
    "required": ["event", "data"],
}
EVENTS = {"text/event-stream": {"schema": EVENT}}
STREAM: dict[str, Any] = {"responses": {200: {"content": EVENTS}}}


def responses(*errors: int, **good: Any) -> dict[Any, Any]:
    """What a call answers: `ok` or `accepted` by its shape, and errors beyond those that every call may end in."""
    statuses = {"ok": 200, "accepted": 202}
    return {
        **{statuses[name]: shape for name, shape in good.items()},
        **dict.fromkeys(sorted({*EVERYWHERE, *errors}), ProblemDetail),
    }


class BoundedParser(Parser):
    """Reads a body so that the checks of its shape can say what is wrong with a number. Raises UnfitBody."""

    def parse_body(self, request: HttpRequest) -> Any:
        if request.content_type == MULTIPART:
            return read_form(request)
        try:
            body = json.loads(request.body, parse_int=whole_or_infinite)
        except RecursionError:
            raise UnfitBody(f"Lists and objects lie more than {DEEPEST} deep in each other.") from None
        if not isinstance(body, dict):
            raise UnfitBody("The body is no JSON object.")
        return body


def whole_or_infinite(digits: str) -> int | float:
    """A whole number beyond all bounds counts as an infinite one, which no shape takes."""
    return int(digits) if len(digits) <= LONGEST_NUMBER else math.inf


class DescribedAPI(NinjaAPI):
    """Its document says the content type of errors and the headers of answers, which Ninja does not know."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__

    def get_openapi_schema(self, **options: Any) -> Any:
        document = super().get_openapi_schema(**options)
        for schema in document["components"]["schemas"].values():
            for described in schema.get("properties", {}).values():
                if described.pop(HAS_VALUES, False):
                    described.update(VALUES)
        document["components"]["schemas"]["Value"] = VALUE
        # Its fields are parameters, and described as such.
        del document["components"]["schemas"][UsageQuestion.__name__]
        for verbs in document["paths"].values():
            for operation in verbs.values():
                for status, response in operation["responses"].items():
                    complete_response(status, response)
                say_scope(operation, self.scopes[operation["operationId"]])
                say_multipart(operation, document["components"]["schemas"])
        document["components"]["securitySchemes"] = {"key": KEY_SCHEME}
        return document

    @cached_property
    def scopes(self) -> dict[str, ApiScope]:
        """The one scope that each call asks for, by the name of its view."""
        return {
            operation.view_func.__name__: operation.auth_callbacks[0].scope  # type: ignore[attr-defined]
            for _, router in self._routers
            for path in router.path_operations.values()
            for operation in path.operations
        }


def say_scope(operation: dict[str, Any], scope: ApiScope) -> None:
    """In the words of OpenAPI 3.1, where the list beside a scheme holds what the bearer has to be allowed."""
    operation["security"] = [{"key": [scope.value]}]
    operation["description"] = f"{operation.get('description', '')}\n\nScope: `{scope.value}`.".strip()
    responses = operation["responses"]
    responses[401]["description"] = "No key, one that nobody has, or one that is expired or revoked."
    responses[403]["description"] = f"The key lacks the scope `{scope.value}`, or its person may not do this."


def say_multipart(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Of a call that takes inputs: the other kind of body."""
    content = operation.get("requestBody", {}).get("content", {})
    name = content.get("application/json", {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
    fields = schemas.get(name, {}).get("properties", {})
    if "inputs" not in fields:
        return
    own = {each: {"type": "string", "enum": ["true", "false"]} for each in SWITCHES if each in fields}
    own |= {each: {"type": "string"} for each in TEXTS if each in fields}
    content[MULTIPART] = {
        "schema": {
            "type": "object",
            "description": "Each other part is an input by its name, or by its name behind `" + INPUTS + "`: texts and "
            "numbers as they are, lists and objects as JSON, files as files.",
            "properties": own,
            "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "string", "format": "binary"}]},
        }
    }


def complete_response(status: int, response: dict[str, Any]) -> None:
    if status >= 400 and "application/json" in response.get("content", {}):
        response["content"] = {problems.TYPE: response["content"]["application/json"]}
    if headers := HEADERS.get(status):
        response["headers"] = {
            name: {"description": description, "required": True, "schema": {"type": type}}
            for name, (description, type) in headers.items()
        }
