"""Identifiers: UUIDs of version 7 (RFC 9562 §5.7), so that ids sort by the moment they were made.

People see and type the last eight hex digits, which are random; a whole id, a prefix or a suffix finds the
same thing.
"""

import hashlib
import os
import re
import time
from uuid import UUID

_SHORT = 8
_FRAGMENT = re.compile(r"[0-9a-f]{4,32}")


def new_id() -> UUID:
    """Return a fresh UUIDv7: 48 bits of Unix time in ms, then 74 random bits.

    The clock inside an id orders nothing in Daybook (the log does); it only keeps indexes compact.
    """
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76
    noise = int.from_bytes(os.urandom(10), "big")
    value |= (noise >> 68) << 64
    value |= 0b10 << 62
    value |= noise & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=value)


def derived_id(*of: UUID) -> UUID:
    """Return an id (UUIDv8) that is always the same for the same ids in the same order.

    What is taken in from a file has such ids, so that taking it in again finds what is there; whoever writes
    the file cannot make them meet the id of anything else.
    """
    digest = hashlib.sha256(b"daybook import" + b"".join(one.bytes for one in of)).digest()
    value = int.from_bytes(digest[:16], "big")
    value &= ~(0xF << 76) & ~(0b11 << 62)
    return UUID(int=value | 0x8 << 76 | 0b10 << 62)


def short(identifier: UUID) -> str:
    """Return what people are shown: the last eight hex digits."""
    return identifier.hex[-_SHORT:]


def fragment(text: str) -> str | None:
    """Return typed text as bare lower-case hex digits (4 to 32), or None where it cannot be an id."""
    digits = text.strip().lower().replace("-", "")
    return digits if _FRAGMENT.fullmatch(digits) else None
