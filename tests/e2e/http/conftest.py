"""A server, a simulator and a database of their own for the tests of the HTTP interface."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from infrastructure.simulator.options import SimulatorOptions
from infrastructure.simulator.server import RunningSimulator
from interfaces.http.tries import Tries
from tests.support.databases import drop_database, make_database
from tests.support.http_server import RunningServer
from tests.support.postgres_server import ONLY_PROCESSES_CRASH, PostgresServer, quick_place, with_database

StartServer = Callable[..., RunningServer]


@pytest.fixture(scope="module")
def new_database(server_url: str, template_database: str) -> Iterator[Callable[[], str]]:
    """Return a function that makes a migrated database and returns its URL."""
    made = []

    def make() -> str:
        made.append(make_database(server_url, template_database))
        return with_database(server_url, made[-1])

    yield make
    for name in made:
        drop_database(server_url, name)


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    """A model server that answers quickly, has a model for each way to fail, and a slow one."""
    options = SimulatorOptions(rate=0, slow_rate=200, fault_models=True)
    with RunningSimulator(options) as running:
        yield running


@pytest.fixture(scope="module")
def server(
    new_database: Callable[[], str], simulator: RunningSimulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """The server that most tests of a module share."""
    home = tmp_path_factory.mktemp("home")
    with RunningServer(new_database(), home, simulator.url, heartbeat_every=0.2) as running:
        yield running


@pytest.fixture(scope="module")
def api(server: RunningServer) -> Iterator[httpx.Client]:
    """A client of the shared server."""
    with server.client() as client:
        yield client


@pytest.fixture
def start_server(
    new_database: Callable[[], str], simulator: RunningSimulator, tmp_path: Path
) -> Iterator[StartServer]:
    """Return a function that starts a server of the test's own."""
    with ExitStack() as stack:

        def start(*, database_url: str | None = None, **options: Any) -> RunningServer:
            server = RunningServer(database_url or new_database(), tmp_path, simulator.url, **options)
            return stack.enter_context(server)

        yield start


@pytest.fixture
def unused_port() -> int:
    """A port of this machine where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A database server that a test may stop."""
    with PostgresServer(options=ONLY_PROCESSES_CRASH, folder=quick_place()) as postgres:
        yield postgres


@pytest.fixture(scope="module")
def closed(server: RunningServer) -> Iterator[RunningServer]:
    """The module's server, which lets in nobody of this machine without a token."""
    options = server.app.state.server.options
    object.__setattr__(options, "is_own_user", lambda *_: False)
    yield server
    object.__setattr__(options, "is_own_user", lambda *_: None)


@pytest.fixture
def client(closed: RunningServer) -> Iterator[httpx.Client]:
    """A client of the closed server that has nothing to show, and no wrong token behind it."""
    closed.app.state.server.tries = Tries()
    with closed.client() as client:
        yield client


@pytest.fixture
def environment(
    new_database: Callable[[], str], simulator: RunningSimulator, tmp_path: Path
) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}  # noqa: TID251 - for a child
    return kept | {
        "HOME": str(tmp_path),
        "DAYBOOK_HOME": str(tmp_path / "home"),
        "DAYBOOK_DATABASE_URL": new_database(),
        "DAYBOOK_OLLAMA_URL": simulator.url,
    }
