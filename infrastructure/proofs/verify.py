"""`daybook audit verify`: the log recomputed from its stored bytes, and held against every checkpoint.

Invariant: "well" means that each event was read (or is covered by a checkpoint this home verified before),
that the recomputed tree has the root of every signed checkpoint at its size, and that nothing contradicts
itself. Checkpoints whose roots one and the same recomputed tree has are consistent with each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString, NamedTuple
from uuid import UUID

from application.ports.audit import Problem, Progress, Verified
from domain.errors import InvalidInputError
from infrastructure.proofs.checkpoints import Checkpoints, Stored, signed_by_any
from infrastructure.proofs.kept import Kept
from infrastructure.proofs.offline import Checkpoint, Key, ProofError, parse_checkpoint
from infrastructure.proofs.scan import Scan, fold
from infrastructure.proofs.signing import verifier_of

if TYPE_CHECKING:
    import psycopg

    from infrastructure.postgres.database import Database

_SIZE: LiteralString = "select coalesce(max(log_index) + 1, 0) from daybook.events"
_FRONTIER: LiteralString = "select daybook.frontier(%s)"
_ANSWERED: LiteralString = "select coalesce(max(log_size), 0) from daybook.requests"

# Streams that go on after the part that was skipped: at which version do they stand there?
_STANDS: LiteralString = """
select stream_id, max(version)
  from daybook.events
 where stream_id = any(%s) and log_index < %s
 group by stream_id
