"""Reads settings strictly: from the environment, else from the `.env` file beside manage.py.

A secret may also be named by file: `FOUNDRYFLOW_SECRET_KEY_FILE=/run/secrets/key`.
"""

from __future__ import annotations

import os
from pathlib import Path

PREFIX = "FOUNDRYFLOW_"
FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class SettingError(Exception):
    """A setting is missing or cannot be read; the message names it and says what to write."""


class Environment:
    """Variables of the process over those of a `.env` file."""

    def __init__(self, file: Path | None, process: dict[str, str] | None = None) -> None:
        self._values = {**(read_file(file) if file else {}), **(os.environ if process is None else process)}

    def text(self, name: str, default: str = "") -> str:
        return self._values.get(PREFIX + name, default)

    def flag(self, name: str, default: bool) -> bool:
        text = self.text(name)
        if not text:
            return default
        if text.lower() not in FLAGS:
            raise SettingError(f"{PREFIX}{name} is {text!r}; write true or false.")
        return FLAGS[text.lower()]

    def number(self, name: str, default: int) -> int:
        text = self.text(name)
        if not text:
            return default
        if not text.isdigit():
            raise SettingError(f"{PREFIX}{name} is {text!r}; write a whole number.")
        return int(text)

    def names(self, name: str, default: str = "") -> list[str]:
        return [part.strip() for part in self.text(name, default).split(",") if part.strip()]

    def secret(self, name: str) -> str:
        if path := self.text(f"{name}_FILE"):
            return Path(path).read_text().strip()
        if value := self.text(name):
            return value
        raise SettingError(f"{PREFIX}{name} is not set. `make env` writes a private .env file with a new one.")

    def plain(self, name: str, default: str = "") -> str:
        """A variable without our prefix, such as DATABASE_URL, which other tools share."""
        return self._values.get(name, default)


def read_file(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#") and "=" in line)
    return {name.strip(): value.strip().strip("'\"") for name, value in pairs}
