"""Live state on PostgreSQL: the owner's lock and heartbeat, and the saved text of running answers.

Invariant: an owner is alive while its session advisory lock is held and its heartbeat is young. The lock is
free at once when the process dies; the heartbeat covers a cut network, where the server goes on believing in
the session.

Whoever saves, ends or wants to stop an answer says so to all processes of the book (`signals.py`), in the
same transaction.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID

from application.errors import DatabaseError
from application.ports.live import LiveText, Piece, Signal
from domain.content import Sealed
from domain.errors import ContentDamagedError, ContentErasedError
from domain.ids import new_id
from infrastructure.crypto.keyring import Keyring
from infrastructure.postgres.database import Database
from infrastructure.postgres.failures import translate
from infrastructure.postgres.signals import CHANNEL, Signals, payloads

if TYPE_CHECKING:
    import psycopg

HEARTBEAT_SECONDS = 10.0
DEAD_AFTER_SECONDS = 60.0
_FIELD = "live"

# Never waits: where the lock is still held it is by a session of this same owner that the server has not yet
# found to be gone, and every beat tries again. `true` says that the lock is ours.
_BEAT = """
with locked as (select %(held)s or pg_try_advisory_lock(%(lock)s) as held)
insert into daybook.owners as o (owner_id, lock_key)
select %(owner)s, %(lock)s from locked
    on conflict (owner_id) do update set heartbeat = clock_timestamp()
returning (select held from locked)
"""

# Rows of processes that were killed: nobody asks for them once their answers are closed, and an owner
# without a row counts as dead.
_CLEAN = "delete from daybook.owners where heartbeat < clock_timestamp() - interval '30 days'"

# An owner has a row before its id is given out, so one without closed in good order, or was cleaned away
# long after.
_DEAD = """
select asked.owner_id
  from unnest(%(owners)s::uuid[]) as asked(owner_id)
  left join daybook.owners o using (owner_id)
 where o.owner_id is null
    or o.heartbeat < clock_timestamp() - %(limit)s * interval '1 second'
    or pg_try_advisory_xact_lock(o.lock_key)
"""

# The key's row is locked, so that an erasure waits for this and then deletes it, or is seen and nothing is
# saved.
_SAVE = """
insert into daybook.live_answers (answer_id, conversation_id, seq, thinking_from, text_from, box)
select %(answer)s, k.owner_id, %(seq)s, %(thinking_from)s, %(text_from)s, %(box)s
  from (select d.owner_id from daybook.data_keys d where d.owner_id = %(conversation)s for key share) as k
on conflict do nothing
"""

_PIECES = """
select seq, thinking_from, text_from, box from daybook.live_answers
 where answer_id = %(answer)s and seq > %(after)s
 order by seq
"""

_NOTIFY = "select pg_notify(%(channel)s, said) from unnest(%(said)s::text[]) as said"

_FORGET = """
with texts as (delete from daybook.live_answers where answer_id = %(answer)s),
     stops as (delete from daybook.stops
                where answer_id = %(answer)s or at < clock_timestamp() - interval '1 day')
