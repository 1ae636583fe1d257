"""The process around the command line: settings, homes, keys and servers.

Implements `interfaces.cli.host.Host`.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootstrap.home import SERVERS, Home
from bootstrap.settings import DEFINITIONS, Settings
from domain.errors import InvalidInputError, RefusedError
from interfaces.cli.host import SettingView

if TYPE_CHECKING:
    from application.model_sizes import Recommendation
    from bootstrap.backups import BackupAdmin
    from bootstrap.container import Container
    from bootstrap.database_admin import BookDatabase
    from bootstrap.demo import DemoHost
    from bootstrap.key_admin import KeyAdmin
    from bootstrap.servers import SavedServers
    from infrastructure.proofs.auditor import Offline
    from interfaces.book import Book, Check
    from interfaces.parts import Models
    from interfaces.remote.book import RemoteBook
    from interfaces.remote.connection import ServerAddress

Say = Callable[[str], None]
PATIENCE_SECONDS = 1.0
"""How long completion in a shell waits for a connection."""


class ProcessHost:
    """Everything outside the book, for one process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def version(self) -> str:
        """Daybook's version."""
        from importlib.metadata import version

        return version("daybook-assistant")

    def configure(self, flags: Mapping[str, str]) -> None:
        """Take the flags given before the command."""
        self._settings = Settings(self._settings.environment, flags)
        for name in ("_database", "_keys", "home", "servers", "_server"):
            self.__dict__.pop(name, None)

    @cached_property
    def home(self) -> Home:
        """The home directory in force."""
        return Home(self._settings.home)

    def setting(self, key: str) -> str:
        """Return one setting's value."""
        return self._settings.get(key)

    def settings(self) -> Sequence[SettingView]:
        """Return every setting with its origin, secrets hidden, and what the file has besides."""
        settings = self._settings.tolerant()
        return [
            SettingView(
                key=found.definition.key,
                value="(secret)" if found.definition.secret and found.value else found.value,
                origin=found.origin,
                help=found.definition.help,
                variables=found.definition.variables,
            )
            for found in settings.all()
        ] + [
            SettingView(
                key=name,
                value="(unknown)",
                origin=str(settings.config_file),
                help=f"There is no such setting: daybook config unset {shlex.quote(name)}",
                variables=(),
            )
            for name in settings.unknown()
        ]

    def remember(self, key: str, value: str) -> Path:
        """Write a setting into the configuration file; return the file."""
        self._settings.remember(key, value)
        return self._settings.config_file

    def forget(self, key: str) -> bool:
        """Take a setting out of the configuration file."""
        if self._settings.forget(key):
            return True
        if key not in {definition.key for definition in DEFINITIONS}:
            raise InvalidInputError(f"There is no setting {key!r}.", hint="daybook config list")
        return False

    @property
    def config_file(self) -> Path:
        """The configuration file; it need not exist."""
        return self._settings.config_file

    def paths(self) -> Mapping[str, Path]:
        """Return where data, logs, keys, configuration and state are."""
        found = {"home": self.home.root, "config": self._settings.config_file}
        if self._database.is_embedded:
            server = self._database.embedded()
            found |= {"data": server.data_dir, "log": server.log_file}
        if not self._settings.get("master_key"):
            found["master_key"] = self.home.master_key
        if not self._settings.get("signing_key"):
            found["signing_key"] = self.home.signing_key
        return {**found, "state": self.home.state, "servers": self._settings.config_file.with_name(SERVERS)}

    def open_book(self, say: Say) -> Book:
        """Open the book of this machine, or the one behind the server in use; closed by the caller."""
        return self.open_here(say) if self._server is None else self._open_there(self._server)

    def open_here(self, say: Say) -> Container:
        """Open the book of this machine, whatever server is in use."""
        from bootstrap.container import Container
        from bootstrap.database_admin import BookDatabase

        return Container(self._settings, self.home, BookDatabase(self._settings, self.home, say).open())

    def glance(self) -> Book:
        """Return the book as it is: nothing is started, waited for or changed."""
        if self._server is not None:
            return self.servers.open(self._server, patience=PATIENCE_SECONDS)
        from bootstrap.database_admin import BookDatabase
        from bootstrap.glance import GlancedBook

        return GlancedBook(
            self._settings, self.home, BookDatabase(self._settings, self.home), PATIENCE_SECONDS
        )

    def installed_models(self) -> Sequence[str]:
        """Return the names of the models that can be asked now."""
        if self._server is not None:
            from interfaces.remote.models import installed_names as names_there

            connection = self.servers.connection(self._server, patience=PATIENCE_SECONDS)
            with contextlib.closing(connection):
                return names_there(connection)
        from infrastructure.ollama.names import installed_names

        return installed_names(self._settings.get("ollama_url"), PATIENCE_SECONDS)

    def make_titles(self) -> None:
        """Let a process of its own give titles to conversations that have none; returns at once.

        A server gives them itself.
        """
        from bootstrap.titles import begin

        if self._server is None:
            begin(self._settings)

    @cached_property
    def servers(self) -> SavedServers:
        """The servers that were saved for this user."""
        from bootstrap.servers import SavedServers
        from infrastructure.clock import SystemClock

        return SavedServers(self._settings, self.version, SystemClock())

    @cached_property
    def _server(self) -> ServerAddress | None:
        """The server that commands go to. Nothing of it is imported where there is none."""
        return self.servers.in_use() if self._settings.get("server") not in {"", "local"} else None

    def _open_there(self, server: ServerAddress) -> RemoteBook:
        from bootstrap.servers import warning_of

        if told := warning_of(server):
            from interfaces.cli.console import say

            say(f"daybook: {told}")
        return self.servers.open(server)

    def default_model(self) -> str:
        """Return the model that answers when none is named."""
        if self._server is None:
            return self._settings.get("model")
        with contextlib.closing(self.servers.open(self._server)) as book:
            return book.me.model

    def remember_model(self, name: str) -> Path | None:
        """Make a model the default one, where that is for this machine to say."""
        return self.remember("model", name) if self._server is None else None

    @cached_property
    def _database(self) -> BookDatabase:
        from bootstrap.database_admin import BookDatabase

        return BookDatabase(self._settings, self.home)

    @property
    def database(self) -> BookDatabase:
        """The database's administration."""
        self._must_be_here("The database is")
        return self._database

    @cached_property
    def _keys(self) -> KeyAdmin:
        from bootstrap.key_admin import KeyAdmin

        return KeyAdmin(self._settings, self.home, self._database)

    @property
    def keys(self) -> KeyAdmin:
        """The master key's export and import."""
        self._must_be_here("The master key is")
        return self._keys

    @property
    def backups(self) -> BackupAdmin:
        """Whole books in files."""
        self._must_be_here("The book is")
        from bootstrap.backups import BackupAdmin

        return BackupAdmin(self._settings, self.home, self._database, self.version)

    @property
    def master_replacement_begun(self) -> bool:
        """Whether a replacement of this home's master key was begun and not finished."""
        return self._server is None and self._keys.replacement_begun

    def _must_be_here(self, what: str) -> None:
        if self._server is None:
            return
        named = self._server.name or self._server.url
        raise RefusedError(
            f"{what} on the machine of the server in use ({named}). Nothing was changed.",
            hint="Run it there. For the book of this machine: daybook --server local …",
        )

    @property
    def offline(self) -> Offline:
        """Checks of receipts and exports, which need no book."""
        from infrastructure.proofs.auditor import Offline

        return Offline()

    def model_server(self) -> Models:
        """Return the model server without opening the book."""
        if self._server is not None:
            from interfaces.remote.models import RemoteModels

            return RemoteModels(self.servers.connection(self._server), owned=True)
        from bootstrap.container import make_model_server

        return make_model_server(self._settings)

    def recommend(self) -> Recommendation:
        """Fit this machine, or the server's, to the sizes of DeepSeek-R1."""
        if self._server is not None:
            from interfaces.remote.models import recommendation

            with contextlib.closing(self.servers.connection(self._server)) as connection:
                return recommendation(connection)
        from bootstrap.machine import machine_recommendation

        return machine_recommendation(self._settings)

    def doctor(self) -> Sequence[Check]:
        """Look at everything a working book needs; never raises."""
        from bootstrap.doctor import examine
        from bootstrap.server_doctor import examine_server, is_elsewhere

        if is_elsewhere(self._settings):
            return examine_server(lambda: self._server, self.servers, self.version)
        return examine(self._settings)

    def simulate(self, *, host: str, port: int, options: Mapping[str, Any], ready: Say) -> None:
        """Run the simulator until it is stopped."""
        from infrastructure.simulator.options import SimulatorOptions
        from infrastructure.simulator.server import run

        run(host, port, SimulatorOptions(**options), ready)

    def address(self) -> str:
        """Return where a browser reaches `daybook serve`."""
        if self._server is not None:
            return self._server.url
        from interfaces.http.options import parse_address

        public = self._settings.get("public_url").rstrip("/")
        listen = parse_address(self._settings.get("listen"))
        if public:
            return public
        if listen.port == 0:
            raise InvalidInputError(
                "`daybook serve` takes any free port, so there is no address for a link. Nothing was made.",
                hint="daybook config set listen 127.0.0.1:8484   (or set DAYBOOK_PUBLIC_URL)",
            )
        return listen.url

    def serve(self, *, ready: Say) -> None:
        """Run the HTTP server until it is stopped."""
        self._must_be_here("`daybook serve` serves the book of its own machine; yours is")
        from application.errors import DatabaseError
        from bootstrap.serving import serve
        from bootstrap.starting import patiently

        wait = self._settings.number("startup_wait")
        if (kept := self._settings.get("releases")) and not self._database.is_embedded:
            from bootstrap.standing_in import serve_until_migrated
            from infrastructure.postgres.migrate import known_form

            environment = self._settings.environment
            found = patiently(self._database.form, wait, ready, kind=DatabaseError)
            serve_until_migrated(kept, found, self._database.form, known_form(), environment, ready)
        # Also what is not migrated yet: something else does that meanwhile.
        book = patiently(lambda: self.open_here(ready), wait, ready, kind=DatabaseError)
        serve(self._settings, book, ready)

    def demo_host(self, home: Path, say: Say) -> contextlib.AbstractContextManager[DemoHost]:
        """Return a host on a throw-away home, with a simulator of its own running."""
        from bootstrap.demo import demo_host

        return demo_host(self._settings, home, say)
