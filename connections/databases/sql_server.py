"""SQL Server and Azure SQL, by python-tds, in threads."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import Any

from connections.databases.parameters import BRACKETS, Dialect, bind, plain_value, tokens
from connections.databases.places import allowed_addresses, cannot_connect, hide_secrets, trusted_certificates
from connections.databases.query import DatabaseQuery, QueryResult, RowCollector, check_columns
from connections.databases.threads import DriverThreads
from connections.foundry.destinations import Destinations
from connections.kinds.address import PLAIN, VERIFIED
from connections.kinds.base import DataSourceError, DataTarget
from connections.secret import Secret

CONNECT_TIMEOUT = 10.0  # seconds
DIALECT = Dialect(lambda n: "%s", plain_value, tokens(BRACKETS), percent_is_special=True)
# Numbers of errors: who signs in, and to which database.
REFUSED = (4060, 18452, 18456, 18470, 18486, 18487, 18488, 40532, 40615, 916)


class SqlServerSession:
    def __init__(self, connection: Any, secrets: tuple[str, ...], threads: DriverThreads) -> None:
        self._connection, self._secrets, self._threads, self.is_usable = connection, secrets, threads, True

    async def run(self, query: DatabaseQuery) -> QueryResult:
        self.is_usable = False  # until it is known that it is clean
        result = await self._threads.run(lambda: self._run(query), self._cancel)
        return result

    def _run(self, query: DatabaseQuery) -> QueryResult:
        from pytds import Error

        statement = bind(query.sql, query.parameters, DIALECT)
        cursor = self._connection.cursor()
        try:
            # Longer values are cut by the server, which is noticed, since they are too large then.
            cursor.execute(f"SET TEXTSIZE {query.most_bytes + 1}")
            cursor.execute(statement.sql, statement.values or None)
            result = self._read(cursor, query)
            cursor.cancel()
            if query.may_change:
                self._connection.commit()
            else:
                self._connection.rollback()
            self.is_usable = True
        except DataSourceError:
            self._roll_back(cursor)
            raise
        except (Error, OSError) as error:
            failed = self._statement_error(error)
            if failed.kind != "unreachable":
                self._roll_back(cursor)
            raise failed from None
        return result

    def _read(self, cursor: Any, query: DatabaseQuery) -> QueryResult:
        if cursor.description is None:
            return QueryResult(None, changed=cursor.rowcount if cursor.rowcount >= 0 else None)
        columns, collector = check_columns([column[0] for column in cursor.description]), RowCollector(query)
        while (row := cursor.fetchone()) is not None:
            collector.add(row)
        return QueryResult(columns, collector.rows)

    def _roll_back(self, cursor: Any) -> None:
        """Stops what is still coming, and takes back what was changed; a connection that will not is closed."""
        with suppress(Exception):
            cursor.cancel()
            self._connection.rollback()
            self.is_usable = True

    def _statement_error(self, error: Exception) -> DataSourceError:
        number = getattr(error, "msg_no", 0) or getattr(error, "number", 0)
        said = hide_secrets(str(getattr(error, "message", "") or error), self._secrets)
        if isinstance(error, OSError) or not number:
            hint = "The connection was lost; the statement may be tried again."
            return DataSourceError("unreachable", said[:500] or type(error).__name__, hint, raw=said)
        return DataSourceError("query", f"Error {number}: {said[:500]}", "", sqlstate=str(number), raw=said)

    def _cancel(self) -> None:
        """From another thread, while one waits for the server: asks it to stop (MS-TDS 2.2.1.7)."""
        self.is_usable = False
        with suppress(Exception):
            self._connection._tds_socket.main_session.put_cancel()

    async def aclose(self) -> None:
        with suppress(Exception):
            await self._threads.run(self._connection.close, lambda: None)


async def open_sql_server(
    target: DataTarget, destinations: Destinations, token: Secret | None, threads: DriverThreads
) -> SqlServerSession:
    """Raises DataSourceError."""
    try:
        from connections.databases import tds
    except ImportError as error:
        raise DataSourceError(
            "driver_missing",
            f"The driver of SQL Server is not installed: {error}.",
            "Install the packages of requirements.txt again.",
        ) from None
    del tds
    secrets = tuple(secret.reveal() for secret in (target.password, token) if secret)
    connection = await threads.run(lambda: connect(target, destinations, token), lambda: None)
    return SqlServerSession(connection, secrets, threads)


def connect(target: DataTarget, destinations: Destinations, token: Secret | None) -> Any:
    """Blocks. Raises DataSourceError."""
    import pytds

    from connections.databases import tds

    address = target.address
    secrets = tuple(secret.reveal() for secret in (target.password, token) if secret)
    verify = address.encryption == VERIFIED
    signs_in: dict[str, Any] = {"user": target.user, "password": target.password.reveal()}
    if token is not None:
        signs_in = {"access_token_callable": token.reveal}

    def open_socket(host: str, port: int) -> socket.socket:
        return connect_to_any(allowed_addresses(destinations, host, port), port)

    tds.open_socket.set(open_socket)
    try:
        return pytds.connect(
            address.host,
            port=address.port,
            database=address.database,
            cafile=None if address.encryption == PLAIN else tds.tls_context(trusted_certificates(), verify=verify),
            validate_host=verify,
            login_timeout=CONNECT_TIMEOUT,
            appname="FoundryFlow",
            bytes_to_unicode=True,
            **signs_in,
        )
    except tds.ConnectFailed as failed:
        error = failed.__cause__ or failed
        raise connect_error(error, target, hide_secrets(str(error), secrets)) from None


def connect_to_any(addresses: list[str], port: int) -> socket.socket:
    """The first of the addresses that answers. Raises OSError."""
    failed: OSError = OSError("no address")
    for address in addresses:
        try:
            return socket.create_connection((address, port), CONNECT_TIMEOUT)
        except OSError as error:
            failed = error
    raise failed


def connect_error(error: BaseException, target: DataTarget, said: str) -> DataSourceError:
    import pytds

    number = getattr(error, "msg_no", 0)
    if isinstance(error, ssl.SSLError):
        why = getattr(error, "verify_message", "") or error.reason or said
        return DataSourceError(
            "tls",
            f"{target.address.place}: {why}.",
            "Check the name of the server and its certificate, or choose another encryption.",
        )
    if isinstance(error, pytds.LoginError) or number in REFUSED:
        why = said.strip().splitlines()[0][:300] if said.strip() else f"error {number}"
        return DataSourceError(
            "sign_in",
            f"{target.address.place} refused the sign-in: {why}",
            "Check user, password and database.",
            raw=said,
        )
    return cannot_connect(target.address, said.strip().splitlines()[0][:300].rstrip(".") if said.strip() else "")
