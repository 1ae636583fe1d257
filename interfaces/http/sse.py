"""Server-Sent Events of an answer: their form on the wire, and the ids by which a client comes back.

Invariant: an id says exactly which characters its holder has: `thinking.text`, both counted in code points
from the answer's beginning. The last event's id ends in `.end`; who comes back with it has everything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from domain.errors import InvalidInputError

DELTA = "delta"
HEARTBEAT = b":\n\n"
FIRST_LINE = b"retry: 1000\n\n"

# Longer texts go as several events, so that a slow reader makes the server hold no more than one of them.
LONGEST_DELTA = 16 * 1024

_to_json = json.JSONEncoder(default=str, separators=(",", ":")).encode

_ID = re.compile(r"([0-9]{1,12})\.([0-9]{1,12})(\.end)?")


class Place(NamedTuple):
    """How far a client has come. `ended`: it has the last event too."""

    thinking: int = 0
    text: int = 0
    ended: bool = False

    def __str__(self) -> str:
        return f"{self.thinking}.{self.text}{'.end' if self.ended else ''}"

    @classmethod
    def parse(cls, text: str | None) -> Place:
        """Read a `Last-Event-ID`; none, or an empty one, is the beginning.

        Raises:
            InvalidInputError: it is not an id of ours.
        """
        if not text:
            return cls()
        match = _ID.fullmatch(text.strip())
        if match is None:
            raise InvalidInputError(
                f"{text[:40]!r} is no event id of an answer's stream; they look like 120.45.",
                hint="Leave Last-Event-ID out to get the answer from its beginning.",
            )
        return cls(int(match[1]), int(match[2]), match[3] is not None)


class StreamEvent(NamedTuple):
    """One event. Without a place it changes nothing about where its reader is."""

    name: str
    data: Mapping[str, Any]
    place: Place | None = None

    def encode(self) -> bytes:
        """Return its lines. The JSON is ASCII, so that no line reader stumbles over U+0085 or U+2028."""
        data = _delta_to_json(self.data) if self.name == DELTA else _to_json(self.data)
        identity = "" if self.place is None else f"id: {self.place}\n"
        return f"event: {self.name}\n{identity}data: {data}\n\n".encode()


def _delta_to_json(data: Mapping[str, str]) -> str:
    """Encode what nearly every event holds: of one string, `dumps` makes JSON ten times as fast."""
    [(kind, text)] = data.items()
    return f'{{"{kind}":{json.dumps(text)}}}'


def deltas(thinking: str, text: str, place: Place) -> Iterator[StreamEvent]:
    """Yield the events of new characters that begin at a place: thinking first, as the model had it."""
    for start in range(0, len(thinking), LONGEST_DELTA):
        piece = thinking[start : start + LONGEST_DELTA]
        place = Place(place.thinking + len(piece), place.text)
        yield StreamEvent(DELTA, {"thinking": piece}, place)
    for start in range(0, len(text), LONGEST_DELTA):
        piece = text[start : start + LONGEST_DELTA]
        place = Place(place.thinking, place.text + len(piece))
        yield StreamEvent(DELTA, {"text": piece}, place)


RESET = StreamEvent("reset", {}, Place())
"""What came so far does not hold; everything comes again from the beginning."""


def goes_on(place: Place, thinking_length: int, text_length: int) -> bool:
    """Tell whether a client at this place can go on with an answer of these lengths.

    Not where it has more than there is, and not where it has text while thinking is missing: models think
    first, so what it took for text has turned out to be thinking.
    """
    if place.thinking > thinking_length or place.text > text_length:
        return False
    return place.text == 0 or place.thinking == thinking_length


def catch_up(place: Place, thinking: str, text: str) -> Iterator[StreamEvent]:
    """Yield what a client at this place lacks of an answer; after a reset, where it must start anew."""
    if not goes_on(place, len(thinking), len(text)):
        yield RESET
        place = Place()
    yield from deltas(thinking[place.thinking :], text[place.text :], place)
