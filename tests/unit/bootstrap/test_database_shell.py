"""What `daybook db shell` starts: psql, with the password where other users cannot read it."""

from pathlib import Path

import pytest

from bootstrap.database_admin import BookDatabase
from bootstrap.home import Home
from bootstrap.settings import Settings
from infrastructure.postgres.database import without_password


@pytest.fixture
def psql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    program = tmp_path / "psql"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return str(program)


def test_the_password_is_in_the_environment_and_not_on_the_command_line(psql: str, tmp_path: Path) -> None:
    url = "postgresql://ada:pass%20word@db.example:5433/book?sslmode=require"
    settings = Settings({"DAYBOOK_DATABASE_URL": url, "TERM": "xterm"})
    command, environment = BookDatabase(settings, Home(tmp_path)).shell_command()
    assert command[0] == psql
    assert set(command[1].split()) == {
        "user=ada",
        "host=db.example",
        "port=5433",
        "dbname=book",
        "sslmode=require",
    }
    assert environment["PGPASSWORD"] == "pass word"
    assert environment["TERM"] == "xterm"


def test_without_a_password_none_is_made_up() -> None:
    assert without_password("postgresql:///book?host=%2Frun%2Fpg") == ("dbname=book host=/run/pg", None)
