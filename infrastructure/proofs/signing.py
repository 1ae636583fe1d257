"""The key that signs checkpoints, and the notes it signs (C2SP signed-note).

Invariant: it is made once and kept where the database's administrator does not reach: a file of mode 0600 in
the book's home, or a secret. Whoever holds it can sign another history; docs/log.md says what that means.
"""

from __future__ import annotations

import base64
import binascii
from functools import cached_property
from typing import TYPE_CHECKING

from application.errors import KeyringError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_LENGTH = 32
_PREFIX = "daybook-signing-1:"
_ED25519 = b"\x01"


class SigningKey:
    """A private key and the name it signs under."""

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self.name = name
        self._private = private

    @classmethod
    def from_secret(cls, name: str, secret: bytes) -> SigningKey:
        """Return the key of 32 secret bytes."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(name, Ed25519PrivateKey.from_private_bytes(secret))

    @cached_property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return self._private.public_key().public_bytes_raw()

    @property
    def verifier(self) -> str:
        """The public key in C2SP's form, NAME+ID+BASE64: what sceptics keep."""
        return verifier_of(self.name, self.public)

    def sign(self, text: str) -> str:
        """Return a text that ends with a newline as a signed note."""
        from infrastructure.proofs.offline import key_id

        signature = key_id(self.name, self.public) + self._private.sign(text.encode())
        return f"{text}\n\N{EM DASH} {self.name} {base64.b64encode(signature).decode()}\n"


def verifier_of(name: str, public: bytes) -> str:
    """Return a public key in C2SP's form."""
    from infrastructure.proofs.offline import key_id

    return f"{name}+{key_id(name, public).hex()}+{base64.b64encode(_ED25519 + public).decode()}"


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """Return what a checkpoint states (C2SP tlog-checkpoint), unsigned."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def to_text(secret: bytes) -> str:
    """Return the form in which a signing key is written to a file or a secret."""
    return _PREFIX + base64.urlsafe_b64encode(secret).decode()


def from_text(text: str, *, where: str) -> bytes:
    """Read what `to_text` wrote; `where` names the file or variable in the error."""
    bare = text.strip().removeprefix(_PREFIX).replace("+", "-").replace("/", "_")
    try:
        secret = base64.b64decode(bare.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        secret = b""
    if len(secret) != _LENGTH:
        raise KeyringError(
            f"{where} does not hold a Daybook signing key (it should begin with {_PREFIX!r}). Nothing was "
            "written; the log and its checkpoints are as they were.",
            hint="Bring the key back from a backup of the home's folder 'keys'.",
        )
    return secret
