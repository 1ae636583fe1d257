"""The search as of a moment: what stood in the book then, filed as it was filed then.

The live index tells which messages of those days match; project and tags, which change, are looked at in the
conversations as they were.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from domain.tags import folded as folded_name
from projections.past.conversations import PastConversations
from projections.search.queries import SearchHit, SearchPage, SearchQueries, Within

if TYPE_CHECKING:
    from domain.content import Vault
    from projections.conversations.queries import ConversationSummary
    from projections.past.history import History, Moment
    from projections.reading import Opens

_ANYWHERE = Within()


class PastSearch:
    """Finds messages as they were at a moment."""

    def __init__(self, reading: Opens, history: History, vault: Vault, moment: Moment) -> None:
        self._search = SearchQueries(reading, vault)
        self._conversations = PastConversations(reading, history, vault, moment)
        self._before = moment.log_index + 1

    def search(
        self,
        text: str,
        within: Within = _ANYWHERE,
        *,
        limit: int = 20,
        cursor: str | None = None,
        at_least: int | None = None,
    ) -> SearchPage:
        """Return the messages of then in which all the words stand, best first.

        Raises:
            InvalidInputError: there is nothing to look for, or the cursor is not ours.
        """
        loose = replace(within, project_id=None, tags=())
        known: dict[UUID, ConversationSummary] = {}
        hits: list[SearchHit] = []
        while True:
            page = self._search.search(
                text, loose, limit=limit - len(hits), cursor=cursor, at_least=at_least, before=self._before
            )
            new = [one for one in dict.fromkeys(hit.conversation_id for hit in page.hits) if one not in known]
            known |= self._conversations.several(new) if new else {}
            hits += [
                replace(hit, title=found.title, project_id=found.project_id)
                for hit in page.hits
                if (found := known.get(hit.conversation_id)) is not None and _fits(found, within)
            ]
            cursor = page.next_cursor
            if cursor is None or len(hits) >= limit:
                return SearchPage(tuple(hits), cursor)


def _fits(found: ConversationSummary, within: Within) -> bool:
    tags = {folded_name(name) for name in found.tags}
    return (within.project_id is None or found.project_id == within.project_id) and all(
        folded_name(name) in tags for name in within.tags
    )
