"""What encryption and the tree cost, and where the time of one append goes.

    python benchmarks/costs.py [--rounds 60] [--turns 12] [--appends 40]

Starts a durable PostgreSQL of its own. Each variant has a database of its own, where the text of the migrated
`daybook.append` is taken and put back with some of its lines cut out (the hashes, the notification …). The
variants take turns. `costs append` and `costs load` are of whole turns of a conversation, three events with
texts of realistic sizes, with content sealed or not and with leaves and frontier computed or not. `costs of
one append` takes one event of 360 bytes apart: what is missing from the time when a part is missing. All but
`flush` commit without waiting for the disk, whose time varies more than the parts have. The times are
processor time, of this process and of the server's that serves it, as Linux counts it (other
programs lengthen it less than time on the clock): medians of slices. Prints one JSON line each.
"""

import argparse
import json
import os
import platform
import random
import re
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from application.ports.log import Origin
from benchmarks.append import METADATA, PAYLOAD, TYPE, fsync_rate
from benchmarks.disk import words
from benchmarks.rebuild import MASTER, ask, complete, text
from domain.content import Sealed
from domain.conversation.conversation import Conversation
from domain.event import Event
from domain.ids import new_id
from infrastructure.crypto.keyring import Keyring
from infrastructure.postgres.append_call import encoded
from infrastructure.postgres.book import PostgresLog
from infrastructure.postgres.codec import to_row
from infrastructure.postgres.database import Database
from infrastructure.postgres.key_store import PostgresKeyStore
from infrastructure.postgres.log import AppendRequest, EventLog, EventRow
from infrastructure.postgres.migrate import migrate
from tests.support.postgres_server import PostgresServer, with_database

ORIGIN = Origin("benchmark", "cli")

_FUNCTION = "select pg_get_functiondef(p.oid) from pg_proc p where p.oid = 'daybook.append'::regproc"


def replaced(pattern: str, by: str, source: str) -> str:
    """Replace all matches, of which there must be some: else the function changed and this must follow."""
    found, count = re.subn(pattern, lambda _: by, source, flags=re.DOTALL)
    assert count, f"daybook.append has no {pattern}"
    return found


def without_hashes(source: str) -> str:
    """Cut leaves, nodes and frontier: every call of sha256 with what is in its parentheses."""
    while (start := source.find("sha256(")) >= 0:
        depth, end = 0, source.index("(", start)
        while True:
            depth += {"(": 1, ")": -1}.get(source[end], 0)
            end += 1
            if depth == 0:
                break
        source = source[:start] + r"'\x00'::bytea" + source[end:]
    source = replaced(r"daybook\.frontier\(\w+\)", "'{}'::bytea[]", source)
    return replaced(r"while n & 1 = 1 loop", "while false loop", source)


VARIANTS: dict[str, Callable[[str], str]] = {
    "whole": lambda source: source,
    "hashes": without_hashes,
    "insert and its indexes": lambda s: replaced(r"insert into daybook\.events\b.*?;", "", s),
    "notification": lambda s: replaced(r"perform pg_notify\(.*?\);", "", s),
    "lock": lambda s: replaced(r"perform pg_advisory_xact_lock\(.*?\);", "", s),
    "look-up of the stream": lambda s: replaced(
        r"left join lateral \(select v\.version from daybook\.events v where [^)]*\) as s on true",
        "left join (select null::bigint as version) as s on true",
        s,
    ),
    "everything": lambda s: replaced(
        r"\nbegin\n.*\nend\n",
        "\nbegin outcome := 'appended'; first_index := 0; log_size := 1;"
        " for r in 1 .. cardinality(idempotency_keys) loop return next; end loop;\nend\n",
        s,
    ),
}


class Cost(NamedTuple):
    """µs an event: processor time here and in the server, and time on the clock."""

    client: float
    server: float
    clock: float

    @property
    def both(self) -> float:
        """The processor time of both."""
        return self.client + self.server


