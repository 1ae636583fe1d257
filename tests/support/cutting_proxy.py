"""A proxy between psycopg and PostgreSQL that loses the connection at a chosen moment."""

import contextlib
import socket
import threading
from enum import Enum
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class Cut(Enum):
    """When the next append or erasure loses its connection."""

    NEVER = "never"
    BEFORE_SENDING = "the server never hears of it"
    BEFORE_THE_ANSWER = "the server has committed, its answer is lost"


class CuttingProxy:
    """Listens on a Unix socket in `folder`; `url` leads through it."""

    def __init__(self, url: str, folder: Path) -> None:
        parameters = conninfo_to_dict(url)
        port = int(str(parameters.get("port") or 5432))
        host = str(parameters["host"])
        self._upstream: str | tuple[str, int] = (
            f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)
        )
        self.cut = Cut.NEVER
        self.away = False
        self.cuts = 0
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(folder / ".s.PGSQL.5432"))
        self._server.listen(64)
        self.url = make_conninfo(url, host=str(folder), port=5432, sslmode="disable")
        self._pairs: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()
        for one in self._pairs:
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                if self.away:
                    client.close()
                    continue
                family = socket.AF_UNIX if isinstance(self._upstream, str) else socket.AF_INET
                server = socket.socket(family)
                server.connect(self._upstream)
                self._pairs += [client, server]
                lost = threading.Event()
                for source, target in ((client, server), (server, client)):
                    threading.Thread(
                        target=self._copy, args=(source, target, client, lost), daemon=True
                    ).start()

    def _copy(
        self, source: socket.socket, target: socket.socket, client: socket.socket, lost: threading.Event
    ) -> None:
        from_client = source is client
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                writes = b"daybook" in data and (b"append" in data or b"daybook.erase" in data)
                if from_client and self.cut is not Cut.NEVER and writes:
                    moment, self.cut = self.cut, Cut.NEVER
                    self.cuts += 1
                    if moment is Cut.BEFORE_SENDING:
                        break
                    lost.set()
                elif not from_client and lost.is_set() and _ready(data):
                    break
                elif not from_client and lost.is_set():
                    continue
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def _ready(data: bytes) -> bool:
    """Whether the server has said all it had to say, in a transaction or out of one."""
    return data[-6:-1] == b"Z\0\0\0\5"
