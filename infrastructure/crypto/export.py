"""The master key in a file that may be carried away: encrypted under a passphrase.

Form: one line of JSON. The key is AES-256-GCM encrypted under scrypt (RFC 7914) of the passphrase; the file
names the book it opens and the cost of the derivation, so that later versions can raise it.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any
from uuid import UUID

from application.errors import in_words
from application.text_rules import checked_text
from domain.errors import InvalidInputError, RefusedError

_COST = {"n": 2**17, "r": 8, "p": 1}
_MOST_MEMORY = 2**23  # n times r: 1 GiB
_MOST_LANES = 16
_NONCE = 12
_SHORTEST = 8
_FORMAT = "daybook-key-export-1"


def export_key(path: Path, master: bytes, book_id: UUID, passphrase: str) -> None:
    """Write the encrypted key to a new file of mode 0600.

    Raises:
        InvalidInputError: the passphrase is shorter than eight characters, or the file cannot be written.
        RefusedError: the file exists.
    """
    document = sealed(master, book_id, passphrase)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(json.dumps(document) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            path.unlink(missing_ok=True)
            raise
    except FileExistsError:
        raise RefusedError(f"{path} exists already and was not touched. Choose another name.") from None
    except FileNotFoundError:
        raise InvalidInputError(
            f"{path} cannot be written: its directory does not exist. The key was not exported."
        ) from None
    except OSError as problem:
        raise InvalidInputError(
            f"{path} cannot be written: {in_words(problem)}. The key was not exported."
        ) from None


def import_key(path: Path, passphrase: str) -> tuple[bytes, UUID]:
    """Return the master key in an exported file, and the id of the book it opens.

    Raises:
        InvalidInputError: it is no such file, the passphrase is wrong, or the file was altered.
    """
    checked_text(passphrase, "passphrase")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidInputError(f"{path} does not exist. Nothing was changed.") from None
    except OSError as problem:
        raise InvalidInputError(f"{path} cannot be read: {in_words(problem)}. Nothing was changed.") from None
    except ValueError:
        raise _no_export(str(path), "its form is unknown") from None
    return opened(document, passphrase, where=str(path))


def sealed(secret: bytes, book_id: UUID, passphrase: str, *, form: str = _FORMAT) -> dict[str, Any]:
    """Return a document that holds a secret of a book, encrypted under a passphrase.

    Raises:
        InvalidInputError: the passphrase is shorter than eight characters, or no text.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(passphrase) < _SHORTEST:
        raise InvalidInputError(f"The passphrase needs at least {_SHORTEST} characters. Nothing was written.")
    checked_text(passphrase, "passphrase")
    salt, nonce = os.urandom(16), os.urandom(_NONCE)
    key = _derive(passphrase, salt, _COST)
    return {
        "format": form,
        "book_id": str(book_id),
        "scrypt": {**_COST, "salt": _text(salt)},
        "nonce": _text(nonce),
        "box": _text(AESGCM(key).encrypt(nonce, secret, form.encode() + book_id.bytes)),
    }


def opened(document: Any, passphrase: str, *, where: str, form: str = _FORMAT) -> tuple[bytes, UUID]:
    """Return the secret that `sealed` put into a document, and the id of its book.

    Raises:
        InvalidInputError: it is no such document, the passphrase is wrong, or it was altered; `where` names
            it.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        known = document["format"] == form
        book_id = UUID(document["book_id"])
        cost = {name: int(document["scrypt"][name]) for name in _COST}
        salt, nonce, box = (
            base64.b64decode(text, validate=True)
            for text in (document["scrypt"]["salt"], document["nonce"], document["box"])
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _no_export(where, "its form is unknown") from None
    if not known or len(nonce) != _NONCE:
        raise _no_export(where, "its form is unknown")
    if not (_within(cost["n"] * cost["r"], _MOST_MEMORY) and _within(cost["p"], _MOST_LANES)):
        raise _no_export(where, "its cost is out of bounds")
    try:
        key = _derive(passphrase, salt, cost)
        return AESGCM(key).decrypt(nonce, box, form.encode() + book_id.bytes), book_id
    except ValueError as problem:
        raise _no_export(where, str(problem)) from None
    except InvalidTag:
        raise InvalidInputError(
            f"The passphrase does not open {where} (or the file was altered). Nothing was changed."
        ) from None


def _within(value: int, most: int) -> bool:
    return 1 <= value <= most


def _no_export(where: str, why: str) -> InvalidInputError:
    return InvalidInputError(f"{where} is not a key exported by Daybook: {why}. Nothing was changed.")


def _derive(passphrase: str, salt: bytes, cost: dict[str, int]) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, length=32, n=cost["n"], r=cost["r"], p=cost["p"]).derive(passphrase.encode())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