def median(costs: list[Cost]) -> Cost:
    """Return the medians."""
    return Cost(*(statistics.median(one) for one in zip(*costs, strict=True)))


class OpenKeyring(Keyring):
    """Keeps content as plain JSON in the place of a box, to see what sealing costs."""

    def seal(self, value: Any, *, stream_id: Any, version: int, field: str) -> Sealed:
        """Return the JSON as if it were sealed."""
        box = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        return Sealed(stream_id, version, field, box)

    def open(self, sealed: Sealed) -> Any:
        """Return what the JSON says."""
        return json.loads(sealed.box.decode("utf-8", "surrogatepass"))


class Variant:
    """A database with its own form of the function, and what writes to it."""

    def __init__(
        self, server: PostgresServer, name: str, change: Callable[[str], str], *, sealing: bool, flush: bool
    ) -> None:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"create database {name}".encode())
            if not flush:
                connection.execute(f"alter database {name} set synchronous_commit = off".encode())
        self.database = Database(with_database(server.url, name))
        migrate(self.database)
        with self.database.connection() as connection:
            row = connection.execute(_FUNCTION).fetchone()
            assert row is not None
            connection.execute(change(row[0]).encode())
        kind = Keyring if sealing else OpenKeyring
        self.keyring = kind(PostgresKeyStore(self.database), lambda: MASTER, lambda: MASTER)
        self.events = EventLog(self.database)
        self.log = PostgresLog(self.events, self.keyring)
        self.taken: list[Cost] = []
        self.loads: list[Cost] = []
        with self.database.connection() as connection:  # the only one: there is one thread
            self._schedstat = Path(f"/proc/{connection.info.backend_pid}/schedstat")

    def _spent(self) -> tuple[int, int, int]:
        """Return the processor time of this process and of its server's, and the time, in ns."""
        server = int(self._schedstat.read_text(encoding="ascii").split()[0])
        return time.process_time_ns(), server, time.perf_counter_ns()

    def _cost(self, before: tuple[int, int, int], count: int) -> Cost:
        return Cost(*((now - then) / count / 1000 for now, then in zip(self._spent(), before, strict=True)))

    def converse(self, turns: list[tuple[str, str, str]]) -> None:
        """Append the turns of one new conversation, then load what they say; note the time an event."""
        made = Conversation.start(new_id(), project_id=None, title=text(4))
        self.log.save([made], ORIGIN)
        size = self.log.size()
        count = 3 * len(turns)
        before = self._spent()
        for prompt, answer, thinking in turns:
            answer_id = ask(made, prompt)
            self.log.save([made], ORIGIN)
            complete(made, answer_id, answer, thinking)
            self.log.save([made], ORIGIN)
        self.taken.append(self._cost(before, count))
        before = self._spent()
        for recorded in self.log.read(size, count):
            for value in recorded.event.__dict__.values():
                if isinstance(value, Sealed):
                    self.keyring.open(value)
        self.loads.append(self._cost(before, count))

    def append(self, times: int) -> None:
        """Append events of 360 bytes, one a commit, each to a new stream."""
        rows = [EventRow(uuid4(), 1, uuid4(), TYPE, 1, METADATA, PAYLOAD) for _ in range(times)]
        before = self._spent()
        for row in rows:
            self.events.append(AppendRequest([row]))
        self.taken.append(self._cost(before, times))


