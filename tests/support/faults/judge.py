"""Compares what processes wrote down with what is in the log, the read model, the keys and the proofs.

It recomputes nothing that the product told it: places come from the rows themselves, read once in log order.
"""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from infrastructure.postgres.database import Database
from projections.pump import Pump
from tests.support.faults.books import auditor_of
from tests.support.faults.journal import KEY_BYTES, Attempt, entries
from tests.support.faults.ledger import Ledger
from tests.support.write_side import log_on

_MOST_TOLD = 50
_ROWS = "select event_id, log_index, stream_id, version from daybook.events order by log_index"

_DIFFERENT = """
select count(*)
  from daybook.events e
  full join {schema}.ledger l using (log_index)
 where (e.event_id, e.stream_id, e.version) is distinct from (l.event_id, l.stream_id, l.version)
"""

_LEDGER = """
select p.schema_name, b.position,
       (select count(*) from daybook.quarantine q where q.schema_name = p.schema_name)
  from daybook.read_models p join daybook.read_model_builds b using (schema_name)
 where p.name = 'ledger'
"""


class Place(NamedTuple):
    """Where an attempt's events are."""

    first: int
    count: int


@dataclass
class Verdict:
    """What was found. `figures` counts what was tried; without problems everything held."""

    figures: dict[str, int] = field(default_factory=lambda: collections.Counter())
    problems: list[str] = field(default_factory=list)

    def wrong(self, what: str) -> None:
        if len(self.problems) < _MOST_TOLD:
            self.problems.append(what)


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
        self._judge_writers()
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
        with self._database.transaction() as connection:
            cursor = connection.cursor("judge")
            cursor.itersize = 20_000
            for event_id, log_index, stream, version in cursor.execute(_ROWS, binary=True):
                yield event_id.bytes, log_index, stream.bytes, version

    def _judge_writers(self) -> None:
        """Acknowledged: there, where it was told. Refused or rolled back: not there. Else: whole or not there."""
        figures, wrong = self.verdict.figures, self.verdict.wrong
        journaled: set[Attempt] = set()
        for path in self._folder.glob("writer-*.txt"):
            incarnation = int(path.stem.partition("-")[2])
            asked: dict[Attempt, int] = {}
            told: dict[Attempt, list[str]] = {}
            for word, _, thread, intent, number, *more in entries(path):
                attempt = Attempt(incarnation, int(thread), int(intent), int(number))
                if word == "?":
                    asked[attempt] = int(more[0])
                else:
                    told[attempt] = [word, *more]
            journaled.update(asked)
            in_log: collections.Counter[tuple[int, int]] = collections.Counter()
            for attempt, count in asked.items():
                place = self._places.get(attempt)
                word, *more = told.get(attempt, ["killed"])
                figures[f"attempts {_WORDS[word]}"] += 1
                if place is not None:
                    in_log[attempt.thread, attempt.intent] += 1
                    if place.count != count:
                        wrong(f"{attempt}: {place.count} of {count} events are in the log")
                if word == "+":
                    figures["events acknowledged"] += count
                    if place is None:
                        wrong(f"{attempt} was acknowledged and is lost")
                    elif [place.first, place.first + count] != [int(one) for one in more]:
                        wrong(f"{attempt} stands at {place.first} and was told {more}")
                elif word in "-=" and place is not None:
                    wrong(f"{attempt} was told {_WORDS[word]} and is in the log")
                elif place is not None:
                    figures[f"of those {_WORDS[word]} in the log"] += 1
            for intent, times in in_log.items():
                if times > 1:
                    wrong(f"intent {intent} of {incarnation} is in the log {times} times")
        if unknown := self._places.keys() - journaled:
            wrong(f"{len(unknown)} attempts are in the log that nobody made, such as {next(iter(unknown))}")

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
                [different] = connection.execute(query).fetchone() or (None,)
            if (position, quarantined, different) != (self.verdict.figures["events"], 0, 0):
                self.verdict.wrong(
                    f"the {what} ledger stands at {position}, {different} of its rows are not the log's, "
                    f"{quarantined} events are in quarantine"
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


_WORDS = {
    "+": "acknowledged",
    "=": "answered as repeated",
    "-": "refused or rolled back",
    "u": "told that nobody knows",
    "killed": "killed before their outcome",
}
