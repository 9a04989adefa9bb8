"""A server of loopback that speaks the part of TDS 7.4 that a query needs, as MS-TDS describes it; no SQL Server.

It knows how to encrypt, to let somebody in, transactions, and a few statements.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading

PRELOGIN, LOGIN, BATCH, RPC, TRANSACTION, ATTENTION, REPLY = 0x12, 0x10, 0x01, 0x03, 0x0E, 0x06, 0x04
ENCRYPTED, NOT_ENCRYPTED = 1, 2
CANCELLED, COUNTED, FAILED = 0x20, 0x10, 0x02


def ucs2(text: str) -> bytes:
    return text.encode("utf-16-le")


def done(status: int = 0, count: int = 0) -> bytes:
    return struct.pack("<BHHQ", 0xFD, status, 0, count)


def error(number: int, message: str) -> bytes:
    body = (
        struct.pack("<iBB", number, 1, 14)
        + struct.pack("<H", len(message))
        + ucs2(message)
        + b"\0\0"
        + struct.pack("<I", 1)
    )
    return b"\xaa" + struct.pack("<H", len(body)) + body + done(FAILED)


def changed(kind: int, new: bytes, old: bytes) -> bytes:
    body = bytes([kind, len(new)]) + new + bytes([len(old)]) + old
    return b"\xe3" + struct.pack("<H", len(body)) + body


def columns(*names: str) -> bytes:
    """Whole numbers where the name is n, texts elsewhere."""
    made = b"\x81" + struct.pack("<H", len(names))
    for name in names:
        type = b"\x26\x04" if name == "n" else b"\xe7" + struct.pack("<H", 8_000) + b"\x09\x04\xd0\x00\x34"
        made += struct.pack("<IH", 0, 1) + type + bytes([len(name)]) + ucs2(name)
    return made


def row(*values: int | str | None) -> bytes:
    made = b"\xd1"
    for value in values:
        if isinstance(value, int):
            made += b"\x04" + struct.pack("<i", value)
        else:
            made += b"\xff\xff" if value is None else struct.pack("<H", len(ucs2(value))) + ucs2(value)
    return made


class TdsStandIn:
    def __init__(
        self, password: str, certificate: ssl.SSLContext | None = None, route: tuple[str, int] | None = None
    ) -> None:
        self.password, self.certificate, self.route = password, certificate, route
        self.seen: list[str] = []  # statements, transactions and attentions, in their order
        self.requests: list[bytes] = []  # of calls with parameters
        self.logins: list[dict[str, str]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        with accepted, contextlib.suppress(OSError, EOFError):
            Conversation(self, accepted).run()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # else the thread that waits there keeps it open
        self._listener.close()


class Conversation:
    def __init__(self, server: TdsStandIn, accepted: socket.socket) -> None:
        self._server, self._socket = server, accepted
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    def run(self) -> None:
        type, _ = self.receive()
        assert type == PRELOGIN
        encryption = ENCRYPTED if self._server.certificate else NOT_ENCRYPTED
        table = struct.pack(">BHHBHHB", 0, 11, 6, 1, 17, 1, 0xFF)
        self.send(table + struct.pack(">LH", 0x0F000000, 0) + bytes([encryption]))
        if self._server.certificate:
            self.shake_hands(self._server.certificate)
        if self.log_in():
            while True:
                self.answer(*self.receive())

    # Packets

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            if self._tls is not None:
                try:
                    data += self._tls.read(size - len(data))
                    continue
                except ssl.SSLWantReadError:
                    pass
            piece = self._socket.recv(65_536 if self._tls else size - len(data))
            if not piece:
                raise EOFError
            if self._tls is not None:
                self._incoming.write(piece)
            else:
                data += piece
        return data

    def write(self, data: bytes) -> None:
        if self._tls is not None:
            self._tls.write(data)
            data = self._outgoing.read()
        self._socket.sendall(data)

    def receive(self) -> tuple[int, bytes]:
        body = b""
        while True:
            type, status, length = struct.unpack(">BBH4x", self.read(8))
            body += self.read(length - 8)
            if status & 1:
                return type, body

    def send(self, body: bytes, type: int = REPLY) -> None:
        pieces = [body[at : at + 4_000] for at in range(0, len(body), 4_000)] or [b""]
        for number, piece in enumerate(pieces, 1):
            last = number == len(pieces)
            self.write(struct.pack(">BBHHBB", type, 1 if last else 0, len(piece) + 8, 0, number & 255, 0) + piece)

    def shake_hands(self, certificate: ssl.SSLContext) -> None:
        tls = certificate.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                if data := self._outgoing.read():
                    self.send(data, PRELOGIN)
                self._incoming.write(self.receive()[1])
                continue
            self.send(self._outgoing.read(), PRELOGIN)
            self._tls = tls
            return

    # What is said

    def log_in(self) -> bool:
        _, body = self.receive()

        def text(at: int) -> bytes:
            offset, length = struct.unpack_from("<HH", body, at)
            return body[offset : offset + 2 * length]

        hidden = bytes(((byte ^ 0xA5) << 4 | (byte ^ 0xA5) >> 4) & 255 for byte in text(44))
        login = {"user": text(40).decode("utf-16-le"), "password": hidden.decode("utf-16-le")}
        login |= {
            "server": text(52).decode("utf-16-le"),
            "database": text(68).decode("utf-16-le"),
            "token": token_in(body),
        }
        self._server.logins.append(login)
        if self._server.password not in (login["password"], login["token"]):
            self.send(error(18456, f"Login failed for user '{login['user']}'."))
            return False
        name = "Stand-in"
        accepted = b"\x01\x74\x00\x00\x04" + bytes([len(name)]) + ucs2(name) + b"\x0f\x00\x00\x00"
        answer = environment(login["database"])
        if self._server.route:
            answer += routing(*self._server.route)
        self.send(answer + b"\xad" + struct.pack("<H", len(accepted)) + accepted + done())
        return True

    def answer(self, type: int, body: bytes) -> None:
        if type == ATTENTION:
            self._server.seen.append("attention")
            self.send(done(CANCELLED))
            return
        headers = struct.unpack_from("<I", body)[0]
        request = body[headers:]
        if type == TRANSACTION:
            verb = struct.unpack_from("<H", request)[0]
            name, kind = {5: ("begin", 8), 7: ("commit", 9), 8: ("rollback", 10)}[verb]
            self._server.seen.append(name)
            number = struct.pack("<Q", 7)
            self.send(changed(kind, number if kind == 8 else b"", b"" if kind == 8 else number) + done())
        elif type == RPC:
            self._server.requests.append(request)
            self.execute(statement_in(request))
        else:
            self.execute(request.decode("utf-16-le"))

    def execute(self, sql: str) -> None:
        self._server.seen.append(sql)
        if sql.startswith("SET TEXTSIZE"):
            self.send(done())
        elif "nope" in sql:
            self.send(error(207, "Invalid column name 'nope'."))
        elif sql.startswith("UPDATE"):
            self.send(done(COUNTED, 3))
        elif "WAITFOR" in sql:
            self.answer(*self.receive())
        elif "endless" in sql:
            self.send_without_end()
        else:
            rows = row(1, "Ada") + row(2, None)
            self.send(columns("n", "name") + rows + done(COUNTED, 2))

    def send_without_end(self) -> None:
        """Rows until somebody has had enough."""
        header, number = columns("n", "name"), 0
        while not select.select([self._socket], [], [], 0)[0]:
            piece = header + b"".join(row(number, "x" * 40) for _ in range(20))
            self.write(struct.pack(">BBHHBB", REPLY, 0, len(piece) + 8, 0, 1, 0) + piece)
            header, number = b"", number + 1
        self.receive()
        self._server.seen.append("attention")
        self.send(done(CANCELLED))


def environment(database: str) -> bytes:
    body = bytes([1, len(database)]) + ucs2(database) + b"\0"
    return b"\xe3" + struct.pack("<H", len(body)) + body


def routing(host: str, port: int) -> bytes:
    value = struct.pack("<BHH", 0, port, len(host)) + ucs2(host)
    body = b"\x14" + struct.pack("<H", len(value)) + value + b"\0\0"
    return b"\xe3" + struct.pack("<H", len(body)) + body


def statement_in(request: bytes) -> str:
    """The first parameter of sp_executesql, nvarchar of a length or in pieces (MS-TDS 2.2.5.2.3)."""
    at = 6  # 0xffff, the number of the procedure, flags
    at += 1 + 2 * request[at] + 1  # its name, its flags
    longest, length = struct.unpack_from("<xH5xH", request, at)
    if longest != 0xFFFF:
        return request[at + 10 : at + 10 + length].decode("utf-16-le")
    at, text = at + 16, b""
    while piece := struct.unpack_from("<I", request, at)[0]:
        text += request[at + 4 : at + 4 + piece]
        at += 4 + piece
    return text.decode("utf-16-le")


def token_in(login: bytes) -> str:
    """The token of the extension FEDAUTH (MS-TDS 2.2.6.4); empty without one."""
    offset, length = struct.unpack_from("<HH", login, 56)
    if length != 4:
        return ""
    at = struct.unpack_from("<I", login, offset)[0]
    feature, size, _, token = struct.unpack_from("<BIBI", login, at)
    return login[at + 10 : at + 10 + token].decode("utf-16-le") if (feature, size) == (2, token + 5) else ""
