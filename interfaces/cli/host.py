"""What the command line needs beyond an open book: settings, the database's administration, keys, servers.

The wiring implements it. Nothing here connects to anything before a method is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from interfaces.book import Book, Check

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from application.model_sizes import Recommendation
    from application.ports.audit import OfflineChecks
    from application.ports.keys import KeysProgress
    from interfaces.cli.backup_host import Backups


@dataclass(frozen=True)
class SettingView:
    """One setting as `daybook config list` shows it; secrets come hidden."""

    key: str
    value: str
    origin: str
    help: str
    variables: tuple[str, ...]


LogProtection: TypeAlias = Literal["login", "role", "none"]
"""What keeps the application from changing the log.

`login`: it connects as one that has no right to. `role`: it gives the right up when it connects, and whoever
has its password could take it back. `none`: it connects as the log's owner.
"""


@dataclass(frozen=True)
class DatabaseView:
    """What `daybook db status` says. `kind` is `embedded` or `server`."""

    kind: str
    running: bool
    url: str
    server_version: str | None
    applied: Sequence[str]
    pending: Sequence[str]
    data_dir: str | None = None
    log_file: str | None = None
    pid: int | None = None
    problem: str | None = None
    log_protection: LogProtection | None = None


@dataclass(frozen=True)
class MigratedView:
    """What `daybook db migrate` did. A warning says what could not be done, and what to do about it."""

    applied: Sequence[str]
    warnings: Sequence[str]
    log_protection: LogProtection | None


@dataclass(frozen=True)
class Scrubbed:
    """What `daybook db scrub` did: segments of the write-ahead log there are, and older ones it kept."""

    segment_count: int
    kept: Sequence[str]


@dataclass(frozen=True)
class MasterReplaced:
    """A master key that is in force from now on, and where it is.

    `finished`: no table was in use and kept dead rows. `resumed`: a replacement that had been killed was
    ended, and none begun. `setting` names what has to be set to `file` now; None: nothing has.
    """

    file: Path
    epoch: int
    rewrapped_count: int
    finished: bool
    resumed: bool
    setting: str | None


@dataclass(frozen=True)
class ServerView:
    """One saved server. Its token is not shown."""

    name: str
    url: str
    in_use: bool
    has_token: bool


@dataclass(frozen=True)
class AddedServer:
    """A server that was saved now: its version, what the token may do there, and what to be warned of."""

    name: str
    url: str
    version: str
    scopes: tuple[str, ...]
    warning: str
    file: Path


class Servers(Protocol):
    """`daybook server …`: the servers that were saved for this user."""

    def all(self) -> Sequence[ServerView]:
        """Return the saved servers, by name."""
        ...

    def add(self, name: str, url: str, token: str | None) -> AddedServer:
        """Save a server, once it has said who it is and what the token may do.

        Raises:
            InvalidInputError: this is no name, or no URL.
            ServerError: no Daybook answers there.
            NotAdmittedError: it does not let in whoever shows this token.
        """
        ...

    def use(self, name: str) -> None:
        """Let commands go to a saved server from now on; `local`: to the book of this machine.

        Raises:
            NotFoundError: none was saved under this name.
        """
        ...

    def remove(self, name: str) -> None:
        """Forget a saved server and its token; the errors are the same."""
        ...


class DatabaseAdmin(Protocol):
    """`daybook db …`."""

    def migrate(self, *, adopt: bool, say: Callable[[str], None]) -> MigratedView:
        """Apply pending migrations, and give the application its rights.

        Raises:
            RefusedError: the login that is named does not own the book.
        """
        ...

    def status(self) -> DatabaseView:
        """Say what is there, without changing or starting anything."""
        ...

    def start(self) -> str:
        """Start the embedded server; return its URL. A named server cannot be started: `RefusedError`."""
        ...

    def stop(self) -> bool:
        """Stop the embedded server; False where none ran."""
        ...

    def shell_command(self) -> tuple[Sequence[str], Mapping[str, str]]:
        """Return the command line of psql connected to the book, and the environment that holds its password.

        Raises:
            NotFoundError: psql is not installed.
        """
        ...

    def scrub(self) -> Scrubbed:
        """Write over what the server's write-ahead log still holds of the past.

        Raises:
            RefusedError: the role may not; a superuser has to.
        """
        ...

    def path(self) -> Path:
        """Return the embedded server's data directory."""
        ...

    @property
    def is_embedded(self) -> bool:
        """Whether Daybook runs the database itself."""
        ...

    def url(self) -> str:
        """Return the connection URL, starting the embedded server, whose superuser it names."""
        ...


