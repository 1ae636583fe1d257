"""`daybook serve`: one process, one socket, one event loop, stopped gracefully.

Invariant: the address is taken before anything is served, so a second server on it is told so at once; on
SIGTERM or SIGINT answers are ended and recorded first, then connections are closed, all within ten seconds.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import uvicorn

from bootstrap.checkpoint_timer import CheckpointTimer
from bootstrap.doctor import examine
from bootstrap.machine import machine_recommendation
from bootstrap.patient_protocol import PatientProtocol
from bootstrap.server_log import log_to_stderr
from bootstrap.settings import Settings
from domain.errors import DaybookError
from infrastructure.peers import is_own_user
from interfaces.book import Check
from interfaces.http.app import create_app
from interfaces.http.logs import tell
from interfaces.http.options import Address, HttpOptions, must_be_guarded, parse_address
from interfaces.http.peers import parse_networks

if TYPE_CHECKING:
    from types import FrameType

    from fastapi import FastAPI

    from bootstrap.container import Container

Say = Callable[[str], None]

_logger = logging.getLogger("daybook.serve")

_BACKLOG = 1024
_CONNECTIONS_SECONDS = 2

# Below the 1,024 files that a process may have open on most systems.
_CONNECTIONS = 800
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class HttpServer(uvicorn.Server):
    """uvicorn, which tells when it accepts, ends answers before connections, and leaves by returning.

    Left to itself uvicorn waits for streams to end before it tells the application to stop, and raises the
    signal again afterwards, which would kill the process before the book is closed.
    """

    def __init__(self, app: FastAPI, ready: Callable[[], None] = lambda: None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="on",
                loop="uvloop",
                http=PatientProtocol,
                limit_concurrency=_CONNECTIONS,
                ws="none",
                log_config=None,
                log_level=logging.WARNING,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=_CONNECTIONS_SECONDS,
            )
        )
        self._app = app
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections, and say so."""
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the answers, then the connections, then what runs behind them."""
        await self._app.state.server.close_answers()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals that end a process as the wish to stop."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Stop; a second Ctrl-C stops waiting for connections."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def serve(settings: Settings, book: Container, ready: Say) -> None:
    """Serve a book until SIGTERM or SIGINT, then close it.

    Raises:
        InvalidInputError: the address is none, or would let other machines in without a token.
        DaybookError: another program listens there.
    """
    with contextlib.closing(book):
        options = http_options(settings, book)
        must_be_guarded(options)
        log_to_stderr(settings.get("log_format"))
        with contextlib.closing(listen(options.listen)) as listener:
            _warn_of_an_open_log(book)
            _look_after(book)
            url = Address(options.listen.host, listener.getsockname()[1]).url
            app = create_app(book, options)
            app.state.server.prepare()

            def accepting() -> None:
                ready(f"Daybook listens on {url}")
                tell("listening", url=url, version=options.version)

            server = HttpServer(app, accepting)
            with CheckpointTimer(book, 60 * settings.number("checkpoint_minutes")):
                server.run(sockets=[listener])


def _look_after(book: Container) -> None:
    """Look after the book before anybody is let in, unless building read models would take long.

    The pump builds them then, while `/healthz` answers and `/readyz` says what is waited for.
    """
    if any(one.being_built for one in book.read_models.status().read_models):
        book.keyring.unlock()
    else:
        book.look_after()


def http_options(settings: Settings, book: Container) -> HttpOptions:
    """Return what the settings say about the HTTP server."""
    from importlib.metadata import version

    return HttpOptions(
        version=version("daybook-assistant"),
        token=settings.get("token"),
        model=settings.get("model"),
        allowed_hosts=settings.get("allowed_hosts").split(","),
        public_url=settings.get("public_url"),
        trusted_proxies=parse_networks(settings.get("trusted_proxies")),
        is_own_user=is_own_user,
        listen=parse_address(settings.get("listen")),
        checks=lambda: _checks(book),
        doctor=lambda: examine(settings),
        recommend=lambda: machine_recommendation(settings),
        requests_a_minute=settings.number("rate_limit"),
        titles=settings.get("titles") == "on",
        notice=settings.get("notice"),
    )


def listen(address: Address) -> socket.socket:
    """Take an address; port 0 takes a free one.

    Raises:
        DaybookError: somebody else has it, or it is not this machine's.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # With the protocol named, asyncio turns Nagle off on what is accepted; else a small answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.host, address.port))
        listener.listen(_BACKLOG)
    except OSError as problem:
        listener.close()
        raise _cannot_listen(address, problem) from None
    return listener


def _cannot_listen(address: Address, problem: OSError) -> DaybookError:
    where = address.url.removeprefix("http://")
    free = f"DAYBOOK_LISTEN=127.0.0.1:{address.port + 1} daybook serve"
    if problem.errno == errno.EADDRINUSE:
        return DaybookError(
            f"Another program already listens on {where}, "
            "perhaps another `daybook serve`. Nothing was changed.",
            hint=free,
        )
    why = problem.strerror or str(problem)
    return DaybookError(f"Daybook cannot listen on {where}: {why}. Nothing was changed.", hint=free)


def _checks(book: Container) -> Sequence[Check]:
    from infrastructure.postgres.migrate import status

    found = status(book.database)
    if found.current:
        return [Check("migrations", ok=True, detail=f"{len(found.applied)} applied, none pending")]
    return [
        Check(
            "migrations", ok=False, detail="the database has another release's form", fix="daybook db migrate"
        )
    ]


def _warn_of_an_open_log(book: Container) -> None:
    from bootstrap.doctor import log_rights

    found = log_rights(book.database)
    if not found.ok:
        _logger.warning("%s; to mend it: %s", found.detail, found.fix)
