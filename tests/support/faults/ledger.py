"""A small real read model: one row an event, so that what a reader was shown can be held against the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import psycopg

from domain.event import Recorded
from projections.read_model import ReadModel

_INSERT = """
insert into ledger (log_index, stream_id, version, event_id)
select * from unnest(%b::bigint[], %b::uuid[], %b::bigint[], %b::uuid[])
"""


class Ledger(ReadModel):
    """`after` is called when a batch is in the tables and not yet committed."""

    name: ClassVar[str] = "ledger"
    version: ClassVar[int] = 1
    folder: ClassVar[Path] = Path(__file__).parent / "ledger_tables"

    def __init__(self, after: Callable[[], None] = lambda: None) -> None:
        self._after = after

    def apply(self, connection: psycopg.Connection, batch: Sequence[Recorded]) -> None:
        columns = [
            [recorded.log_index for recorded in batch],
            [recorded.event.stream_id for recorded in batch],
            [recorded.event.version for recorded in batch],
            [recorded.event_id for recorded in batch],
        ]
        connection.execute(_INSERT, columns)
        self._after()
