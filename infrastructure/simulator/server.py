"""Starts the simulator: in the foreground for a command, in a thread for tests, benchmarks and the demo."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from application.errors import ModelServerError
from infrastructure.simulator.options import SimulatorOptions

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    import uvicorn

_START_SECONDS = 10.0


def run(host: str, port: int, options: SimulatorOptions, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; call `ready` with the URL once it accepts. Port 0 takes a free one."""
    listener = _listen(host, port)
    with contextlib.closing(listener):
        url = _url_of(listener)
        _make_server(options, host, lambda: ready(url)).run(sockets=[listener])


class RunningSimulator:
    """A simulator in a thread, on a free loopback port: `with RunningSimulator(options) as it: it.url`."""

    def __init__(self, options: SimulatorOptions | None = None, *, port: int = 0) -> None:
        self._options = options or SimulatorOptions()
        self._port = port
        self._started = threading.Event()
        self._server: Any = None
        self._thread: threading.Thread | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start serving and return once connections are accepted."""
        listener = _listen("127.0.0.1", self._port)
        self.url = _url_of(listener)
        self._server = _make_server(self._options, "127.0.0.1", self._started.set)
        self._thread = threading.Thread(
            target=self._serve, args=(listener,), name="daybook-simulator", daemon=True
        )
        self._thread.start()
        if not self._started.wait(_START_SECONDS):
            raise ModelServerError(f"The simulator did not start within {_START_SECONDS:g} seconds.")

    def stop(self) -> None:
        """Cut every connection and return when the thread has ended; stopping twice is harmless."""
        if self._thread is not None:
            self._server.should_exit = True
            self._server.force_exit = True
            self._thread.join()
            self._thread = None

    def _serve(self, listener: socket.socket) -> None:
        with contextlib.closing(listener):
            self._server.run(sockets=[listener])


def _make_server(options: SimulatorOptions, host: str, ready: Callable[[], None]) -> uvicorn.Server:
    import uvicorn

    from infrastructure.simulator.app import Simulator

    class Server(uvicorn.Server):
        """Tells when it accepts connections, which uvicorn itself only logs."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

    config = uvicorn.Config(
        Simulator(options, bound_to_loopback=_is_loopback(host)).app(),
        lifespan="off",
        ws="none",
        loop="asyncio",
        http="h11",
        log_config=None,
        # Cutting a connection on purpose is an exception to uvicorn, and not one to report.
        log_level=100,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return Server(config)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio turns Nagle off on what is accepted; else a small answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as why:
        listener.close()
        raise ModelServerError(
            f"The simulator cannot listen on {host}:{port}: {why.strerror or why}. Nothing was changed; "
            "give it another port."
        ) from None
    return listener


def _url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
