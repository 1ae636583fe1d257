"""Compares what processes wrote down with what is in the log, the read model, the keys and the proofs.

It recomputes nothing that the product told it: places come from the rows themselves, read once in log order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from infrastructure.postgres.database import Database
from projections.pump import Pump
from tests.support.faults.books import auditor_of
from tests.support.faults.journal import KEY_BYTES, Attempt, entries
from tests.support.faults.judge_writers import judge_writers
from tests.support.faults.ledger import Ledger
from tests.support.faults.verdict import Place, Verdict
from tests.support.write_side import log_on

_ROWS = "select event_id, log_index, stream_id, version from daybook.events order by log_index"

_DIFFERENT = """
select count(*) filter (where l is null or (e.event_id, e.stream_id, e.version)
                                  is distinct from (l.event_id, l.stream_id, l.version)),
       count(l) - count(distinct l.log_index)
  from daybook.events e
  full join {schema}.ledger l using (log_index)
"""

_LEDGER = """
select p.schema_name, b.position,
       (select count(*) from daybook.quarantine q where q.schema_name = p.schema_name)
  from daybook.read_models p join daybook.read_model_builds b using (schema_name)
 where p.name = 'ledger'
"""


class Judge:
    """Looks at one run when all its processes have ended."""

    def __init__(self, database: Database, folder: Path, *, rebuild: bool = True) -> None:
        self._database = database
        self._folder = folder
        self._rebuild = rebuild
        self._ids = bytearray()  # the event ids in log order
        self._places: dict[Attempt, Place] = {}
        self.verdict = Verdict()

    def judge(self) -> Verdict:
        self._read_log()
        judge_writers(self._folder, self._places, self.verdict)
        self._judge_tails()
        self._judge_ledger()
        self._judge_proofs()
        return self.verdict

    def _read_log(self) -> None:
        """Read all events once: no gap, no stream out of order, each attempt in one piece."""
        wrong = self.verdict.wrong
        stands: dict[bytes, int] = {}
        last = b""
        expected = 0
        for event_id, log_index, stream, version in self._rows():
            if log_index != expected:
                wrong(f"log index {log_index} follows {expected - 1}")
            expected = log_index + 1
            if version != stands.get(stream, 0) + 1:
                wrong(f"event {log_index}: version {version} follows {stands.get(stream, 0)}")
            stands[stream] = version
            self._ids += event_id
            key = event_id[:KEY_BYTES]
            attempt = Attempt.of(key)
            if attempt is not None:
                number = int.from_bytes(event_id[KEY_BYTES:], "big")
                place = self._places.get(attempt)
                if place is None:
                    place = Place(log_index, 0)
                elif key != last:
                    wrong(f"event {log_index}: {attempt} is in the log in pieces or twice")
                if number != place.count:
                    wrong(f"event {log_index}: number {number} of {attempt} stands at {place.count}")
                self._places[attempt] = Place(place.first, place.count + 1)
            last = key
        self.verdict.figures["events"] = expected

    def _rows(self) -> Iterator[tuple[bytes, int, bytes, int]]:
        with self._database.transaction() as connection, connection.cursor("judge") as cursor:
            cursor.itersize = 20_000
            for event_id, log_index, stream, version in cursor.execute(_ROWS, binary=True):
                yield event_id.bytes, log_index, stream.bytes, version

    def _judge_tails(self) -> None:
        """Each tail saw each event once, in order, and what it saw is what the log says for ever."""
        for path in self._folder.glob("tail-*.txt"):
            at = 0
            for word, *more in entries(path):
                if word != "r":
                    self.verdict.wrong(f"{path.stem}: {' '.join(more)}")
                    continue
                start, end, digest = int(more[0]), int(more[1]), more[2]
                if start != at:
                    self.verdict.wrong(f"{path.stem} went on from {start} after {at}")
                if hashlib.sha256(self._ids[16 * start : 16 * end]).hexdigest() != digest:
                    self.verdict.wrong(f"{path.stem} saw other events at {start} to {end} than are there now")
                at = end
                self.verdict.figures["batches tailed"] += 1
            if at != self.verdict.figures["events"]:
                self.verdict.wrong(f"{path.stem} ended at {at} of {self.verdict.figures['events']} events")

    def _judge_ledger(self) -> None:
        """The read model, brought up to date, has one row an event; a fresh one is the same."""
        pump = Pump(self._database, log_on(self._database), [Ledger()])
        for what in ("pumped", "rebuilt") if self._rebuild else ("pumped",):
            if what == "rebuilt":
                pump.rebuild()
            pump.catch_up()
            with self._database.connection() as connection:
                row = connection.execute(_LEDGER).fetchone()
                assert row is not None
                schema, position, quarantined = row
                query = _DIFFERENT.format(schema=schema).encode()
                different, doubled = connection.execute(query).fetchone() or (None, None)
            if (position, quarantined, different, doubled) != (self.verdict.figures["events"], 0, 0, 0):
                self.verdict.wrong(
                    f"the {what} ledger stands at {position}: {different} of its rows are not the log's, "
                    f"{doubled} are there again, {quarantined} events are in quarantine"
                )

    def _judge_proofs(self) -> None:
        """`audit verify` finds the log well, with every checkpoint that was signed on the way."""
        auditor = auditor_of(self._database, self._folder)
        found = auditor.verify()
        for problem in found.problems:
            self.verdict.wrong(f"audit verify: {problem}")
        if found.events != self.verdict.figures["events"]:
            self.verdict.wrong(f"audit verify read {found.events} events")
        sizes = [
            int(line[1])
            for path in self._folder.glob("sign-*.txt")
            for line in entries(path)
            if line[0] == "+"
        ]
        self.verdict.figures["checkpoints"] = len(sizes)
        with self._database.connection() as connection:
            kept = {row[0] for row in connection.execute("select size from daybook.checkpoints")}
        if lost := set(sizes) - kept:
            self.verdict.wrong(f"checkpoints of {sorted(lost)} events were signed and are lost")
        auditor.checkpoint()
