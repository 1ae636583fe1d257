"""Everything that can happen, imported: whoever is to know all types of events imports this.

A type whose module nobody has imported is taken for one of a newer release.
"""

from __future__ import annotations

from domain.access import access
from domain.conversation import conversation, import_events
from domain.disclosure import disclosure
from domain.event import catalogue
from domain.project import project
from domain.replay import replay
from domain.routine import routine

__all__ = [
    "access",
    "catalogue",
    "conversation",
    "disclosure",
    "import_events",
    "project",
    "replay",
    "routine",
]
