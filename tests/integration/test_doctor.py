"""What the doctor says of databases that hold no book yet."""

from __future__ import annotations

from pathlib import Path

import psycopg

from bootstrap.host import ProcessHost
from bootstrap.settings import Settings
from interfaces.book import Check


def checks(home: Path, url: str) -> dict[str, Check]:
    environment = {
        "DAYBOOK_HOME": str(home),
        "DAYBOOK_DATABASE_URL": url,
        "DAYBOOK_OLLAMA_URL": "http://127.0.0.1:9",
    }
    return {check.name: check for check in ProcessHost(Settings(environment)).doctor()}


def test_an_empty_database_is_well(tmp_path: Path, empty_database_url: str) -> None:
    found = checks(tmp_path, empty_database_url)

    assert found["database"].ok
    assert found["migrations"] == Check("migrations", True, "no book yet: the first command makes it")
    assert "keys" not in found


def test_somebody_elses_database_is_not(tmp_path: Path, empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("create table theirs (n integer)")

    found = checks(tmp_path, empty_database_url)

    assert not found["migrations"].ok
    assert found["migrations"].fix == "daybook db migrate --adopt"


def test_a_model_server_that_is_not_there_hides_nothing_else(tmp_path: Path, database_url: str) -> None:
    found = checks(tmp_path, database_url)

    assert not found["model server"].ok
    assert found["model server"].fix == "ollama serve   (or set DAYBOOK_OLLAMA_URL)"
    assert found["keys"].ok
    assert not found["key backup"].ok
    assert not found["key backup"].required
