"""SQL Server, and Azure SQL."""

from __future__ import annotations

import re

from connections.endpoint.hosts import SQL_FAMILIES
from connections.kinds.address import PLAIN, UNVERIFIED, VERIFIED, PastedAddress, parse_server, split_pairs
from connections.kinds.base import ConnectionKind, KindGroup
from connections.kinds.sign_ins import ENTRA, PASSWORD
from connections.secret import Secret

SCHEME, PORT = "sqlserver", 1433
SERVER_NAMES = ("server", "datasource", "address", "addr", "networkaddress", "servername")


def parse_sql_server(text: str) -> PastedAddress:
    """A server, or a connection string of ADO.NET, ODBC or JDBC. Raises AddressError."""
    text = text.strip()
    is_jdbc = text.lower().startswith(("jdbc:sqlserver://", "sqlserver://", "mssql://"))
    if is_jdbc:
        place, _, rest = text.partition("://")[2].partition(";")
        text = f"server={place.partition('/')[0]};{rest}"
    pairs = split_pairs(text, ";", braces=is_jdbc or bool(re.search(r"(?:^|;)\s*driver\s*=", text, re.IGNORECASE)))
    server = next((pairs[name] for name in SERVER_NAMES if pairs.get(name)), None)
    if server is None:
        return PastedAddress(parse_server(without_protocol(text), SCHEME, PORT))
    password = pairs.get("password") or pairs.get("pwd")
    return PastedAddress(
        parse_server(without_protocol(server), SCHEME, PORT),
        pairs.get("initialcatalog") or pairs.get("database") or pairs.get("databasename"),
        encryption_in(pairs),
        pairs.get("userid") or pairs.get("uid") or pairs.get("user") or pairs.get("username"),
        Secret(password) if password else None,
    )


def without_protocol(server: str) -> str:
    return re.sub(r"^tcp:", "", server.strip(), flags=re.IGNORECASE)


def encryption_in(pairs: dict[str, str]) -> str | None:
    encrypt, trusts = pairs.get("encrypt", "").lower(), pairs.get("trustservercertificate", "").lower()
    if encrypt in ("false", "no", "optional"):
        return PLAIN
    if trusts in ("true", "yes"):
        return UNVERIFIED
    return VERIFIED if encrypt else None


SQL_SERVER = ConnectionKind(
    name="sql_server",
    label="SQL Server or Azure SQL",
    group=KindGroup.DATA,
    parse=parse_sql_server,
    address_label="Server",
    address_hint="Name and port, or paste the whole connection string of the portal.",
    fields=("endpoint", "database", "user_name", "encryption"),
    sign_ins=(PASSWORD, ENTRA),
    role_hint="In the database: CREATE USER [identity] FROM EXTERNAL PROVIDER, with a role such as db_datareader.",
    families=SQL_FAMILIES,
)
