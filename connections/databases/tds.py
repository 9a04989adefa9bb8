"""What python-tds leaves to us: which address it connects to, and TLS by the standard library.

python-tds checks the names of certificates with functions that pyOpenSSL has removed, and follows a server that sends
it elsewhere without asking. Both are replaced here; everything else of the protocol is its own.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import pytds
import pytds.tls
from pytds.tds_base import PacketType

PIECE = 65_536  # bytes that are read at once

OpenSocket = Callable[[str, int], socket.socket]
open_socket: ContextVar[OpenSocket] = ContextVar("open_socket")
# It logs the beginnings of statements.
logging.getLogger("pytds").setLevel(logging.WARNING)


class TlsTransport:
    """A socket under TLS, for python-tds. One thread may write while another waits for something to read."""

    def __init__(self, below: Any, tls: ssl.SSLObject, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
        self._below, self._tls, self._incoming, self._outgoing = below, tls, incoming, outgoing
        self._lock = threading.Lock()

    def gettimeout(self) -> float | None:
        timeout: float | None = self._below.gettimeout()
        return timeout

    def settimeout(self, timeout: float | None) -> None:
        self._below.settimeout(timeout)

    def sendall(self, data: Any, flags: int = 0) -> None:
        with self._lock:
            self._tls.write(bytes(data))
            self._below.sendall(self._outgoing.read())

    def recv(self, size: int, flags: int = 0) -> bytes:
        while True:
            with self._lock:
                try:
                    return self._tls.read(size)
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLZeroReturnError:
                    return b""
            data = self._below.recv(PIECE)
            with self._lock:
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        data = self.recv(size or len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._below.close()

    def fileno(self) -> int:
        return int(self._below.fileno())

    def shutdown(self, how: int) -> None:
        self._below.shutdown(how)


def establish_channel(session: Any) -> None:
    """The handshake, which travels in packets of TDS (MS-TDS 2.2.6.5). Raises ssl.SSLError."""
    login = session.conn._login
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = login.tls_ctx.wrap_bio(incoming, outgoing, server_hostname=login.server_name)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            session._writer.begin_packet(PacketType.PRELOGIN)
            session._writer.write(outgoing.read())
            session._writer.flush()
            session._reader.begin_response()
            while not session._reader.stream_finished():
                incoming.write(session._reader.recv(4_096))
    transport = TlsTransport(session.conn.sock, tls, incoming, outgoing)
    session.conn.sock = session._writer._transport = session._reader._transport = transport


class ConnectFailed(Exception):
    """python-tds did not connect; its cause says why. Of itself it would try again for long."""


def send_attention(connection: Any) -> None:
    """Asks the server to stop, from another thread than the one that waits for it (MS-TDS 2.2.1.7).

    python-tds would note that it has asked only after the answer may have been read.
    """
    session = connection._tds_socket.main_session
    session.in_cancel = True
    session._writer.begin_packet(PacketType.CANCEL)
    session._writer.flush()


def cut_off(connection: Any) -> None:
    """Closes the socket, also under a thread that waits for it."""
    with suppress(OSError, AttributeError):
        connection._tds_socket.sock.shutdown(socket.SHUT_RDWR)
    with suppress(Exception):
        connection.close()


connect_anywhere = pytds._connect


def connect_where_allowed(**options: Any) -> Any:
    """Connects to where `open_socket` says, also when a server sends the client to another one."""
    try:
        options["sock"] = open_socket.get()(options["host"], options["port"])
        return connect_anywhere(**options)
    except (OSError, pytds.Error) as error:
        raise ConnectFailed from error


pytds._connect = connect_where_allowed
pytds.tls.OPENSSL_AVAILABLE = True
pytds.tls.create_context = lambda context: context  # what is handed over as `cafile` is a context
pytds.tls.establish_channel = establish_channel


def tls_context(certificates: str, *, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certificates)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # inside of TDS 7.4 there is no newer one
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
