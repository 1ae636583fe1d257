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

from bootstrap.home import Home
from bootstrap.settings import DEFINITIONS, Settings
from domain.errors import InvalidInputError
from interfaces.cli.host import SettingView

if TYPE_CHECKING:
    from application.model_sizes import Recommendation
    from application.ports.model_server import ModelServer
    from bootstrap.container import Container
    from bootstrap.database_admin import BookDatabase
    from bootstrap.demo import DemoHost
    from bootstrap.key_admin import KeyAdmin
    from infrastructure.proofs.auditor import Offline
    from interfaces.book import Check

Say = Callable[[str], None]


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
        for name in ("database", "keys", "home"):
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
        if self.database.is_embedded:
            server = self.database.embedded()
            found |= {"data": server.data_dir, "log": server.log_file}
        if not self._settings.get("master_key"):
            found["master_key"] = self.home.master_key
        if not self._settings.get("signing_key"):
            found["signing_key"] = self.home.signing_key
        return {**found, "state": self.home.state}

    def open_book(self, say: Say) -> Container:
        """Open the book; closed by the caller."""
        from bootstrap.container import Container
        from bootstrap.database_admin import BookDatabase

        return Container(self._settings, self.home, BookDatabase(self._settings, self.home, say).open())

    def make_titles(self) -> None:
        """Let a process of its own give titles to conversations that have none; returns at once."""
        from bootstrap.titles import begin

        begin(self._settings)

    @cached_property
    def database(self) -> BookDatabase:
        """The database's administration."""
        from bootstrap.database_admin import BookDatabase

        return BookDatabase(self._settings, self.home)

    @cached_property
    def keys(self) -> KeyAdmin:
        """The master key's export and import."""
        from bootstrap.key_admin import KeyAdmin

        return KeyAdmin(self._settings, self.home, self.database)

    @property
    def offline(self) -> Offline:
        """Checks of receipts and exports, which need no book."""
        from infrastructure.proofs.auditor import Offline

        return Offline()

    def model_server(self) -> ModelServer:
        """Return the model server without opening the book."""
        from bootstrap.container import make_model_server

        return make_model_server(self._settings)

    def recommend(self) -> Recommendation:
        """Fit this machine to the sizes of DeepSeek-R1."""
        from bootstrap.machine import machine_recommendation

        return machine_recommendation(self._settings)

    def doctor(self) -> Sequence[Check]:
        """Look at everything a working book needs; never raises."""
        from bootstrap.doctor import examine

        return examine(self._settings)

    def simulate(self, *, host: str, port: int, options: Mapping[str, Any], ready: Say) -> None:
        """Run the simulator until it is stopped."""
        from infrastructure.simulator.options import SimulatorOptions
        from infrastructure.simulator.server import run

        run(host, port, SimulatorOptions(**options), ready)

    def address(self) -> str:
        """Return where a browser reaches `daybook serve`."""
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
        from bootstrap.serving import serve

        serve(self._settings, self.open_book(ready), ready)

    def demo_host(self, home: Path, say: Say) -> contextlib.AbstractContextManager[DemoHost]:
        """Return a host on a throw-away home, with a simulator of its own running."""
        from bootstrap.demo import demo_host

        return demo_host(self._settings, home, say)
