"""Every kind of connection, in the order in which forms and the list show them."""

from __future__ import annotations

from connections.kinds.foundry import FOUNDRY
from connections.kinds.key_vault import KEY_VAULT
from connections.kinds.postgresql import POSTGRESQL
from connections.kinds.sql_server import SQL_SERVER
from connections.kinds.sqlite import SQLITE

KINDS = {kind.name: kind for kind in (FOUNDRY, POSTGRESQL, SQL_SERVER, SQLITE, KEY_VAULT)}
DATABASES = (POSTGRESQL.name, SQL_SERVER.name, SQLITE.name)


def labels_of(names: tuple[str, ...]) -> str:
    """The kinds in words: "PostgreSQL, SQL Server or Azure SQL, SQLite file"."""
    return ", ".join(KINDS[name].label for name in names)
