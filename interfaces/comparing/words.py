"""Two texts side by side, word by word.

Lines that are the same are found first; the blocks between them are compared word by word, and each block's
lines stand beside each other in their order. Everything of both texts is in the rows, in order: whoever puts
the pieces of one side together again has that text, line for line.

A block with hardly a word in common is shown as replaced whole.

Invariant: the time it takes is bounded. A block of more words than `MOST_WORDS` squared is shown as replaced
whole: nobody reads such a block word by word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Literal

MOST_WORDS = 1_500
"""Of two blocks with as many words each, words are still compared."""

_MOST_LINES = 2_000
_LEAST_KEPT = 0.2  # with less in common, marks in every other word say nothing
_WORDS = re.compile(r"\w+|\n|[^\S\n]+|[^\w\s]")
_BREAKS = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")

Kind = Literal["same", "changed", "old", "new"]


@dataclass(frozen=True)
class Piece:
    """Some of a line. `changed`: the other side does not have it (but for blanks between such words)."""

    text: str
    changed: bool


Line = tuple[Piece, ...]


@dataclass(frozen=True)
class Row:
    """One line of each side; None where one has no more lines in this block."""

    old: Line | None
    new: Line | None

    @property
    def kind(self) -> Kind:
        """Return `same`, `changed`, or which side alone has the line: `old`, `new`."""
        if self.old is None:
            return "new"
        if self.new is None:
            return "old"
        # Where lines are broken elsewhere, all words may be on both sides, and yet not beside each other.
        return "same" if _text(self.old) == _text(self.new) else "changed"


def compared(old: str, new: str) -> list[Row]:
    """Return two texts as rows. Of an empty text there are no lines."""
    ours, theirs = _lines(old), _lines(new)
    rows: list[Row] = []
    for same, old_lines, new_lines in _blocks(ours, theirs):
        if same:
            rows += [Row((Piece(line, changed=False),), (Piece(line, changed=False),)) for line in old_lines]
        else:
            sides = _by_words(old_lines, new_lines)
            rows += [Row(before, after) for before, after in zip_longest(*sides)]
    return rows


def changed_share(rows: Sequence[Row]) -> float:
    """Return how much of both texts, by characters, the other one does not have: 0 to 1."""
    pieces = [piece for row in rows for line in (row.old, row.new) for piece in line or ()]
    whole = sum(len(piece.text) for piece in pieces)
    return sum(len(piece.text) for piece in pieces if piece.changed) / whole if whole else 0.0


def _text(line: Line) -> str:
    return "".join(piece.text for piece in line)


def _lines(text: str) -> list[str]:
    return _BREAKS.sub("\n", text).split("\n") if text else []


def _blocks(old: list[str], new: list[str]) -> Iterator[tuple[bool, list[str], list[str]]]:
    """Yield runs of lines: whether both have them, and the lines of each."""
    if max(len(old), len(new)) > _MOST_LINES:
        yield old == new, old, new
        return
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        yield tag == "equal", old[i:j], new[k:m]


def _by_words(old: list[str], new: list[str]) -> tuple[list[Line], list[Line]]:
    before, after = _words(old), _words(new)
    if not before or not after or len(before) * len(after) > MOST_WORDS**2:
        return _whole(old), _whole(new)
    ours: list[Piece] = []
    theirs: list[Piece] = []
    for tag, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        changed = tag != "equal"
        ours += [Piece(word, changed) for word in before[i:j]]
        theirs += [Piece(word, changed) for word in after[k:m]]
    if _kept(ours + theirs) < _LEAST_KEPT:
        return _whole(old), _whole(new)
    return _as_lines(_joined(ours)), _as_lines(_joined(theirs))


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Mark a blank between two words that are marked: one mark is read more easily than two."""
    joined = list(pieces)
    for at in range(1, len(pieces) - 1):
        blank = not pieces[at].text.strip() and pieces[at].text != "\n"
        if blank and pieces[at - 1].changed and pieces[at + 1].changed:
            joined[at] = Piece(pieces[at].text, changed=True)
    return joined


def _kept(pieces: Sequence[Piece]) -> float:
    """Return how many of the words both sides have: 0 to 1."""
    told = [piece for piece in pieces if piece.text.strip()]
    return sum(not piece.changed for piece in told) / len(told) if told else 1.0


def _words(lines: list[str]) -> list[str]:
    return _WORDS.findall("\n".join(lines))


def _whole(lines: list[str]) -> list[Line]:
    return [(Piece(line, changed=True),) for line in lines]


def _as_lines(pieces: Sequence[Piece]) -> list[Line]:
    """Join pieces that stand together and are alike, and break them where the lines were broken."""
    lines: list[list[Piece]] = [[]]
    for piece in pieces:
        if piece.text == "\n":
            lines.append([])
        elif lines[-1] and lines[-1][-1].changed == piece.changed:
            lines[-1][-1] = Piece(lines[-1][-1].text + piece.text, piece.changed)
        else:
            lines[-1].append(piece)
    return [tuple(line) or (Piece("", changed=False),) for line in lines]
