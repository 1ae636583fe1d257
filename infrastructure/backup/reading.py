"""Reading a backup to its end: every byte, every row, the whole tree, and every checkpoint that is known.

Invariant: what is returned was proved on the way; what was handed to the sink before that may be wrong, so
whoever takes it must be able to drop it all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from application.errors import NotProvedError
from application.ports.audit import Progress
from application.ports.backup import BackupContents, CheckedBackup, Missing
from domain.errors import InvalidInputError
from infrastructure.backup.archive import ArchiveReader, Document, Input, Piece, damaged
from infrastructure.backup.erasures import Erasure
from infrastructure.backup.head import Head, read_head
from infrastructure.backup.tables import (
    BOOK,
    CHECKPOINTS,
    EVENTS,
    HEADER,
    TOMBSTONES,
    TRAILER,
    Rows,
    Table,
    fields,
    owner_of,
)
from infrastructure.proofs.checkpoints import signed_by_any
from infrastructure.proofs.offline import Checkpoint, Key, ProofError, parse_checkpoint, parse_key
from infrastructure.proofs.scan import Scan

_MOST_CHECKPOINTS = 1_000_000

_SINCE_2000 = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL counts microseconds from there

Write = Callable[[bytes], Any]


class Sink(Protocol):
    """Takes the rows, table after table."""

    def table(self, table: Table) -> AbstractContextManager[Write]:
        """Lend what takes the table's binary COPY, in pieces."""
        ...


class Nowhere:
    """A sink for who only wants to know whether the backup is well."""

    def table(self, table: Table) -> AbstractContextManager[Write]:
        """Lend what drops everything."""
        del table
        return nullcontext(len)


class Known(NamedTuple):
    """A checkpoint that somebody kept; `where` says who."""

    where: str
    note: str


class _Claim(NamedTuple):
    """A checkpoint in a backup: its signed note, and the size and root that stand beside it."""

    name: str
    note: str
    size: int
    root: bytes


class BackupReader:
    """One backup, read once from beginning to end: first `head`, then `run`."""

    def __init__(self, file: Input) -> None:
        self._archive = ArchiveReader(file)
        self._members = self._archive.members()
        self._next: Piece | Document | None = next(self._members)
        self.head = read_head(self._next)
        self._described: dict[str, dict[str, Any]] = {}
        self._claims: list[_Claim] = []
        self._advance()

    def run(
        self,
        sink: Sink,
        *,
        keys: Sequence[Key] = (),
        known: Sequence[Known] = (),
        erased: Collection[UUID] = (),
        progress: Progress | None = None,
    ) -> CheckedBackup:
        """Read everything into the sink.

        Args:
            sink: takes the rows.
            keys: public keys that are known to be the book's; none: those are taken that the backup names.
            known: checkpoints that the log must agree with; each is one of the book's (`must_be_of`).
            erased: owners whose keys and saved texts are left out.
            progress: told how many events were read.

        Raises:
            NotProvedError: the backup is damaged, or is not of the book that was signed.
        """
        head = self.head
        pinned = bool(keys)
        trusted = list(keys) or _named(head)
        stated = [(one.where, _signed(one, trusted)) for one in known]
        gone = {owner.bytes for owner in erased}
        scan = Scan(0, [], [])
        for table in head.tables:
            if table.name != EVENTS:
                self._read_table(table, sink, gone if table.owner_first else set())
                continue
            claims = self._checked_claims(trusted)
            marks = {size for size, _, _ in claims} | {one.size for _, one in stated}
            scan = Scan(0, [], sorted(size for size in marks if size <= head.event_count))
            self._read_log(table, sink, scan, progress)
            _must_agree(scan, claims)
        self._end()
        for where, one in stated:
            if one.size <= head.event_count and scan.roots[one.size] != one.root:
                raise NotProvedError(
                    f"This backup is of another history: {where} states another root for its first "
                    f"{one.size:,} events. Nothing was restored from it.",
                    hint="Find out which of the two is the true one before you restore either.",
                )
        later = max(stated, key=lambda pair: pair[1].size, default=None)
        missing = None
        if later is not None and later[1].size > head.event_count:
            missing = Missing(later[0], later[1].size)
        return CheckedBackup(self._contents(pinned=pinned), missing)

    def erasures(self) -> list[Erasure]:
        """Return which owners were erased when the backup was made; all is read and checked."""
        sink = _Tombstones()
        self.run(sink)
        return sink.found

    def _read_table(self, table: Table, sink: Sink, gone: Collection[bytes]) -> None:
        rows = Rows(table)
        with sink.table(table) as write:
            if gone:
                write(HEADER)
            for piece in self._pieces(table):
                found = list(rows.feed(piece))
                if table.name == BOOK:
                    for row in found:
                        _must_be_the_book(table, row, self.head)
                if table.name == CHECKPOINTS:
                    self._claims += [_claim(table, row) for row in found]
                    if len(self._claims) > _MOST_CHECKPOINTS:
                        raise damaged("it has more checkpoints than any book")
                write(b"".join(one for one in found if owner_of(one) not in gone) if gone else piece)
            rows.finish()
            if gone:
                write(TRAILER)
        if table.name == BOOK and rows.count != 1:
            raise damaged(f"there are {rows.count} books in it")
        self._described[table.name]["rows"] = rows.count

    def _read_log(self, table: Table, sink: Sink, scan: Scan, progress: Progress | None) -> None:
        rows = Rows(table)

        def all_rows(write: Write) -> Iterator[bytes]:
            for piece in self._pieces(table):
                yield from rows.feed(piece)
                write(piece)

        with sink.table(table) as write:
            coming = all_rows(write)
            scan.read(lambda _: (1, next(coming, TRAILER)), self.head.event_count, progress, skip=0)
        rows.finish()
        self._described[table.name]["rows"] = rows.count
        if scan.problems:
            first = scan.problems[0]
            where = "" if first.log_index is None else f"event {first.log_index}: "
            raise damaged(f"{where}{first.what}")
        if (scan.size, scan.root) != (self.head.event_count, self.head.root):
            raise damaged("the tree of its events does not have the root that was written")

    def _pieces(self, table: Table) -> Iterator[bytes]:
        digest, size = hashlib.sha256(), 0
        while isinstance(self._next, Piece) and self._next.table == table.name:
            digest.update(self._next.data)
            size += len(self._next.data)
            yield self._next.data
            self._advance()
        self._described[table.name] = {"bytes": size, "sha256": digest.hexdigest()}

    def _checked_claims(self, trusted: Sequence[Key]) -> list[tuple[int, bytes, str]]:
        """Return size and root of each checkpoint in the backup, its signature checked."""
        head = self.head
        claims = []
        own = _Claim("its checkpoint", head.checkpoint or "", head.event_count, head.root)
        for claim in [*([own] if head.checkpoint is not None else []), *self._claims]:
            try:
                one = signed_by_any(claim.note, trusted)
            except ProofError as problem:
                raise damaged(f"{claim.name}: {problem}") from None
            if (one.size, one.root) != (claim.size, claim.root):
                raise damaged(f"{claim.name} does not state what stands beside it")
            claims.append((one.size, one.root, claim.name))
        return claims

    def _end(self) -> None:
        last = self._next
        if not isinstance(last, Document) or last.name != "manifest":
            raise damaged("something is in it that does not belong there")
        if last.values.get("tables") != self._described:
            raise damaged("its tables are not those that were written")
        self._advance()
        if self._next is not None:
            raise damaged("something is in it that does not belong there")

    def _advance(self) -> None:
        self._next = next(self._members, None)

    def _contents(self, *, pinned: bool) -> BackupContents:
        head = self.head
        return BackupContents(
            book_id=head.book_id,
            made_at=head.made_at,
            version=head.version,
            event_count=head.event_count,
            root=head.root.hex(),
            checkpoint=head.checkpoint,
            signed="no" if head.checkpoint is None else "known" if pinned else "named",
            has_keys=head.keys is not None,
            row_counts={name: one["rows"] for name, one in self._described.items()},
            size=self._archive.size,
            sha256=self._archive.digest,
        )


