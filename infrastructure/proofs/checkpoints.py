"""Making checkpoints, and the keys they are signed and checked with.

Invariant: nothing is signed that does not extend what was signed before. A log that lost or changed what an
earlier checkpoint covers gets no new one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from application.errors import KeyringError
from application.ports.audit import MadeCheckpoint
from domain.errors import RefusedError
from infrastructure.proofs import tree
from infrastructure.proofs.kept import Kept
from infrastructure.proofs.offline import (
    Checkpoint,
    Key,
    ProofError,
    check_consistency,
    parse_checkpoint,
    parse_key,
    signed_checkpoint,
)
from infrastructure.proofs.signing import SigningKey, checkpoint_text

if TYPE_CHECKING:
    from datetime import datetime

    import psycopg

    from infrastructure.postgres.database import Database

_BOOK = "select book_id from daybook.book"
_SIZE = "select coalesce(max(log_index) + 1, 0) from daybook.events"
_VERIFIERS = "select verifier from daybook.signing_keys order by registered_at, verifier"
_NOTES = "select checkpoint_id, size, root, note from daybook.checkpoints order by size, checkpoint_id"
_SOME = """
select checkpoint_id, size, root, note from daybook.checkpoints
 where %(before)s::bigint is null or checkpoint_id < %(before)s
 order by checkpoint_id desc
 limit %(limit)s
"""
_COUNT_MADE = """
select count(*) filter (where made_at >= %(since)s and made_at < %(until)s), coalesce(max(size), 0)
  from daybook.checkpoints
"""
_ENDS_MADE = """
select checkpoint_id, size, root, note from daybook.checkpoints
 where checkpoint_id in (
       select unnest(array[min(checkpoint_id), max(checkpoint_id)]) from daybook.checkpoints
        where made_at >= %(since)s and made_at < %(until)s)
 order by checkpoint_id
"""
_NEWEST = "select note from daybook.checkpoints order by size desc, checkpoint_id desc limit 1"
_REGISTER = "insert into daybook.signing_keys (verifier) values (%s) on conflict do nothing"
_STORE = """
insert into daybook.checkpoints (size, root, note) values (%s, %s, %s)
on conflict (note) do nothing
returning checkpoint_id
"""


class Stored(NamedTuple):
    """One row of the table of checkpoints."""

    number: int
    size: int
    root: bytes
    note: str


class _Standing(NamedTuple):
    """A log's size and root, and the newest checkpoint in its database."""

    size: int
    root: bytes
    newest: str | None


