"""Keys under keys: AES-256-GCM, bound to what the key is for.

Stored form: 12 random bytes of nonce, ciphertext, 16 bytes of tag. It is fixed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from uuid import UUID

from application.errors import KeyringError

_NONCE = 12


def wrap(key: bytes, secret: bytes, binding: bytes) -> bytes:
    """Return a key wrapped by another; it opens with the same binding only."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, secret, binding)


def unwrap(key: bytes, box: bytes, binding: bytes) -> bytes:
    """Return the key in a box.

    Raises:
        KeyringError: it does not open.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(box[:_NONCE], box[_NONCE:], binding)
    except (InvalidTag, ValueError):
        raise KeyringError(
            "A stored key does not open with the key above it: it was altered. Nothing was written.",
            hint="daybook doctor",
        ) from None


def derive(key: bytes, purpose: bytes) -> bytes:
    """Return a key for one purpose: HKDF-SHA-256 (RFC 5869) with an empty salt, one block."""
    pseudo_random = hmac.new(b"\0" * 32, key, hashlib.sha256).digest()
    return hmac.new(pseudo_random, purpose + b"\x01", hashlib.sha256).digest()


def epoch_binding(book_id: UUID, epoch: int) -> bytes:
    """Bind an epoch key to its book and number."""
    return b"daybook/epoch-key/1\0" + book_id.bytes + epoch.to_bytes(4, "big")


def command_key_binding(book_id: UUID) -> bytes:
    """Bind the key of command hashes to its book."""
    return b"daybook/command-key/1\0" + book_id.bytes


def data_key_binding(owner_id: UUID, epoch: int) -> bytes:
    """Bind a data key to its owner and epoch."""
    return b"daybook/data-key/1\0" + owner_id.bytes + epoch.to_bytes(4, "big")
