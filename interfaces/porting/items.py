"""What readers of files hand on, whatever the file is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from application.ported import PortedConversation, PortedProject


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Something in the file that is not handed on. `what`: `conversation`, `project`, `message`, `line`.

    `name` is what the file calls it: an id, or the number of a line.
    """

    what: str
    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """A part of the file that this release does not know, and passes over."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Remark:
    """Something about a conversation that is handed on but for this; `count` such things."""

    name: str
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class CutOff:
    """The file ends before its end; what came before was handed on."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class At:
    """How far the file is read: of `total`, in bytes or rows."""

    done: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A conversation with all its messages. `size` is about its bytes."""

    conversation: PortedConversation
    size: int


Item: TypeAlias = Whole | PortedProject | LeftOut | Unknown | Remark | CutOff | At
