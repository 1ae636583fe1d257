"""A proxy before an HTTP server that loses connections at chosen moments."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class CuttingHttp:
    """Listens on a port of its own.

    Args:
        port: of the server behind it, on this machine; may be changed.
        cut_streams_after: every stream of an answer is cut after so many bytes.
        lose_answers_to: the answer to the first request that contains these bytes is thrown away.
    """

    def __init__(self, port: int, *, cut_streams_after: int = 0, lose_answers_to: bytes = b"") -> None:
        self.behind = port
        self._after = cut_streams_after
        self._losing = lose_answers_to
        self.cut_count = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._sockets.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self.behind))
        self._sockets.append(server)
        with contextlib.suppress(OSError):
            request = client.recv(1 << 16)
            server.sendall(request)
            threading.Thread(target=self._copy, args=(client, server), daemon=True).start()
            self._answer(request, server, client)
        for one in (client, server):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(1 << 16):
                if self._losing and self._losing in piece:
                    self._losing_now = True
                target.sendall(piece)

    _losing_now = False

    def _answer(self, request: bytes, server: socket.socket, client: socket.socket) -> None:
        left = self._after if b"/stream" in request.split(b"\r\n", 1)[0] else 0
        self._losing_now = self._losing_now or bool(self._losing and self._losing in request)
        while piece := server.recv(1 << 16):
            if self._losing_now:
                self._losing, self._losing_now = b"", False
                self.cut_count += 1
                return
            if left and len(piece) >= left:
                client.sendall(piece[:left])
                self.cut_count += 1
                return
            left -= len(piece) if left else 0
            client.sendall(piece)
