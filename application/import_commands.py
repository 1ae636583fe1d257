"""The commands that take files in; see `commands.py` for all others."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from application.commands import Command
from application.ported import PortedConversation, PortedProject


@dataclass(frozen=True, kw_only=True)
class ImportConversations(Command):
    """Take conversations of a file in, into a project or where the file has them; again adds what is new.

    `dry_run`: only say what would come of it.
    """

    conversations: tuple[PortedConversation, ...]
    project_id: UUID | None = None
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class ImportProject(Command):
    """Take a project of a file in, where it is not there yet. `dry_run`: only say what would come of it."""

    project: PortedProject
    dry_run: bool = False
