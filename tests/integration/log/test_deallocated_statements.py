"""psycopg forgets all prepared statements of a connection after a rollback or a DROP, the append's too."""

import pytest

from infrastructure.postgres.database import Database
from infrastructure.postgres.log import EventLog
from tests.support.events import request


class DeliberateError(Exception):
    pass


def fail_in_transaction(database: Database) -> None:
    with database.transaction() as connection:
        for _ in range(10):  # often enough for psycopg to prepare it
            connection.execute("select 1")
        raise DeliberateError


def test_appends_go_on_after_a_rollback_on_the_same_connection(database_url: str) -> None:
    database = Database(database_url, max_connections=1)
    log = EventLog(database)
    log.append(request())
    with pytest.raises(DeliberateError):
        fail_in_transaction(database)
    with database.connection() as connection:
        assert connection.execute("select count(*) from pg_prepared_statements").fetchone() == (0,)

    log.append(request())
    log.append(request())

    assert log.size() == 3
    database.close()