"""

_MOST_NAMED = 1_000


class _Claim(NamedTuple):
    """A signed checkpoint that the log must agree with, and what to call it."""

    name: str
    note: str
    stated: Checkpoint


class Verification:
    """One verification of one book."""

    def __init__(self, database: Database, checkpoints: Checkpoints, kept: Kept) -> None:
        self._database = database
        self._checkpoints = checkpoints
        self._kept = kept
        self._problems: list[Problem] = []
        self._newest: str | None = None
        self._verified: str | None = None

    def run(self, *, since: str | None, incremental: bool, progress: Progress | None) -> Verified:
        """Verify, and remember how far everything was well."""
        with self._database.transaction() as connection:
            connection.execute("set transaction isolation level repeatable read, read only")
            book_id = self._checkpoints.book_id(connection)
            keys, pinned = self._checkpoints.trusted(connection)
            self._check_keys(connection, keys)
            self._newest = None if book_id is None else self._kept.checkpoint(book_id, "newest")
            self._verified = None if book_id is None else self._kept.checkpoint(book_id, "verified")
            claims = self._claims(self._checkpoints.stored(connection), keys, since)
            size = _number(connection, _SIZE)
            if book_id is None and size:
                self._add("the book has no identity any more: its row in daybook.book is missing")
            start, frontier = self._beginning(connection, keys, size) if incremental else (0, [])
            claims = [claim for claim in claims if claim.stated.size >= start]
            scan = Scan(start, frontier, sorted({claim.stated.size for claim in claims}))
            scan.run(connection, size, progress)
            self._problems += scan.problems
            self._check_begun(connection, scan, start)
            agreed = self._hold_against(scan, claims, start)
            self._check_end(connection, scan, claims)
        note = max(agreed, key=lambda claim: claim.stated.size).note if agreed else None
        if note is not None and book_id is not None and not self._problems:
            self._kept.keep_checkpoint(book_id, "verified", note)
        self._problems.sort(key=lambda one: (one.log_index is None, one.log_index or 0))
        return Verified(
            events=scan.size,
            root=scan.root.hex() if scan.root else None,
            checkpoint=note,
            problems=tuple(self._problems),
            skipped=start,
            pinned=pinned,
        )

    def _add(self, what: str, log_index: int | None = None, stream: UUID | None = None) -> None:
        self._problems.append(Problem(log_index, stream, what))

    def _check_keys(self, connection: psycopg.Connection, keys: list[Key]) -> None:
        """Look for keys in the database that this home never made."""
        ours = {verifier_of(key.name, key.public) for key in keys}
        for verifier in self._checkpoints.registered(connection):
            if verifier not in ours:
                self._add(f"the database names a signing key that is not this book's: {verifier}")

    def _claims(self, stored: list[Stored], keys: list[Key], since: str | None) -> list[_Claim]:
        """Return the checkpoints with a good signature; name the others."""
        claims = []
        for row in stored:
            name = f"checkpoint {row.number} (of {row.size:,} events)"
            try:
                stated = signed_by_any(row.note, keys)
            except ProofError as problem:
                self._add(f"{name}: {problem}")
                continue
            if (stated.size, stated.root) != (row.size, row.root):
                self._add(f"{name}: its row does not say what its signed note states")
            claims.append(_Claim(name, row.note, stated))
        newest = self._newest
        if newest is not None and newest not in {row.note for row in stored}:
            self._add(
                "the newest checkpoint that this home signed is not in the database: it was deleted, or the "
                "database was put back to an older state"
            )
            claims += self._claim("the newest checkpoint of this home", newest, keys)
        if since is not None:
            claims += self._claim("the given checkpoint", since, keys)
        return claims

    def _claim(self, name: str, note: str, keys: list[Key]) -> list[_Claim]:
        try:
            parse_checkpoint(note)
        except ProofError as problem:
            raise InvalidInputError(
                f"{name[0].upper()}{name[1:]} cannot be read: {problem}. Nothing was verified."
            ) from None
        try:
            return [_Claim(name, note, signed_by_any(note, keys))]
        except ProofError as problem:
            self._add(f"{name}: {problem}")
            return []

    def _beginning(
        self, connection: psycopg.Connection, keys: list[Key], size: int
    ) -> tuple[int, list[bytes]]:
        """Return where to begin: at the last verified checkpoint, if the stored nodes lead to its root."""
        if self._verified is None:
            return 0, []
        try:
            stated = signed_by_any(self._verified, keys)
        except ProofError:
            return 0, []
        row = connection.execute(_FRONTIER, (stated.size,), binary=True).fetchone()
        frontier = [bytes(node) for node in row[0]] if row else []
        if stated.size > size or fold(frontier) != stated.root:
            return 0, []
        return stated.size, frontier

    def _check_begun(self, connection: psycopg.Connection, scan: Scan, start: int) -> None:
        if not scan.begun:
            return
        wanted = [UUID(bytes=stream) for stream in scan.begun]
        stands: dict[UUID, int] = dict(connection.execute(_STANDS, (wanted, start)).fetchall())
        for stream in wanted:
            version, before = scan.begun[stream.bytes], stands.get(stream)
            if before is None:
                self._add(f"a stream begins with version {version}", start, stream)
            elif version != before + 1:
                self._add(f"version {version} follows version {before} in a stream", start, stream)

    def _hold_against(self, scan: Scan, claims: list[_Claim], start: int) -> list[_Claim]:
        """Compare the recomputed roots with the signed ones; return the checkpoints that agree."""
        known = [claim for claim in claims if scan.roots.get(claim.stated.size) is not None]
        agreed = [claim for claim in known if scan.roots[claim.stated.size] == claim.stated.root]
        other = [claim for claim in known if scan.roots[claim.stated.size] != claim.stated.root]
        sizes = [claim.stated.size for claim in agreed]
        later = []
        for claim in sorted(other, key=lambda one: one.stated.size):
            if any(size >= claim.stated.size for size in sizes):
                self._add(
                    f"{claim.name}: its root {claim.stated.root.hex()} is not this log's, while another "
                    "checkpoint of as many or more events is: it was signed for another history (a fork)"
                )
            else:
                later.append(claim)
        if later:
            first, last = max([start, *sizes]), later[0].stated.size - 1
            more = f", nor do {len(later) - 1} later checkpoints" if len(later) > 1 else ""
            self._add(
                f"what was signed was altered somewhere among the events {first}-{last}: {later[0].name} "
                f"does not have the root of this log{more}",
                first if first == last else None,
            )
        return agreed

    def _check_end(self, connection: psycopg.Connection, scan: Scan, claims: list[_Claim]) -> None:
        """Look for events that were cut off the end."""
        signed = max((claim.stated.size for claim in claims), default=0)
        answered = _number(connection, _ANSWERED)
        end = max(signed, answered)
        why = "a checkpoint covers it" if signed == end else "a recorded command was answered with it"
        for index in range(scan.size, min(end, scan.size + _MOST_NAMED)):
            self._add(f"this event is missing: {why}, and the log ends before it", index)
        if end > scan.size + _MOST_NAMED:
            self._add(f"{end - scan.size - _MOST_NAMED:,} more events are missing at the end of the log")


def _number(connection: psycopg.Connection, query: LiteralString) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
