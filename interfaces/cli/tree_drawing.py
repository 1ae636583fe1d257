"""A conversation's tree, drawn: one line a message.

What leads on to the current branch (elsewhere: what was added last) goes straight down, so that a
conversation of ten thousand messages is no wider than one of ten; every other branch hangs from a line to its
left, above where the straight one goes on. Long stretches without a branch are shortened to their ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.ids import short
from interfaces.cli.console import clean, one_line

if TYPE_CHECKING:
    from interfaces.outline import Outline
    from projections.transcript.messages import Node

_ENDS = 3
_LONGEST_MODEL = 16
_NARROW = 60
_STATUS = {"streaming": "still being written", "complete": ""}


@dataclass(frozen=True)
class Line:
    """One line: what leads to it, its mark, the words on it. `node` is None where messages were left out."""

    lead: str
    mark: str
    words: str
    current: bool
    node: Node | None


def lines(outline: Outline, *, width: int, whole: bool) -> Iterator[Line]:
    """Yield the drawing from top to bottom; `whole` shortens nothing. `width` is the terminal's."""
    stretch: list[tuple[str, str, Node]] = []
    for lead, after, node in _walk(outline):
        if stretch and (whole or _parts(outline, node) or after != stretch[-1][1] or lead != after):
            yield from _shortened(outline, stretch, width, whole=whole)
            stretch = []
        stretch.append((lead, after, node))
    yield from _shortened(outline, stretch, width, whole=whole)


def _walk(outline: Outline) -> Iterator[tuple[str, str, Node]]:
    """Yield each message with what leads to it and what leads to that which follows it straight down."""
    waiting: list[tuple[str, str, Node]] = []

    def add(above: str, following: list[Node]) -> None:
        straight = next(
            (one for one in following if one.id in outline.path), following[-1] if following else None
        )
        beside = [one for one in following if one is not straight]
        if straight is not None:
            waiting.append((above, above, straight))
        waiting.extend((f"{above}├─ ", f"{above}│  ", one) for one in reversed(beside))

    add("", outline.below(None))
    while waiting:
        lead, after, node = waiting.pop()
        yield lead, after, node
        add(after, outline.below(node.id))


def _parts(outline: Outline, node: Node) -> bool:
    """Say whether a message is where branches part or meet, so that it must be seen."""
    return outline.place(node)[1] > 1 or len(outline.below(node.id)) > 1


def _shortened(
    outline: Outline, stretch: list[tuple[str, str, Node]], width: int, *, whole: bool
) -> Iterator[Line]:
    left_out = 0 if whole else len(stretch) - 2 * _ENDS
    if left_out <= 2:  # noqa: PLR2004 - what the line about them would take itself
        left_out = 0
    for at, (lead, after, node) in enumerate(stretch):
        if left_out and _ENDS <= at < len(stretch) - _ENDS:
            if at == _ENDS:
                yield Line(after, "⋮", f"{left_out} more messages", node.id in outline.path, None)
            continue
        current = node.id in outline.path
        yield Line(lead, "●" if current else "○", _words(outline, node, width), current, node)


def _words(outline: Outline, node: Node, width: int) -> str:
    who = "You" if node.kind == "prompt" else one_line(node.model) or "?"
    if node.kind == "answer" and width < _NARROW:
        who = who[:_LONGEST_MODEL]
    place, count = outline.place(node)
    told = [short(node.id), who]
    if count > 1:
        told.append(f"{place}/{count}")
    if node.id == outline.current_id:
        told.append("← goes on here")
    status = _STATUS.get(node.status or "complete", node.status or "")
    if status:
        told.append(f"({status})")
    if node.rating is not None:
        told.append({"up": "+1", "down": "-1"}.get(node.rating, ""))
    if node.note_count:
        told.append("1 note" if node.note_count == 1 else f"{node.note_count} notes")
    return "  ".join([*told, clean(node.beginning or "")]).rstrip()
