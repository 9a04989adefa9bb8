"""A bare ASGI answer behind the same front door, in a process of its own: `python -m benchmarks.bare PORT`."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

from foundryflow.listener import Protocol, listen


async def answer(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b'{"state": "succeeded"}'})


if __name__ == "__main__":
    from benchmarks.stage import set_up

    set_up()
    listener = listen("127.0.0.1", int(sys.argv[1]))
    assert listener
    config = uvicorn.Config(answer, http=Protocol, lifespan="off", log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])
