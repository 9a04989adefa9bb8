"""`python manage.py serve`: the server, the embedded engine and the simulator in one process."""

from __future__ import annotations

import asyncio
import socket
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
import uvloop
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from foundryflow.database.file_check import Unusable, check_file
from foundryflow.database.threads import give_connections_back
from foundryflow.listener import BACKLOG, KEEP_ALIVE_SECONDS, Protocol, listen, raise_file_limit
from foundryflow.management.key_checks import add_without_secrets, check_keys
from foundryflow.sign_in.setup_code import setup_code

LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound

WAY_IN = (
    "Nobody logs in with a password: people come with {}. If that is away for long, start with"
    " FOUNDRYFLOW_PASSWORD_SIGN_IN=true, after `manage.py changepassword NAME` for whoever has to get in."
)


class Sidecar(uvicorn.Server):
    """A server beside the main one, which alone listens to signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Command(BaseCommand):
    help = "Migrates the database and serves FoundryFlow with its simulator."
    requires_system_checks = []  # run below, with the database

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        add_without_secrets(parser)

    def handle(self, *args: Any, host: str, port: int, without_secrets: bool, **options: Any) -> None:
        settings.WITHOUT_SECRETS = without_secrets
        raise_file_limit()
        try:
            check_file()
        except Unusable as error:
            raise CommandError(str(error)) from None
        call_command("migrate", verbosity=0)
        check_keys()
        self.check(databases=["default"])
        listener = listen(host, port)
        if listener is None:
            raise CommandError(f"{host}:{port} is in use. Choose another port: make run PORT={port + 1}")
        if host not in (*LOOPBACK, *EVERY_ADDRESS):
            settings.ALLOWED_HOSTS.append(host)
        self.announce(host, listener.getsockname()[1])
        give_connections_back()  # the server has its own
        uvloop.run(self.serve(listener))

    def announce(self, host: str, port: int) -> None:
        shown = "127.0.0.1" if host in EVERY_ADDRESS else host
        self.stdout.write(f"FoundryFlow is at http://{shown}:{port}{settings.PREFIX}")
        if settings.POSTGRESQL:
            self.stdout.write("Runs are executed by workers: start `manage.py worker` beside it, here or elsewhere.")
        if not get_user_model().objects.exists():
            self.stdout.write(f"Open it to create the first administrator. Setup code: {setup_code()}")
        if not settings.PASSWORD_SIGN_IN:
            self.stdout.write(WAY_IN.format(" or ".join(each.name for each in settings.IDENTITY_PROVIDERS)))
        self.stdout.flush()

    async def serve(self, listener: socket.socket) -> None:
        main = uvicorn.Server(config("foundryflow.asgi:application", lifespan="on"))
        simulator = self.simulator()
        async with asyncio.TaskGroup() as group:
            beside = group.create_task(simulator[0].serve(sockets=[simulator[1]])) if simulator else None
            await main.serve(sockets=[listener])
            if simulator and beside:
                simulator[0].should_exit = True
                await beside
        if not main.started:
            raise CommandError("The server did not start.")

    def simulator(self) -> tuple[Sidecar, socket.socket] | None:
        if not settings.SIMULATOR:
            return None
        address = f"127.0.0.1:{settings.SIMULATOR_PORT}"
        listener = listen("127.0.0.1", settings.SIMULATOR_PORT)
        if listener is None:
            self.stderr.write(f"The simulator is not started: {address} is in use. Set SIMULATOR_PORT to another port.")
            return None
        self.stdout.write(f"The simulator answers at http://{address}/openai/v1 with the key: simulator")
        self.stdout.flush()
        return Sidecar(config("connections.simulator.app:app", lifespan="off")), listener


def config(app: str, **options: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
        server_header=False,
        http=Protocol,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        proxy_headers=False,  # foundryflow.proxies reads them
        **options,
    )
