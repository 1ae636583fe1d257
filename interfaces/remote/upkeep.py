"""Looking after a book behind a server: keys, read models, erasures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from application.ports.keys import EpochCount, KeysStatus
from interfaces.erasures import ErasureView
from interfaces.remote.decoding import view
from interfaces.remote.log import counted
from interfaces.upkeep_views import (
    KeysStatusView,
    ProjectionsView,
    RotatedView,
    VerifiedProjectionsView,
)
from interfaces.views import HoldListView
from projections.pump import ReadModelStatus, Status
from projections.verify import Difference, Verified

if TYPE_CHECKING:
    from application.erasing import Erasing
    from interfaces.parts import Progress, Told
    from interfaces.remote.commands import RemoteCommands
    from interfaces.remote.connection import Connection
    from interfaces.views import ErasedView, HoldView
    from projections.conversations.queries import ConversationSummary
    from projections.projects.queries import ProjectDetails
    from projections.routines.queries import RoutineDetails


class RemoteKeys:
    """Says how the epochs of the book's keys stand."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def status(self) -> KeysStatus:
        """Say which epochs there are."""
        found = self._connection.get("keys", KeysStatusView)
        return KeysStatus(
            epochs=tuple(EpochCount(one.epoch, one.created_at, one.key_count) for one in found.epochs),
            erased_count=found.erased_count,
            owed=found.unfinished,
            master_since=found.master_since,
            erased_since_count=found.erased_since_count,
        )


class RemoteReadModels:
    """Rebuilds and reports on the read models."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def status(self) -> Status:
        """Say how far the read models have come."""
        return _status(self._connection.get("projections", ProjectionsView))

    def rebuild(self, names: Sequence[str] | None = None, progress: Progress | None = None) -> None:
        """Have these read models (None: all) built again."""
        self._connection.long(
            "projections/rebuild",
            body={"read_models": None if names is None else list(names)},
            told=counted(progress),
        )

    def verify(
        self, names: Sequence[str] | None = None, progress: Progress | None = None
    ) -> tuple[Verified, ...]:
        """Have these read models (None: all) compared with a fresh fold of the log."""
        done = self._connection.long(
            "projections/verification",
            body={"read_models": None if names is None else list(names)},
            told=counted(progress),
        )
        return _verified(view(done, VerifiedProjectionsView))


def _verified(found: VerifiedProjectionsView) -> tuple[Verified, ...]:
    return tuple(
        Verified(
            one.name,
            one.position,
            tuple(Difference(it.table, it.kind, it.key) for it in one.differences),
            one.difference_count,
        )
        for one in found.read_models
    )


class RemoteErasing:
    """Erases, and has keys wrapped anew."""

    def __init__(self, connection: Connection, commands: RemoteCommands) -> None:
        self._connection = connection
        self._commands = commands

    def of_conversation(self, found: ConversationSummary, *, with_derived: bool) -> ErasureView:
        """Say what the erasure of a conversation takes; nothing is changed."""
        return self._connection.get(
            f"conversations/{found.id}/erasure", ErasureView, with_derived=with_derived
        )

    def of_project(self, found: ProjectDetails, *, with_derived: bool) -> ErasureView:
        """Say what the erasure of a project takes; nothing is changed."""
        return self._connection.get(f"projects/{found.id}/erasure", ErasureView, with_derived=with_derived)

    def of_routine(self, found: RoutineDetails) -> ErasureView:
        """Say what the erasure of a routine takes; nothing is changed."""
        return self._connection.get(f"routines/{found.id}/erasure", ErasureView)

    def erase(self, command: Erasing, seen: ErasureView, told: Told) -> ErasedView:
        """Erase; the server clears up behind it."""
        del seen  # the server looks again
        return self._commands.erase(command, counted(told.progress))

    def rotate(self, told: Told) -> RotatedView:
        """Have all keys wrapped anew."""
        return view(self._connection.long("keys/rotation", told=counted(told.progress)), RotatedView)

    def holds(self) -> list[HoldView]:
        """Return everything that is held, projects first."""
        return self._connection.get("holds", HoldListView).holds


def _status(found: ProjectionsView) -> Status:
    read_models: list[Any] = [
        ReadModelStatus(one.name, one.version, one.position, one.lag, one.quarantined)
        for one in found.read_models
    ]
    return Status(found.log_size, tuple(read_models))
