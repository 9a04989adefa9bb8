"""The entry of the server; opens and closes the engine."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "foundryflow.settings")

import django
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.conf import settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.handlers.asgi import ASGIHandler
from django.db import DatabaseError, InterfaceError, connection
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from uvicorn.config import STARTUP_FAILURE

from foundryflow.env import SettingError

try:
    if os.environ.get("FORWARDED_ALLOW_IPS"):
        raise SettingError(
            "FORWARDED_ALLOW_IPS is set, which this server does not go by: list the proxies in"
            " FOUNDRYFLOW_TRUSTED_PROXIES and unset it."
        )
    django.setup(set_prefix=False)
except SettingError as error:
    sys.stderr.write(f"{error}\n")
    sys.exit(STARTUP_FAILURE)  # with any other status `uvicorn --workers` would start another process, for ever

from connections.check_rounds import stop_testing
from flows import engine
from flows.api.asgi import API, PAGES_OF_THE_API, Receive, Scope, Send, handle_call
from foundryflow.database.errors import is_expected, sentence_for_operators
from foundryflow.database.file_check import Unusable, check_file
from foundryflow.database.threads import give_connections_back
from foundryflow.encryption.keys import NotMigrated, WrongKey, verify_keys
from foundryflow.listener import raise_file_limit


class Pages(ASGIHandler):
    """Django with its middleware."""

    async def _get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        try:
            response: HttpResponseBase = await super()._get_response_async(request)  # type: ignore[misc]
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
    give_connections_back()


django_application = Pages()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    scope = below_prefix(settings.TRUSTED_PROXIES.scope_of_caller(scope))
    path = scope["path"].removeprefix(settings.PREFIX)
    if path.startswith(API) and path not in PAGES_OF_THE_API:
        await handle_call(scope, receive, send)
    else:
        await page(scope, receive, send)


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    async with ThreadSensitiveContext():
        try:
            await django_application(scope, receive, send)
        except BaseException:
            # Django ends a request that broke off without a signal: its thread would keep its connection for ever.
            await sync_to_async(give_connections_back)()
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


def trouble_with_keys() -> str:
    """Why this server must not start; empty when it may."""
    try:
        verify_keys()
    except (WrongKey, NotMigrated) as error:
        return str(error)
    finally:
        connection.close()  # of a thread that is not needed any more
    return ""


async def start() -> str:
    """Opens the engine. Why this server must not start; empty when it has."""
    raise_file_limit()
    import_module(settings.ROOT_URLCONF)  # every page, before the first request has to wait for them
    gc.freeze()  # what is loaded stays: searching it for cycles would stop a request for a tenth of a second
    try:
        check_file()
        trouble = await sync_to_async(trouble_with_keys)()
        if not trouble:
            await engine.open_engine()
    except Unusable as error:
        return str(error)
    except (DatabaseError, InterfaceError) as error:
        if not is_expected(error):
            raise
        return sentence_for_operators(error)
    return trouble


async def lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            if trouble := await start():
                await send({"type": "lifespan.startup.failed", "message": trouble})
                return
            await send({"type": "lifespan.startup.complete"})
        else:
            await stop_testing()
            await engine.close_engine()
            await send({"type": "lifespan.shutdown.complete"})
            return
