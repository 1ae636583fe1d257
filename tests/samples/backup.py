"""Write a sample of the present form of backups, to be restored by tests for ever.

    python -m tests.samples.backup NAME

Its name says which release or migration it is of. It holds what `tests/support/backups.py` puts into a book,
and its keys under the passphrase there. What is there is never written again: it stands for people's files.
"""

import sys
import tempfile
from pathlib import Path

import psycopg

from tests.support.backups import PASSPHRASE, daybook_on, fill
from tests.support.postgres_server import NOT_DURABLE, PostgresServer, quick_place, with_database

FOLDER = Path(__file__).with_name("backups")


def main(name: str) -> None:
    with (
        PostgresServer(options=NOT_DURABLE, folder=quick_place()) as server,
        tempfile.TemporaryDirectory() as place,
    ):
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("create database book encoding 'UTF8' template template0")
        book = daybook_on(with_database(server.url, "book"), Path(place) / "home")
        fill(book)
        passphrase = Path(place) / "passphrase"
        passphrase.write_text(PASSPHRASE)
        book("backup", str(FOLDER / f"{name}.daybook"), "--passphrase-file", str(passphrase))


if __name__ == "__main__":
    main(sys.argv[1])
