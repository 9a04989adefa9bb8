"""A PostgreSQL server, also that of Azure."""

from __future__ import annotations

from connections.endpoint.hosts import POSTGRESQL_FAMILIES
from connections.kinds.address import PastedAddress, encryption_of, parse_server, parse_url, split_pairs
from connections.kinds.base import ConnectionKind, KindGroup
from connections.kinds.sign_ins import ENTRA, PASSWORD
from connections.secret import Secret

SCHEME, PORT = "postgresql", 5432


def parse_postgresql(text: str) -> PastedAddress:
    """A server, a URL, or libpq's `host=… dbname=…`. Raises AddressError."""
    text = text.strip()
    if text.startswith(("postgresql://", "postgres://")):
        return parse_url(text, SCHEME, PORT)
    pairs = split_pairs(text, r"\s;", backslashes=True)
    if "host" not in pairs and "server" not in pairs:
        return PastedAddress(parse_server(text, SCHEME, PORT))
    host = pairs.get("host") or pairs.get("server", "")
    return PastedAddress(
        parse_server(f"{host}:{pairs.get('port', PORT)}" if ":" not in host else host, SCHEME, PORT),
        pairs.get("dbname") or pairs.get("database"),
        encryption_of(pairs.get("sslmode", "")),
        pairs.get("user") or pairs.get("username") or pairs.get("userid"),
        Secret(pairs["password"]) if pairs.get("password") else None,
    )


POSTGRESQL = ConnectionKind(
    name="postgresql",
    label="PostgreSQL",
    group=KindGroup.DATA,
    parse=parse_postgresql,
    address_label="Server",
    address_hint="Name and port, or paste a whole postgresql:// address.",
    fields=("endpoint", "database", "user_name", "encryption"),
    sign_ins=(PASSWORD, ENTRA),
    role_hint="An administrator of the server adds the identity as a role, whose name is the user.",
    token_names_user=True,
    families=POSTGRESQL_FAMILIES,
)
