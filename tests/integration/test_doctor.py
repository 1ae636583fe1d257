"""What the doctor says of databases that hold no book yet."""

from __future__ import annotations

import uuid
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from bootstrap.host import ProcessHost
from bootstrap.settings import Settings
from infrastructure.postgres.database import Database
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


def test_a_server_that_would_log_what_people_write_is_told_of(
    tmp_path: Path, empty_database_url: str
) -> None:
    role = f"daybook_role_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(f"create role {role} login".encode())
        connection.execute(f"alter role {role} set log_min_duration_statement = 0".encode())
    plain = make_conninfo(empty_database_url, user=role)
    try:
        assert checks(tmp_path, empty_database_url)["server log"].ok  # a superuser's sessions keep it out
        found = checks(tmp_path, plain)["server log"]
        assert not found.ok
        assert not found.required
        with psycopg.connect(empty_database_url, autocommit=True) as connection:
            connection.execute(found.fix.partition(": ")[2].encode())

        assert checks(tmp_path, plain)["server log"].ok
    finally:
        with psycopg.connect(empty_database_url, autocommit=True) as connection:
            connection.execute(f"drop role {role}".encode())


def test_a_role_that_was_granted_it_keeps_its_parameters_out_of_the_log(empty_database_url: str) -> None:
    role = f"daybook_role_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(f"create role {role} login".encode())
        connection.execute(f"grant set on parameter log_parameter_max_length to {role}".encode())
    database = Database(make_conninfo(empty_database_url, user=role))
    try:
        with database.connection() as connection:
            row = connection.execute("show log_parameter_max_length").fetchone()
        assert row == ("0",)
    finally:
        database.close()
        with psycopg.connect(empty_database_url, autocommit=True) as connection:
            connection.execute(f"drop owned by {role}".encode())
            connection.execute(f"drop role {role}".encode())
