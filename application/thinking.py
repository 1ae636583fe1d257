"""Parts a model's thinking from its answer while both still arrive.

Models tell their thinking in three ways: in a field of its own, which is kept as it is; between `<think>` and
`</think>` at the start of the text; or, where a template has swallowed the opening tag, as text that turns
out to have been thinking only when `</think>` arrives. By then it was shown as an answer, so the splitter
says so with `Reclassified`, and whoever shows the answer starts over: all text so far belongs to the
thinking.

Invariant: the outcome depends on the characters and their order, never on where the stream was cut into
pieces. No character is lost but the tags themselves and the white space next to them.

What is a tag, and what an answer *about* tags: an opening tag counts only as the first thing in the text; a
closing tag without one counts once, only if no thinking came before it in any way, and not inside of code
(between backticks or in a fenced block).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from application.ports.model_server import Delta

OPENING = "<think>"
CLOSING = "</think>"
_FENCE = "```"


@dataclass(frozen=True)
class Reclassified:
    """All text delivered so far was thinking: append it to the thinking and start with an empty text."""


Piece: TypeAlias = Delta | Reclassified


class _At(Enum):
    """Where in the text the splitter stands."""

    START = auto()
    """Nothing but white space came; a tag may follow."""
    THINKING = auto()
    """Between the tags."""
    GAP = auto()
    """Behind a closing tag, in the white space before the answer."""
    OPEN_TEXT = auto()
    """In text that a closing tag might yet turn into thinking."""
    TEXT = auto()
    """In text that stays text."""


class ThinkSplitter:
    """Takes the deltas of one answer and gives them back with the thinking apart.

    Call `feed` for each delta, deliver what it returns in that order, and `end` once after the last.
    """

    def __init__(self) -> None:
        self._at = _At.START
        self._held = ""
        self._at_first_thought = False
        self._code = _CodeWatch()
        self._thought = False

    def feed(self, delta: Delta) -> list[Piece]:
        """Return what can be told after this delta; a piece that may be half a tag waits for the next one."""
        if not self._held and not delta.thinking and self._is_plain(delta.text):
            return [delta]
        pieces: list[Piece] = []
        if delta.thinking:
            self._thought = True
            pieces.append(Delta(thinking=delta.thinking))
        if delta.text:
            self._held += delta.text
            while self._step(pieces):
                pass
        return pieces

    def _is_plain(self, text: str) -> bool:
        """Tell whether this text is text and needs no look: nearly every piece, so it is asked first."""
        if self._at is _At.TEXT or (self._at is _At.OPEN_TEXT and self._thought):
            return True
        if self._at is not _At.OPEN_TEXT or CLOSING[0] in text:
            return False
        self._code.see(text)
        return True

    def end(self) -> list[Piece]:
        """Return what was still held back: it was no tag after all."""
        held, self._held = self._held, ""
        if not held or self._at is _At.GAP:
            return []
        if self._at is _At.THINKING:
            return [Delta(thinking=held)]
        return [Delta(text=held)]

    def _step(self, pieces: list[Piece]) -> bool:
        """Handle the front of what is held; tell whether there is more to do."""
        if self._at is _At.START:
            return self._start()
        if self._at is _At.THINKING:
            return self._think(pieces)
        if self._at is _At.GAP:
            self._held = self._held.lstrip()
            if self._held:
                self._at = _At.TEXT
            return bool(self._held)
        if self._at is _At.OPEN_TEXT and not self._thought:
            return self._open_text(pieces)
        pieces.append(Delta(text=self._held))
        self._held = ""
        return False

    def _start(self) -> bool:
        front = self._held.lstrip()
        if front.startswith(OPENING):
            self._held = front[len(OPENING) :]
            self._at, self._thought, self._at_first_thought = _At.THINKING, True, True
        elif front.startswith(CLOSING) and not self._thought:
            # Thinking was off, or empty, and the template swallowed the opening tag.
            self._held = front[len(CLOSING) :]
            self._at = _At.GAP
        elif OPENING.startswith(front) or (CLOSING.startswith(front) and not self._thought):
            return False
        else:
            self._at = _At.OPEN_TEXT
        return True

    def _think(self, pieces: list[Piece]) -> bool:
        if self._at_first_thought:
            self._held = self._held.lstrip()
            self._at_first_thought = not self._held
        thinking, found, after = self._held.partition(CLOSING)
        if found:
            self._held, self._at = after, _At.GAP
        else:
            keep = _half_tag(thinking, CLOSING)
            thinking, self._held = thinking[: len(thinking) - keep], thinking[len(thinking) - keep :]
        if thinking:
            pieces.append(Delta(thinking=thinking))
        return bool(found and after)

    def _open_text(self, pieces: list[Piece]) -> bool:
        before, found, after = self._held.partition(CLOSING)
        if not found:
            keep = _half_tag(self._held, CLOSING)
            self._say(pieces, self._held[: len(self._held) - keep])
            self._held = self._held[len(self._held) - keep :]
            return False
        self._say(pieces, before)
        if self._code.inside:
            self._say(pieces, CLOSING)
            self._held = after
            return bool(after)
        pieces.append(Reclassified())
        self._held, self._at, self._thought = after, _At.GAP, True
        return bool(after)

    def _say(self, pieces: list[Piece], text: str) -> None:
        if text:
            self._code.see(text)
            pieces.append(Delta(text=text))


class _CodeWatch:
    """Knows whether the text seen so far ends inside of code: in a fenced block, or after an odd backtick."""

    def __init__(self) -> None:
        self._fenced = False
        self._front = ""
        self._ticks = 0

    def see(self, text: str) -> None:
        if "\n" not in text:
            self._see_part(text)
            return
        *whole, rest = text.split("\n")
        for part in whole:
            self._see_part(part)
            self._fenced ^= self._front == _FENCE
            self._front, self._ticks = "", 0
        self._see_part(rest)

    def _see_part(self, part: str) -> None:
        if len(self._front) < len(_FENCE):
            self._front = (self._front + part).lstrip()[: len(_FENCE)]
        self._ticks += part.count("`")

    @property
    def inside(self) -> bool:
        return self._fenced or self._ticks % 2 == 1


def _half_tag(text: str, tag: str) -> int:
    """Return how many characters at the end of the text might be the beginning of the tag."""
    if tag[0] not in text[1 - len(tag) :]:  # nearly always, and this is asked for every piece
        return 0
    return next((size for size in range(len(tag) - 1, 0, -1) if text.endswith(tag[:size])), 0)
