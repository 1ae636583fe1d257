"""What a read model is: a name, a version, tables, and the projector that fills them.

Invariant: the tables depend on the events applied and on nothing else (no clock, no random numbers, no other
read model), so a rebuild from the start gives the same rows as the live one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, LiteralString

if TYPE_CHECKING:
    import psycopg

    from domain.event import Recorded


class ReadModel:
    """One kind of question's tables. Subclasses live in a folder with `tables.sql` and `indexes.sql`.

    `version` goes up with every change of the tables or of what is put into them; the next start then builds
    the new form beside the old one. `folder` is the subclass's own.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    folder: ClassVar[Path]

    def tables(self) -> LiteralString:
        """Return the statements that make the tables and the indexes that the projector needs."""
        return _read(self.folder / "tables.sql")

    def indexes(self) -> LiteralString:
        """Return the statements that make the indexes of the queries; a rebuild runs them after the load."""
        return _read(self.folder / "indexes.sql")

    def apply(self, connection: psycopg.Connection, batch: Sequence[Recorded]) -> None:
        """Change the tables as the events say. The search path is the build's schema."""
        raise NotImplementedError


@cache
def _read(path: Path) -> LiteralString:
    return path.read_text(encoding="utf-8")
