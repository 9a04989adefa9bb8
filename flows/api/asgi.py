"""How calls of the API come in: past the middleware of pages, their bodies bounded while they are read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.exception import convert_exception_to_response
from django.http import Http404, HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase

from flows.api import problems
from flows.api.multipart import MULTIPART, longest_multipart
from flows.language.files import megabytes
from foundryflow.http import UnreadableRequest, check_address

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
API, PAGES_OF_THE_API = "/api/", ("/api/docs", "/api/openapi.json")
JSON, FORM = b"application/json", MULTIPART.encode()
HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
)
LONGEST_BODY = 10 * 1024 * 1024  # bytes of a call of the API
MOST_READ_TIMES = 2  # its length, of a body that is too long: who still sends would not hear the answer


class ShortWay(ASGIHandler):
    """Django without its middleware, its signals and a thread for each request.

    Programs have no session, no CSRF token and no messages, and the views of the API leave the database to the engine.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        self._middleware_chain = convert_exception_to_response(self.respond)

    async def respond(self, request: HttpRequest) -> HttpResponseBase:
        """With a problem, not a page, where there is no view."""
        try:
            request.get_host()
        except DisallowedHost:
            return problems.problem_response(
                400, "This server is not called by that name: FOUNDRYFLOW_HOSTS lists its names."
            )
        if settings.HTTPS and not request.is_secure():
            return redirect_to_https(request)
        try:
            response: HttpResponseBase = await self._get_response_async(request)  # type: ignore[attr-defined]
        except Http404:
            return problems.problem_response(404, f"There is nothing at {request.path}.")
        if isinstance(response, HttpResponseNotAllowed):
            allowed = response["Allow"]
            response = problems.problem_response(405, f"{request.path} takes {allowed}.")
            response["Allow"] = allowed
        return response

    async def answer(self, request: ASGIRequest, receive: Receive, send: Send) -> None:
        response = await self.get_response_async(request)
        if not response.streaming:
            await self.send_response(response, send)
            return
        async with asyncio.TaskGroup() as group:
            gone = group.create_task(self.cancel_on_hangup(receive, asyncio.current_task()))
            await self.send_response(response, send)
            gone.cancel()

    async def cancel_on_hangup(self, receive: Receive, sending: asyncio.Task[None] | None) -> None:
        """Ends a stream that nobody listens to any more."""
        while (await receive())["type"] != "http.disconnect":
            pass
        if sending is not None:
            sending.cancel()


def redirect_to_https(request: HttpRequest) -> HttpResponseBase:
    """Nothing is answered in the clear. A key that came this way has been seen by whoever listens."""
    address = f"https://{request.get_host()}{request.get_full_path()}"
    response = problems.problem_response(308, f"This server is called over https: {address}")
    response["Location"] = address
    return response


api_application = ShortWay()


async def handle_call(scope: Scope, receive: Receive, send: Send) -> None:
    """A call of the API, its body bounded while it is read."""
    send = with_headers(send)
    kind = dict(scope["headers"]).get(b"content-type", JSON).split(b";")[0].strip().lower()
    has_files = kind == FORM
    body = await read_body(receive, longest_multipart() if has_files else LONGEST_BODY)
    if body is None:
        more = "" if has_files else f" Larger files are sent as {MULTIPART}."
        await refuse(send, 413, f"The body is longer than {length_words(has_files)}.{more}")
        return
    if body and kind not in (JSON, FORM):
        await refuse(send, 415, f"The body is JSON: Content-Type: application/json; with files {MULTIPART}.")
        return
    try:
        check_address(scope["path"], scope["query_string"])
    except UnreadableRequest as problem:
        await refuse(send, problem.status, problem.sentence)
        return
    request = ASGIRequest(scope, BytesIO())
    request._body = body  # which has been bounded: Django would bound one with files like any other
    del body  # whoever has read it may let it go
    try:
        await api_application.answer(request, receive, send)
    except asyncio.CancelledError:
        if task := asyncio.current_task():
            task.uncancel()


def length_words(has_files: bool) -> str:
    return megabytes(longest_multipart()) if has_files else "10 MiB"


async def read_body(receive: Receive, longest: int = LONGEST_BODY) -> bytes | None:
    """The body of a call; None when it is too long."""
    parts: list[bytes] = []
    length, more = 0, True
    while more and length <= MOST_READ_TIMES * longest:
        message = await receive()
        part, more = message.get("body", b""), message.get("more_body", False)
        length += len(part)
        if length <= longest:
            parts.append(part)
        else:
            parts.clear()
    return b"".join(parts) if length <= longest else None


def with_headers(send: Send) -> Send:
    """Nothing on the way keeps an answer, and no browser takes it for a page."""

    async def sending(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            said = {name.lower() for name, _ in message["headers"]}
            headers = [*message["headers"], *(each for each in HEADERS if each[0] not in said)]
            message = {**message, "headers": headers}
        await send(message)

    return sending


async def refuse(send: Send, status: int, detail: str) -> None:
    body = problems.problem_body(status, detail)
    headers = [(b"content-type", problems.TYPE.encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
