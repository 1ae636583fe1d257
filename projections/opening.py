"""Opening the packed content of a row, where its key still exists and nobody altered it.

Invariant: one field that cannot be opened never hides the rest of a row, nor the other rows of a list; who
reads the row is told.
"""

from __future__ import annotations

from typing import Any

from domain.content import Sealed, Text, Vault
from domain.errors import ContentDamagedError, ContentErasedError
from domain.tags import folded


class Opener:
    """Opens the content fields of one row and remembers whether any was erased or altered."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self.erased = False
        self.damage: ContentDamagedError | None = None

    def text(self, packed: bytes | None) -> str | None:
        """Return the text, None where there is none, an empty one where it was erased or altered."""
        value = self.value(packed)
        return "" if value is None and packed is not None else value

    def value(self, packed: bytes | None) -> Any:
        """Return the value, None where there is none or it was erased or altered."""
        if packed is None:
            return None
        try:
            return self._vault.open(Sealed.unpack(packed))
        except ContentErasedError:
            self.erased = True
        except ContentDamagedError as damage:
            self.damage = damage
        return None


def name_hash(vault: Vault, name: Text) -> bytes | None:
    """Return the keyed hash by which a tag is looked for, whatever its spelling; None where it was erased."""
    if isinstance(name, str):
        raise TypeError("only content that was read from the log can be looked at")
    try:
        return vault.name_hash(folded(vault.open(name)))
    except ContentErasedError:
        return None


def beginning(text: str, length: int = 80) -> str:
    """Return the first words of a text on one line, for where a title is missing."""
    line = " ".join(text[: length * 4].split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"
