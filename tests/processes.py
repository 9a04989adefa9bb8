"""Processes that tests start. None outlives its time, and none waits for a reader of its output."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]
PORTS = range(10_000, 32_000)  # below those that outgoing connections take
PATIENCE = 30.0  # seconds


def free_port() -> int:
    """On loopback, and still free when its owner comes."""
    while True:
        port = random.choice(PORTS)  # noqa: S311 - no secret
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def installed_on(database: str) -> dict[str, str]:
    """The environment of an installation with the keys of the tests and a database of its own."""
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "foundryflow.settings", "FOUNDRYFLOW_DATABASE_URL": database}


def ran(arguments: list[str], seconds: float, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Exit code and output of Python with the arguments. When its time is over it ends with all it has started."""
    with tempfile.TemporaryFile("w+") as output:
        process = started(arguments, environment, output, start_new_session=True)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            output.write(f"\nended after {seconds:.0f} s\n")
        finally:
            kill_group(process)
        return process.returncode, said(output)


@contextmanager
def listening(arguments: list[str], environment: Mapping[str, str], ports: list[int]) -> Iterator[None]:
    """Python with the arguments, once it listens on all the ports."""
    with tempfile.TemporaryFile("w+") as output:
        process = started(arguments, environment, output)
        try:
            for port in ports:
                assert listens(port, process), f"nothing listens on {port}:\n{said(output)}"
            yield
            process.terminate()
            process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait(PATIENCE)


def started(
    arguments: list[str], environment: Mapping[str, str] | None, output: IO[str], **options: Any
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, text=True, **options,
    )  # fmt: skip


def kill_group(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait(PATIENCE)


def listens(port: int, process: subprocess.Popen[str]) -> bool:
    until = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
        except OSError:
            time.sleep(0.02)
            continue
        return True
    return False


def said(output: IO[str]) -> str:
    output.seek(0)
    return output.read()
