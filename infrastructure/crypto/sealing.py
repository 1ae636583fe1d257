"""Sealing one content field: AES-256-GCM under the owner's data key, bound to stream, version and field.

Stored form (a box): one byte 0x01, 12 random bytes of nonce, ciphertext, 16 bytes of tag. What is sealed is
the JSON of the value in UTF-8; lone surrogates that a model sent are kept (CPython's `surrogatepass`). The
format is fixed: it stands in the log for ever.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT = b"\x01"
_NONCE = 12


def seal(key: AESGCM, value: Any, *, stream_id: UUID, version: int, field: str) -> bytes:
    """Return the box of one field's value (anything JSON can say)."""
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    nonce = os.urandom(_NONCE)
    return FORMAT + nonce + key.encrypt(nonce, plain, _bound_to(stream_id, version, field))


def unseal(key: AESGCM, box: bytes, *, stream_id: UUID, version: int, field: str) -> Any:
    """Return the value in a box.

    Raises `cryptography.exceptions.InvalidTag` where box or coordinates were altered.
    """
    if box[:1] != FORMAT:
        raise ValueError("unknown format of sealed content")
    plain = key.decrypt(box[1 : 1 + _NONCE], box[1 + _NONCE :], _bound_to(stream_id, version, field))
    return json.loads(plain.decode("utf-8", "surrogatepass"))


def _bound_to(stream_id: UUID, version: int, field: str) -> bytes:
    return b"daybook/field/1\0" + stream_id.bytes + version.to_bytes(8, "big") + field.encode()
