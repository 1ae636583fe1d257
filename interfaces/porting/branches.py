"""The order in which a conversation is read on paper: its current branch, then what leaves it elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from projections.transcript.messages import Node


@dataclass(frozen=True)
class Run:
    """Messages that follow one another. `after`: what the first of them follows, where that is in another."""

    ids: Sequence[UUID]
    after: UUID | None
    is_current: bool


def runs(nodes: Sequence[Node], current_id: UUID | None) -> list[Run]:
    """Return every message once: first the current branch, then the others, oldest first."""
    parents = {node.id: node.parent_id for node in nodes}
    followers: dict[UUID, list[UUID]] = {}
    for node in nodes:
        if node.parent_id is not None:
            followers.setdefault(node.parent_id, []).append(node.id)
    current: list[UUID] = []
    above = current_id
    while above is not None and above in parents:
        current.append(above)
        above = parents[above]
    made = [Run(current[::-1], None, is_current=True)] if current else []
    written = set(current)
    for node in nodes:
        if node.id in written:
            continue
        run: list[UUID] = []
        following: UUID | None = node.id
        while following is not None:
            run.append(following)
            written.add(following)
            following = next((one for one in followers.get(following, ()) if one not in written), None)
        made.append(Run(run, node.parent_id, is_current=False))
    return made
