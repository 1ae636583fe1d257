"""What an erasure takes, told before it is done and after; and what is held against it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from interfaces import viewing
from interfaces.views import ConversationItemView, HoldView

if TYPE_CHECKING:
    from interfaces.book import WholeBook
    from projections.conversations.queries import ConversationSummary
    from projections.projects.queries import ProjectDetails
    from projections.routines.queries import RoutineDetails


@dataclass(frozen=True, kw_only=True)
class ErasureView:
    """What an erasure would take. While there are `holds`, it is refused.

    `derived` are the conversations copied from it (forks, replays), which go along where that is asked for;
    else they stay readable.
    """

    id: UUID
    kind: str
    title: str
    conversation_count: int
    message_count: int
    began_at: datetime
    ended_at: datetime
    holds: list[HoldView]
    derived: list[ConversationItemView] = field(default_factory=list)


@dataclass(frozen=True)
class Taken:
    """What an erasure takes. `name` is what people know it by; `holds` is what forbids it now.

    `derived` are the conversations copied from it, which go along if `with_derived`.
    """

    id: UUID
    name: str
    kind: str
    conversations: tuple[ConversationSummary, ...]
    derived: tuple[ConversationSummary, ...]
    with_derived: bool
    began: datetime
    ended: datetime
    version: int
    holds: tuple[HoldView, ...] = ()

    @property
    def all(self) -> tuple[ConversationSummary, ...]:
        """Every conversation that goes."""
        return (*self.conversations, *(self.derived if self.with_derived else ()))

    @property
    def messages(self) -> int:
        """How many messages go."""
        return sum(one.message_count for one in self.all)


def of_conversation(book: WholeBook, found: ConversationSummary, *, with_derived: bool) -> Taken:
    """Return what the erasure of a conversation takes."""
    derived = book.conversations.derived([found.id])
    going = [found, *(derived if with_derived else ())]
    return Taken(
        id=found.id,
        name=found.title,
        kind="conversation",
        conversations=(found,),
        derived=derived,
        with_derived=with_derived,
        began=found.created_at,
        ended=found.updated_at,
        version=found.version,
        holds=(*_project_holds(_projects_of(book, going)), *_conversation_holds(going)),
    )


def of_project(book: WholeBook, found: ProjectDetails, *, with_derived: bool) -> Taken:
    """Return what the erasure of a project takes: itself and all its conversations."""
    members = [book.conversations.get(one) for one in book.conversations.of_project(found.id)]
    conversations = tuple(one for one in members if one is not None)
    derived = book.conversations.derived([one.id for one in conversations])
    going = [*conversations, *(derived if with_derived else ())]
    projects = [found, *(one for one in _projects_of(book, going) if one.id != found.id)]
    return Taken(
        id=found.id,
        name=found.name,
        kind="project",
        conversations=conversations,
        derived=derived,
        with_derived=with_derived,
        began=min([found.created_at, *(one.created_at for one in conversations)]),
        ended=max([found.updated_at, *(one.updated_at for one in conversations)]),
        version=found.version,
        holds=(*_project_holds(projects), *_conversation_holds(going)),
    )


def of_routine(found: RoutineDetails) -> Taken:
    """Return what the erasure of a routine takes: all its versions, and none of its runs."""
    return Taken(
        id=found.id,
        name=found.name,
        kind="routine",
        conversations=(),
        derived=(),
        with_derived=False,
        began=found.created_at,
        ended=found.updated_at,
        version=found.version,
    )


def went_with_project(book: WholeBook, found: ProjectDetails) -> Taken:
    """Return what the erasure of a project took, which is over: all of it that went in the same moment."""
    gone: list[ConversationSummary] = []
    cursor: str | None = None
    while True:
        page = book.conversations.newest(project_id=found.id, archived="include", limit=200, cursor=cursor)
        gone += [one for one in page.conversations if one.erased_at == found.erased_at]
        cursor = page.next_cursor
        if cursor is None:
            break
    return Taken(
        id=found.id,
        name=found.name,
        kind="project",
        conversations=tuple(gone),
        derived=(),
        with_derived=False,
        began=found.created_at,
        ended=found.updated_at,
        version=found.version,
    )


def view(taken: Taken) -> ErasureView:
    """Show what an erasure would take."""
    return ErasureView(
        id=taken.id,
        kind=taken.kind,
        title=taken.name,
        conversation_count=len(taken.all),
        message_count=taken.messages,
        began_at=taken.began,
        ended_at=taken.ended,
        holds=list(taken.holds),
        derived=[viewing.conversation_item(one) for one in taken.derived],
    )


def all_holds(book: WholeBook, *, at_least: int | None = None) -> list[HoldView]:
    """Return everything that is held, projects first."""
    projects = book.projects.all(include_archived=True, at_least=at_least)
    return [*_project_holds(projects), *_conversation_holds(book.conversations.held(at_least=at_least))]


def _projects_of(book: WholeBook, conversations: Sequence[ConversationSummary]) -> list[ProjectDetails]:
    ids = dict.fromkeys(one.project_id for one in conversations if one.project_id is not None)
    return [found for one in ids if (found := book.projects.get(one)) is not None]


def _conversation_holds(found: Iterable[ConversationSummary]) -> Iterable[HoldView]:
    for one in found:
        if one.hold_reason is not None:
            yield HoldView(id=one.id, kind="conversation", title=one.title, reason=one.hold_reason)


def _project_holds(found: Iterable[ProjectDetails]) -> Iterable[HoldView]:
    for one in found:
        if one.hold_reason is not None:
            yield HoldView(id=one.id, kind="project", title=one.name, reason=one.hold_reason)
