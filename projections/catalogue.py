"""All read models, in the order in which they are pumped and shown.

Importing this imports all events, so queries do without it.
"""

from __future__ import annotations

from domain import every_event
from domain.content import Vault
from projections.access.projector import Access
from projections.conversations.projector import Conversations
from projections.projects.projector import Projects
from projections.read_model import ReadModel
from projections.replays.projector import Replays
from projections.routines.projector import Routines
from projections.search.projector import Search
from projections.trail.projector import Trail
from projections.transcript.projector import Transcript
from projections.usage.projector import Usage

__all__ = ["every_event", "read_models"]


def read_models(vault: Vault) -> tuple[ReadModel, ...]:
    """Return every read model of this Daybook. Search opens texts, conversations the names of tags."""
    return (
        Projects(),
        Conversations(vault),
        Transcript(),
        Search(vault),
        Usage(),
        Access(),
        Routines(),
        Replays(),
        Trail(),
    )
