"""Does verification find every tampering? Alters a signed log at random, verifies, mends it, and again.

    python benchmarks/tamper.py [--rounds 10000] [--seed 1] [--events 60]

Each round is one alteration by SQL as a superuser (tests/support/tampering.py): an edit of any column (times,
types, actors, payloads …), deletes, inserts, reordering, columns swapped between events, the end cut off, an
event doubled; in half of them the stored hashes are computed again afterwards, as a careful forger would. Or
it touches the checkpoints: an older one or a whole older state put back, another key, a fork signed with the
true key, a row altered. All is signed. A round counts as found only when the verification *names* the event
or the checkpoint. Prints one JSON line and ends with 1 if any alteration was not.
"""

import argparse
import collections
import json
import random
import sys
import tempfile
from pathlib import Path
from uuid import uuid4

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from infrastructure.postgres.database import Database
from infrastructure.postgres.log import AppendRequest, EventLog, EventRow
from infrastructure.postgres.migrate import migrate
from infrastructure.proofs.auditor import PostgresAuditor
from tests.support.postgres_server import PostgresServer, with_database
from tests.support.tampering import tamper
from tests.support.write_side import keyring_of


def made_up(chance: random.Random) -> AppendRequest:
    """Some events of one stream, no two with the same payload, by one of three actors."""
    stream = uuid4()
    metadata = f'{{"actor":"{chance.choice(("ada", "bob", "eve"))}","source":"cli"}}'.encode()
    return AppendRequest(
        [
            EventRow(stream, version, uuid4(), "test.happened", 1, metadata, chance.randbytes(40))
            for version in range(1, chance.randint(2, 6))
        ]
    )


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
    missed: list[str] = []  # not found at all
    unnamed: list[str] = []  # found, and something else was named
    fast = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    with PostgresServer(options=fast) as server, tempfile.TemporaryDirectory() as home:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("create database book encoding 'UTF8' template template0")
        database = Database(with_database(server.url, "book"))
        migrate(database)
        log = EventLog(database)
        auditor = PostgresAuditor(database, Path(home), lambda: keyring_of(database).book_id)
        while log.size() < arguments.events:
            log.append(made_up(chance))
            auditor.checkpoint()
        for _ in range(arguments.rounds):
            with tamper(database, log, auditor, chance) as done:
                tried[done.kind] += 1
                verified = auditor.verify()
                if verified.ok:
                    missed.append(done.what)
                elif not done.named(verified):
                    unnamed.append(done.what)
        well = auditor.verify().ok
        database.close()
    figures = {
        "tried": arguments.rounds,
        "found": arguments.rounds - len(missed),
        "named": arguments.rounds - len(missed) - len(unnamed),
        "missed": missed[:20],
        "unnamed": unnamed[:20],
    }
    line = {"name": "tamper", "seed": arguments.seed, "figures": figures, "well_when_mended": well}
    print(json.dumps({**line, "kinds": dict(sorted(tried.items()))}))
    return 0 if well and not missed and not unnamed else 1


if __name__ == "__main__":
    sys.exit(main())
