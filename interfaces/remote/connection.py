"""The connection to one server: requests, repeated where that is safe, and errors that say what to do.

Invariant: nothing is carried out twice. What changes something goes under an idempotency key, so that it can
be sent again when the connection was lost and nobody knows whether it had arrived.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from interfaces.remote.decoding import read
from interfaces.remote.events import EventLines, ServerEvent
from interfaces.remote.losses import lost, not_there, reason
from interfaces.remote.problems import MARK, body_of, error_of, foreign, slug_of
from interfaces.server_errors import ServerUnreachableError

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

LOG_SIZE = "Daybook-Log-Size"
PATIENCE_SECONDS = 15.0
QUIET_SECONDS = 45.0
"""The server sends something at least every 15 s while a stream is open."""
_SLOWEST_SECONDS = 180.0
_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 2.0
_FOR_NOW = frozenset({"already-under-way", "stopping"})
_ERROR = 400
_API = "/api/v1/"


@dataclass(frozen=True)
class ServerAddress:
    """Where a server is and what it is shown. `token` None: nothing. `name`: under which it was saved."""

    url: str
    token: str | None = None
    name: str | None = None

    def __repr__(self) -> str:
        return f"ServerAddress({self.url!r})"


class Asks(Protocol):
    """What queries ask through."""

    def get(self, path: str, kind: type[T], /, **values: Any) -> T:
        """Ask, and return the view that comes; None among the values is left out."""
        ...

    def saw(self, log_size: int) -> None:
        """Note a log size; every query from now on shows at least as much."""


class Connection:
    """Requests to one server. Threads may share one; streams of answers have clients of their own."""

    def __init__(
        self,
        address: ServerAddress,
        *,
        version: str,
        connect_timeout: float = 5.0,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.address = address
        self._version = version
        self._connect_timeout = connect_timeout
        self._patience = patience
        self.seen_size = 0
        self._met = False

    @property
    def url(self) -> str:
        """The server's address."""
        return self.address.url

    def saw(self, log_size: int) -> None:
        """Note a log size; every query from now on shows at least as much."""
        self.seen_size = max(self.seen_size, log_size)

    def client_options(self, *, quiet: float | None = _SLOWEST_SECONDS) -> dict[str, Any]:
        """Return what every client of this server is made with. `quiet`: seconds without a byte."""
        import ssl

        import httpx

        headers = {"User-Agent": f"daybook/{self._version}"}
        if self.address.token:
            headers["Authorization"] = f"Bearer {self.address.token}"
        return {
            "base_url": self.url,
            "headers": headers,
            "timeout": httpx.Timeout(quiet, connect=self._connect_timeout, pool=None),
            # The system's certificates, so that an authority of one's own needs to be installed only there.
            "verify": ssl.create_default_context() if self.url.startswith("https:") else False,
            "trust_env": False,
            "follow_redirects": False,
        }

    @cached_property
    def client(self) -> httpx.Client:
        """The client for all that is no stream of an answer."""
        import httpx

        return httpx.Client(**self.client_options())

    def close(self) -> None:
        """Close connections."""
        if "client" in self.__dict__:
            self.client.close()

    def get(self, path: str, kind: type[T], /, **values: Any) -> T:
        """Ask, and return the view that comes; None among the values is left out."""
        return read(self.asked("GET", path, params=values).content, kind)

    def asked(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        again: bool = True,
    ) -> httpx.Response:
        """Send a request and return its response, which is a good one.

        `again`: sending it twice does no harm, so it is sent until it is known to have arrived.

        Raises:
            DaybookError: what the server raised.
            ServerUnreachableError: it is not there, or was lost.
        """
        return self._patiently(
            lambda: self._checked(self._sent(method, path, params=params, body=body, headers=headers)),
            again=again,
            changes=method != "GET",
        )

    def long(
        self,
        path: str,
        *,
        body: Any = None,
        content: Callable[[], Iterator[bytes]] | None = None,
        headers: Mapping[str, str] | None = None,
        told: Callable[[dict[str, Any]], None] = lambda _: None,
        again: bool = False,
    ) -> dict[str, Any]:
        """Have long work done and return its result; `told` hears how far it is. The errors are the same.

        `content` makes the bytes of a body that is no JSON, anew each time it is sent.
        """

        def once() -> dict[str, Any]:
            with self.stream("POST", path, body=body, content=content, headers=headers) as events:
                for event in events:
                    if event.name == "progress":
                        told(event.data)
                    elif event.name == "failed":
                        from interfaces.remote.problems import of_problem

                        raise of_problem(event.data, int(event.data.get("status", 500)))
                    elif event.name == "done":
                        return event.data
            raise _LostError("the server ended the connection")

        return self._patiently(once, again=again)

    @contextmanager
    def stream(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        content: Callable[[], Iterator[bytes]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[Iterator[ServerEvent]]:
        """Lend the events of a response."""
        import httpx

        request = self.client.build_request(
            method,
            _API + path,
            json=body,
            content=content() if content is not None else None,
            headers={**self._headers(), **(headers or {}), "Accept": "text/event-stream"},
            timeout=httpx.Timeout(QUIET_SECONDS, connect=self._connect_timeout, pool=None),
        )
        with _losses(self.url):
            response = self.client.send(request, stream=True)
            try:
                if response.status_code >= _ERROR or MARK not in response.headers:
                    response.read()
                    self._checked(response)
                yield _events(response.iter_lines())
            finally:
                response.close()

    @contextmanager
    def download(self, path: str, *, method: str = "POST", body: Any = None) -> Iterator[Iterator[bytes]]:
        """Lend the bytes of a large response, however long its first one takes."""
        import httpx

        request = self.client.build_request(
            method,
            _API + path,
            json=body,
            headers=self._headers(),
            timeout=httpx.Timeout(None, connect=self._connect_timeout),
        )
        try:
            with _losses(self.url):
                response = self.client.send(request, stream=True)
                try:
                    if response.status_code >= _ERROR or MARK not in response.headers:
                        response.read()
                        self._checked(response)
                    yield response.iter_bytes()
                finally:
                    response.close()
        except _LostError as problem:
            raise lost(self.url, problem.why) from None

    def _headers(self) -> dict[str, str]:
        return {LOG_SIZE: str(self.seen_size)} if self.seen_size else {}

    def _sent(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None,
        body: Any,
        headers: Mapping[str, str] | None,
    ) -> httpx.Response:
        wanted = {name: _told(value) for name, value in (params or {}).items() if value is not None}
        with _losses(self.url):
            return self.client.request(
                method,
                _API + path,
                params=wanted or None,
                json=body,
                headers={**(self._headers() if method == "GET" else {}), **(headers or {})},
            )

    def _checked(self, response: httpx.Response) -> httpx.Response:
        """Return a good response of a Daybook, or raise what it tells."""
        if response.status_code >= _ERROR:
            body = body_of(response)
            if body is not None and slug_of(body) in _FOR_NOW:
                raise _NotNowError(error_of(response, self.url))
            problem = error_of(response, self.url)
            if isinstance(problem, ServerUnreachableError):
                raise _LostError(problem.message, problem)
            raise problem
        if MARK not in response.headers:
            raise foreign(response, self.url)
        self._met = True
        size = response.headers.get(LOG_SIZE, "")
        if size.isdigit():
            self.saw(int(size))
        return response

    def _patiently(self, once: Callable[[], T], *, again: bool, changes: bool = True) -> T:
        """Do something until it is known to have been done, or patience ends."""
        if not (changes or self._met):
            again = False  # nothing is known to be there that would come back
        deadline = time.monotonic() + self._patience
        pause = _PAUSE_SECONDS
        tried = False
        while True:
            try:
                return once()
            except _NotThereError as problem:
                if not tried or time.monotonic() > deadline:
                    raise problem.error from None
            except _NotNowError as problem:
                if not again or time.monotonic() > deadline:
                    raise problem.error from None
            except _LostError as problem:
                if problem.error is not None and not tried:
                    raise problem.error from None
                if not again or time.monotonic() > deadline:
                    raise lost(self.url, problem.why, changes=changes) from None
            tried = True
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


class _NotThereError(Exception):
    """No connection could be made, so nothing was sent."""

    def __init__(self, error: ServerUnreachableError) -> None:
        super().__init__()
        self.error = error


class _NotNowError(Exception):
    """The server asks to come again in a moment."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class _LostError(Exception):
    """The connection was lost, and nobody knows what had arrived."""

    def __init__(self, why: str, error: ServerUnreachableError | None = None) -> None:
        super().__init__()
        self.why = why
        self.error = error


def _told(value: Any) -> str | list[str]:
    """Return a parameter's value as it is sent; of a list each on its own."""
    if isinstance(value, list):
        return [str(one) for one in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextmanager
def _losses(url: str) -> Iterator[None]:
    import httpx

    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as problem:
        raise _NotThereError(not_there(url, problem)) from None
    except httpx.TransportError as problem:
        raise _LostError(reason(problem)) from None


def _events(lines: Iterator[str]) -> Iterator[ServerEvent]:
    parts = EventLines()
    for line in lines:
        event = parts.take(line)
        if event is not None:
            yield event
