"""What a client would rather have: `Prefer` (RFC 7240), and the media type it accepts.

Invariant: a preference that is not understood is none; it never makes a request fail.
"""

from __future__ import annotations

import re

LONGEST_WAIT_SECONDS = 300
EVENT_STREAM = "text/event-stream"
_WAIT = re.compile(r'\s*wait\s*=\s*"?([0-9]{1,6})"?\s*(?:;.*)?', re.IGNORECASE)
_Q = re.compile(r"q\s*=\s*([01](?:\.[0-9]{0,3})?)", re.IGNORECASE)


def wait_of(prefer: str | None) -> int | None:
    """Return how many seconds a client would wait for a result, at most `LONGEST_WAIT_SECONDS`."""
    for preference in (prefer or "").split(","):
        match = _WAIT.fullmatch(preference)
        if match:
            return min(int(match[1]), LONGEST_WAIT_SECONDS)
    return None


def wants_events(accept: str | None) -> bool:
    """Tell whether a client would rather follow events than get one JSON document."""
    wanted = {
        media.strip().lower(): _quality(parameters)
        for one in (accept or "").split(",")
        for media, _, parameters in [one.partition(";")]
    }
    events = wanted.get(EVENT_STREAM, 0.0)
    return events > 0 and events >= wanted.get("application/json", 0.0)


def _quality(parameters: str) -> float:
    match = _Q.search(parameters)
    return float(match[1]) if match else 1.0
