"""One database, home and simulator for most tests of the command line; own ones where things break."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from infrastructure.simulator.options import SimulatorOptions
from infrastructure.simulator.server import RunningSimulator
from tests.support.cli_process import Daybook
from tests.support.databases import drop_database, make_database
from tests.support.postgres_server import ONLY_PROCESSES_CRASH, PostgresServer, quick_place, with_database


@pytest.fixture(scope="session")
def cli_simulator() -> Iterator[RunningSimulator]:
    """Quick, with a model for every way to fail; `simulator-slow` takes some seconds."""
    with RunningSimulator(SimulatorOptions(rate=0, slow_rate=100, fault_models=True)) as running:
        yield running


@pytest.fixture(scope="session")
def new_cli(
    server_url: str,
    template_database: str,
    cli_simulator: RunningSimulator,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[], Daybook]]:
    """Return a function that makes a Daybook with an empty book."""
    made: list[str] = []

    def make() -> Daybook:
        made.append(make_database(server_url, template_database))
        return Daybook(
            {
                "DAYBOOK_HOME": str(tmp_path_factory.mktemp("home")),
                "DAYBOOK_DATABASE_URL": with_database(server_url, made[-1]),
                "DAYBOOK_OLLAMA_URL": cli_simulator.url,
            }
        )

    yield make
    for name in made:
        drop_database(server_url, name)


@pytest.fixture(scope="session")
def shared_cli(new_cli: Callable[[], Daybook]) -> Daybook:
    """The book that most tests share."""
    return new_cli()


@pytest.fixture
def daybook(shared_cli: Daybook) -> Daybook:
    return shared_cli


@pytest.fixture
def empty_daybook(new_cli: Callable[[], Daybook]) -> Daybook:
    """A book of the test's own."""
    return new_cli()


@pytest.fixture
def nobody() -> str:
    """An address of this machine where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A database server that a test may stop."""
    with PostgresServer(options=ONLY_PROCESSES_CRASH, folder=quick_place()) as postgres:
        yield postgres
