"""The JSON shapes of looking after a book; the rules are those of `views.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class ReadModelView:
    """How far one read model is. `lag` and `quarantined` count events."""

    name: str
    version: int
    position: int
    lag: int
    quarantined: int


@dataclass(frozen=True, kw_only=True)
class ProjectionsView:
    """The log's size, and every read model's position."""

    log_size: int
    read_models: list[ReadModelView]


@dataclass(frozen=True, kw_only=True)
class DifferenceView:
    """A row that is not as a fresh fold has it. `kind`: `changed`, `missing` (there), `extra` (here)."""

    table: str
    kind: str
    key: str


@dataclass(frozen=True, kw_only=True)
class VerifiedReadModelView:
    """What the comparison of one read model found; the first differences, and how many there are."""

    name: str
    position: int
    differences: list[DifferenceView]
    difference_count: int


@dataclass(frozen=True, kw_only=True)
class VerifiedProjectionsView:
    """Whether the live read models are as a fresh fold of the log, and what is not."""

    ok: bool
    read_models: list[VerifiedReadModelView]


@dataclass(frozen=True, kw_only=True)
class EpochView:
    """One epoch key."""

    epoch: int
    created_at: datetime
    key_count: int


@dataclass(frozen=True, kw_only=True)
class KeysStatusView:
    """The epochs, oldest first. `unfinished`: `daybook keys rotate` has something to finish.

    `erased_since_count` counts what was erased since the master key is in force: with it, older backups still
    show that. `master_unfinished`: `daybook keys rotate --master` has something to finish.
    """

    epochs: list[EpochView]
    erased_count: int
    unfinished: bool
    master_since: datetime | None = None
    erased_since_count: int = 0
    master_unfinished: bool = False


@dataclass(frozen=True, kw_only=True)
class RotatedView:
    """What a rotation did. `finished` is False where tables were in use and keep dead rows."""

    epoch: int
    rewrapped_count: int
    finished: bool


@dataclass(frozen=True, kw_only=True)
class MasterReplacedView:
    """A new master key is in force, and in `file`. `resumed`: an interrupted replacement was ended.

    `setting` is the variable that has to name the file from now on; null: none has to.
    """

    file: str
    epoch: int
    rewrapped_count: int
    finished: bool
    resumed: bool
    setting: str | None


@dataclass(frozen=True, kw_only=True)
class CheckView:
    """One line of `doctor`."""

    name: str
    ok: bool
    required: bool
    detail: str
    fix: str


@dataclass(frozen=True, kw_only=True)
class DoctorView:
    """All checks; `ok` when none that is required failed."""

    ok: bool
    checks: list[CheckView]