select pg_notify(%(channel)s, %(said)s)
"""

_WANT_STOPPED = """
with wanted as (insert into daybook.stops (answer_id) values (%(answer)s) on conflict do nothing)
select pg_notify(%(channel)s, %(said)s)
"""


class PostgresLiveAnswers:
    """The `LiveAnswers` port. One instance a process; the lock lives on a connection of its own."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        *,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        dead_after_seconds: float = DEAD_AFTER_SECONDS,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._heartbeat_seconds = heartbeat_seconds
        self._dead_after_seconds = dead_after_seconds
        self._lock = threading.Lock()
        self._owner: UUID | None = None
        self._session: psycopg.Connection | None = None
        self._held = False
        self._closing = threading.Event()
        self._signals = Signals(database, self._beat_again)

    def own(self) -> UUID:
        """Return this process's owner id, taking its lock first (again, where the connection was lost)."""
        with self._lock:
            if self._owner is None:
                owner = new_id()
                self._beat(owner)
                self._owner = owner
                threading.Thread(target=self._go_on_beating, name="daybook-heartbeat", daemon=True).start()
            elif self._session is None or self._session.closed:
                self._beat(self._owner)
            return self._owner

    def dead(self, owner_ids: Iterable[UUID]) -> set[UUID]:
        """Return those of the owners whose process is gone."""
        asked = [owner for owner in owner_ids if owner != self._owner]
        if not asked:
            return set()
        with self._database.connection() as connection:
            rows = connection.execute(_DEAD, {"owners": asked, "limit": self._dead_after_seconds}).fetchall()
        return {row[0] for row in rows}

    def save(self, pieces: Sequence[Piece]) -> None:
        """Keep pieces of running answers, sealed, all in one transaction.

        Those of erased conversations are dropped.
        """
        values = []
        for piece in pieces:
            with contextlib.suppress(ContentErasedError):
                values.append(self._row(piece))
        if values:
            with self._database.transaction() as connection:
                connection.cursor().executemany(_SAVE, values)
                said = payloads("saved", [value["answer"] for value in values])
                connection.execute(_NOTIFY, {"channel": CHANNEL, "said": said})

    def read(self, answer_id: UUID, conversation_id: UUID) -> LiveText:
        """Return the text saved of a running answer, its pieces laid at their offsets.

        It ends before a piece that was altered: the rest of the book must not wait for it.
        """
        thinking = text = ""
        for piece in self.read_on(answer_id, conversation_id, -1):
            thinking = thinking[: piece.thinking_from] + piece.thinking
            text = text[: piece.text_from] + piece.text
        return LiveText(thinking, text)

    def read_on(self, answer_id: UUID, conversation_id: UUID, after: int) -> Sequence[Piece]:
        """Return the saved pieces of a running answer behind a `seq`, up to one that was altered."""
        with self._database.connection() as connection:
            rows = connection.execute(_PIECES, {"answer": answer_id, "after": after}).fetchall()
        pieces = []
        for seq, thinking_from, text_from, box in rows:
            try:
                thinking, text = self._keyring.open(
                    Sealed(conversation_id, seq, _field(answer_id), bytes(box))
                )
            except ContentDamagedError:
                break
            pieces.append(Piece(answer_id, conversation_id, seq, thinking_from, text_from, thinking, text))
        return pieces

    def forget(self, answer_id: UUID) -> None:
        """Drop the saved text of an answer that has ended, and wishes to stop it; tell who watches it."""
        self._say(_FORGET, "ended", answer_id)

    def want_stopped(self, answer_id: UUID) -> None:
        """Ask the process that writes an answer to stop it."""
        self._say(_WANT_STOPPED, "stop", answer_id)

    def stops_wanted(self, answer_ids: Sequence[UUID]) -> set[UUID]:
        """Return those of the answers that somebody wants to stop."""
        with self._database.connection() as connection:
            rows = connection.execute(
                "select answer_id from daybook.stops where answer_id = any(%s)", [list(answer_ids)]
            ).fetchall()
        return {row[0] for row in rows}

    def listen(self, told: Callable[[Signal], None]) -> Callable[[], None]:
        """Call `told`, in a thread of our own, with every signal from now on; return how to end it."""
        return self._signals.listen(told)

    def close(self) -> None:
        """Give up ownership: its lock is released and its row removed."""
        self._signals.close()
        self._closing.set()
        with self._lock:
            if self._owner is None:
                return
            with contextlib.suppress(Exception):
                if self._session is not None and not self._session.closed:
                    self._session.execute("delete from daybook.owners where owner_id = %s", [self._owner])
                    self._session.close()
            self._session = None

    def _say(self, query: LiteralString, kind: str, answer_id: UUID) -> None:
        [said] = payloads(kind, [answer_id])
        with self._database.connection() as connection:
            connection.execute(query, {"answer": answer_id, "channel": CHANNEL, "said": said})

    def _row(self, piece: Piece) -> dict[str, Any]:
        sealed = self._keyring.seal(
            [piece.thinking, piece.text],
            stream_id=piece.conversation_id,
            version=piece.seq,
            field=_field(piece.answer_id),
        )
        return {
            "answer": piece.answer_id,
            "conversation": piece.conversation_id,
            "seq": piece.seq,
            "thinking_from": piece.thinking_from,
            "text_from": piece.text_from,
            "box": sealed.box,
        }

    def _beat(self, owner: UUID) -> None:
        """Show that this owner lives: on the session that holds its lock, or on a new one."""
        import psycopg

        try:
            fresh = self._session is None or self._session.closed
            if self._session is None or self._session.closed:
                self._session, self._held = self._database.session(), False
            row = self._session.execute(
                _BEAT, {"owner": owner, "lock": _lock_key(owner), "held": self._held}
            ).fetchone()
            self._held = row is not None and bool(row[0])
            if fresh:
                self._session.execute(_CLEAN)
        except psycopg.Error as error:
            self._drop_session()
            raise translate(error, self._database.name) from error

    def _go_on_beating(self) -> None:
        while not self._closing.wait(self._heartbeat_seconds):
            with self._lock:
                if self._owner is None or self._closing.is_set():
                    return
                self._insist(self._owner)

    def _beat_again(self) -> None:
        """The database was away: the lock is probably free, and others may hold us for dead."""
        with self._lock:
            if self._owner is not None and not self._closing.is_set():
                self._insist(self._owner)

    def _insist(self, owner: UUID) -> None:
        """Beat; that a session was lost is only known once it is used, and it is replaced at once."""
        for _ in range(2):
            with contextlib.suppress(DatabaseError):
                self._beat(owner)
                break

    def _drop_session(self) -> None:
        if self._session is not None:
            with contextlib.suppress(Exception):
                self._session.close()
            self._session = None
        self._held = False


def _field(answer_id: UUID) -> str:
    return f"{_FIELD}:{answer_id.hex}"


def _lock_key(owner: UUID) -> int:
    """Return the advisory lock's key: the random half of the owner's id as a signed 64-bit number."""
    return int.from_bytes(owner.bytes[8:], "big", signed=True)