class Keys(Protocol):
    """`daybook keys …`."""

    def export(self, path: Path, passphrase: str) -> None:
        """Write the master key, encrypted under a passphrase, to a new file of mode 0600."""
        ...

    def restore(self, path: Path, passphrase: str) -> None:
        """Install the master key from such a file, where none other is installed and it is this book's."""
        ...

    def tombstones(self) -> Sequence[str]:
        """Return what was erased as `daybook restore --tombstones` reads it: OWNER-ID TIME ACTOR."""
        ...

    @property
    def replacement_begun(self) -> bool:
        """Whether a replacement of the master key of this home was begun and not finished."""
        ...

    def replace_master(self, to: Path | None, progress: KeysProgress) -> MasterReplaced:
        """Make a new master key, put it in force and destroy the former; ends what was killed half-way.

        With `to` the new key is written there, and the former, wherever it is, is left to its owner.
        """
        ...


class Host(Protocol):
    """Everything outside the book."""

    @property
    def version(self) -> str:
        """Daybook's version."""
        ...

    def configure(self, flags: Mapping[str, str]) -> None:
        """Take the flags given before the command (by setting key)."""
        ...

    def setting(self, key: str) -> str:
        """Return one setting's value."""
        ...

    def settings(self) -> Sequence[SettingView]:
        """Return every setting with its origin."""
        ...

    def remember(self, key: str, value: str) -> Path:
        """Write a setting into the configuration file; return the file."""
        ...

    def forget(self, key: str) -> bool:
        """Take a setting out of the configuration file."""
        ...

    @property
    def config_file(self) -> Path:
        """The configuration file; it need not exist."""
        ...

    def paths(self) -> Mapping[str, Path]:
        """Return where data, logs, keys, configuration and state are."""
        ...

    def open_book(self, say: Callable[[str], None]) -> Book:
        """Open the book (starting the embedded database, migrating an empty one); closed by the caller.

        `say` is told what takes longer than a moment.
        """
        ...

    def glance(self) -> Book:
        """Return the book as it is, for completion in a shell: nothing is started, waited for or changed.

        Raises:
            DaybookError: it cannot be had at once.
        """
        ...

    def installed_models(self) -> Sequence[str]:
        """Return the names of the models that can be asked now. The errors are the same."""
        ...

    def make_titles(self) -> None:
        """Let a process of its own give titles to conversations that have none; returns at once."""
        ...

    @property
    def servers(self) -> Servers:
        """The servers that were saved for this user."""
        ...

    def default_model(self) -> str:
        """Return the model that answers when none is named: of this machine's settings, or of the server."""
        ...

    def remember_model(self, name: str) -> Path | None:
        """Make a model the default one; return the file that says so. None: a server decides that."""
        ...

    @property
    def database(self) -> DatabaseAdmin:
        """The database's administration.

        Raises:
            RefusedError: the book is behind a server, and so is its database.
        """
        ...

    @property
    def keys(self) -> Keys:
        """The master key's export and import. The errors are the same."""
        ...

    @property
    def backups(self) -> Backups:
        """Whole books in files. The errors are the same."""
        ...

    @property
    def master_replacement_begun(self) -> bool:
        """Whether a replacement of this home's master key was begun and not finished."""
        ...

    @property
    def offline(self) -> OfflineChecks:
        """Checks of receipts and exports, which need no book."""
        ...

    def model_server(self) -> Any:
        """Return the model server without opening the book (`interfaces.parts.Models`)."""
        ...

    def recommend(self) -> Recommendation:
        """Fit this machine, or the server's, to the sizes of DeepSeek-R1."""
        ...

    def doctor(self) -> Sequence[Check]:
        """Look at everything a working book needs; never raises."""
        ...

    def simulate(
        self, *, host: str, port: int, options: Mapping[str, Any], ready: Callable[[str], None]
    ) -> None:
        """Run the simulator until it is stopped."""
        ...

    def address(self) -> str:
        """Return where a browser reaches the server, as the settings say, without a slash at its end.

        Raises:
            InvalidInputError: they do not say it.
        """
        ...

    def serve(self, *, ready: Callable[[str], None]) -> None:
        """Run the HTTP server until it is stopped.

        Raises:
            RefusedError: the book is behind a server.
        """
        ...

    def demo_host(self, home: Path, say: Callable[[str], None]) -> AbstractContextManager[DemoHost]:
        """Lend a host on a throw-away home, with a simulator of its own running."""
        ...


class DemoHost(Host, Protocol):
    """A host whose log may be spoilt."""

    def flip_a_byte(self, log_index: int) -> None:
        """Alter one event behind the log's back, as the database's superuser."""
        ...
