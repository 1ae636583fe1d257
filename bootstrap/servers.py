"""The servers that were saved for the command line: their addresses and tokens, and which one is in use.

Invariants: the file is of mode 0600 from its first byte on; a token is in it and nowhere else, and is never
shown; it is sent to the address that it was saved with, and to no other.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from application.errors import in_words
from bootstrap.home import SERVERS
from domain.errors import InvalidInputError, NotFoundError
from interfaces.cli.host import AddedServer, ServerView
from interfaces.remote.connection import Connection, ServerAddress

if TYPE_CHECKING:
    from application.ports.clock import Clock
    from bootstrap.settings import Settings
    from interfaces.remote.book import RemoteBook

LOCAL = "local"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_name(text: str) -> bool:
    """Tell whether this may be a server's name."""
    return _NAME.fullmatch(text) is not None and "://" not in text


def url_fault(text: str) -> str:
    """Return why a text is no server's URL; empty where it is one."""
    try:
        parts = urlsplit(text.strip())
        _ = parts.port
    except ValueError:
        return "it cannot be read"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "it must begin with http:// or https://"
    if parts.username or parts.password:
        return "it must not hold a password; the token is given apart from it"
    if parts.query or parts.fragment:
        return "it must end with the host, or with a path"
    return ""


def normalised(url: str) -> str:
    """Return a URL without a slash at its end."""
    return url.strip().rstrip("/")


def is_in_clear(url: str) -> bool:
    """Tell whether others on the way can read what is sent there."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in _LOOPBACK


def warning_of(address: ServerAddress) -> str:
    """Return what to warn of before a token is sent; empty where it is well."""
    if not (address.token and is_in_clear(address.url)):
        return ""
    return (
        f"warning: {address.url} is not encrypted, so everybody on the way to it can read your token and all "
        "that you write. Serve it by https."
    )


class SavedServers:
    """The servers of one configuration directory. Implements `interfaces.cli.host.Servers`."""

    def __init__(self, settings: Settings, version: str, clock: Clock) -> None:
        self._settings = settings
        self._version = version
        self._clock = clock

    @property
    def file(self) -> Path:
        """Where they are kept; it need not exist."""
        return self._settings.config_file.with_name(SERVERS)

    def all(self) -> Sequence[ServerView]:
        """Return the saved servers, by name."""
        used = self._settings.get("server")
        return [
            ServerView(name, str(saved["url"]), name == used, "token" in saved)
            for name, saved in sorted(self._read().items())
        ]

    def add(self, name: str, url: str, token: str | None) -> AddedServer:
        """Save a server, once it has said who it is and what the token may do.

        Raises:
            InvalidInputError: this is no name, or no URL.
            ServerError: no Daybook answers there, or not to this token.
        """
        if not is_name(name) or name == LOCAL:
            raise InvalidInputError(
                f"{name!r} is no name for a server: letters, digits, dots and dashes, and not `local`. "
                "Nothing was saved."
            )
        wrong = url_fault(url)
        if wrong:
            raise InvalidInputError(f"{url!r} is no server's URL: {wrong}. Nothing was saved.")
        address = ServerAddress(normalised(url), token, name)
        with contextlib.closing(self.open(address)) as book:
            me = book.me
        saved = {"url": address.url} if token is None else {"url": address.url, "token": token}
        self._write({**self._read(), name: saved})
        return AddedServer(name, address.url, me.version, tuple(me.scopes), warning_of(address), self.file)

    def use(self, name: str) -> None:
        """Let commands go to a saved server from now on; `local`: to the book of this machine.

        Raises:
            NotFoundError: none was saved under this name.
        """
        if name == LOCAL:
            self._settings.forget("server")
            return
        self._must_know(name)
        self._settings.remember("server", name)

    def remove(self, name: str) -> None:
        """Forget a saved server and its token.

        Raises:
            NotFoundError: none was saved under this name.
        """
        self._must_know(name)
        self._write({known: saved for known, saved in self._read().items() if known != name})
        if self._settings.find("server").value == name:
            self._settings.forget("server")

    def in_use(self) -> ServerAddress | None:
        """Return the server that commands go to, or None where it is the book of this machine.

        Raises:
            NotFoundError: the settings name one that was not saved.
        """
        named = self._settings.get("server").strip()
        if named in {"", LOCAL}:
            return None
        saved = self._read()
        if named in saved:
            one = saved[named]
            return ServerAddress(str(one["url"]), _token(one) or self._token(), named)
        if is_name(named):
            self._must_know(named)
        url = normalised(named)
        known = next((name for name, one in saved.items() if one["url"] == url), None)
        token = self._token() or (None if known is None else _token(saved[known]))
        return ServerAddress(url, token, known)

    def open(self, address: ServerAddress, *, patience: float | None = None) -> RemoteBook:
        """Return the book behind a server; nothing is sent before it is asked something."""
        from interfaces.remote.book import RemoteBook

        return RemoteBook(self.connection(address, patience=patience), self._clock)

    def connection(self, address: ServerAddress, *, patience: float | None = None) -> Connection:
        """Return a connection to a server. `patience`: seconds to wait for it; None: as usual."""
        if patience is not None:
            return Connection(address, version=self._version, connect_timeout=patience, patience=0)
        return Connection(
            address, version=self._version, connect_timeout=self._settings.number("connect_timeout")
        )

    def _token(self) -> str | None:
        return self._settings.get("server_token") or None

    def _must_know(self, name: str) -> None:
        if name not in self._read():
            raise NotFoundError(
                f"No server was saved under the name {name!r}. Nothing was changed.",
                hint="daybook --server local server list   (or daybook server add NAME URL)",
            )

    def _read(self) -> dict[str, Mapping[str, Any]]:
        import tomllib

        try:
            values = tomllib.loads(self.file.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as problem:
            raise InvalidInputError(
                f"The saved servers in {self.file} cannot be read: {in_words(problem)}. Nothing was sent."
            ) from None
        except ValueError as problem:
            raise InvalidInputError(
                f"The saved servers in {self.file} are not valid TOML: {problem}. Nothing was sent.",
                hint=f"mv {self.file} {self.file}.old   (then daybook server add NAME URL)",
            ) from None
        return {
            name: saved
            for name, saved in values.items()
            if isinstance(saved, dict) and isinstance(saved.get("url"), str)
        }

    def _write(self, servers: Mapping[str, Mapping[str, Any]]) -> None:
        import tomli_w

        draft = self.file.with_suffix(".new")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            draft.unlink(missing_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(tomli_w.dumps(servers).encode())
            draft.replace(self.file)
        except OSError as problem:
            raise InvalidInputError(
                f"The saved servers cannot be written to {self.file}: {in_words(problem)}. "
                "Nothing was changed."
            ) from None


def _token(saved: Mapping[str, Any]) -> str | None:
    found = saved.get("token")
    return found if isinstance(found, str) and found else None
