"""What is read of a book behind a server. Lists that are longer than a page come whole, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces.filing_views import InstructionsListView, TagListView
from interfaces.message_views import TreeView
from interfaces.record_views import RecordedMessagesView
from interfaces.remote import records
from interfaces.routine_views import RoutineListView, RoutineVersionListView
from interfaces.views import ConversationListView, ProjectListView, SearchView, utc
from projections.conversations.queries import ConversationPage, ConversationSummary, TagCount
from projections.search.queries import SearchPage

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from interfaces.remote.connection import Asks
    from projections.conversations.wanted import Sort, Wanted
    from projections.projects.queries import InstructionsVersion, ProjectDetails
    from projections.routines.queries import RoutineDetails, RoutineVersion
    from projections.search.queries import Within
    from projections.transcript.messages import Message, Node

LAST = "@last"
MOST_A_PAGE = 200
_SEVERAL = 5  # of things that one piece of an id fits


class RemoteConversations:
    """Lists conversations."""

    def __init__(self, connection: Asks) -> None:
        self._connection = connection

    def listed(
        self, wanted: Wanted, *, sort: Sort = "activity", limit: int = 50, cursor: str | None = None
    ) -> ConversationPage:
        """Return the conversations wanted, in an order."""
        found: list[ConversationSummary] = []
        while True:
            page = self._connection.get(
                "conversations",
                ConversationListView,
                project_id=wanted.project_id,
                routine_id=wanted.routine_id,
                archived=wanted.archived,
                pinned=wanted.pinned,
                tag=list(wanted.tags),
                model=wanted.model,
                since=_told(wanted.since),
                until=_told(wanted.until),
                sort=sort,
                limit=min(limit - len(found), MOST_A_PAGE),
                cursor=cursor,
            )
            found += map(records.conversation, page.conversations)
            cursor = page.next_cursor
            if cursor is None or len(found) >= limit:
                return ConversationPage(tuple(found), cursor)

    def tags(self) -> tuple[TagCount, ...]:
        """Return all tags that conversations have, by name."""
        page = self._connection.get("tags", TagListView)
        return tuple(TagCount(one.name, one.conversation_count) for one in page.tags)

    def get(self, conversation_id: UUID) -> ConversationSummary | None:
        """Return one conversation, or None where the book has none of this id."""
        return next(iter(self._named(conversation_id.hex)), None)

    def latest_of_actor(self, actor: str) -> ConversationSummary | None:
        """Return the conversation in which whoever asks last asked or moved."""
        del actor  # the server knows who asks, and says it of nobody else
        return next(iter(self._named(LAST)), None)

    def find(self, fragment: str) -> tuple[ConversationSummary, ...]:
        """Return the conversations whose id begins or ends like this."""
        return self._named(fragment)

    def _named(self, named: str) -> tuple[ConversationSummary, ...]:
        page = self._connection.get("conversations", ConversationListView, id=named, limit=_SEVERAL)
        return tuple(map(records.conversation, page.conversations))


class RemoteProjects:
    """Lists projects."""

    def __init__(self, connection: Asks) -> None:
        self._connection = connection

    def all(
        self, *, include_archived: bool = False, at_least: int | None = None
    ) -> tuple[ProjectDetails, ...]:
        """Return the projects, oldest first."""
        if at_least is not None:
            self._connection.saw(at_least)
        found: list[ProjectDetails] = []
        cursor: str | None = None
        while True:
            page = self._connection.get(
                "projects",
                ProjectListView,
                include_archived=include_archived,
                limit=MOST_A_PAGE,
                cursor=cursor,
            )
            found += map(records.project, page.projects)
            cursor = page.next_cursor
            if cursor is None:
                return tuple(found)

    def get(self, project_id: UUID) -> ProjectDetails | None:
        """Return one project, or None where the book has none of this id."""
        return next(iter(self.find(project_id.hex)), None)

    def find(self, fragment: str) -> tuple[ProjectDetails, ...]:
        """Return the projects whose id begins or ends like this."""
        page = self._connection.get("projects", ProjectListView, id=fragment, limit=_SEVERAL)
        return tuple(map(records.project, page.projects))

    def named(self, name: str) -> tuple[ProjectDetails, ...]:
        """Return the projects of exactly this name, archived ones too."""
        if not name.strip():
            return ()
        page = self._connection.get(
            "projects", ProjectListView, name=name, include_archived=True, limit=MOST_A_PAGE
        )
        return tuple(map(records.project, page.projects))

    def instructions(self, project_id: UUID) -> tuple[InstructionsVersion, ...]:
        """Return all that a project's instructions were set to, newest first."""
        page = self._connection.get(f"projects/{project_id}/instructions", InstructionsListView)
        return tuple(map(records.instructions, page.instructions))


