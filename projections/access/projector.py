"""Fills the table of tokens and sessions. They are few, so each event is a statement of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, LiteralString

from domain.access import events as e
from domain.content import packed
from domain.event import Event, Recorded
from projections.access import NAME, VERSION
from projections.read_model import ReadModel

if TYPE_CHECKING:
    import psycopg

_MAKE = """
insert into grants (id, kind, name, scopes, acts_as, made_by, made_at, link_expires_at, expires_at,
                    first_index)
values (%(id)s, %(kind)s, %(name)s, %(scopes)s, %(acts_as)s, %(actor)s, %(at)s, %(link_expires_at)s,
        %(expires_at)s, %(log_index)s)
"""
_BEGIN = "update grants set began_at = %(at)s where id = %(id)s"
_END = """
update grants set ended_at = %(at)s, ended_by = %(actor)s, end_kind = %(end_kind)s where id = %(id)s
"""


class Access(ReadModel):
    """The read model of tokens, links and sessions."""

    name: ClassVar[str] = NAME
    version: ClassVar[int] = VERSION
    folder: ClassVar[Path] = Path(__file__).parent

    def apply(self, connection: psycopg.Connection, batch: Sequence[Recorded]) -> None:
        """Apply events of tokens and sessions; others change nothing."""
        for recorded in batch:
            change = _change(recorded.event)
            if change is not None:
                statement, values = change
                place = {
                    "id": recorded.event.stream_id,
                    "at": recorded.time,
                    "log_index": recorded.log_index,
                    "actor": recorded.actor,
                }
                connection.execute(statement, {**place, **values})


def _change(event: Event) -> tuple[LiteralString, dict[str, Any]] | None:
    match event:
        case e.TokenCreated():
            return _MAKE, {
                "kind": "token",
                "name": packed(event.name),
                "scopes": event.scopes,
                "acts_as": event.stream_id.hex,
                "link_expires_at": None,
                "expires_at": None if event.expires_at is None else _moment(event.expires_at),
            }
        case e.SessionOffered():
            return _MAKE, {
                "kind": "session",
                "name": None,
                "scopes": event.scopes,
                "acts_as": event.acts_as,
                "link_expires_at": _moment(event.link_expires_at),
                "expires_at": _moment(event.expires_at),
            }
        case e.SessionBegan():
            return _BEGIN, {}
        case e.TokenRevoked():
            return _END, {"end_kind": "revoked"}
        case e.SessionEnded():
            return _END, {"end_kind": event.reason_kind}
        case _:
            return None


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
