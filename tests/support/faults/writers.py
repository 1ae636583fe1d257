"""Processes that append: threads share one real EventLog, so group commit, conflicts and retries happen.

Each thread notes an attempt (`?`) before it is made and its outcome after: `+` acknowledged, with the first
index, `=` answered as a repetition, `-` refused, `u` told that nobody knows. An intent that was refused, or
that carries an idempotency key, is attempted again with new event ids, as a user would.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from application.errors import DatabaseError
from domain.errors import WrongVersionError
from infrastructure.postgres.append_call import call_append, encoded
from infrastructure.postgres.database import Database
from infrastructure.postgres.log import AppendRequest, EventLog, EventRow, Idempotency
from tests.support.faults.journal import Attempt, Journal, guarded

TYPE = "conversation.current-changed"
METADATA = b'{"actor":"load","source":"system"}'
_PAYLOAD = b"\x81\xaamessage_id\xc4\x10"  # MessagePack: {"message_id": 16 bytes}
_SHARED = 8
_ALMOST_FULL = 2000


@dataclass(frozen=True)
class Load:
    """What a writer's threads do. Chances are of one intent; the rest goes to the thread's own stream."""

    threads: int = 4
    most_events: int = 6
    pause: float = 0.002
    shared: float = 0.1
    several: float = 0.1
    keyed: float = 0.15
    rolled_back: float = 0.05
    settle_seconds: float = 15.0


class _RollBackError(Exception):
    """Ends a transaction without a commit."""


def write(url: str, folder: Path, incarnation: int, seed: int, load: Load) -> None:
    """Append until `folder/stop` exists."""
    log = EventLog(database := Database(url, max_connections=6), settle_seconds=load.settle_seconds)
    journal = Journal(folder / f"writer-{incarnation}.txt")
    in_threads(
        folder,
        lambda number: _Writer(database, log, journal, folder, (incarnation, number), seed, load).run(),
        load.threads,
    )


def in_threads(folder: Path, work: Callable[[int], None], count: int) -> None:
    """Do the work in threads, numbered from 0, until all end; one that fails ends the process."""
    threads = [threading.Thread(target=guarded, args=(folder, work, number)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class _Writer:
    """One thread."""

    def __init__(
        self,
        database: Database,
        log: EventLog,
        journal: Journal,
        folder: Path,
        who: tuple[int, int],
        seed: int,
        load: Load,
    ) -> None:
        self._database = database
        self._log = log
        self._journal = journal
        self._stop = folder / "stop"
        self._who = who
        self._load = load
        self._shared = [UUID(int=random.Random(f"{seed} {n}").getrandbits(128)) for n in range(_SHARED)]
        self._chance = random.Random(f"{seed} {who}")
        self._own = self._fresh()
        self._stands: dict[UUID, int] = {self._own: 0}
        self._doubtful = False
        self._intent = 0
        self._attempt = 0

    def run(self) -> None:
        while not self._stop.exists():
            self._intent += 1
            self._attempt = 0
            self._do(self._chance.random())
            if self._load.pause:
                time.sleep(self._chance.random() * 2 * self._load.pause)

    def _do(self, roll: float) -> None:
        load = self._load
        if roll < load.rolled_back:
            self._roll_back()
        elif roll < load.rolled_back + load.shared:
            stream = self._chance.choice(self._shared)
            for _ in range(5):
                self._look_where(stream)
                if self._tried("shared", [stream]) != "-":
                    return
        elif roll < load.rolled_back + load.shared + load.several:
            self._stands[other := self._fresh()] = 0
            self._tried("several", [self._own, other])
        elif roll < load.rolled_back + load.shared + load.several + load.keyed:
            key = Idempotency("load", f"{self._who} {self._intent}", b"same", b"answer")
            for _ in range(self._chance.choice((1, 2, 2, 3))):  # a client that asks again, told or not
                self._tried("keyed", [self._own], key)
        else:
            self._tried("plain", [self._own])

    def _roll_back(self) -> None:
        request, attempt = self._request([self._own], None)
        self._note("?", "rollback", attempt, len(request.events))
        with contextlib.suppress(DatabaseError, _RollBackError), self._database.transaction() as connection:
            call_append(connection, encoded([request]))
            raise _RollBackError
        self._note("-", "rollback", attempt, "rolled-back")

    def _tried(self, kind: str, streams: list[UUID], key: Idempotency | None = None) -> str:
        """Attempt the intent once; return how it ended."""
        request, attempt = self._request(streams, key)
        self._note("?", kind, attempt, len(request.events))
        try:
            done = self._log.append(request)
        except WrongVersionError:
            assert kind == "shared" or self._doubtful, "a conflict on a stream that nobody else writes to"
            self._note("-", kind, attempt, "WrongVersionError")
            self._look_where(*streams)
            return "-"
        except DatabaseError as error:
            word = "u" if "may or may not" in error.message else "-"
            self._note(word, kind, attempt, type(error).__name__)
            self._doubtful = self._doubtful or word == "u"  # it may still be committed, after our look
            self._look_where(*streams)
            return word
        if done.replayed:
            self._note("=", kind, attempt)
            self._look_where(*streams)
            return "="
        self._note("+", kind, attempt, done.first_index, done.log_size)
        for event in request.events:
            self._stands[event.stream_id] = event.version
        if self._stands[self._own] > _ALMOST_FULL:
            del self._stands[self._own]
            self._own = self._fresh()
            self._stands[self._own] = 0
            self._doubtful = False
        return "+"

    def _request(self, streams: list[UUID], key: Idempotency | None) -> tuple[AppendRequest, Attempt]:
        self._attempt += 1
        attempt = Attempt(*self._who, self._intent, self._attempt)
        events: list[EventRow] = []
        for stream in streams:
            for step in range(self._chance.randint(1, self._load.most_events)):
                event_id = attempt.event_id(len(events))
                version = self._stands.get(stream, 0) + 1 + step
                payload = _PAYLOAD + event_id.bytes
                events.append(EventRow(stream, version, event_id, TYPE, 1, METADATA, payload))
        return AppendRequest(events, key), attempt

    def _look_where(self, *streams: UUID) -> None:
        """Read at which versions streams stand, as long as it takes."""
        for stream in streams:
            while not self._stop.exists():
                try:
                    rows = self._log.read_stream(stream, newest_first=True, limit=1)
                except DatabaseError:
                    time.sleep(0.02)
                else:
                    self._stands[stream] = rows[0].version if rows else 0
                    break

    def _note(self, word: str, kind: str, attempt: Attempt, *more: object) -> None:
        self._journal.note(word, kind, *attempt[1:], *more)

    def _fresh(self) -> UUID:
        return UUID(int=self._chance.getrandbits(128))
