"""Set-based writing: rows gathered from a batch go to the server as one array a column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, LiteralString

if TYPE_CHECKING:
    import psycopg


def execute_set(
    connection: psycopg.Connection, statement: LiteralString, rows: Iterable[Sequence[Any]]
) -> None:
    """Execute a statement whose parameters are columns (`unnest(%s, …)`), unless there are no rows."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    if columns:
        # Binary arrays: the text form doubles every byte of content and is escaped element by element.
        connection.execute(statement.replace("%s", "%b"), columns)
