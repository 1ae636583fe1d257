"""The port to when tokens and sessions were last used: told now and then, and no part of the log."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID


class GrantUses(Protocol):
    """Keeps one moment for each token and session."""

    def note(self, grant_id: UUID, at: datetime) -> None:
        """Remember that it was used at this moment, to some minutes."""
        ...
