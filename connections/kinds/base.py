"""What a kind of connection is: how it is called, what its form asks for, and how its address is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from connections.endpoint.hosts import AzureFamily
from connections.foundry.values import Identity
from connections.kinds.address import AddressError, DataAddress, PastedAddress
from connections.secret import Secret


class KindGroup(StrEnum):
    """What connections of a kind are for: a group of the list."""

    MODELS = "Models"
    DATA = "Credentials and data"


def refuse_text(text: str) -> PastedAddress:
    raise AddressError("This kind of connection has another form.")


@dataclass(frozen=True, kw_only=True)
class ConnectionKind:
    """One kind; its module says it once. `fields` are those of its form beside name, sign-in and what that needs."""

    name: str  # as it is stored
    label: str
    group: KindGroup
    # Of databases and vaults: the form of a Foundry connection is one of its own.
    parse: Callable[[str], PastedAddress] = refuse_text  # raises AddressError
    address_label: str = ""
    address_hint: str = ""
    fields: tuple[str, ...] = ()
    sign_ins: tuple[tuple[str, str], ...] = ()  # value and label, the first is chosen at first; none: nobody signs in
    role_hint: str = ""  # what an identity needs to be let in, in a sentence
    token_names_user: bool = False  # a token signs in a user who is named beside it
    families: tuple[AzureFamily, ...] = ()  # hosts where Microsoft itself looks at tokens

    def family_of(self, host: str) -> AzureFamily | None:
        return next((family for family in self.families if host.endswith(family.suffix)), None)

    @property
    def scope(self) -> str:
        """What a token is asked for where the host belongs to no family."""
        return self.families[0].scope if self.families else ""


@dataclass(frozen=True, slots=True)
class DataTarget:
    """A connection to a database or a vault, as its client needs it. Equal ones may share what is open."""

    name: str
    kind: str
    address: DataAddress
    user: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))
    identity: Identity | None = None  # signs in with a token instead of user and password

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Whatever of it must not be seen."""
        return tuple(secret for secret in (self.password, *(self.identity.secrets if self.identity else ())) if secret)


NoteAnswer = Callable[[DataTarget], None]  # hears of every database or vault that did what was asked


def ignore_answer(target: DataTarget) -> None:
    pass


class DataSourceError(Exception):
    """A database or a vault did not do what was asked. `kind` is short and stable, the rest are sentences.

    dns connect tls sign_in blocked_destination file_missing driver_missing timeout   nobody answered
    query not_allowed too_many_rows too_large no_row column null   what was asked, or what came of it
    permission network_rule rate_limit server protocol   a vault was reached and refused
    input secret_not_found disabled_secret expired_secret early_secret   what was asked of it
    """

    def __init__(self, kind: str, message: str, hint: str = "", *, sqlstate: str = "", raw: str = "") -> None:
        super().__init__(message)
        self.kind, self.message, self.hint, self.sqlstate, self.raw = kind, message, hint, sqlstate, raw


@dataclass(frozen=True, slots=True)
class SignInCheck:
    """What the test of a connection brought; `sentence` is for people."""

    ok: bool
    sentence: str
    kind: str = ""  # of the error
    latency_ms: float = 0.0
    status: int | None = None  # of HTTP
