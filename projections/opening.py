"""Opening the packed content of a row, where its key still exists."""

from __future__ import annotations

from typing import Any

from domain.content import Sealed, Vault
from domain.errors import ContentErasedError


class Opener:
    """Opens the content fields of one row and remembers whether any was erased."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self.erased = False

    def text(self, packed: bytes | None) -> str | None:
        """Return the text, None where there is none, an empty one where it was erased."""
        value = self.value(packed)
        return "" if value is None and packed is not None else value

    def value(self, packed: bytes | None) -> Any:
        """Return the value, None where there is none or it was erased."""
        if packed is None:
            return None
        try:
            return self._vault.open(Sealed.unpack(packed))
        except ContentErasedError:
            self.erased = True
            return None


def beginning(text: str, length: int = 80) -> str:
    """Return the first words of a text on one line, for where a title is missing."""
    line = " ".join(text[: length * 4].split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"
