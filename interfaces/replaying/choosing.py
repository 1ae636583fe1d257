"""Which recorded answers a replay takes: those of a conversation, a project, a search, or the last ones.

Of conversations it is the current branch; everywhere only answers that are complete.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from domain.errors import InvalidInputError
from domain.replay.replay import MOST_PROMPTS
from interfaces.outline import Outline
from projections.conversations.wanted import Wanted
from projections.search.queries import Within

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interfaces.book import WholeBook

_PAGE = 200


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is to be replayed: one of these. `last`: so many answers of the book; `search`: its words."""

    conversation_id: UUID | None = None
    project_id: UUID | None = None
    search: str | None = None
    last: int | None = None

    @property
    def chosen_by(self) -> str:
        """The word for it.

        Raises:
            InvalidInputError: it is none, or several.
        """
        given = {
            "conversation": self.conversation_id,
            "project": self.project_id,
            "search": self.search,
            "last": self.last,
        }
        named = [name for name, value in given.items() if value is not None]
        if len(named) != 1:
            raise InvalidInputError(
                "Say what to replay: a conversation, --project, --search or --last, one of them. Nothing was "
                "recorded.",
                hint="daybook replay --last 20 --model MODEL",
            )
        return named[0]


def chosen(book: WholeBook, wanted: Selection) -> tuple[UUID, ...]:
    """Return the ids of the recorded answers, in the order in which they will be asked again.

    Raises:
        InvalidInputError: the selection is none, or several.
        NotFoundError: there is no such conversation or project.
    """
    how = wanted.chosen_by
    if how == "last":
        found = book.transcript.last_answers(min(wanted.last or 0, MOST_PROMPTS + 1))
    elif wanted.search is not None:
        found = tuple(dict.fromkeys(_of_search(book, wanted.search)))
    elif wanted.conversation_id is not None:
        found = tuple(_of_conversation(book, wanted.conversation_id))
    else:
        found = tuple(
            answer_id
            for conversation_id in _in_project(book, wanted.project_id)
            for answer_id in _of_conversation(book, conversation_id)
        )
    return found


def _of_conversation(book: WholeBook, conversation_id: UUID) -> Iterator[UUID]:
    outline = Outline(book.transcript.tree(conversation_id), book.transcript.current(conversation_id))
    for node in outline.nodes:
        if node.id in outline.path and node.kind == "answer" and node.status == "complete":
            yield node.id


def _in_project(book: WholeBook, project_id: UUID | None) -> Iterator[UUID]:
    wanted = Wanted(project_id=project_id, archived="include")
    cursor = None
    while True:
        page = book.conversations.listed(wanted, sort="created", limit=_PAGE, cursor=cursor)
        yield from (one.id for one in page.conversations if not one.erased)
        cursor = page.next_cursor
        if cursor is None:
            return


def _of_search(book: WholeBook, text: str) -> Iterator[UUID]:
    cursor = None
    while True:
        page = book.search.search(text, Within(), limit=_PAGE, cursor=cursor)
        for hit in page.hits:
            if hit.kind == "prompt":
                answers = [one for one in book.transcript.children(hit.message_id) if one.kind == "answer"]
                whole = [one for one in answers if one.status == "complete"]
                yield from (one.id for one in whole[-1:])
            else:
                found = book.transcript.message(hit.message_id)
                if found is not None and found.status == "complete":
                    yield found.id
        cursor = page.next_cursor
        if cursor is None:
            return