class _Tombstones:
    """A sink that remembers what was erased."""

    def __init__(self) -> None:
        self.found: list[Erasure] = []

    def table(self, table: Table) -> AbstractContextManager[Write]:
        """Lend what remembers tombstones and drops everything else."""
        if table.name != TOMBSTONES:
            return nullcontext(len)
        rows = Rows(table)

        def take(piece: bytes) -> None:
            self.found += [_erasure(table, row) for row in rows.feed(piece)]

        return nullcontext(take)


def _named(head: Head) -> list[Key]:
    """Return the public keys that the backup names itself."""
    origin = f"daybook/{head.book_id}+"
    try:
        return [parse_key(one) for one in head.verifiers if one.startswith(origin)]
    except ProofError as problem:
        raise damaged(f"a public key in it: {problem}") from None


def _erasure(table: Table, row: bytes) -> Erasure:
    values = dict(zip(table.columns, fields(row), strict=True))
    at = int.from_bytes(values.get("erased_at") or b"", "big", signed=True)
    try:
        return Erasure(
            UUID(bytes=values["owner_id"] or b""),
            _SINCE_2000 + timedelta(microseconds=at),
            (values.get("erased_by") or b"").decode(),
        )
    except (ValueError, OverflowError):
        raise damaged("a tombstone in it cannot be read") from None


def _claim(table: Table, row: bytes) -> _Claim:
    values = dict(zip(table.columns, fields(row), strict=True))
    number, size = (int.from_bytes(values.get(name) or b"", "big") for name in ("checkpoint_id", "size"))
    try:
        note = (values.get("note") or b"").decode()
    except UnicodeDecodeError:
        raise damaged("a checkpoint in it cannot be read") from None
    return _Claim(f"checkpoint {number} (of {size:,} events)", note, size, values.get("root") or b"")


def _must_be_the_book(table: Table, row: bytes, head: Head) -> None:
    values = dict(zip(table.columns, fields(row), strict=True))
    stated = tuple(values.get(name) for name in ("book_id", "master_check", "former_check"))
    if stated != (head.book_id.bytes, head.master_check, head.former_check):
        raise damaged("its book is another than it says")


def must_be_of(known: Known, head: Head) -> None:
    """Raise `InvalidInputError` unless what somebody kept is a checkpoint of the backup's book."""
    try:
        stated = parse_checkpoint(known.note)
    except ProofError as problem:
        raise InvalidInputError(f"{known.where} cannot be read: {problem}. Nothing was changed.") from None
    if stated.origin != f"daybook/{head.book_id}":
        raise InvalidInputError(
            f"{known.where} is of another book ({stated.origin}; this backup is of daybook/{head.book_id}). "
            "Nothing was changed."
        )


def _signed(known: Known, trusted: Sequence[Key]) -> Checkpoint:
    """Return what a checkpoint states that somebody kept."""
    try:
        return signed_by_any(known.note, trusted)
    except ProofError as problem:
        raise NotProvedError(
            f"{known.where} is not signed with a key of this backup's book: {problem}. Nothing was changed.",
            hint="One of the two is not what it seems: daybook audit key prints a book's key.",
        ) from None


def _must_agree(scan: Scan, claims: Sequence[tuple[int, bytes, str]]) -> None:
    for size, root, name in claims:
        if scan.roots.get(size) != root:
            raise damaged(f"{name} does not have the root of its log")
