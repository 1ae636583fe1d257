"""A book of this machine and one behind a server, for commands that are given to both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.cli.conftest import cli_simulator, new_cli, nobody
from tests.support.cli_process import Daybook
from tests.support.http_server import RunningServer

__all__ = ["cli_simulator", "new_cli", "nobody"]


@pytest.fixture(scope="session")
def here(new_cli: Callable[[], Daybook]) -> Daybook:
    """A book of this machine."""
    return new_cli()


def _serving(made: Daybook, folder: Path) -> RunningServer:
    return RunningServer(
        made.settings["DAYBOOK_DATABASE_URL"],
        folder,
        made.settings["DAYBOOK_OLLAMA_URL"],
        heartbeat_every=0.2,
        settings={"DAYBOOK_MODEL_CONCURRENCY": "1"},
    )


def _against(server: RunningServer, home: Path) -> Daybook:
    return Daybook(
        {
            "DAYBOOK_HOME": str(home),
            "DAYBOOK_SERVER": server.url,
            "DAYBOOK_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
            "DAYBOOK_OLLAMA_URL": "http://127.0.0.1:9",
        }
    )


@pytest.fixture(scope="session")
def served(
    new_cli: Callable[[], Daybook], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server with a book of its own."""
    with _serving(new_cli(), tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture(scope="session")
def there(served: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Daybook:
    """The command line against the server: it has no database and no model server of its own."""
    return _against(served, tmp_path_factory.mktemp("client"))


@pytest.fixture(scope="session")
def twins(
    new_cli: Callable[[], Daybook], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Daybook, Daybook]]:
    """A book here and one behind a server that are given the same and nothing else."""
    with _serving(new_cli(), tmp_path_factory.mktemp("twin")) as running:
        yield new_cli(), _against(running, tmp_path_factory.mktemp("client"))


@pytest.fixture
def empty_here(new_cli: Callable[[], Daybook]) -> Daybook:
    """A book of this machine in which nothing was ever written."""
    return new_cli()


@pytest.fixture
def empty_there(new_cli: Callable[[], Daybook], tmp_path: Path) -> Iterator[Daybook]:
    """The command line against a server whose book is empty."""
    with _serving(new_cli(), tmp_path / "served") as running:
        yield _against(running, tmp_path / "client")
