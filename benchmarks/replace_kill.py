"""Does a killed replacement of the master key lock anybody out? SIGKILLs it at random.

    python benchmarks/replace_kill.py [--rounds 100] [--seed 1]

Each round kills `daybook keys rotate --master` at a random moment after it has written the next key (within
the time that the first, unkilled one took), opens the book with what is there, and ends the replacement in
half of the rounds (in the others the next round goes on). Prints one JSON line: rounds, how often the former
key was still in force, how often the next; ends with 1 if the book did not open, a text was lost, or more
than one key was left in the end.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from infrastructure.crypto.master_key import MasterKeyFile, check_value
from tests.support.cli_process import Daybook
from tests.support.postgres_server import PostgresServer

TEXT = "stays readable"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    counts = {"killed": 0, "ended_by_itself": 0, "former_in_force": 0, "next_in_force": 0, "lost": 0}
    with PostgresServer(options={"fsync": "off"}) as server, tempfile.TemporaryDirectory() as home:
        daybook = Daybook(
            {
                "DAYBOOK_HOME": home,
                "DAYBOOK_DATABASE_URL": server.url,
                "DAYBOOK_OLLAMA_URL": "http://127.0.0.1:9",
            }
        )
        daybook("project", "create", TEXT)
        file = MasterKeyFile(Path(home) / "keys" / "master.key")
        process = _begin(daybook, file)
        begun = time.monotonic()
        process.wait()
        longest = time.monotonic() - begun
        for _ in range(arguments.rounds):
            before = file.read()
            process = _begin(daybook, file)
            time.sleep(chance.uniform(0, longest))
            process.kill()
            counts["killed" if process.wait() < 0 else "ended_by_itself"] += 1
            counts["lost"] += TEXT not in daybook("project", "list", expect=None).out
            counts["former_in_force" if _in_force(server.url, before) else "next_in_force"] += 1
            if chance.random() < 1 / 2:
                daybook("keys", "rotate", "--master", "--yes")
        daybook("keys", "rotate", "--master", "--yes")
        left = [path.name for path in file.path.parent.glob("*key*") if path.name != "master.key"]
        well = TEXT in daybook("project", "list").out and not left
    print(
        json.dumps({"name": "replace_kill", "figures": {"rounds": arguments.rounds, **counts, "left": left}})
    )
    return 0 if well and not counts["lost"] else 1


def _begin(daybook: Daybook, file: MasterKeyFile) -> subprocess.Popen[bytes]:
    """Begin a replacement; return when the next key is written, or where the last one's still is."""
    quiet = subprocess.DEVNULL
    process = daybook.begin("keys", "rotate", "--master", "--yes", stdout=quiet, stderr=quiet)
    while process.poll() is None and not file.next.path.exists():
        time.sleep(0.001)
    return process


def _in_force(url: str, master: bytes | None) -> bool:
    with psycopg.connect(url) as connection:
        row = connection.execute("select book_id, master_check from daybook.book").fetchone()
    if row is None or master is None:
        message = "there is no book"
        raise RuntimeError(message)
    return bytes(row[1]) == check_value(master, row[0].bytes)


if __name__ == "__main__":
    sys.exit(main())
