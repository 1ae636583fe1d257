"""Snippets: the place of a text where the words looked for stand closest together, with them marked.

Pure functions on decrypted text; what PostgreSQL's `ts_headline` would do if it could read the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

LENGTH = 160
_LEAD = 40  # characters before the first hit

_LEXEME = re.compile(r"'((?:[^'\\]|''|\\.)*)'(:\*?[ABCD]*\*?)?")
_SPACE = re.compile(r"\s+")


class Piece(NamedTuple):
    """A piece of a snippet; `is_hit`: it is a word that was looked for."""

    text: str
    is_hit: bool


def lexemes(tsquery: str) -> tuple[str, ...]:
    """Return the words of a tsquery in its text form, without operators."""
    return tuple(re.sub(r"'(')|\\(.)", r"\1\2", match[1]) for match in _LEXEME.finditer(tsquery))


def as_prefixes(tsquery: str) -> str:
    """Return the same tsquery with each word standing for all that begin with it."""
    return _LEXEME.sub(lambda match: f"'{match[1]}':*", tsquery)


def snippet(
    text: str, words: Sequence[str], *, prefix: bool = False, length: int = LENGTH
) -> tuple[Piece, ...]:
    """Return about `length` characters of a text around the words, on one line."""
    hits = _hits(text, words, prefix=prefix)
    start = _best_start(hits, length)
    begin = _word_start(text, max(0, start - _LEAD)) if start > _LEAD else 0
    end = _word_end(text, min(len(text), begin + length))
    pieces: list[Piece] = []
    if begin > 0:
        pieces.append(Piece("…", is_hit=False))
    position = begin
    for low, high in hits:
        if low < position or high > end:
            continue
        _add(pieces, text[position:low], is_hit=False)
        _add(pieces, text[low:high], is_hit=True)
        position = high
    _add(pieces, text[position:end], is_hit=False)
    if end < len(text):
        pieces.append(Piece("…", is_hit=False))
    return tuple(pieces)


def marked(pieces: Sequence[Piece]) -> str:
    """Return a snippet as one text, with its hits in «»."""
    return "".join(f"«{piece.text}»" if piece.is_hit else piece.text for piece in pieces)


def _hits(text: str, words: Sequence[str], *, prefix: bool) -> list[tuple[int, int]]:
    """Return where the words stand, in order, not overlapping."""
    if not words:
        return []
    longest_first = "|".join(re.escape(word) for word in sorted(set(words), key=len, reverse=True))
    end = r"\w*" if prefix else r"(?!\w)"
    pattern = re.compile(rf"(?<!\w)(?:{longest_first}){end}", re.IGNORECASE)
    return [match.span() for match in pattern.finditer(text)]


def _best_start(hits: Sequence[tuple[int, int]], length: int) -> int:
    """Return the first hit of the window with the most hits."""
    best, best_count, last = 0, 0, 0
    for first, (start, _) in enumerate(hits):
        while last < len(hits) and hits[last][1] <= start + length - _LEAD:
            last += 1
        if last - first > best_count:
            best, best_count = start, last - first
    return best


def _word_start(text: str, position: int) -> int:
    """Return the start of the next word, unless that is far."""
    match = _SPACE.search(text, position, position + _LEAD)
    return match.end() if match else position


def _word_end(text: str, position: int) -> int:
    """Return the end of the word under way, unless that is far."""
    if position >= len(text):
        return len(text)
    match = _SPACE.search(text, position, position + _LEAD)
    return match.start() if match else position


def _add(pieces: list[Piece], text: str, *, is_hit: bool) -> None:
    if text:
        pieces.append(Piece(_SPACE.sub(" ", text), is_hit))
