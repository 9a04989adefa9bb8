"""Reads settings strictly: from the environment, else from the `.env` file beside manage.py.

A secret may also be named by file: `FOUNDRYFLOW_SECRET_KEY_FILE=/run/secrets/key`.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

PREFIX = "FOUNDRYFLOW_"
SHORTEST_KEY = 32  # characters
FEWEST_DIFFERENT = 10  # characters, or bytes, of a key
OWN_NAMES = ("DATABASE_URL", "SIMULATOR_PORT")  # settings without the prefix
MAIL_PORTS = {"smtps": 465, "smtp+tls": 587, "smtp": 25}
FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class SettingError(Exception):
    """A setting is missing or cannot be read; the message names it and says what to write."""


@dataclass(frozen=True)
class MailServer:
    """Who sends mail for this server; nobody without a host."""

    host: str = ""
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False  # from the first byte on
    starttls: bool = False


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

    def number(self, name: str, default: int, least: int = 0) -> int:
        text = self.text(name)
        if not text:
            return default
        if not text.isdecimal() or int(text) < least:
            at_least = f" of at least {least}" if least else ""
            raise SettingError(f"{PREFIX}{name} is {text!r}; write a whole number{at_least}.")
        return int(text)

    def optional_number(self, name: str) -> int | None:
        """None where the environment says nothing."""
        return self.number(name, 0) if self.text(name) else None

    def names(self, name: str, default: str = "") -> list[str]:
        return [part.strip() for part in self.text(name, default).split(",") if part.strip()]

    def variable_names(self, name: str) -> list[str]:
        """Names of variables of the process, of which none is a setting of our own."""
        names = self.names(name)
        for each in names:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", each):
                raise SettingError(f"{PREFIX}{name} lists {each!r}; write names of environment variables, by commas.")
            if each.upper().startswith(PREFIX) or each.upper().removesuffix("_FILE") in OWN_NAMES:
                raise SettingError(f"{PREFIX}{name} lists {each}, which is a setting of this server. Leave it out.")
        return names

    def path_prefix(self, name: str) -> str:
        """Such as /foundryflow; empty for the root."""
        prefix = self.text(name).rstrip("/")
        if prefix and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", prefix):
            raise SettingError(f"{PREFIX}{name} is {prefix!r}; write a path such as /foundryflow.")
        return prefix

    def one_of(self, name: str, choices: Sequence[str]) -> str:
        """The first is the default."""
        text = self.text(name).strip().lower() or choices[0]
        if text not in choices:
            raise SettingError(f"{PREFIX}{name} is {text!r}; write {' or '.join(choices)}.")
        return text

    def set_below(self, prefix: str) -> list[str]:
        """Names of the settings that begin like this and say something."""
        return sorted(name for name, value in self._values.items() if name.startswith(PREFIX + prefix) and value)

    def optional_secret(self, name: str) -> str:
        """It may be in a file; empty where there is none."""
        return self.file(name) or self.text(name)

    def web_address(self, name: str) -> str:
        """What may hold a secret, so no error repeats it; empty where there is none."""
        address = self.optional_secret(name)
        if address and not address.startswith(("https://", "http://")):
            raise SettingError(f"{PREFIX}{name} is no address: it begins with https://.")
        return address

    def mail_server(self, name: str) -> MailServer:
        """From smtps://name:password@host:465; without a host where none is set.

        What may hold a secret, so it may be in a file, and no error repeats it.
        """
        address = self.optional_secret(name)
        if not address:
            return MailServer()
        try:
            parts = urlsplit(address)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or parts.scheme not in MAIL_PORTS:
            raise SettingError(
                f"{PREFIX}{name} is no mail server: write smtps://, smtp+tls:// (STARTTLS) or smtp:// (in the clear),"
                " such as smtps://name:password@mail.contoso.example."
            )
        return MailServer(
            host,
            port or MAIL_PORTS[parts.scheme],
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            parts.scheme == "smtps",
            parts.scheme == "smtp+tls",
        )

    def file(self, name: str) -> str:
        """What stands in the file that `name` with _FILE names; empty where it names none."""
        path = self.text(f"{name}_FILE")
        if not path:
            return ""
        try:
            content = Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            why = (error.strerror if isinstance(error, OSError) else "") or "it is no text"
            raise SettingError(
                f"{PREFIX}{name}_FILE names {path}, which cannot be read: {why}."
                " The file has to be there, and the user of this process has to be allowed to read it."
            ) from None
        if not content:
            raise SettingError(f"{PREFIX}{name}_FILE names {path}, which is empty.")
        return content

    def secret(self, name: str) -> str:
        if value := self.optional_secret(name):
            return value
        raise SettingError(f"{PREFIX}{name} is not set. `make env` writes a private .env file with a new one.")

    def signing_key(self, name: str) -> str:
        """A secret that nobody guesses."""
        value = self.secret(name)
        if len(value) < SHORTEST_KEY or len(set(value)) < FEWEST_DIFFERENT:
            raise SettingError(
                f"{PREFIX}{name} is too short or too regular: write at least {SHORTEST_KEY} random characters."
                " `make env` writes a private .env file with such a one."
            )
        return value

    def key_ring(self, name: str) -> list[str]:
        """Keys by commas, each as `make env` writes it."""
        keys = [key.strip() for key in self.secret(name).split(",") if key.strip()]
        for number, key in enumerate(keys, 1):
            if not is_fernet_key(key):
                which = f"Key {number} of {PREFIX}{name}" if len(keys) > 1 else f"{PREFIX}{name}"
                raise SettingError(
                    f"{which} is no encryption key: it has to be 44 characters of base64 that stand for 32 random"
                    " bytes. `make env` writes a private .env file with such a one."
                )
        if not keys:
            raise SettingError(f"{PREFIX}{name} holds no key. `make env` writes a private .env file with a new one.")
        return keys

    def plain(self, name: str, default: str = "") -> str:
        """A variable without our prefix, such as DATABASE_URL, which other tools share."""
        return self._values.get(name, default)


def domain_of(hosts: list[str]) -> str:
    """The name of this server, as far as the hosts tell by which it may be called."""
    return hosts[0].lstrip("*.") or "localhost" if hosts else "localhost"


def is_fernet_key(text: str) -> bool:
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError:
        return False
    return len(raw) == 32 and len(set(raw)) >= FEWEST_DIFFERENT


def read_file(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#") and "=" in line)
    return {name.strip(): value.strip().strip("'\"") for name, value in pairs}
