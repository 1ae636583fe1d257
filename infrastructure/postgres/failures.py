"""What PostgreSQL's errors mean to a person: psycopg's exceptions become ours, with the next step.

Invariant: no message holds a password, and each says whether anything was written.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from application.errors import DatabaseError, DatabaseUnreachableError

if TYPE_CHECKING:
    import psycopg


class _Meaning(NamedTuple):
    text: str
    hint: str
    unreachable: bool = False


_NOTHING_WRITTEN = "Nothing of this command was written."

_BY_SQLSTATE: Mapping[str, _Meaning] = {
    "53100": _Meaning("The disk of {name} is full. {nothing_written}", "Free disk space and try again."),
    "53200": _Meaning("The server of {name} is out of memory. {nothing_written}", "Try again later."),
    "53300": _Meaning(
        "The server of {name} takes no more connections. {nothing_written}",
        "Stop what else uses it, or raise max_connections there.",
        unreachable=True,
    ),
    "25006": _Meaning(
        "{name} takes no writes: it is a standby, or was set read-only. {nothing_written}",
        "Point DAYBOOK_DATABASE_URL at the primary server.",
    ),
    "57P01": _Meaning(
        "The server of {name} is shutting down.", "Try again when it is back.", unreachable=True
    ),
    "57P02": _Meaning(
        "The server of {name} crashed and recovers.", "Try again in a moment.", unreachable=True
    ),
    "57P03": _Meaning(
        "The server of {name} is starting or stopping.", "Try again in a moment.", unreachable=True
    ),
    "57P05": _Meaning("{name} ended this session because it idled.", "Try again.", unreachable=True),
    "25P03": _Meaning("{name} ended a transaction that stood idle. {nothing_written}", "Try again."),
    "57014": _Meaning("{name} cancelled the statement. {nothing_written}", "Try again."),
    "55P03": _Meaning(
        "Somebody else holds a lock in {name} for too long. {nothing_written}",
        "Look for the session in pg_stat_activity, and try again.",
    ),
    "40P01": _Meaning("{name} ended a deadlock. {nothing_written}", "Try again."),
    "42501": _Meaning(
        "The role of {name} lacks a right: {detail}. {nothing_written}",
        "Let the book's owner give it: DAYBOOK_OWNER_DATABASE_URL=… daybook db migrate",
    ),
    "42P01": _Meaning("{name} lacks a table of Daybook's: {detail}.", "daybook db migrate"),
    "42883": _Meaning("{name} lacks a function of Daybook's: {detail}.", "daybook db migrate"),
    "3F000": _Meaning("{name} lacks a schema of Daybook's: {detail}.", "daybook db migrate"),
    "58030": _Meaning("The server of {name} cannot read or write its disk: {detail}.", "Look at its log."),
    "XX001": _Meaning("{name} says that data is corrupted: {detail}.", "Keep a copy, and restore a backup."),
    "XX002": _Meaning("{name} says that an index is corrupted: {detail}.", "Rebuild it with REINDEX."),
}

# libpq gives no code when a connection cannot be made, so its English is matched; another language gets the
# general text with the server's own words.
_BY_WORDS: tuple[tuple[tuple[str, ...], _Meaning], ...] = (
    (
        (
            "password authentication failed",
            "no password supplied",
            "peer authentication failed",
            "ident authentication failed",
            "scram",
            "pg_hba.conf",
        ),
        _Meaning(
            "The server of {name} refuses the login: {detail}.",
            "Check user and password in DAYBOOK_DATABASE_URL.",
        ),
    ),
    (
        ('database "',),
        _Meaning(
            "The server has no database of that name: {detail}.", "createdb, or correct DAYBOOK_DATABASE_URL."
        ),
    ),
    (
        ('role "',),
        _Meaning(
            "The server does not know the user: {detail}.",
            "Correct the user in DAYBOOK_DATABASE_URL; daybook db migrate makes it, with the owner's URL in "
            "DAYBOOK_OWNER_DATABASE_URL.",
        ),
    ),
    (("too many clients", "connection slots", "too many connections"), _BY_SQLSTATE["53300"]),
    (("starting up", "recovery", "not yet accepting"), _BY_SQLSTATE["57P03"]),
    (("shutting down",), _BY_SQLSTATE["57P01"]),
    (
        ("could not translate host name", "resolve host", "name or service not known", "getaddrinfo"),
        _Meaning(
            "The host of {name} is not known: {detail}.", "Correct DAYBOOK_DATABASE_URL.", unreachable=True
        ),
    ),
    (
        (
            "refused",
            "no such file",
            "timeout",
            "timed out",
            "no route",
            "unreachable",
            "closed the connection",
        ),
        _Meaning(
            "PostgreSQL does not answer at {name}: {detail}.",
            "Start the server, or correct DAYBOOK_DATABASE_URL.",
            unreachable=True,
        ),
    ),
)

_NO_CONNECTION = _Meaning(
    "No connection to {name} could be made: {detail}.",
    "Correct DAYBOOK_DATABASE_URL, or look at the server's log.",
    unreachable=True,
)


def described(parameters: Mapping[str, Any]) -> str:
    """Name a database for messages, from libpq parameters: never with a password."""
    host = str(parameters.get("host") or parameters.get("hostaddr") or "the local socket")
    port = str(parameters.get("port") or "")
    database = str(parameters.get("dbname") or parameters.get("user") or "")
    where = f"{host}:{port}" if port and not host.startswith("/") else host
    return f"database {database!r} at {where}" if database else f"the database at {where}"


def parse_failure(url: str) -> DatabaseError:
    """Say that a URL cannot be read, without repeating it: it may hold a password."""
    scheme = url.partition("://")[0] if "://" in url else ""
    known = scheme in {"postgres", "postgresql"}
    reason = "" if known or not scheme else f" It begins with {scheme}://, but must begin with postgresql://."
    return DatabaseError(
        f"The database URL cannot be read.{reason} Nothing was read or written.",
        hint="DAYBOOK_DATABASE_URL=postgresql://user:password@host:5432/database "
        "(write special characters in the password as %XX)",
    )


_LONG_ENOUGH = 6
"""A password of fewer characters may stand in any message by chance."""


def connect_failure(error: "psycopg.Error", parameters: Mapping[str, Any]) -> DatabaseError:
    """Say why no connection could be made."""
    name, detail = described(parameters), _line(error)
    secret = str(parameters.get("password") or "")
    if 0 < len(secret) < _LONG_ENOUGH:
        detail = "the server's words are left out here"  # the gaps it left would tell it
    elif secret:
        detail = detail.replace(secret, "…")
    words = str(error).lower()
    matching = (meaning for clues, meaning in _BY_WORDS if any(clue in words for clue in clues))
    meaning = next(matching, _NO_CONNECTION)
    told = _told(meaning, name, detail)
    if "othing" in told.message:
        return told
    return type(told)(f"{told.message} Nothing was read or written.", hint=told.hint)


def translate(error: "psycopg.Error", name: str) -> DatabaseError:
    """Say what an error of a statement or of the connection under it means."""
    import psycopg

    detail = _line(error)
    meaning = _BY_SQLSTATE.get(error.sqlstate or "")
    if meaning is not None:
        return _told(meaning, name, detail)
    if isinstance(error, psycopg.OperationalError) and (error.sqlstate or "08").startswith("08"):
        return DatabaseUnreachableError(
            f"The connection to {name} was lost: {detail}. If it was lost while something was being saved, "
            "that may or may not be recorded.",
            hint="Look whether it is there before doing it again.",
        )
    code = f" ({error.sqlstate})" if error.sqlstate else ""
    return DatabaseError(
        f"{name[0].upper()}{name[1:]} refused a statement{code}: {detail}. {_NOTHING_WRITTEN}",
        hint="This is likely a fault of Daybook's; please report it.",
    )


def _told(meaning: _Meaning, name: str, detail: str) -> DatabaseError:
    kind = DatabaseUnreachableError if meaning.unreachable else DatabaseError
    text = meaning.text.format(name=name, detail=detail, nothing_written=_NOTHING_WRITTEN)
    return kind(text[0].upper() + text[1:], hint=meaning.hint)


def _line(error: "psycopg.Error") -> str:
    """Give the one line that matters: the server's message, else the reason of libpq's last attempt."""
    message = error.diag.message_primary or str(error)
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    reasons = [line for line in lines if "failed: " in line or "FATAL:" in line]
    line = (reasons or lines[:1] or [type(error).__name__])[-1]
    for mark in ("failed: ", "FATAL:  "):
        line = line.rpartition(mark)[2]
    return line.rstrip(".")
