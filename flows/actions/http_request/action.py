"""Asks any HTTP service, and reads what it answers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connections.http.messages import OutgoingRequest, ReceivedAnswer, RequestFailed
from connections.secret import Secret
from flows.actions.base import ActionType, Group, PastedProperties, Result, Step
from flows.actions.http_request.answer import as_variable, refuse_error_status
from flows.actions.http_request.curl import read_curl
from flows.actions.http_request.request import (
    API_KEY,
    AUTHENTICATIONS,
    BASIC,
    BODY_FORMATS,
    HEADER_OF_KEY,
    METHODS,
    RequestParts,
    build_request,
)
from flows.language.errors import ActionError
from flows.language.nodes import Action
from flows.language.rendering import off_loop_if_heavy
from flows.language.secret_parts import PathError, parse_paths
from flows.language.shape import NUMBER, UNKNOWN, Shape, object_shape, with_secrets
from flows.properties.choice import choice
from flows.properties.named_values import named_values
from flows.properties.new_variable import result_variable
from flows.properties.number import number
from flows.properties.secret import secret
from flows.properties.text import text
from flows.properties.url import url
from flows.properties.value import value

MEGABYTE = 1_000_000
FAIL, GO_ON = "fail", "go on"
JSON, TEXT = "JSON", "text"
REPEATABLE = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
NOTHING_HAPPENED = ("dns", "tls", "rate_limit")  # the service has not begun with the request


def result_shape(properties: Mapping[str, Any]) -> Shape:
    """What is known of the result before a run: of its JSON, the parts that are secret."""
    try:
        secrets = parse_paths(split_paths(str(properties.get("secret_parts") or "")))
    except PathError:
        secrets = []
    headers, body = Shape("object"), with_secrets(UNKNOWN, secrets)
    return object_shape(status=NUMBER, headers=headers, json=body, text=Shape("text"))


@dataclass(frozen=True)
class Properties:
    method: str = choice("Method", choices=METHODS, default="GET", on_card=True)
    url: str = url("URL", required=True, hint="https, and without secrets.", on_card=True)
    query: Any = named_values(
        "Query parameters",
        empty="none",
        hint='An object such as {"page": 2}, or rows of name and value.',
        rows=2,
        advanced=True,
    )
    authentication: str | None = choice("Authentication", choices=AUTHENTICATIONS, empty="none", on_card=True)
    credential: Secret | None = secret(
        "Token, key or password",
        empty="none",
        hint="A variable such as {{ secret }}, or a text, which is stored encrypted.",
    )
    user_name: str | None = text("User", empty="none", hint="Of basic authentication.", advanced=True)
    key_header: str = text(
        "Header of the key", default=HEADER_OF_KEY, hint="Of authentication with an API key.", advanced=True
    )
    headers: Any = named_values(
        "Headers",
        empty="none",
        hint='An object such as {"Accept": "text/csv"}. A value may be a secret.',
        rows=2,
        advanced=True,
    )
    body: Any = value(
        "Body",
        empty="none",
        hint="Text or JSON. A value in JSON may be a secret.",
        may_hold_secret=True,
        keeps_json=True,
        rows=3,
    )
    body_format: str | None = choice(
        "Body format", choices=BODY_FORMATS, empty="JSON for objects and lists, else text", advanced=True
    )
    secret_parts: str | None = text(
        "Secret parts",
        empty="none",
        hint="Of a JSON answer, by commas, such as access_token, customers[*].key.",
        on_card=True,
    )
    response_format: str | None = choice(
        "Response format", choices=(JSON, TEXT), empty="by its content type", advanced=True
    )
    error_status: str = choice("On an error status", choices=(FAIL, GO_ON), default=FAIL, advanced=True)
    size_limit: float = number("Size limit in MB", minimum=0.001, maximum=16, default=5, advanced=True)
    timeout: float = number("Time limit in seconds", minimum=0.1, maximum=600, default=30, advanced=True)
    result_variable_name: str = result_variable("response", type="object", shape=result_shape)


class HttpRequestAction(ActionType):
    type = "http_request"
    title = "HTTP request"
    purpose = "an answer of any HTTP service"
    group = Group.BUILTIN
    brings_secrets = True
    takes_paste_of = "a curl command"
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        paths = paths_of(properties.secret_parts)
        request = build_request(request_parts(properties))
        facts: dict[str, Any] = {"method": request.method}
        started = time.monotonic()
        try:
            response = await step.services.http.send(request)
            facts |= facts_of(response, started)
            if properties.error_status == FAIL:
                refuse_error_status(response, request.masker, paths)
            as_json = wants_json(properties, response, paths)
            result = await off_loop_if_heavy(as_variable, response.text, response, request.masker, paths, as_json)
        except (RequestFailed, ActionError) as error:
            raise failure(error, request, facts) from None
        return Result(output=result, variables={properties.result_variable_name: result}, facts=facts)

    def read_paste(self, text: str) -> PastedProperties:
        return read_curl(text)

    def problems(self, action: Action) -> Sequence[tuple[str | None, str]]:
        """What does not go together, as far as it is written down."""
        given = action.properties
        found: list[tuple[str | None, str]] = []
        if given.get("authentication") and not given.get("credential"):
            found.append(("credential", "Token, key or password is missing: Authentication asks for it."))
        if given.get("credential") and not given.get("authentication"):
            found.append(("authentication", "Authentication is not chosen, so Token, key or password is not sent."))
        if given.get("authentication") == BASIC and not given.get("user_name"):
            found.append(("user_name", "User is missing: basic authentication asks for it."))
        written = given.get("secret_parts")
        if isinstance(written, str) and "{{" not in written:
            try:
                parse_paths(split_paths(written))
            except PathError as error:
                found.append(("secret_parts", f"Secret parts: {error}"))
        return found


def request_parts(properties: Properties) -> RequestParts:
    return RequestParts(
        method=properties.method,
        url=properties.url,
        query=properties.query or {},
        headers=properties.headers or {},
        body=properties.body,
        body_format=properties.body_format,
        authentication=properties.authentication,
        credential=properties.credential or Secret(""),
        name=properties.key_header if properties.authentication == API_KEY else properties.user_name or "",
        timeout=properties.timeout,
        most_bytes=int(properties.size_limit * MEGABYTE),
    )


def split_paths(written: str | None) -> list[str]:
    return [path for path in (part.strip() for part in (written or "").split(",")) if path]


def paths_of(written: str | None) -> list[str]:
    """Raises ActionError."""
    paths = split_paths(written)
    try:
        parse_paths(paths)
    except PathError as error:
        raise ActionError("input", f"Secret parts: {error}", "Correct it in the property panel.") from None
    return paths


def wants_json(properties: Properties, response: ReceivedAnswer, paths: Sequence[str]) -> bool:
    """Whether the body has to be JSON: what is secret in it can only be found there."""
    if paths and response.status < 400:
        return True
    return properties.response_format == JSON if properties.response_format else response.is_json


def facts_of(response: ReceivedAnswer, started: float) -> dict[str, Any]:
    took = round((time.monotonic() - started) * 1000, 1)
    return {"status": response.status, "bytes": len(response.body), "http_ms": took}


def failure(error: RequestFailed | ActionError, request: OutgoingRequest, facts: Mapping[str, Any]) -> ActionError:
    """The error of the action; it is not tried again by itself where the service may have begun with the request."""
    return ActionError(
        error.kind,
        error.message,
        error.hint,
        status=getattr(error, "status", None),
        raw=getattr(error, "raw", ""),
        facts=facts,
        may_repeat=request.method in REPEATABLE or error.kind in NOTHING_HAPPENED,
    )
