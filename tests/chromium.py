"""The real Chromium that tests look through: one process for all tests of a worker of pytest-xdist."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import PATIENCE

# The one without a window begins and paints in half the time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--no-sandbox",)


def find_chromium() -> str | None:
    """None where Playwright has its own."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def chromium_served(folder: Path) -> Iterator[str]:
    """The address at which Playwright connects to it."""
    config = folder / "chromium.json"
    found = find_chromium()
    config.write_text(json.dumps({"args": ARGUMENTS} | ({"executablePath": found} if found else {})))
    command = [sys.executable, "-m", "playwright", "launch-server", "--browser", "chromium", "--config", str(config)]
    # A group of its own: what Python starts here is Node.js, which starts Chromium and ends with it.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout
        try:
            address = process.stdout.readline().strip()
            assert address.startswith("ws://"), f"Chromium did not start: {address!r}"
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(PATIENCE)
