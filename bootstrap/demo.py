"""The host of `daybook demo`: a throw-away home and a simulator, whatever the environment says."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from bootstrap.host import ProcessHost
from bootstrap.settings import Settings

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TERM", "NO_COLOR", "COLUMNS", "TZ", "TMPDIR", "XDG_RUNTIME_DIR")
_ALSO_KEPT = ("DAYBOOK_DB_USER", "DAYBOOK_DB_BINARIES")


class DemoHost(ProcessHost):
    """A host whose log may be spoilt."""

    def flip_a_byte(self, log_index: int) -> None:
        """Alter one event behind the log's back, as the database's superuser."""
        from infrastructure.postgres.database import Database
        from infrastructure.proofs.demonstration import flip_a_byte

        with contextlib.closing(Database(self.database.url())) as database:
            flip_a_byte(database, log_index)


@contextlib.contextmanager
def demo_host(settings: Settings, home: Path, say: Callable[[str], None]) -> Iterator[DemoHost]:
    """Yield a host on `home` with a simulator running; stops both in the end.

    The home is the caller's to delete.
    """
    from infrastructure.simulator.options import SimulatorOptions
    from infrastructure.simulator.server import RunningSimulator

    kept = {name: settings.environment[name] for name in _KEPT + _ALSO_KEPT if name in settings.environment}
    with RunningSimulator(SimulatorOptions()) as simulator:
        environment = {**kept, "DAYBOOK_HOME": str(home), "DAYBOOK_OLLAMA_URL": simulator.url}
        environment["DAYBOOK_TITLES"] = "off"  # nothing may outlive the home
        host = DemoHost(Settings(environment))
        try:
            yield host
        finally:
            say("stopping the demo's database")
            host.database.stop()
