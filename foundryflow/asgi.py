"""The entry of the server; opens and closes the engine."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from io import BytesIO
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "foundryflow.settings")

import django
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.conf import settings
from django.core.exceptions import DisallowedHost, PermissionDenied, SuspiciousOperation
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.exception import convert_exception_to_response
from django.db import DatabaseError, InterfaceError, connection
from django.http import Http404, HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase

from foundryflow.env import SettingError

try:
    if os.environ.get("FORWARDED_ALLOW_IPS"):
        raise SettingError(
            "FORWARDED_ALLOW_IPS is set, which this server does not go by: list the proxies in"
            " FOUNDRYFLOW_TRUSTED_PROXIES and unset it."
        )
    django.setup(set_prefix=False)
except SettingError as error:
    sys.exit(str(error))

from flows import engine
from flows.api import problems
from foundryflow.database import Unusable, check_file, give_back, is_expected, sentence_for_operators
from foundryflow.http import Unreadable, check_address
from foundryflow.keys import NotMigrated, WrongKey, verify_keys
from foundryflow.listener import raise_file_limit

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

API, PAGES_OF_THE_API = "/api/", ("/api/docs", "/api/openapi.json")
JSON = b"application/json"
HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
)
LONGEST_BODY = 10 * 1024 * 1024  # bytes of a call of the API
MOST_READ = 2 * LONGEST_BODY  # of one that is too long: who still sends would not hear the answer


class Pages(ASGIHandler):
    """Django with its middleware."""

    async def _get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        try:
            response: HttpResponseBase = await super()._get_response_async(request)
        except Exception as error:
            await sync_to_async(prepare_error_page)(request, error)
            raise
        return response


def prepare_error_page(request: HttpRequest, error: Exception) -> None:
    """Gives the connection of the request back, with what the page of an error needs of the database already there.

    Django makes that page in one of a few threads that all requests share. Those would wait for a connection each,
    and who has one for a thread.
    """
    user = getattr(request, "user", None)
    if user is not None and isinstance(error, Http404 | PermissionDenied | SuspiciousOperation):
        bool(user.is_authenticated)  # reads who it is
    give_back()


class ShortWay(ASGIHandler):
    """Django without its middleware, its signals and a thread for each request.

    Programs have no session, no CSRF token and no messages, and the views of the API leave the database to the engine.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        self._view_middleware = []
        self._template_response_middleware = []
        self._exception_middleware = []
        self._middleware_chain = convert_exception_to_response(self.answered)

    async def answered(self, request: HttpRequest) -> HttpResponseBase:
        """With a problem, not a page, where there is no view."""
        try:
            request.get_host()
        except DisallowedHost:
            return problems.answer(400, "This server is not called by that name: FOUNDRYFLOW_HOSTS lists its names.")
        if settings.HTTPS and not request.is_secure():
            return over_https(request)
        try:
            response: HttpResponseBase = await self._get_response_async(request)
        except Http404:
            return problems.answer(404, f"There is nothing at {request.path}.")
        if isinstance(response, HttpResponseNotAllowed):
            allowed = response["Allow"]
            response = problems.answer(405, f"{request.path} takes {allowed}.")
            response["Allow"] = allowed
        return response

    async def answer(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        response = await self.get_response_async(ASGIRequest(scope, BytesIO(body)))
        if not response.streaming:
            await self.send_response(response, send)
            return
        async with asyncio.TaskGroup() as group:
            gone = group.create_task(self.hung_up(receive, asyncio.current_task()))
            await self.send_response(response, send)
            gone.cancel()

    async def hung_up(self, receive: Receive, sending: asyncio.Task[None] | None) -> None:
        """Ends a stream that nobody listens to any more."""
        while (await receive())["type"] != "http.disconnect":
            pass
        if sending is not None:
            sending.cancel()


def over_https(request: HttpRequest) -> HttpResponseBase:
    """Nothing is answered in the clear. A key that came this way has been seen by whoever listens."""
    address = f"https://{request.get_host()}{request.get_full_path()}"
    response = problems.answer(308, f"This server is called over https: {address}")
    response["Location"] = address
    return response


django_application = Pages()
api_application = ShortWay()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    scope = below_prefix(settings.TRUSTED_PROXIES.settle(scope))
    path = scope["path"].removeprefix(settings.PREFIX)
    if path.startswith(API) and path not in PAGES_OF_THE_API:
        await call(scope, receive, send)
    else:
        await page(scope, receive, send)


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    async with ThreadSensitiveContext():
        try:
            await django_application(scope, receive, send)
        except BaseException:
            # Django ends a request that broke off without a signal: its thread would keep its connection for ever.
            await sync_to_async(give_back)()
            raise


def below_prefix(scope: Scope) -> Scope:
    """The whole path, whether or not a proxy has cut the prefix off."""
    prefix, path = settings.PREFIX, scope["path"]
    if not prefix:
        return scope
    if path == prefix:
        path += "/"
    elif not path.startswith(f"{prefix}/"):
        path = prefix + path
    return {**scope, "path": path, "root_path": prefix}


async def call(scope: Scope, receive: Receive, send: Send) -> None:
    """A call of the API, its body bounded while it is read."""
    send = with_headers(send)
    body = await read_body(receive)
    kind = dict(scope["headers"]).get(b"content-type", JSON).split(b";")[0].strip().lower()
    if body is None:
        await refuse(send, 413, "The body is longer than 10 MiB.")
        return
    if body and kind != JSON:
        await refuse(send, 415, "The body is JSON: Content-Type: application/json.")
        return
    try:
        check_address(scope["path"], scope["query_string"])
    except Unreadable as problem:
        await refuse(send, problem.status, problem.sentence)
        return
    try:
        await api_application.answer(scope, body, receive, send)
    except asyncio.CancelledError:
        if task := asyncio.current_task():
            task.uncancel()


async def read_body(receive: Receive) -> bytes | None:
    """The body of a call; None when it is too long."""
    parts: list[bytes] = []
    length, more = 0, True
    while more and length <= MOST_READ:
        message = await receive()
        part, more = message.get("body", b""), message.get("more_body", False)
        length += len(part)
        if length <= LONGEST_BODY:
            parts.append(part)
        else:
            parts.clear()
    return b"".join(parts) if length <= LONGEST_BODY else None


def with_headers(send: Send) -> Send:
    """Nothing on the way keeps an answer, and no browser takes it for a page."""

    async def sending(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            said = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(each for each in HEADERS if each[0] not in said)]
        await send(message)

    return sending


async def refuse(send: Send, status: int, detail: str) -> None:
    body = problems.body(status, detail)
    headers = [(b"content-type", problems.TYPE.encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def trouble_with_keys() -> str:
    """Why this server must not start; empty when it may."""
    try:
        verify_keys()
    except (WrongKey, NotMigrated) as error:
        return str(error)
    finally:
        connection.close()  # of a thread that is not needed any more
    return ""


async def lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            raise_file_limit()
            # Every page, before the first request has to wait for them.
            import_module(settings.ROOT_URLCONF)
            try:
                check_file()
                if trouble := await sync_to_async(trouble_with_keys)():
                    await send({"type": "lifespan.startup.failed", "message": trouble})
                    return
                await engine.open_engine()
            except (Unusable, DatabaseError, InterfaceError) as error:
                if not (isinstance(error, Unusable) or is_expected(error)):
                    raise
                said = str(error) if isinstance(error, Unusable) else sentence_for_operators(error)
                await send({"type": "lifespan.startup.failed", "message": said})
                return
            await send({"type": "lifespan.startup.complete"})
        else:
            await engine.close_engine()
            await send({"type": "lifespan.shutdown.complete"})
            return
