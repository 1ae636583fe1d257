"""What model servers said of their models, kept in a plain table: names and digests are no content."""

from __future__ import annotations

from application.ports.model_server import ModelCard
from infrastructure.postgres.database import Database

_REMEMBER = """
insert into daybook.model_cards as known (name, digest, context_length, size)
values (%(name)s, %(digest)s, %(length)s, %(size)s)
on conflict (name) do update
   set digest = excluded.digest, context_length = excluded.context_length, size = excluded.size,
       seen_at = clock_timestamp()
 where (known.digest, known.context_length, known.size)
       is distinct from (excluded.digest, excluded.context_length, excluded.size)
"""


class PostgresModelMemory:
    """The `ModelMemory` port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recall(self, name: str) -> ModelCard | None:
        """Return what was known last, or None."""
        with self._database.connection() as connection:
            row = connection.execute(
                "select name, digest, size, context_length from daybook.model_cards where name = %s", [name]
            ).fetchone()
        if row is None:
            return None
        return ModelCard(name=row[0], digest=row[1], size=row[2], context_length=row[3])

    def remember(self, card: ModelCard) -> None:
        """Keep it for next time."""
        values = {
            "name": card.name,
            "digest": card.digest,
            "length": card.context_length,
            "size": card.size,
        }
        with self._database.connection() as connection:
            connection.execute(_REMEMBER, values)