class Checkpoints:
    """The checkpoints of one book.

    Args:
        database: where the log and all checkpoints are.
        kept: what this home keeps.
        book_id: returns the book's id, making the book where there is none.
        given_secret: returns the private key of a setting, None where the home's file holds it.
    """

    def __init__(
        self,
        database: Database,
        kept: Kept,
        book_id: Callable[[], UUID],
        given_secret: Callable[[], bytes | None],
    ) -> None:
        self._database = database
        self._kept = kept
        self._book_id = book_id
        self._given_secret = given_secret

    def signing_key(self) -> SigningKey:
        """Return the key that signs, made for a book that has none and registered in its database.

        Raises:
            KeyringError: the book has a key, and this home does not.
        """
        origin = f"daybook/{self._book_id()}"
        secret = self._given_secret() or self._kept.secret()
        with self._database.connection() as connection:
            known = self.registered(connection)
            if secret is None:
                if known:
                    raise KeyringError(
                        f"The key that signs this book's checkpoints is not in {self._kept.key_file}. "
                        "Nothing was signed; the log and its checkpoints are as they were.",
                        hint="Bring the key back from a backup, or name it: DAYBOOK_SIGNING_KEY_FILE",
                    )
                secret = self._kept.make_secret()
            key = SigningKey.from_secret(origin, secret)
            if key.verifier not in known:
                if known:
                    raise KeyringError(
                        "The signing key is not the one that this book's checkpoints are signed with. "
                        "Nothing was signed.",
                        hint="daybook paths",
                    )
                connection.execute(_REGISTER, (key.verifier,))
        if key.verifier not in self._kept.signers():
            self._kept.add_signer(key.verifier)
        return key

    def trusted(self, connection: psycopg.Connection) -> tuple[list[Key], bool]:
        """Return the public keys to check with, and whether this home knows them.

        A home without any takes those that the database names.
        """
        book_id = self.book_id(connection)
        if book_id is None:
            return [], False
        origin = f"daybook/{book_id}"
        names = [name for name in self._kept.signers() if name.startswith(f"{origin}+")]
        secret = self._given_secret() or self._kept.secret()
        if secret is not None:
            own = SigningKey.from_secret(origin, secret).verifier
            names = [own, *(name for name in names if name != own)]
        keys = []
        for name in names or self.registered(connection):
            try:
                keys.append(parse_key(name))
            except ProofError:
                continue  # a row that was altered; whatever it signed will be told
        return keys, bool(names)

    def book_id(self, connection: psycopg.Connection) -> UUID | None:
        """Return the id of the book that is there, None where there is none."""
        row = connection.execute(_BOOK).fetchone()
        return None if row is None else row[0]

    def make(self) -> MadeCheckpoint:
        """Sign the log as it stands, store the checkpoint, and keep a copy in the home.

        Raises:
            RefusedError: the log does not extend what was signed before.
        """
        key, book_id = self.signing_key(), self._book_id()
        with self._database.transaction() as connection:
            connection.execute("set transaction isolation level repeatable read, read only")
            standing = self._standing(connection, key, book_id)
        return self._signed(standing, key, book_id)

    def make_of(self, connection: psycopg.Connection) -> MadeCheckpoint:
        """Sign the log as a transaction sees it that reads one state; the errors are the same."""
        key, book_id = self.signing_key(), self._book_id()
        return self._signed(self._standing(connection, key, book_id), key, book_id)

    def _standing(self, connection: psycopg.Connection, key: SigningKey, book_id: UUID) -> _Standing:
        """Return where the log stands, if it extends what was signed before."""
        size = int((connection.execute(_SIZE).fetchone() or (0,))[0])
        newest = connection.execute(_NEWEST).fetchone()
        kept = self._kept.checkpoint(book_id, "newest")
        before = [note for note in (newest[0] if newest else None, kept) if note]
        try:
            root = tree.root(connection, size)
            for note in before:
                self._must_extend(connection, note, key, size, root)
        except (ProofError, tree.MissingNodesError) as problem:
            raise RefusedError(
                "The log does not extend the checkpoint that was signed last"
                f" ({problem or 'events are missing'}). Nothing was signed.",
                hint="daybook audit verify",
            ) from None
        return _Standing(size, root, newest[0] if newest else None)

    def _signed(self, standing: _Standing, key: SigningKey, book_id: UUID) -> MadeCheckpoint:
        size, root, newest = standing
        note = key.sign(checkpoint_text(key.name, size, root))
        fresh = newest != note
        if fresh:
            with self._database.connection() as connection:
                fresh = connection.execute(_STORE, (size, root, note)).fetchone() is not None
        self._kept.keep_checkpoint(book_id, "newest", note)
        return MadeCheckpoint(note, size, root.hex(), fresh)

    def stored(self, connection: psycopg.Connection) -> list[Stored]:
        """Return all checkpoints, by size."""
        return [
            Stored(number, size, bytes(root), note)
            for number, size, root, note in connection.execute(_NOTES).fetchall()
        ]

    def newest(self, before: int | None, limit: int) -> list[Stored]:
        """Return some checkpoints, the last one made first; `before`: only those of lower numbers."""
        with self._database.connection() as connection:
            rows = connection.execute(_SOME, {"before": before, "limit": limit}).fetchall()
        return [Stored(number, size, bytes(root), note) for number, size, root, note in rows]

    def made_within(self, since: datetime, until: datetime) -> tuple[int, int, list[Stored]]:
        """Return how many were made in a period, what the largest of all covers, the first and the last."""
        values = {"since": since, "until": until}
        with self._database.connection() as connection:
            count, covered = connection.execute(_COUNT_MADE, values).fetchone() or (0, 0)
            rows = connection.execute(_ENDS_MADE, values).fetchall()
        return count, covered, [Stored(number, size, bytes(root), note) for number, size, root, note in rows]

    def _must_extend(
        self, connection: psycopg.Connection, note: str, key: SigningKey, size: int, root: bytes
    ) -> None:
        old = signed_checkpoint(note, parse_key(key.verifier))
        proof = tree.consistency_proof(connection, old.size, size)
        check_consistency(old.size, old.root, size, root, proof)

    def registered(self, connection: psycopg.Connection) -> list[str]:
        """Return the public keys that the database names."""
        return [row[0] for row in connection.execute(_VERIFIERS).fetchall()]


def signed_by_any(note: str, keys: Sequence[Key]) -> Checkpoint:
    """Return what a checkpoint states if one of the keys signed it.

    Raises:
        ProofError: none did.
    """
    reason = ProofError("there is no key to check it with")
    for key in keys:
        try:
            return signed_checkpoint(note, key)
        except ProofError as problem:
            reason = problem
    parse_checkpoint(note)
    raise reason
