"""Does verification find every tampering? Alters a signed log at random, verifies, mends it, and again.

    python benchmarks/tamper.py [--rounds 10000] [--seed 1] [--events 60]

Each round is one alteration by SQL as a superuser (tests/support/tampering.py): an edit of any column,
deletes, inserts, swaps of events or of columns between events, cutting the end off, doubling an event; in
half of them the stored hashes are computed again afterwards, as a careful forger would. All is signed.
Prints one JSON line and ends with 1 if any alteration was not found.
"""

import argparse
import collections
import json
import random
import sys
import tempfile
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from infrastructure.postgres.database import Database
from infrastructure.postgres.log import EventLog
from infrastructure.postgres.migrate import migrate
from infrastructure.proofs.auditor import PostgresAuditor
from tests.support.events import request
from tests.support.postgres_server import PostgresServer, with_database
from tests.support.tampering import tamper
from tests.support.write_side import keyring_of


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--events", type=int, default=60)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    tried: collections.Counter[str] = collections.Counter()
    missed: list[str] = []
    fast = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    with PostgresServer(options=fast) as server, tempfile.TemporaryDirectory() as home:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("create database book encoding 'UTF8' template template0")
        database = Database(with_database(server.url, "book"))
        migrate(database)
        log = EventLog(database)
        auditor = PostgresAuditor(database, Path(home), lambda: keyring_of(database).book_id)
        while log.size() < arguments.events:
            log.append(request(count=chance.randint(1, 5)))
            auditor.checkpoint()
        for _ in range(arguments.rounds):
            with tamper(database, log, chance) as what:
                tried[what.partition(" of ")[0] + (", forged" if what.endswith("forged") else "")] += 1
                if auditor.verify().ok:
                    missed.append(what)
        well = auditor.verify().ok
        database.close()
    figures = {"tried": arguments.rounds, "found": arguments.rounds - len(missed), "missed": missed[:20]}
    print(json.dumps({"name": "tamper", "figures": figures, "well_when_mended": well, "kinds": dict(tried)}))
    return 0 if well and not missed else 1


if __name__ == "__main__":
    sys.exit(main())
