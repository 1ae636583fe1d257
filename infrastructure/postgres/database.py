"""Connections to PostgreSQL: a small pool, transactions, and sessions of their own.

Invariants: nothing connects before it must; every connection handed out is idle, in autocommit and of a
server we support; every psycopg error that leaves `connection()`, `transaction()` or `alone()` has become a
`DatabaseError` that says what happened and what to do; a password never gets into a message.

Connections are made in the thread that asks for one. A pool with workers of its own hides why a connection
could not be made behind a timeout, and costs a command line call three threads.

Every connection goes on as the application's role (infrastructure/postgres/roles.py), so the log cannot be
changed through it, whoever logged in. Only `owner_session` keeps the login's own rights.

PgBouncer and its like work in session mode only, or connect directly: prepared statements, LISTEN and
advisory locks do not survive transaction pooling.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, LiteralString

from application.errors import DatabaseError
from infrastructure.postgres import roles
from infrastructure.postgres.failures import connect_failure, described, parse_failure, translate

if TYPE_CHECKING:
    import psycopg

OLDEST_SERVER = 150000

# Where nobody has set up logging, Python would write psycopg's warnings (of a rollback that Ctrl-C cut short)
# on the user's screen.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

# Given to libpq unless the URL says otherwise. A server that vanished without a word is noticed within half a
# minute.
_LIBPQ_DEFAULTS: Mapping[str, str] = {
    "application_name": "daybook",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}

# As a statement and not as a start-up option, because PgBouncer refuses those.
#
# What people wrote must not get into the server's log with parameters of slow statements, or with the row
# that an error is about. Only a superuser, or a role that was granted it, may keep it out; for others
# docs/privacy.md says what to do.
_SETTINGS = """\
set timezone = 'UTC'; set log_parameter_max_length_on_error = 0;
select set_config(name, value, false)
  from (values ('log_parameter_max_length', '0'), ('log_error_verbosity', 'terse')) as quiet(name, value)
 where has_parameter_privilege(name, 'set')"""

# The log's function relies on each of its statements seeing what was committed before it; a stricter default
# of the server's would turn waiting for the lock into conflicts.
_POOLED_SETTINGS = (
    f"{_SETTINGS}; set default_transaction_isolation = 'read committed'; "
    "set idle_in_transaction_session_timeout = '60s'; set lock_timeout = '30s'"
)

# A connection that idled longer than this is asked whether it still lives before it is handed out: a firewall
# may have dropped it silently. For shorter times a look at the socket is enough.
_ASK_AFTER_IDLE_SECONDS = 30.0


class Database:
    """One PostgreSQL database, named by a URL (or libpq connection string).

    Args:
        url: where it is, and who logs in.
        max_connections: how many the pool opens at most.
        connect_timeout: seconds to wait for a connection, made or lent.
        as_owner: keep the login's own rights, and do not become the application.
    """

    def __init__(
        self, url: str, *, max_connections: int = 10, connect_timeout: float = 5.0, as_owner: bool = False
    ) -> None:
        self._url = url
        self._as_owner = as_owner
        self._role: str | None = None
        self._connect_timeout = connect_timeout
        self._max_connections = max_connections
        self._free = threading.BoundedSemaphore(max_connections)
        self._lock = threading.Lock()
        self._idle: list[tuple[psycopg.Connection, float]] = []
        self._closed = False
        self._lent = 0
        self._parameters: dict[str, Any] | None = None

    @property
    def url(self) -> str:
        """The URL as given; it may hold a password."""
        return self._url

    @property
    def name(self) -> str:
        """Where the database is, without a password: fit for messages."""
        return described(self._libpq_parameters())

    @property
    def role(self) -> str | None:
        """The application's role, which connections go on as; None before the first one, or without it."""
        return self._role

    @contextmanager
    def connection(self) -> "Iterator[psycopg.Connection]":
        """Lend a pooled connection in autocommit.

        Holding one while asking for another from the same thread can starve the pool.
        """
        import psycopg

        connection = self._take()
        try:
            yield connection
        except psycopg.Error as error:
            raise translate(error, self.name) from error
        finally:
            self._give_back(connection)

    @contextmanager
    def transaction(self) -> "Iterator[psycopg.Connection]":
        """Lend a connection inside a transaction that commits when the block ends well."""
        with self.connection() as connection, connection.transaction():
            yield connection

    def session(self) -> "psycopg.Connection":
        """Open a connection outside the pool, for advisory locks and LISTEN; the caller closes it."""
        return self._with(self._connect(), _SETTINGS)

    @contextmanager
    def alone(self) -> "Iterator[psycopg.Connection]":
        """Lend a session of this block's own, in autocommit, closed at its end.

        Its locks are free when the block ends: a server finds out some time later that a client has left.
        """
        import psycopg

        session = self.session()
        try:
            yield session
        except psycopg.Error as error:
            raise translate(error, self.name) from error
        else:
            with suppress(psycopg.Error):
                session.execute("select pg_advisory_unlock_all()")
        finally:
            session.close()

    def owner_session(self) -> "psycopg.Connection":
        """Open a session that keeps the login's own rights, to migrate with; the caller closes it."""
        return self._with(self._connect(), _SETTINGS, as_owner=True)

    def renew(self) -> None:
        """Connect afresh from now on: the application's role has come, or has other rights."""
        with self._lock:
            self._role = None
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    def check_server(self) -> int:
        """Connect if need be and return the server's version number, such as 170004."""
        with self.connection() as connection:
            return connection.info.server_version

    def close(self) -> None:
        """Close all idle connections; those still lent are closed as they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    def _libpq_parameters(self) -> dict[str, Any]:
        if self._parameters is None:
            from psycopg import ProgrammingError
            from psycopg.conninfo import conninfo_to_dict

            try:
                given = conninfo_to_dict(self._url)
            except ProgrammingError as error:
                raise parse_failure(self._url) from error
            self._parameters = {**_LIBPQ_DEFAULTS, **given}
            self._parameters.setdefault("connect_timeout", str(max(1, round(self._connect_timeout))))
        return self._parameters

    def _connect(self) -> "psycopg.Connection":
        import psycopg

        parameters = self._libpq_parameters()
        try:
            connection = psycopg.connect(**parameters, autocommit=True, client_encoding="utf8")
        except psycopg.Error as error:
            raise connect_failure(error, parameters) from error
        version = connection.info.server_version
        if version < OLDEST_SERVER:
            connection.close()
            raise DatabaseError(
                f"The PostgreSQL server of {self.name} is version {version // 10000}; Daybook needs 15 or "
                "newer. Nothing was read or written.",
                hint="Upgrade the server, or point DAYBOOK_DATABASE_URL at another one.",
            )
        return connection

    @property
    def in_use(self) -> tuple[int, int]:
        """How many pooled connections are lent out, and how many may be."""
        return self._lent, self._max_connections

    def _take(self) -> "psycopg.Connection":
        if not self._free.acquire(timeout=max(self._connect_timeout, 1.0)):
            raise DatabaseError(
                f"All {self._max_connections} connections to {self.name} are busy. "
                "This command was not carried out.",
                hint="Try again; a server under constant load may be given more connections.",
            )
        with self._lock:
            self._lent += 1
        try:
            while (connection := self._take_idle()) is not None:
                if _lives(*connection):
                    return connection[0]
                connection[0].close()
            return self._with(self._connect(), _POOLED_SETTINGS)
        except BaseException:
            self._release()
            raise

    def _release(self) -> None:
        with self._lock:
            self._lent -= 1
        self._free.release()

    def _with(
        self, connection: "psycopg.Connection", settings: LiteralString, *, as_owner: bool = False
    ) -> "psycopg.Connection":
        import psycopg

        try:
            connection.execute(settings)
            if not (as_owner or self._as_owner):
                self._role = self._role or roles.find(connection)
                if self._role is not None:
                    roles.take_on(connection, self._role)
        except psycopg.Error as error:
            connection.close()
            raise translate(error, self.name) from error
        return connection

    def _take_idle(self) -> "tuple[psycopg.Connection, float] | None":
        with self._lock:
            if self._closed:
                raise DatabaseError("The connection to the database was closed while Daybook was stopping.")
            return self._idle.pop() if self._idle else None

    def _give_back(self, connection: "psycopg.Connection") -> None:
        from psycopg.pq import TransactionStatus

        try:
            keep = not connection.closed and connection.info.transaction_status == TransactionStatus.IDLE
            if keep:
                with self._lock:
                    keep = not self._closed
                    if keep:
                        self._idle.append((connection, time.monotonic()))
            if not keep:
                connection.close()
        finally:
            self._release()


def without_password(url: str) -> tuple[str, str | None]:
    """Return a database's URL as libpq parameters without the password, and the password."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    try:
        parameters = conninfo_to_dict(url)
    except ProgrammingError as error:
        raise parse_failure(url) from error
    password = parameters.pop("password", None)
    return make_conninfo("", **parameters), None if password is None else str(password)


def login_of(url: str) -> tuple[str, str | None]:
    """Return whom a URL logs in as, and the password in it, if any."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict
    from psycopg.pq import Conninfo

    try:
        parameters = conninfo_to_dict(url)
    except ProgrammingError as error:
        raise parse_failure(url) from error
    usual = {option.keyword: option.val for option in Conninfo.get_defaults()}
    user = parameters.get("user") or (usual.get(b"user") or b"").decode()
    password = parameters.get("password")
    return str(user), None if password is None else str(password)


def _lives(connection: "psycopg.Connection", idle_since: float) -> bool:
    """Whether an idle connection can be lent again. A server that ended it has left word in the socket."""
    import select

    import psycopg

    if connection.closed:
        return False
    try:
        if time.monotonic() - idle_since > _ASK_AFTER_IDLE_SECONDS:
            connection.execute("")
            return True
        poll = select.poll()
        poll.register(connection.pgconn.socket, select.POLLIN)
        if poll.poll(0):
            connection.pgconn.consume_input()
            return not poll.poll(0)
    except (psycopg.Error, OSError):
        return False
    return True
