"""A PostgreSQL server of our own, for people who did not set one up.

`EmbeddedPostgres` starts real server binaries under Daybook's home and hands out a URL. The invariants kept
here: one server a home, however many commands start at once; the server outlives the command that started it;
nothing but a Unix socket in a private directory leads to it; it is never killed with SIGKILL, and durability
stays on. docs/embedded-postgres.md says how each of these is kept and tested.

Importing this package is cheap; everything that only a start needs is imported when a start happens.
"""

from infrastructure.postgres.embedded.client import EmbeddedPostgres, EmbeddedStatus
from infrastructure.postgres.embedded.errors import EmbeddedPostgresError
from infrastructure.postgres.embedded.layout import make_home

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "EmbeddedStatus", "make_home"]
