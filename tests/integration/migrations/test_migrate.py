"""Migrations are applied once, in order, by one runner at a time, and never to somebody else's database
unasked."""

from infrastructure.postgres.database import Database
from infrastructure.postgres.migrate import known_migrations, migrate, status


def test_an_empty_database_gets_every_migration_once(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    assert migrate(database) == [m.label for m in known_migrations()]
    assert migrate(database) == []
    assert status(database).current
    database.close()
