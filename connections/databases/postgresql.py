"""PostgreSQL, by psycopg."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.json import Jsonb

from connections.databases.parameters import DOLLAR_QUOTES, ESCAPED_STRINGS, BoundStatement, Dialect, bind, tokens
from connections.databases.places import cannot_connect, hide_secrets, trusted_certificates
from connections.databases.query import DatabaseQuery, QueryResult, RowCollector, check_columns, timed_out
from connections.kinds.address import PLAIN, UNVERIFIED, VERIFIED
from connections.kinds.base import DataSourceError, DataTarget
from connections.secret import Secret

CONNECT_TIMEOUT = 10  # seconds
SSL_MODES = {VERIFIED: "verify-full", UNVERIFIED: "require", PLAIN: "disable"}
# Statements that give no rows, unless asked to; all others are streamed.
CHANGES = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(?:insert|update|delete|merge|create|alter|drop|truncate|grant|revoke|comment|call|do|set"
    r"|reset|refresh|analyze|vacuum|reindex|lock|notify)\b",
    re.IGNORECASE | re.DOTALL,
)
CANCELLED, READ_ONLY = "57014", "25006"
REFUSED = ("28", "3D000")  # classes and codes of SQLSTATE: who signs in, and to which database
SIGN_IN_WORDS = (
    "authentication failed",
    "no pg_hba.conf entry",
    "does not exist",
    "no password supplied",
    "permission denied",
)


def adapt(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    return Jsonb(value) if isinstance(value, dict) else value


DIALECT = Dialect(lambda n: f"${n}", adapt, tokens(ESCAPED_STRINGS, DOLLAR_QUOTES), numbered=True)


class PostgresqlSession:
    def __init__(self, connection: psycopg.AsyncConnection[Any], secrets: tuple[str, ...]) -> None:
        self._connection, self._secrets, self.is_usable = connection, secrets, True

    async def run(self, query: DatabaseQuery) -> QueryResult:
        statement = bind(query.sql, query.parameters, DIALECT)
        self.is_usable = False  # until it is known that it is clean
        try:
            await self._begin(query)
            result = await self._execute(statement, query)
            await self._connection.execute("COMMIT" if query.may_change else "ROLLBACK")
        except psycopg.Error as error:
            raise self._statement_error(error, query) from None
        finally:
            await self._clean_up()
        return result

    async def _begin(self, query: DatabaseQuery) -> None:
        mode = "READ WRITE" if query.may_change else "READ ONLY"
        milliseconds = max(1, int(query.timeout * 1_000))
        await self._connection.execute(
            f"BEGIN {mode}; SET LOCAL statement_timeout = {milliseconds}; SET LOCAL TimeZone = 'UTC'"
        )

    async def _execute(self, statement: BoundStatement, query: DatabaseQuery) -> QueryResult:
        collector = RowCollector(query)
        cursor = psycopg.AsyncRawCursor(self._connection)
        if query.may_change and CHANGES.match(statement.sql):
            await cursor.execute(statement.sql, statement.values, prepare=False)
            if cursor.description is None:
                return QueryResult(None, changed=cursor.rowcount if cursor.rowcount >= 0 else None)
            columns = check_columns([column.name for column in cursor.description])
            for row in await cursor.fetchall():
                collector.add(row)
            return QueryResult(columns, collector.rows, cursor.rowcount)
        # Row by row as they come: leaving early cancels the statement.
        stream = cast(AsyncGenerator[Any], cursor.stream(statement.sql, statement.values))
        async with aclosing(stream) as rows:
            async for row in rows:
                if not collector.rows:
                    check_columns([column.name for column in cursor.description or ()])
                collector.add(row)
        return QueryResult(check_columns([column.name for column in cursor.description or ()]), collector.rows)

    async def _clean_up(self) -> None:
        """Leaves nothing of one query to the next: no transaction, setting, lock or temporary table."""
        try:
            if self._connection.closed or self._connection.info.transaction_status is TransactionStatus.ACTIVE:
                return
            if self._connection.info.transaction_status is not TransactionStatus.IDLE:
                await self._connection.execute("ROLLBACK")
            await self._connection.execute("DISCARD ALL")
            self.is_usable = True
        except psycopg.Error:
            return  # it is closed then

    def _statement_error(self, error: psycopg.Error, query: DatabaseQuery) -> DataSourceError:
        said = hide_secrets(str(error), self._secrets)
        first, state = said.splitlines()[0][:500] if said else type(error).__name__, error.sqlstate or ""
        if state == CANCELLED:
            return timed_out(query)
        if state == READ_ONLY:
            return DataSourceError(
                "not_allowed", f"The statement changes data: {first}.", "Allow it with May change data.", sqlstate=state
            )
        if "didn't produce a result" in said:
            return DataSourceError(
                "query", "The statement gives no rows.", "Write a query, or allow it to change data."
            )
        hint = "" if state else "The connection was lost; the statement may be tried again."
        return DataSourceError("query" if state else "unreachable", first, hint, sqlstate=state, raw=said)

    async def aclose(self) -> None:
        await self._connection.close()


async def open_postgresql(target: DataTarget, addresses: list[str], password: Secret) -> PostgresqlSession:
    """`addresses` are what the host resolves to and may be connected to; `password` may be a token.

    Raises DataSourceError.
    """
    address = target.address
    secrets = (password.reveal(), target.password.reveal())
    try:
        connection = await psycopg.AsyncConnection.connect(
            host=",".join([address.host] * len(addresses)),
            hostaddr=",".join(addresses),
            port=address.port,
            dbname=address.database,
            user=target.user,
            password=password.reveal(),
            sslmode=SSL_MODES[address.encryption],
            sslrootcert=trusted_certificates() if address.encryption == VERIFIED else "",
            # Nothing of the account that this server runs as: neither its passwords nor its certificates.
            passfile=os.devnull,
            sslcert=os.devnull,
            gssencmode="disable",
            connect_timeout=CONNECT_TIMEOUT,
            application_name="FoundryFlow",
            autocommit=True,
            prepare_threshold=None,
        )
    except psycopg.Error as error:
        raise connect_error(error, target, hide_secrets(str(error), secrets)) from None
    return PostgresqlSession(connection, secrets)


def connect_error(error: psycopg.Error, target: DataTarget, said: str) -> DataSourceError:
    why = said.strip().splitlines()[-1].strip() if said.strip() else type(error).__name__
    why = re.sub(r"^.*?(?:failed: |FATAL: +)+", "", why)[:300]
    if any(word in said for word in SIGN_IN_WORDS):
        return DataSourceError(
            "sign_in",
            f"{target.address.place} refused the sign-in: {why}.",
            "Check user, password and database.",
            raw=said,
        )
    if "certificate" in said or "SSL" in said:
        return DataSourceError(
            "tls",
            f"{target.address.place}: {why}.",
            "Check the name of the server and its certificate, or choose another encryption.",
            raw=said,
        )
    return cannot_connect(target.address, why)
