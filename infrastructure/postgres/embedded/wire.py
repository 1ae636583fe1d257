"""Just enough of PostgreSQL's protocol to greet the server and ask it one question.

A greeting decides whether a server can be used; it happens in every command and must cost a few milliseconds,
and the supervisor must stay small. The driver is too heavy for both. The socket's directory is private, so
there is no password.
"""

import socket
import struct
from pathlib import Path
from typing import NoReturn, Self

from infrastructure.postgres.embedded.layout import SOCKET_NAME

SUPERUSER = "postgres"
DATABASE = "daybook"
NO_SUCH_DATABASE = "3D000"
DATABASE_EXISTS = "42P04"
TOO_MANY_CONNECTIONS = "53300"
_PROTOCOL = 196_608  # 3.0
_HEADER = 5


class ServerRefusedError(Exception):
    """The server answered with an error; `code` is its SQLSTATE."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code


class Wire:
    """One connection as superuser; use as a context manager."""

    def __init__(self, socket_dir: Path, database: str, timeout: float = 10) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._received = b""
        try:
            self._socket.settimeout(timeout)
            self._socket.connect(str(socket_dir / SOCKET_NAME))
            words = ("user", SUPERUSER, "database", database, "application_name", "daybook supervisor")
            body = struct.pack("!i", _PROTOCOL) + b"".join(word.encode() + b"\0" for word in words) + b"\0"
            self._socket.sendall(struct.pack("!i", len(body) + 4) + body)
            self._rows_until_ready()
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._socket.sendall(b"X\0\0\0\4")
        except OSError:
            pass  # it is over either way
        finally:
            self._socket.close()

    def ask(self, sql: str) -> list[list[str | None]]:
        """Run one statement without parameters; its rows as text."""
        body = sql.encode() + b"\0"
        self._socket.sendall(b"Q" + struct.pack("!i", len(body) + 4) + body)
        return self._rows_until_ready()

    def _rows_until_ready(self) -> list[list[str | None]]:
        rows: list[list[str | None]] = []
        refusal: bytes | None = None
        while True:
            kind, body = self._message()
            if kind == b"Z":
                if refusal is not None:
                    _refuse(refusal)
                return rows
            if kind == b"E":
                refusal = body
                if body.startswith((b"SFATAL", b"SPANIC")):  # no ReadyForQuery will follow
                    _refuse(body)
            elif kind == b"D":
                rows.append(_row(body))
            elif kind == b"R" and body[:4] != b"\0\0\0\0":
                raise ServerRefusedError("28000", "the server asks for a password")

    def _message(self) -> tuple[bytes, bytes]:
        header = self._exactly(_HEADER)
        return header[:1], self._exactly(struct.unpack("!i", header[1:])[0] - 4)

    def _exactly(self, count: int) -> bytes:
        while len(self._received) < count:
            more = self._socket.recv(8192)
            if not more:
                raise ConnectionResetError("the server closed the connection")
            self._received += more
        taken, self._received = self._received[:count], self._received[count:]
        return taken


def _refuse(body: bytes) -> NoReturn:
    fields = {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
    raise ServerRefusedError(fields.get(b"C", ""), fields.get(b"M", "the server refused"))


def _row(body: bytes) -> list[str | None]:
    (count,) = struct.unpack_from("!h", body)
    values: list[str | None] = []
    place = 2
    for _ in range(count):
        (length,) = struct.unpack_from("!i", body, place)
        place += 4
        values.append(None if length < 0 else body[place : place + length].decode())
        place += max(length, 0)
    return values


def is_ready(socket_dir: Path) -> bool:
    """Whether the server there accepts work in our database (which is made if it is missing)."""
    try:
        with Wire(socket_dir, DATABASE):
            return True
    except ServerRefusedError as refusal:
        if refusal.code == NO_SUCH_DATABASE:
            make_database(socket_dir)
            return True
        return refusal.code == TOO_MANY_CONNECTIONS
    except OSError:
        return False


def make_database(socket_dir: Path) -> None:
    """Make our database; another command doing the same at the same time is fine."""
    try:
        with Wire(socket_dir, "postgres") as wire:
            wire.ask(f"create database {DATABASE}")
    except ServerRefusedError as refusal:
        # Two at once end as "exists already", or as a unique violation in the catalogue.
        if refusal.code not in {DATABASE_EXISTS, "23505"}:
            raise


def count_clients(socket_dir: Path) -> int:
    """How many connections clients of any kind (psql among them) have open, ours not counted."""
    sql = (
        "select count(*) from pg_catalog.pg_stat_activity"
        " where backend_type in ('client backend', 'walsender') and pid <> pg_backend_pid()"
    )
    with Wire(socket_dir, "postgres") as wire:
        return int(wire.ask(sql)[0][0] or 0)
