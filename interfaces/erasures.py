"""What an erasure takes, told before it is done and after; and what is held against it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interfaces.views import HoldView

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from interfaces.book import Book
    from projections.conversations.queries import ConversationSummary
    from projections.projects.queries import ProjectDetails


@dataclass(frozen=True)
class Taken:
    """What an erasure takes. `name` is what people know it by; `holds` what forbids it now."""

    id: UUID
    name: str
    kind: str
    conversation_count: int
    message_count: int
    began: datetime
    ended: datetime
    version: int
    holds: tuple[HoldView, ...] = ()


def of_conversation(book: Book, found: ConversationSummary) -> Taken:
    """Return what the erasure of a conversation takes."""
    holds = [*_conversation_holds([found])]
    if found.project_id is not None and (project := book.projects.get(found.project_id)) is not None:
        holds += _project_holds([project])
    return Taken(
        id=found.id,
        name=found.title,
        kind="conversation",
        conversation_count=1,
        message_count=found.message_count,
        began=found.created_at,
        ended=found.updated_at,
        version=found.version,
        holds=tuple(holds),
    )


def of_project(book: Book, found: ProjectDetails) -> Taken:
    """Return what the erasure of a project takes: itself and all its conversations."""
    members = [book.conversations.get(one) for one in book.conversations.of_project(found.id)]
    return _of_project(found, [one for one in members if one is not None])


def gone_with(book: Book, found: ProjectDetails) -> Taken:
    """Return what the erasure of a project took, which is over: all that went in the same moment."""
    gone: list[ConversationSummary] = []
    cursor: str | None = None
    while True:
        page = book.conversations.newest(project_id=found.id, archived="include", limit=200, cursor=cursor)
        gone += [one for one in page.conversations if one.erased_at == found.erased_at]
        cursor = page.next_cursor
        if cursor is None:
            return _of_project(found, gone)


def all_holds(book: Book, *, at_least: int | None = None) -> list[HoldView]:
    """Return everything that is held, projects first."""
    projects = book.projects.all(include_archived=True, at_least=at_least)
    return [*_project_holds(projects), *_conversation_holds(book.conversations.held(at_least=at_least))]


def _of_project(found: ProjectDetails, conversations: list[ConversationSummary]) -> Taken:
    return Taken(
        id=found.id,
        name=found.name,
        kind="project",
        conversation_count=len(conversations),
        message_count=sum(one.message_count for one in conversations),
        began=min([found.created_at, *(one.created_at for one in conversations)]),
        ended=max([found.updated_at, *(one.updated_at for one in conversations)]),
        version=found.version,
        holds=(*_project_holds([found]), *_conversation_holds(conversations)),
    )


def _conversation_holds(found: Iterable[ConversationSummary]) -> Iterable[HoldView]:
    for one in found:
        if one.hold_reason is not None:
            yield HoldView(id=one.id, kind="conversation", title=one.title, reason=one.hold_reason)


def _project_holds(found: Iterable[ProjectDetails]) -> Iterable[HoldView]:
    for one in found:
        if one.hold_reason is not None:
            yield HoldView(id=one.id, kind="project", title=one.name, reason=one.hold_reason)
