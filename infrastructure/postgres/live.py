"""Live state on PostgreSQL: the owner's lock and heartbeat, and the saved text of running answers.

Invariant: an owner is alive while its session advisory lock is held and its heartbeat is young. The lock is free at
once when the process dies; the heartbeat covers a cut network, where the server goes on believing in the session.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from application.ports.live import LiveText, Piece
from domain.content import Sealed
from domain.ids import new_id
from infrastructure.crypto.keyring import Keyring
from infrastructure.postgres.database import Database

if TYPE_CHECKING:
    import psycopg

HEARTBEAT_SECONDS = 10.0
DEAD_AFTER_SECONDS = 60.0
_FIELD = "live"

_TAKE = """
with locked as (select pg_advisory_lock(%(lock)s))
insert into daybook.owners (owner_id, lock_key) select %(owner)s, %(lock)s from locked
on conflict (owner_id) do update set heartbeat = clock_timestamp()
"""

# An owner without a row never took its lock: it died between making its id and using it, which cannot be, or its row
# was cleaned away after its death.
_DEAD = """
select asked.owner_id
  from unnest(%(owners)s::uuid[]) as asked(owner_id)
  left join daybook.owners o using (owner_id)
 where o.owner_id is null
    or o.heartbeat < clock_timestamp() - %(limit)s * interval '1 second'
    or pg_try_advisory_xact_lock(o.lock_key)
"""

_SAVE = """
insert into daybook.live_answers (answer_id, seq, thinking_from, text_from, box)
values (%(answer)s, %(seq)s, %(thinking_from)s, %(text_from)s, %(box)s)
on conflict do nothing
"""


class PostgresLiveAnswers:
    """The `LiveAnswers` port. One instance a process; the lock lives on a connection of its own."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring
        self._lock = threading.Lock()
        self._owner: UUID | None = None
        self._session: psycopg.Connection | None = None
        self._closing = threading.Event()

    def own(self) -> UUID:
        """Return this process's owner id, taking its lock first (again, where the connection was lost)."""
        with self._lock:
            if self._owner is None:
                self._owner = new_id()
                self._take(self._owner)
                threading.Thread(target=self._beat, name="daybook-heartbeat", daemon=True).start()
            elif self._session is None or self._session.closed:
                self._take(self._owner)
            return self._owner

    def dead(self, owner_ids: Iterable[UUID]) -> set[UUID]:
        """Return those of the owners whose process is gone."""
        asked = [owner for owner in owner_ids if owner != self._owner]
        if not asked:
            return set()
        with self._database.connection() as connection:
            rows = connection.execute(_DEAD, {"owners": asked, "limit": DEAD_AFTER_SECONDS}).fetchall()
        return {row[0] for row in rows}

    def save(self, pieces: Sequence[Piece]) -> None:
        """Keep pieces of running answers, sealed, all in one transaction."""
        values = [
            {
                "answer": piece.answer_id,
                "seq": piece.seq,
                "thinking_from": piece.thinking_from,
                "text_from": piece.text_from,
                "box": self._keyring.seal(
                    [piece.thinking, piece.text],
                    stream_id=piece.conversation_id,
                    version=piece.seq,
                    field=f"{_FIELD}:{piece.answer_id.hex}",
                ).box,
            }
            for piece in pieces
        ]
        with self._database.transaction() as connection:
            connection.cursor().executemany(_SAVE, values)

    def read(self, answer_id: UUID, conversation_id: UUID) -> LiveText:
        """Return the text saved of a running answer, its pieces laid at their offsets."""
        with self._database.connection() as connection:
            rows = connection.execute(
                "select seq, thinking_from, text_from, box from daybook.live_answers "
                "where answer_id = %s order by seq",
                [answer_id],
            ).fetchall()
        thinking = text = ""
        for seq, thinking_from, text_from, box in rows:
            piece = self._keyring.open(Sealed(conversation_id, seq, f"{_FIELD}:{answer_id.hex}", bytes(box)))
            thinking = thinking[:thinking_from] + piece[0]
            text = text[:text_from] + piece[1]
        return LiveText(thinking, text)

    def forget(self, answer_id: UUID) -> None:
        """Drop the saved text of an answer that has ended."""
        with self._database.connection() as connection:
            connection.execute("delete from daybook.live_answers where answer_id = %s", [answer_id])

    def close(self) -> None:
        """Give up ownership: its lock is released and its row removed."""
        self._closing.set()
        with self._lock:
            if self._owner is None:
                return
            with contextlib.suppress(Exception):
                if self._session is not None and not self._session.closed:
                    self._session.execute("delete from daybook.owners where owner_id = %s", [self._owner])
                    self._session.close()
            self._session = None

    def _take(self, owner: UUID) -> None:
        session = self._database.session()
        session.autocommit = True
        session.execute(_TAKE, {"owner": owner, "lock": _lock_key(owner)})
        self._session = session

    def _beat(self) -> None:
        while not self._closing.wait(HEARTBEAT_SECONDS):
            with self._lock:
                if self._owner is None or self._closing.is_set():
                    return
                try:
                    if self._session is None or self._session.closed:
                        self._take(self._owner)
                    else:
                        self._session.execute(
                            "update daybook.owners set heartbeat = clock_timestamp() where owner_id = %s",
                            [self._owner],
                        )
                except Exception:  # noqa: BLE001 (the next beat tries again with a new connection)
                    self._drop_session()

    def _drop_session(self) -> None:
        if self._session is not None:
            with contextlib.suppress(Exception):
                self._session.close()
            self._session = None


def _lock_key(owner: UUID) -> int:
    """Return the advisory lock's key: the random half of the owner's id as a signed 64-bit number."""
    return int.from_bytes(owner.bytes[8:], "big", signed=True)


