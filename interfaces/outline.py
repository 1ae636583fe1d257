"""A conversation's tree as people move in it: what stands beside what, and where the current branch runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from domain.errors import NotFoundError
from domain.ids import short

if TYPE_CHECKING:
    from projections.transcript.messages import Node


class Outline:
    """The nodes of one conversation, the oldest first, and the message in which its current branch ends."""

    def __init__(self, nodes: Iterable[Node], current_id: UUID | None) -> None:
        self.nodes = tuple(nodes)
        self.current_id = current_id
        self._by_id = {node.id: node for node in self.nodes}
        self._below: dict[UUID | None, list[Node]] = {}
        self._places: dict[UUID, int] = {}
        for node in self.nodes:
            siblings = self._below.setdefault(node.parent_id, [])
            siblings.append(node)
            self._places[node.id] = len(siblings)
        self.path = frozenset(node.id for node in self._up(current_id))

    def below(self, message_id: UUID | None) -> list[Node]:
        """Return what follows a message; of None: the first prompts."""
        return self._below.get(message_id, [])

    def place(self, node: Node) -> tuple[int, int]:
        """Return which of its siblings a message is, from 1, and how many they are."""
        return self._places[node.id], len(self._below[node.parent_id])

    def beside(self, message_id: UUID, step: int) -> Node:
        """Return the sibling so many places further on.

        Raises:
            NotFoundError: there is none, or the message is not of this tree.
        """
        node = self._by_id.get(message_id)
        siblings = self._below[node.parent_id] if node else []
        place = self._places[message_id] - 1 + step if node else -1
        if not 0 <= place < len(siblings):
            where = "next" if step > 0 else "previous"
            raise NotFoundError(
                f"Message {short(message_id)} has no {where} one beside it: there are {len(siblings)}. "
                "Nothing was changed.",
                hint="daybook tree",
            )
        return siblings[place]

    def last_parting(self) -> Node | None:
        """Return the message nearest to the end of the current branch that has siblings."""
        return next(
            (node for node in self._up(self.current_id) if len(self._below[node.parent_id]) > 1), None
        )

    def _up(self, message_id: UUID | None) -> Iterable[Node]:
        node = self._by_id.get(message_id) if message_id else None
        while node is not None:
            yield node
            node = self._by_id.get(node.parent_id) if node.parent_id else None
