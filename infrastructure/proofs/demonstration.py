"""What `daybook demo` does to its throw-away log, to show that it is found. Nothing else calls this."""

from infrastructure.postgres.database import Database

_FLIP = """
update daybook.events
   set payload = set_byte(payload, length(payload) - 1, get_byte(payload, length(payload) - 1) # 1)
 where log_index = %s
"""


def flip_a_byte(database: Database, log_index: int) -> None:
    """Change the last byte of an event's payload, as only a superuser can."""
    with database.owner_session() as connection:
        connection.execute(_FLIP, (log_index,))
