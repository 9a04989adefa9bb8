"""Processes that tests start. None outlives its time, and none waits for a reader of its output."""

from __future__ import annotations

import atexit
import fcntl
import gc
import importlib
import io
import multiprocessing
import os
import random
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import DupFd, recv_handle, send_handle
from pathlib import Path
from typing import IO, Any

import django
from django.conf import settings

ROOT = Path(__file__).resolve().parents[1]
PORTS = range(10_000, 32_000)  # below those that outgoing connections take
PATIENCE = 60.0  # seconds: machines are busy
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.warm"])


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


@contextmanager
def exclusive(file: Path) -> Iterator[None]:
    """One process at a time."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def installed_on(database: str) -> dict[str, str]:
    """The environment of an installation with the keys of the tests and a database of its own."""
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "foundryflow.settings", "FOUNDRYFLOW_DATABASE_URL": database}


def ran(
    arguments: list[str], seconds: float, environment: Mapping[str, str] | LoadedCommands | None = None
) -> tuple[int, str]:
    """Exit code and output of Python with the arguments. When its time is over it ends with all it has started."""
    with tempfile.TemporaryFile("w+") as output:
        process = started(arguments, environment, output)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            output.write(f"\nended after {seconds:.0f} s\n")
        finally:
            kill_group(process)
        return process.returncode, said(output)


@contextmanager
def listening(
    arguments: list[str], environment: Mapping[str, str] | LoadedCommands, ports: list[int]
) -> Iterator[None]:
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


class WarmProcess:
    """One of our commands, or uvicorn, in a process that begins with its packages loaded (`warm.py`), since loading
    them takes longer than all else. Behaves like a `subprocess.Popen`; what it is given it reads from stdin."""

    def __init__(
        self, arguments: list[str], environment: Mapping[str, str], outputs: tuple[IO[str], IO[str]], given: str = ""
    ) -> None:
        job = (arguments, dict(environment), [InheritedFile(output.fileno()) for output in outputs], given)
        self._process = FORKS.Process(target=run_program, args=job, daemon=True)
        self._process.start()
        self.pid: int = self._process.pid  # type: ignore[assignment]
        self.kill, self.terminate = self._process.kill, self._process.terminate

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("a warm process", timeout or 0)
        return self.returncode


class InheritedFile:
    """A file descriptor that is the same open file in a process that is given it."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return InheritedFile.detach, (DupFd(self.number),)

    @staticmethod
    def detach(passed: Any) -> InheritedFile:
        return InheritedFile(passed.detach())


def run_program(arguments: list[str], environment: Mapping[str, str], outputs: list[InheritedFile], given: str) -> None:
    """As `python *arguments` does: a file, or `-m` and a module, and what they are called with."""
    os.setsid()
    # It ends with the tests all the same; uvicorn starts processes of its own.
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    for stream, output in zip((sys.stdout, sys.stderr), outputs, strict=True):
        os.dup2(output.number, stream.fileno())
        stream.reconfigure(write_through=True)  # type: ignore[union-attr]
    sys.stdin = io.TextIOWrapper(io.BytesIO(given.encode()), "utf-8")
    enter(environment)
    try:
        if arguments[0] == "-m":
            sys.argv = arguments[1:]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = arguments
            runpy.run_path(arguments[0], run_name="__main__")
    finally:
        atexit._run_exitfuncs()


def enter(environment: Mapping[str, str]) -> None:
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)


class LoadedCommands:
    """Our commands with one environment. Each is a process of its own, forked from one that has loaded all of the
    product with that environment: loading takes longer than most commands."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._channel, theirs = multiprocessing.Pipe()
        self._exit_codes: dict[int, int] = {}
        self._parent = FORKS.Process(target=fork_commands, args=(theirs, dict(environment)), daemon=True)
        self._parent.start()
        theirs.close()

    def start(self, arguments: list[str], outputs: tuple[IO[str], IO[str]], given: str = "") -> LoadedProcess:
        self._channel.send((arguments, given))
        for output in outputs:
            send_handle(self._channel, output.fileno(), self._parent.pid)
        while not isinstance(told := self._channel.recv(), int):
            self._note_end(told)
        return LoadedProcess(self, told)

    def exit_code(self, pid: int, timeout: float | None = 0) -> int | None:
        """None while it goes on; that is waited for so many seconds, or for as long as it takes."""
        until = None if timeout is None else time.monotonic() + timeout
        while pid not in self._exit_codes:
            if not self._channel.poll(None if until is None else max(until - time.monotonic(), 0)):
                return None
            self._note_end(self._channel.recv())
        return self._exit_codes[pid]

    def close(self) -> None:
        """Ends no command that still goes on."""
        self._channel.close()
        self._parent.join(PATIENCE)

    def _note_end(self, told: tuple[int, int]) -> None:
        self._exit_codes.update([told])


@contextmanager
def loaded_commands(environment: Mapping[str, str]) -> Iterator[LoadedCommands]:
    commands = LoadedCommands(environment)
    try:
        yield commands
    finally:
        commands.close()


class LoadedProcess:
    """Behaves like a `subprocess.Popen`."""

    def __init__(self, commands: LoadedCommands, pid: int) -> None:
        self._commands, self.pid = commands, pid

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    @property
    def returncode(self) -> int | None:
        return self._commands.exit_code(self.pid)

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        code = self._commands.exit_code(self.pid, timeout)
        if code is None:
            raise subprocess.TimeoutExpired("a loaded process", timeout or 0)
        return code


def fork_commands(channel: Connection, environment: dict[str, str]) -> None:
    """The process of `LoadedCommands`, until the other end of the channel is closed."""
    enter(environment)
    django.setup()
    importlib.import_module(settings.ROOT_URLCONF)
    importlib.import_module("foundryflow.asgi")
    gc.freeze()
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    forks, running = multiprocessing.get_context("fork"), {}
    while True:
        for ready in wait([channel, *running]):
            if ready is not channel:
                ended = running.pop(ready)
                ended.join()
                channel.send((ended.pid, ended.exitcode))
                continue
            try:
                arguments, given = channel.recv()
            except EOFError:
                os._exit(0)  # those that still run are not waited for
            outputs = [InheritedFile(recv_handle(channel)) for _ in range(2)]
            process = forks.Process(target=run_program, args=(arguments, environment, outputs, given))
            process.start()
            for output in outputs:
                os.close(output.number)
            running[process.sentinel] = process
            channel.send(process.pid)


Process = subprocess.Popen[str] | WarmProcess | LoadedProcess


def started(arguments: list[str], environment: Mapping[str, str] | LoadedCommands | None, output: IO[str]) -> Process:
    """Python with the arguments, as the first of a group of processes."""
    if isinstance(environment, LoadedCommands):
        return environment.start(arguments, (output, output))
    if arguments[0] == "manage.py" or arguments[:2] == ["-m", "uvicorn"]:
        return WarmProcess(arguments, environment or os.environ, (output, output))
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def kill_group(process: Process) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait(PATIENCE)


def listens(port: int, process: Process) -> bool:
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
