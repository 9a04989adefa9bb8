"""Addresses of databases and vaults: what people paste -> host, port and database, never with a secret inside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import NoReturn
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from connections.secret import Secret

LONGEST_ADDRESS = 2_000
VERIFIED, UNVERIFIED, PLAIN = "verified", "unverified", "plain"
ENCRYPTIONS = (
    (VERIFIED, "Encrypted, certificate checked"),
    (UNVERIFIED, "Encrypted, certificate not checked"),
    (PLAIN, "Not encrypted"),
)
LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
HOST = re.compile(rf"(?=.{{1,253}}\Z){LABEL}(?:\.{LABEL})*|[0-9a-fA-F:]*:[0-9a-fA-F:.]*")


class AddressError(ValueError):
    """The address cannot be used; `message` and `hint` are sentences."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message, self.hint = message, hint


@dataclass(frozen=True, slots=True)
class DataAddress:
    """Where a database or a vault is. `database` of a file is its path."""

    scheme: str
    host: str = ""
    port: int = 0
    database: str = ""
    encryption: str = VERIFIED

    @property
    def url(self) -> str:
        """Canonical, as it is stored; `read_address` is the way back."""
        if self.scheme == "https":
            return self.typed
        place = f"{self.host_in_url}:{self.port}" if self.host else ""
        query = "" if self.encryption == VERIFIED or not self.host else f"?{urlencode({'encryption': self.encryption})}"
        return f"{self.scheme}://{place}/{quote(self.database.removeprefix('/'))}{query}"

    @property
    def place(self) -> str:
        """As people say it: host and port, or the file."""
        if self.scheme == "https" and self.port == 443:
            return self.host_in_url
        return f"{self.host_in_url}:{self.port}" if self.host else self.database

    @property
    def typed(self) -> str:
        """As it stands in the field of a form, from which it is read again."""
        return f"https://{self.place}" if self.scheme == "https" else self.place

    @property
    def host_in_url(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def origin(self) -> tuple[str, str, int]:
        """What a password is for: it is sent to no other."""
        return self.scheme, self.host, self.port


@dataclass(frozen=True, slots=True)
class PastedAddress:
    """What a pasted text says: parts that it does not name are None."""

    address: DataAddress
    database: str | None = None
    encryption: str | None = None
    user: str | None = None
    password: Secret | None = None


def read_address(url: str) -> DataAddress:
    """What `DataAddress.url` has written. Raises AddressError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 0)
    except ValueError:
        refuse_address()
    encryption = parse_qs(parts.query).get("encryption", [VERIFIED])[0]
    database = unquote(parts.path if not host else parts.path.removeprefix("/"))
    if not parts.scheme or encryption not in dict(ENCRYPTIONS):
        refuse_address()
    return DataAddress(parts.scheme, host, port, database, encryption)


def refuse_address() -> NoReturn:
    raise AddressError("The stored address cannot be read.", "Enter it again.")


def parse_server(text: str, scheme: str, default_port: int) -> DataAddress:
    """`host`, `host:port` or `host,port` -> the address without a database. Raises AddressError."""
    text = text.strip()
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(\d{1,5}))?", text)
    found = bracketed or re.fullmatch(r"([^:,\s]+)\s*(?:[:,]\s*(\d{1,5}))?", text)
    host, port = (found[1], int(found[2] or default_port)) if found else (text, default_port)
    if not HOST.fullmatch(host) or not 0 < port < 65_536:
        raise AddressError(
            "This is no server.", "Give its name or address, such as db.contoso.com or db.contoso.com:5432."
        )
    return DataAddress(scheme, host.lower(), port)


def split_pairs(text: str, separator: str, *, backslashes: bool = False, braces: bool = False) -> dict[str, str]:
    """`name=value` pairs by name in lower case without blanks; quotes around a value are taken off. A quote inside is
    doubled. With `backslashes`, as libpq has it, one may stand in front of it instead; with `braces`, as ODBC and JDBC
    have it, they are quotes, too."""
    single = r"'(?:[^'\\]|\\.|'')*'" if backslashes else "'(?:[^']|'')*'"
    value = rf"\"(?:[^\"]|\"\")*\"|{single}|[^{separator}]*"
    if braces:
        value = rf"\{{(?:[^}}]|\}}\}})*\}}|{value}"
    pairs = re.findall(rf"\s*([A-Za-z][A-Za-z_ ]*?)\s*=\s*({value})", text)
    read = partial(unquote_value, backslashes=backslashes, braces=braces)
    return {re.sub(r"[ _]", "", name).lower(): read(value) for name, value in pairs}


def unquote_value(value: str, *, backslashes: bool, braces: bool) -> str:
    value = value.strip()
    for first, last in ('""', "''", *(("{}",) if braces else ())):
        if len(value) >= 2 and (value[0], value[-1]) == (first, last):
            hidden = rf"\\(.)|{last}({last})" if backslashes and last == "'" else rf"({last}){last}"
            return re.sub(hidden, lambda found: found[1] or found[2], value[1:-1])
    return value


def parse_url(text: str, scheme: str, default_port: int) -> PastedAddress:
    """A URL with whatever it names. Raises AddressError."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port or default_port
    except ValueError:
        raise AddressError(
            "This is no address.", f"An address looks like {scheme}://db.contoso.com/customers."
        ) from None
    server = parse_server(f"[{host}]:{port}" if ":" in host else f"{host}:{port}", scheme, default_port)
    return PastedAddress(
        server,
        unquote(parts.path).strip("/") or None,
        encryption_of(parse_qs(parts.query).get("sslmode", [""])[0]),
        unquote(parts.username) if parts.username else None,
        Secret(unquote(parts.password)) if parts.password else None,
    )


def encryption_of(sslmode: str) -> str | None:
    """libpq's word for it -> ours; those that encrypt only perhaps are none of ours, and are taken as not said."""
    return {
        "disable": PLAIN, "require": UNVERIFIED, "verify-ca": VERIFIED, "verify-full": VERIFIED,
    }.get(sslmode)  # fmt: skip
