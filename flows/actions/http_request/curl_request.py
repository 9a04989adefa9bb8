"""What is found in a curl command, option by option."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from connections.endpoint.embedded_secrets import LIKE_A_KEY
from flows.actions.http_request.curl_options import DATA, LEFT_OUT, SILENT
from flows.actions.http_request.shell_words import END, FOUND_VARIABLE, VARIABLE
from flows.properties.named_values import names_secret

ALWAYS_SECRET = re.compile(r"passw|secret|passphrase", re.IGNORECASE)
MAYBE_SECRET = re.compile(r"key|token|auth|credential|signature", re.IGNORECASE)
SHORTEST_KEY = 8  # characters from which on a text under such a name is taken for a secret


@dataclass
class CurlRequest:
    """What is found in a command, step by step."""

    method: str = ""
    addresses: list[str] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list[tuple[str, str]] = field(default_factory=list)  # option and value
    queries: list[str] = field(default_factory=list)
    user: str | None = None
    bearer: str = ""
    timeout: str = ""
    in_query: bool = False  # -G: the data goes there
    has_parts: bool = False  # -F: a body that cannot be sent
    unsaid: set[str] = field(default_factory=set)  # variables in place of secrets that are not taken over
    notes: list[str] = field(default_factory=list)

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)


def take_option(request: CurlRequest, name: str, value: str) -> None:
    match name:
        case "request":
            request.method = value.upper()
        case "head":
            request.method = request.method or "HEAD"
        case "get":
            request.in_query = True
        case "url":
            request.addresses.append(value)
        case "url-query":
            request.queries.append(value)
        case "header" if value.startswith("@"):
            request.note(f"Headers of the file {short(value[1:])} are left out: there are no files.")
        case "header":
            header, _, content = value.partition(":")
            request.headers.append((header.strip().rstrip(";"), content.strip()))
        case "user-agent":
            request.headers.append(("User-Agent", value))
        case "referer":
            request.headers.append(("Referer", value))
        case "cookie" if "=" not in value:
            request.note(f"Cookies of the file {short(value)} are left out: there are no files.")
        case "cookie":
            request.headers.append(("Cookie", value))
        case "user":
            request.user = value
        case "oauth2-bearer":
            request.bearer = value
        case "max-time":
            request.timeout = value
        case _ if name in DATA:
            request.data.append((name, value))
        case _ if name in LEFT_OUT:
            request.has_parts = request.has_parts or name in ("form", "form-string")
            request.note(LEFT_OUT[name])
        case _ if name not in SILENT:
            request.note(f"--{short(name)} is not known here, and is left out.")


def looks_secret(name: str, value: str) -> bool:
    """Whether it is called like a secret, or looks like nothing else."""
    if not value or FOUND_VARIABLE.search(value):
        return False
    if ALWAYS_SECRET.search(name) or LIKE_A_KEY.fullmatch(value):
        return True
    is_called = names_secret(name) or bool(MAYBE_SECRET.search(name))
    return is_called and len(value) >= SHORTEST_KEY and not re.search(r"\s", value)


def leave_out(request: CurlRequest, name: str, where: str) -> str:
    """A variable in place of a secret that cannot be kept where it stands."""
    variable = re.sub(r"[^A-Za-z0-9_]+|^(?=[0-9])", "_", name).strip() or "secret"
    request.unsaid.add(variable)
    request.note(f"{short(name)} of the {where} is a secret, and is not taken over: declare {variable} as a secret.")
    return f"{VARIABLE}{variable}{END}"


def group_by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """An object; a list where a name is there more than once."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            before = found[name]
            found[name] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            found[name] = value
    return found


def short(text: str) -> str:
    line = " ".join(FOUND_VARIABLE.sub(r"$\1", text).split())
    return line if len(line) <= 60 else f"{line[:59]}…"
