"""When tokens and sessions were last used, in a plain table: written every few minutes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from infrastructure.postgres.database import Database

# Many processes may see the same token used; the first of them in some minutes writes.
_NOTE = """
insert into daybook.grant_uses as known (grant_id, used_at) values (%(grant)s, %(at)s)
    on conflict (grant_id) do update set used_at = excluded.used_at
 where known.used_at < excluded.used_at - interval '4 minutes'
"""


class PostgresGrantUses:
    """The `GrantUses` port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, grant_id: UUID, at: datetime) -> None:
        """Remember that it was used at this moment, to some minutes."""
        with self._database.connection() as connection:
            connection.execute(_NOTE, {"grant": grant_id, "at": at})
