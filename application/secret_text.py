"""How a secret is written: a prefix that tells what it is, the id it belongs to, random bits, a checksum.

The id makes finding it one look at one stream. The checksum tells a slip of the hand from a wrong secret,
before anything is looked up; it covers the prefix, so that one kind of secret never passes for another.
"""

from __future__ import annotations

import secrets
import zlib
from uuid import UUID

from application.errors import WrongTokenError

TOKEN = "daybook_"  # noqa: S105 - a prefix, not a secret
LINK = "link_"
SESSION = "session_"

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_ID_BYTES, _SECRET_BYTES, _SUM_BYTES = 16, 24, 4
_BODY = 54  # letters for 40 bytes
_SUM = 6  # letters for 4 bytes


def fresh_secret() -> bytes:
    """Return 192 random bits: nobody guesses them, so a fast hash is enough to keep them by."""
    return secrets.token_bytes(_SECRET_BYTES)


def write(prefix: str, identifier: UUID, secret: bytes) -> str:
    """Return the text that people and programs are given."""
    text = prefix + _letters(identifier.bytes + secret, _BODY)
    return text + _checksum(text)


def read(prefix: str, text: str) -> tuple[UUID, bytes]:
    """Return id and secret of a text.

    Raises:
        WrongTokenError: it is of another kind, cut off or mistyped.
    """
    body = text[len(prefix) : -_SUM]
    whole = text.startswith(prefix) and len(body) == _BODY and _checksum(text[:-_SUM]) == text[-_SUM:]
    raw = _number(body) if whole else None
    if raw is None or raw >> 8 * (_ID_BYTES + _SECRET_BYTES):
        raise WrongTokenError(
            "This is not a whole one: it is cut off, or a character of it is wrong. Nothing was done.",
            hint="Copy it again, from the first character to the last.",
        )
    found = raw.to_bytes(_ID_BYTES + _SECRET_BYTES, "big")
    return UUID(bytes=found[:_ID_BYTES]), found[_ID_BYTES:]


def _checksum(text: str) -> str:
    return _letters(zlib.crc32(text.encode("utf-8", "surrogatepass")).to_bytes(_SUM_BYTES, "big"), _SUM)


def _letters(raw: bytes, length: int) -> str:
    number = int.from_bytes(raw, "big")
    letters = []
    for _ in range(length):
        number, value = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[value])
    return "".join(reversed(letters))


def _number(text: str) -> int | None:
    number = 0
    for letter in text:
        value = _VALUES.get(letter)
        if value is None:
            return None
        number = number * len(_ALPHABET) + value
    return number
