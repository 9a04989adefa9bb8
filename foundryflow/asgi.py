"""The entry of the server; opens and closes the embedded engine."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "foundryflow.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from flows import engine  # noqa: E402 - apps first


async def application(scope, receive, send):  # type: ignore[no-untyped-def]
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    else:
        await django_application(scope, receive, send)


async def lifespan(receive, send) -> None:  # type: ignore[no-untyped-def]
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await engine.open_engine()
            await send({"type": "lifespan.startup.complete"})
        else:
            await engine.close_engine()
            await send({"type": "lifespan.shutdown.complete"})
            return