class RemoteRoutines:
    """Lists routines."""

    def __init__(self, connection: Asks) -> None:
        self._connection = connection

    def all(self, *, include_removed: bool = False) -> tuple[RoutineDetails, ...]:
        """Return the routines, oldest first."""
        found: list[RoutineDetails] = []
        cursor: str | None = None
        while True:
            page = self._connection.get(
                "routines",
                RoutineListView,
                include_removed=include_removed,
                limit=MOST_A_PAGE,
                cursor=cursor,
            )
            found += map(records.routine, page.routines)
            cursor = page.next_cursor
            if cursor is None:
                return tuple(found)

    def get(self, routine_id: UUID) -> RoutineDetails | None:
        """Return one routine, or None where the book has none of this id."""
        return next(iter(self.find(routine_id.hex)), None)

    def find(self, fragment: str) -> tuple[RoutineDetails, ...]:
        """Return the routines whose id begins or ends like this."""
        page = self._connection.get("routines", RoutineListView, id=fragment, limit=_SEVERAL)
        return tuple(map(records.routine, page.routines))

    def named(self, name: str) -> tuple[RoutineDetails, ...]:
        """Return the routines of exactly this name that were not removed."""
        if not name.strip():
            return ()
        page = self._connection.get("routines", RoutineListView, name=name, limit=MOST_A_PAGE)
        return tuple(map(records.routine, page.routines))

    def versions(self, routine_id: UUID) -> tuple[RoutineVersion, ...]:
        """Return all versions of a routine, oldest first."""
        found = self._connection.get(f"routines/{routine_id}/versions", RoutineVersionListView)
        return tuple(map(records.routine_version, found.versions))


class RemoteTranscript:
    """Shows messages."""

    def __init__(self, connection: Asks) -> None:
        self._connection = connection

    def branch(
        self, conversation_id: UUID, leaf_id: UUID | None = None, *, limit: int | None = None
    ) -> tuple[Message, ...]:
        """Return the branch ending in a message (None: the current one), root first; or its last `limit`."""
        found: list[Message] = []
        cursor: str | None = None
        while True:
            page = self._connection.get(
                f"conversations/{conversation_id}/messages",
                RecordedMessagesView,
                leaf_id=leaf_id,
                cursor=cursor,
                limit=MOST_A_PAGE if limit is None else min(limit - len(found), MOST_A_PAGE),
            )
            found = [*map(records.message, page.messages), *found]
            cursor = page.next_cursor
            if cursor is None or (limit is not None and len(found) >= limit):
                return tuple(found)

    def message(self, message_id: UUID, *, at_least: int | None = None) -> Message | None:
        """Return one message, or None where the book has none of this id."""
        if at_least is not None:
            self._connection.saw(at_least)
        return next(iter(self._named(message_id.hex)), None)

    def find(self, fragment: str) -> tuple[Message, ...]:
        """Return the messages whose id begins or ends like this."""
        return self._named(fragment)

    def children(self, message_id: UUID) -> tuple[Message, ...]:
        """Return the messages that follow a message, oldest first."""
        page = self._connection.get("messages", RecordedMessagesView, parent_id=message_id, limit=MOST_A_PAGE)
        return tuple(map(records.message, page.messages))

    def tree(self, conversation_id: UUID, *, beginnings: bool = False) -> tuple[Node, ...]:
        """Return every message of a conversation without its text, or with the first words of each."""
        path = f"conversations/{conversation_id}/tree"
        found = self._connection.get(path, TreeView, beginnings=beginnings)
        return tuple(map(records.node, found.messages))

    def current(self, conversation_id: UUID) -> UUID | None:
        """Return the message in which the current branch ends."""
        return self._connection.get(f"conversations/{conversation_id}/tree", TreeView).current_id

    def last_answer_of_actor(self, actor: str) -> Message | None:
        """Return the answer that whoever asks last asked for."""
        del actor  # as for conversations
        return next(iter(self._named(LAST)), None)

    def _named(self, named: str) -> tuple[Message, ...]:
        page = self._connection.get("messages", RecordedMessagesView, id=named, limit=_SEVERAL)
        return tuple(map(records.message, page.messages))


class RemoteSearch:
    """Finds messages."""

    def __init__(self, connection: Asks) -> None:
        self._connection = connection

    def search(self, text: str, within: Within, *, limit: int = 20, cursor: str | None = None) -> SearchPage:
        """Return the messages in which all the words stand, best first."""
        page = self._connection.get(
            "search",
            SearchView,
            q=text,
            conversation_id=within.conversation_id,
            project_id=within.project_id,
            kind=within.kind,
            model=within.model,
            tag=list(within.tags),
            since=_told(within.since),
            until=_told(within.until),
            limit=limit,
            cursor=cursor,
        )
        return SearchPage(tuple(map(records.hit, page.results)), page.next_cursor)


def _told(moment: datetime | None) -> str | None:
    return None if moment is None else utc(moment)
