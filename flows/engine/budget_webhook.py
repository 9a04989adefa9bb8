"""Tells another program that a budget is nearly spent. Nobody waits for it, and it is told once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from connections.clients import configured_destinations
from connections.foundry.errors import FoundryError
from connections.foundry.transport import HttpTransport

LONGEST = 10.0  # seconds
MOST = 100  # that are told at the same time
log = logging.getLogger(__name__)
going: set[asyncio.Task[None]] = set()


def announce(warning: Mapping[str, Any]) -> None:
    """On the event loop."""
    if not settings.BUDGET_WEBHOOK or len(going) >= MOST:
        return
    task = asyncio.get_running_loop().create_task(post({"event": "budget_warning", "budget": dict(warning)}))
    going.add(task)
    task.add_done_callback(going.discard)


async def post(event: Mapping[str, Any]) -> None:
    """Never raises. The log does not tell the address, which may hold a secret."""
    transport = HttpTransport(configured_destinations())
    try:
        async with asyncio.timeout(LONGEST), transport.send("POST", settings.BUDGET_WEBHOOK, {}, event) as answer:
            if answer.status >= 300:
                log.warning("The webhook of budgets answered %d.", answer.status)
    except FoundryError as error:
        log.warning("The webhook of budgets could not be called: %s.", error.kind)
    except TimeoutError:
        log.warning("The webhook of budgets did not answer within %d seconds.", LONGEST)
    finally:
        await transport.aclose()


async def finish() -> None:
    """Before the loop ends: waits for those of this loop that are being told."""
    loop = asyncio.get_running_loop()
    if mine := [task for task in going if task.get_loop() is loop]:
        await asyncio.wait(mine, timeout=LONGEST)