def encryption_and_tree(server: PostgresServer, rounds: int, turns: int) -> list[dict[str, Any]]:
    """Measure the four combinations side by side."""
    variants = {
        f"{'sealed' if sealing else 'not sealed'}, {'tree' if tree else 'no tree'}": Variant(
            server,
            f"costs_{int(sealing)}{int(tree)}",
            VARIANTS["whole"] if tree else without_hashes,
            sealing=sealing,
            flush=False,
        )
        for sealing in (True, False)
        for tree in (True, False)
    }
    for number in range(rounds + 1):
        said = [(words(30), words(250), words(350)) for _ in range(turns)]
        for variant in variants.values():
            variant.converse(said)
            if number == 0:  # plans, caches
                variant.taken.clear()
                variant.loads.clear()
    lines = []
    for what, times in (("append", "taken"), ("load", "loads")):
        costs = {name: median(getattr(one, times)) for name, one in variants.items()}
        whole = costs["sealed, tree"].both
        figures = {}
        for name, cost in costs.items():
            figures[f"{name}, client_us"] = round(cost.client, 1)
            figures[f"{name}, server_us"] = round(cost.server, 1)
        figures["sealing, times"] = round(whole / costs["not sealed, tree"].both, 3)
        if what == "append":
            figures["tree, times"] = round(whole / costs["sealed, no tree"].both, 3)
            figures["both, times"] = round(whole / costs["not sealed, no tree"].both, 3)
        lines.append({"name": f"costs {what}", "figures": figures, "sizes": {"turns": rounds * turns}})
    return lines


def parts_of_an_append(server: PostgresServer, rounds: int, appends: int) -> dict[str, Any]:
    """Measure the whole append and the appends that lack a part, side by side."""
    variants = {
        name: Variant(server, f"parts_{number}", change, sealing=True, flush=False)
        for number, (name, change) in enumerate(VARIANTS.items())
    }
    variants["flush"] = Variant(server, "parts_flush", VARIANTS["whole"], sealing=True, flush=True)
    for number in range(rounds + 1):
        for variant in variants.values():
            variant.append(appends)
            if number == 0:
                variant.taken.clear()
    costs = {name: median(one.taken) for name, one in variants.items()}
    whole, bare = costs["whole"], costs["everything"]
    figures = {
        "on the clock, with the flush": costs["flush"].clock,
        "on the clock, without": whole.clock,
        "client": whole.client,
        **client_work(),
        "server": whole.server,
    }
    parts = {
        name: whole.server - costs[name].server for name in VARIANTS if name not in {"whole", "everything"}
    }
    figures |= {f"server: {name}": taken for name, taken in parts.items()}
    figures["server: the rest of the function"] = whole.server - bare.server - sum(parts.values())
    figures["server: call and commit of an empty function"] = bare.server
    rounded = {f"{name}, us": round(value, 1) for name, value in figures.items()}
    return {"name": "costs of one append", "figures": rounded, "sizes": {"appends": rounds * appends}}


def client_work() -> dict[str, float]:
    """Measure what the client does for one prompt of 300 bytes before anything is sent, in µs."""
    keyring = OpenKeyring.__new__(OpenKeyring)
    cipher = _cipher()
    made = Conversation.start(new_id(), project_id=None, title="A title")
    ask(made, "p" * 300)
    prompt: Event = made.collect_events()[1]  # type: ignore[assignment]
    row = to_row(prompt, ORIGIN, keyring)
    request = [AppendRequest([row])]
    nonce = os.urandom(12)
    return {
        "client: event to row": each(lambda: to_row(prompt, ORIGIN, keyring)),
        "client: sealing": each(lambda: cipher.encrypt(nonce, row.payload, METADATA)),
        "client: parameters of the call": each(lambda: encoded(request)),
    }


def _cipher() -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(MASTER)


def each(do: Callable[[], object], times: int = 5_000) -> float:
    """Return the µs that something takes: the fastest of five goes."""
    goes = []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(times):
            do()
        goes.append((time.perf_counter() - began) / times * 1e6)
    return min(goes)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--appends", type=int, default=40)
    arguments = parser.parse_args()
    random.seed(1)
    with PostgresServer() as server:
        with psycopg.connect(server.url) as connection:
            version = connection.info.server_version
        common: dict[str, Any] = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "postgres": version,
            "fsyncs_per_s": fsync_rate(server.folder),
            "load_1m": os.getloadavg()[0],
        }
        for line in encryption_and_tree(server, arguments.rounds, arguments.turns):
            print(json.dumps({**line, **common}))
        print(json.dumps({**parts_of_an_append(server, arguments.rounds, arguments.appends), **common}))


if __name__ == "__main__":
    main()
