"""What Django's pool of connections to PostgreSQL needs beside its options."""

from __future__ import annotations

from typing import Any, ClassVar

import psycopg
from django.conf import settings
from django.db import connections

IN_USE = 30.0  # seconds that a request waits while all connections are in use
FULL = ("too many clients", "connection slots")  # what the server says that has no place for another one


class PooledConnection(psycopg.Connection[Any]):
    """Tells the pool how its connections fare."""

    refused: ClassVar[str] = ""  # why the last try to connect failed, which the pool keeps to itself

    @classmethod
    def connect(cls, *args: Any, **kwargs: Any) -> PooledConnection:
        """While the database is away nobody waits as long as for a connection that others use."""
        try:
            connected = super().connect(*args, **kwargs)
        except psycopg.OperationalError as error:
            PooledConnection.refused = str(error)
            if not any(said in str(error) for said in FULL):
                wait_for(settings.DATABASE_WAIT)
            raise
        PooledConnection.refused = ""
        wait_for(IN_USE)
        return connected

    def execute(self, *args: Any, **kwargs: Any) -> psycopg.Cursor[Any]:
        """Only the test of the pool comes here: Django makes cursors.

        After an outage every connection that lies in the pool is broken. The pool tests the one that it hands out,
        pauses for a second after each that fails, and would need longer for ten than anybody waits.
        """
        try:
            return super().execute(*args, **kwargs)
        except psycopg.OperationalError:
            discard_broken()
            raise


def try_again(pool: Any) -> None:
    """Called by the pool that has given up a connection: whoever waits for one would not make it try anew."""
    if not pool.closed:
        pool.check()


def wait_for(seconds: float) -> None:
    if pool := getattr(connections["default"], "pool", None):
        pool.timeout = max(seconds, settings.DATABASE_WAIT)


def discard_broken() -> None:
    if pool := getattr(connections["default"], "pool", None):
        try_again(pool)
