"""A book of this machine and one behind a server, for commands that are given to both."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.cli.conftest import cli_simulator, new_cli, nobody
from tests.support.cli_process import Daybook
from tests.support.http_server import RunningServer

__all__ = ["cli_simulator", "new_cli", "nobody"]


@pytest.fixture(scope="session")
def here(new_cli: Callable[[], Daybook]) -> Daybook:
    """A book of this machine."""
    return new_cli()


@pytest.fixture(scope="session")
def served(
    new_cli: Callable[[], Daybook], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server with a book of its own."""
    made = new_cli()
    with RunningServer(
        made.settings["DAYBOOK_DATABASE_URL"],
        tmp_path_factory.mktemp("served"),
        made.settings["DAYBOOK_OLLAMA_URL"],
        heartbeat_every=0.2,
        settings={"DAYBOOK_MODEL_CONCURRENCY": "1"},
    ) as running:
        yield running


@pytest.fixture(scope="session")
def there(served: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Daybook:
    """The command line against the server: it has no database and no model server of its own."""
    return Daybook(
        {
            "DAYBOOK_HOME": str(tmp_path_factory.mktemp("client")),
            "DAYBOOK_SERVER": served.url,
            "DAYBOOK_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
            "DAYBOOK_OLLAMA_URL": "http://127.0.0.1:9",
        }
    )
