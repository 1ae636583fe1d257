"""An import: what a file says is given to the book in batches, and what became of it is told.

Invariant: killed at any moment, an import has taken in whole conversations only, and run again it goes on
where it was: what is there already is noticed and costs a look.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

from application.import_commands import ImportConversations, ImportProject
from application.ported import Imported, PortedConversation, PortedProject, TakenIn
from domain.ids import derived_id
from interfaces.porting import llm_logs, reading
from interfaces.porting.items import At, CutOff, Item, LeftOut, Remark, Unknown, Whole
from interfaces.porting.unpacking import Kind, Unpacked, kind_of

if TYPE_CHECKING:
    from application.handlers import Commands

MOST_BATCH_BYTES = 4 * 1024 * 1024
MOST_BATCH = 50
_BETWEEN_WORDS = 0.1
MOST_TOLD = 1000
"""So many things that were left out are named; the others are counted."""


@dataclass(frozen=True, kw_only=True)
class LeftOutView:
    """Something in the file that was not taken in. `what`: `conversation`, `project`, `line`, `file`."""

    what: str
    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ImportView:
    """What became of an import. `kind`: `daybook` or `llm`; `whole` says whether the file had its end.

    Conversations are new, grown (something new was added), unchanged or skipped; `left_out` says what was not
    taken in and why, up to its first thousand. `remarks` counts what was left out or altered of what was
    taken in, `unknown` the parts of the file that this release does not know.
    """

    kind: str
    dry_run: bool
    whole: bool
    log_size: int
    new_count: int
    grown_count: int
    unchanged_count: int
    skipped_count: int
    message_count: int
    new_project_count: int
    left_out_count: int
    left_out: list[LeftOutView] = field(default_factory=list)
    remarks: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    cut_off: str | None = None

    @property
    def complete(self) -> bool:
        """Whether all that the file has is in the book, and nothing had to be altered or passed over."""
        return self.whole and not (self.left_out_count or self.remarks or self.unknown)


@dataclass(frozen=True)
class Wishes:
    """How to import: all into one project, or only say what would come of it."""

    project_id: UUID | None = None
    dry_run: bool = False


def take_in(
    commands: Commands,
    path: Path,
    who: dict[str, Any],
    wishes: Wishes,
    told: Callable[[int, int], None] = lambda _done, _of: None,
) -> ImportView:
    """Import a file. `who` are the fields that all commands have; `told` hears how far it is.

    Raises:
        InvalidInputError: it is no file that can be taken in.
        NotFoundError, RefusedError: there is no such project, or it takes no conversations.
    """
    kind = kind_of(path)
    taking = _Taking(commands, who, wishes, "llm" if kind is Kind.LLM else "daybook")
    if kind is Kind.LLM:
        taking.all(llm_logs.items(path), told)
    else:
        with path.open("rb") as file:
            source: IO[bytes] | Unpacked = Unpacked(file) if kind is Kind.PACKED else file
            taking.all(reading.items(source, file, path.stat().st_size), told)
    return taking.view()


class _Taking:
    """One import under way."""

    def __init__(self, commands: Commands, who: dict[str, Any], wishes: Wishes, kind: str) -> None:
        self._commands = commands
        self._who = {**who, "idempotency_key": None}
        self._wishes = wishes
        self._kind = kind
        self._batch: list[PortedConversation] = []
        self._batch_ids: set[UUID] = set()
        self._batch_size = 0
        self._outcomes: Counter[str] = Counter()
        self._projects: Counter[str] = Counter()
        self._left_out: list[LeftOutView] = []
        self._left_out_count = 0
        self._remarks: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._message_count = 0
        self._log_size = 0
        self._cut_off: str | None = None

    def all(self, items: Iterable[Item], told: Callable[[int, int], None]) -> None:
        # An empty one first: a project that takes nothing is told before anything is read.
        self._give([])
        next_word = 0.0
        for item in items:
            match item:
                case Whole():
                    self._whole(item)
                case PortedProject():
                    self._project(item)
                case At():
                    if time.monotonic() >= next_word:
                        told(item.done, item.total)
                        next_word = time.monotonic() + _BETWEEN_WORDS
                case LeftOut():
                    self._leave_out(item.what, item.name, item.reason)
                    self._outcomes["skipped"] += item.what == "conversation"
                case Unknown():
                    known = item.name in self._unknown or len(self._unknown) < MOST_TOLD
                    self._unknown[item.name if known else "others"] += 1
                case Remark():
                    self._remarks[item.name] += item.count
                case CutOff():
                    self._cut_off = item.reason
        self._flush()

    def view(self) -> ImportView:
        return ImportView(
            kind=self._kind,
            dry_run=self._wishes.dry_run,
            whole=self._cut_off is None,
            cut_off=self._cut_off,
            log_size=self._log_size,
            new_count=self._outcomes["new"],
            grown_count=self._outcomes["grown"],
            unchanged_count=self._outcomes["unchanged"],
            skipped_count=self._outcomes["skipped"],
            message_count=self._message_count,
            new_project_count=self._projects["new"],
            left_out_count=self._left_out_count,
            left_out=self._left_out,
            remarks=dict(self._remarks),
            unknown=dict(self._unknown),
        )

    def _whole(self, item: Whole) -> None:
        if (
            self._batch_size + item.size > MOST_BATCH_BYTES
            or len(self._batch) >= MOST_BATCH
            or not self._batch_ids.isdisjoint(_ids(item.conversation))
        ):
            self._flush()
        self._batch.append(item.conversation)
        self._batch_ids |= _ids(item.conversation)
        self._batch_size += item.size

    def _flush(self) -> None:
        if self._batch:
            batch, self._batch, self._batch_size = self._batch, [], 0
            self._batch_ids = set()
            self._give(batch)

    def _give(self, batch: list[PortedConversation]) -> None:
        imported = self._commands.take_in(
            ImportConversations(
                conversations=tuple(batch),
                project_id=self._wishes.project_id,
                dry_run=self._wishes.dry_run,
                **self._who,
            )
        )
        for result in self._results(imported):
            self._outcomes[result.outcome] += 1
            self._message_count += result.message_count
            if result.outcome == "skipped":
                self._leave_out("conversation", str(result.imported_id), result.reason)

    def _project(self, said: PortedProject) -> None:
        """Take a project in, unless all goes into another one anyway."""
        self._flush()
        if self._wishes.project_id is not None:
            return
        imported = self._commands.take_in(
            ImportProject(project=said, dry_run=self._wishes.dry_run, **self._who)
        )
        for result in self._results(imported):
            self._projects[result.outcome] += 1
            if result.outcome == "skipped":
                self._leave_out("project", str(result.imported_id), result.reason)

    def _results(self, imported: Imported) -> Iterator[TakenIn]:
        self._log_size = max(self._log_size, imported.log_size)
        for result in imported.results:
            for what, count in result.remarks:
                self._remarks[what] += count
            yield result

    def _leave_out(self, what: str, name: str, reason: str) -> None:
        self._left_out_count += 1
        if len(self._left_out) < MOST_TOLD:
            self._left_out.append(LeftOutView(what=what, name=name[:200], reason=reason))


def _ids(said: PortedConversation) -> set[UUID]:
    """Return the ids under which it may be here; two that share one are not taken in in one append."""
    return {said.id, derived_id(said.id)}
