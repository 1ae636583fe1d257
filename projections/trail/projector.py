"""Fills the trail: a row an event, whatever it says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, LiteralString

from domain.event import Recorded
from projections.columns import execute_set
from projections.read_model import ReadModel
from projections.trail import NAME, VERSION

if TYPE_CHECKING:
    import psycopg

_INSERT: LiteralString = """
insert into events (log_index, at, type, stream_id, version, event_id, actor, source, correlation_id,
                    causation_id, about)
select * from unnest(%s::bigint[], %s::timestamptz[], %s::text[], %s::uuid[], %s::bigint[], %s::uuid[],
                     %s::text[], %s::text[], %s::uuid[], %s::uuid[], %s::uuid[])
"""


class Trail(ReadModel):
    """The trail read model."""

    name: ClassVar[str] = NAME
    version: ClassVar[int] = VERSION
    folder: ClassVar[Path] = Path(__file__).parent

    def apply(self, connection: psycopg.Connection, batch: Sequence[Recorded]) -> None:
        """Write each event down."""
        execute_set(
            connection,
            _INSERT,
            (
                (
                    one.log_index,
                    one.time,
                    one.event.type_name,
                    one.event.stream_id,
                    one.event.version,
                    one.event_id,
                    one.actor,
                    one.source,
                    one.correlation_id,
                    one.causation_id,
                    one.event.about,
                )
                for one in batch
            ),
        )
