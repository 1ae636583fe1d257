"""Who read or exported what, written down where the settings ask for it.

Invariant: it is written down before anything is given out; where that fails, nothing is given out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from application.ports.log import Origin
from domain.disclosure.disclosure import Disclosure
from domain.ids import new_id

if TYPE_CHECKING:
    from application.ports.log import Log


class Recorded(StrEnum):
    """What is written down: nothing, what is taken out, or what is shown as well."""

    OFF = "off"
    EXPORTS = "exports"
    ALL = "all"


@dataclass
class Disclosures:
    """Writes down what one process or one request gives out to one actor, each thing once."""

    log: Log
    recorded: Recorded
    origin: Origin
    _told: set[tuple[str, UUID | None]] = field(default_factory=set)
    _exporting: bool = False

    def to(self, actor: str, source: str) -> Disclosures:
        """Return the same for somebody else."""
        return Disclosures(self.log, self.recorded, Origin(actor, source))

    @property
    def of_exports(self) -> bool:
        """Whether what is taken out is written down."""
        return self.recorded is not Recorded.OFF

    @property
    def of_reading(self) -> bool:
        """Whether what is shown is written down."""
        return self.recorded is Recorded.ALL

    def shown(self, what: str, conversation_id: UUID | None = None) -> None:
        """Write down that something is about to be shown; what an export reads is part of it."""
        told = (what, conversation_id)
        if not self.of_reading or self._exporting or told in self._told:
            return
        self._save(Disclosure.show(new_id(), what=what, conversation_id=conversation_id))
        self._told.add(told)

    def exported(
        self, what: str, form: str, *, conversation_id: UUID | None = None, project_id: UUID | None = None
    ) -> None:
        """Write down that something is about to be taken out."""
        if not self.of_exports:
            return
        self._save(
            Disclosure.export(
                new_id(), what=what, form=form, conversation_id=conversation_id, project_id=project_id
            )
        )
        self._exporting = True

    def _save(self, disclosure: Disclosure) -> None:
        self.log.save([disclosure], self.origin)
