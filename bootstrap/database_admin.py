"""The database behind a book: embedded or named by a URL, and its administration (`daybook db …`)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from application.errors import DatabaseError, DatabaseUnreachableError
from bootstrap.home import Home
from bootstrap.settings import Settings
from domain.errors import DaybookError, InvalidInputError, NotFoundError, RefusedError
from interfaces.cli.host import DatabaseView, LogProtection, MigratedView, Scrubbed

if TYPE_CHECKING:
    from infrastructure.postgres.database import Database
    from infrastructure.postgres.embedded import EmbeddedPostgres
    from infrastructure.postgres.migrate import Form

Say = Callable[[str], None]


class BookDatabase:
    """Finds and opens the book's database; implements `DatabaseAdmin`."""

    def __init__(self, settings: Settings, home: Home, say: Say = lambda _: None) -> None:
        self._settings = settings
        self._home = home
        self._say = say

    @property
    def is_embedded(self) -> bool:
        """Whether Daybook runs the database itself."""
        return not self._settings.get("database_url")

    def open(self) -> Database:
        """Return the database, started if it is ours, and migrated if it is empty or ours.

        Where an owner is named, migrating is left to it.
        """
        from infrastructure.postgres.migrate import prepare, require_current

        database = self.connect()
        try:
            if self._settings.get("owner_database_url"):
                require_current(database)
            else:
                prepare(database, auto=self.is_embedded, warn=self._say)
        except BaseException:
            database.close()
            raise
        return database

    def connect(self) -> Database:
        """Return the database, started if it is ours, whatever it holds."""
        from infrastructure.postgres.database import Database

        return Database(self.url(), connect_timeout=self._settings.number("connect_timeout"))

    def form(self) -> Form:
        """Return the migrations that the database has."""
        from infrastructure.postgres.migrate import form

        with closing(self.connect()) as database:
            return form(database)

    def glance(self, patience: float) -> Database:
        """Return the database as it is, if it runs; nothing is started or migrated.

        Args:
            patience: seconds to wait for a connection.

        Raises:
            DatabaseError: it does not run.
        """
        from infrastructure.postgres.database import Database

        url = self.embedded().url_if_running() if self.is_embedded else self._settings.get("database_url")
        if url is None:
            raise DatabaseError("The embedded PostgreSQL does not run.", hint="daybook db start")
        return Database(url, max_connections=2, connect_timeout=patience)

    def migrate(self, *, adopt: bool, say: Say) -> MigratedView:
        """Apply pending migrations, and give the application its rights.

        In the end the application's own login is tried.
        """
        from bootstrap.starting import patiently
        from infrastructure.postgres.database import Database, login_of
        from infrastructure.postgres.migrate import migrate, require_current
        from infrastructure.postgres.roles import Login

        owner = self._settings.get("owner_database_url")
        login = None
        if owner:
            self._must_name_both()
            login = Login(*login_of(self.url()))
        warnings: list[str] = []
        timeout = self._settings.number("connect_timeout")
        with closing(Database(owner or self.url(), connect_timeout=timeout)) as database:
            applied = patiently(
                lambda: migrate(database, adopt=adopt, say=say, warn=warnings.append, login=login),
                self._settings.number("startup_wait"),
                say,
                kind=DatabaseUnreachableError,
            )
        if owner and warnings:
            return MigratedView(applied, warnings, None)
        with closing(self.connect()) as database:
            require_current(database)
            warnings += self._keep_release(say)
            return MigratedView(applied, warnings, _protection(database))

    def _keep_release(self, say: Say) -> list[str]:
        """Keep a copy of this release, where the settings say where; return what went wrong."""
        from importlib.metadata import version

        from bootstrap.kept_releases import KeptReleases
        from infrastructure.postgres.migrate import known_form

        folder = self._settings.get("releases")
        try:
            if folder and KeptReleases(Path(folder)).keep(version("daybook-assistant"), known_form()):
                say("This release is kept, to stand in if a later one cannot be migrated to.")
        except DaybookError as problem:
            return [f"{problem.message} The book is not affected."]
        return []

    def status(self) -> DatabaseView:
        """Say what is there, without changing or starting anything."""
        if not self.is_embedded:
            return self._look(self._settings.get("database_url"), running=True)
        from infrastructure.postgres.embedded import EmbeddedPostgresError

        server = self.embedded()
        found = server.status()
        try:
            url = server.url()
        except EmbeddedPostgresError as problem:
            return DatabaseView("embedded", False, "", None, (), (), problem=problem.message)
        if not found.running:
            return DatabaseView(
                "embedded", False, url, found.version, (), (), str(found.data_dir), str(found.log_file)
            )
        return self._look(url, running=True, data_dir=found.data_dir, log_file=found.log_file, pid=found.pid)

    def start(self) -> str:
        """Start the embedded server; return its URL."""
        self._must_be_embedded("started")
        return self.url()

    def stop(self) -> bool:
        """Stop the embedded server; False where none ran."""
        self._must_be_embedded("stopped")
        return self.embedded().stop()

    def shell_command(self) -> tuple[Sequence[str], Mapping[str, str]]:
        """Return the command line of psql connected to the book, and its environment.

        The password is in the latter: every user of a machine can read command lines.
        """
        psql = self._psql()
        if psql is None:
            raise NotFoundError(
                "psql, PostgreSQL's own shell, is not installed. The book is not affected.",
                hint="apt install postgresql-client  (or: brew install libpq), or any client with: "
                "daybook db url",
            )
        from infrastructure.postgres.database import without_password

        address, password = without_password(self.url())
        secret = {} if password is None else {"PGPASSWORD": password}
        return [psql, address], {**self._settings.environment, **secret}

    def scrub(self) -> Scrubbed:
        """Write over what the server's write-ahead log still holds of the past, as the owner."""
        from infrastructure.postgres.database import Database
        from infrastructure.postgres.wal import scrub_wal

        url = self._settings.get("owner_database_url") or self.url()
        with closing(Database(url, connect_timeout=self._settings.number("connect_timeout"))) as database:
            return Scrubbed(*scrub_wal(database))

    def path(self) -> Path:
        """Return the embedded server's data directory."""
        self._must_be_embedded("found in a directory")
        return self.embedded().data_dir

    def url(self) -> str:
        """Return the connection URL, starting the embedded server, whose superuser it names."""
        if not self.is_embedded:
            return self._settings.get("database_url")
        self._home.make()
        return self.embedded().ensure_running()

    def embedded(self) -> EmbeddedPostgres:
        """Return the embedded server of this home; touches nothing."""
        from infrastructure.postgres.embedded import EmbeddedPostgres

        binaries = self._settings.get("db_binaries")
        runtime = self._settings.environment.get("XDG_RUNTIME_DIR")
        return EmbeddedPostgres(
            self._home.root,
            binaries=Path(binaries) if binaries else None,
            db_user=self._settings.get("db_user") or None,
            runtime_dir=Path(runtime) if runtime else None,
            idle_seconds=self._settings.number("db_idle_seconds"),
            environment=self._for_the_supervisor(),
            say=self._say,
        )

    def _for_the_supervisor(self) -> dict[str, str]:
        """Return the environment without our settings: some are secrets, and it outlives this command."""
        everything = self._settings.environment
        return {
            name: value
            for name, value in everything.items()
            if not name.startswith(("DAYBOOK_", "DATABASE_URL"))
        }

    def _psql(self) -> str | None:
        if self.is_embedded:
            binaries = self.embedded().status().binaries
            beside = shutil.which("psql", path=str(binaries)) if binaries else None
            if beside:
                return beside
        return shutil.which("psql")

    def _must_be_embedded(self, what: str) -> None:
        if not self.is_embedded:
            raise RefusedError(
                "This book is on a server of its own, named by DAYBOOK_DATABASE_URL; "
                f"it cannot be {what} from here. Nothing was changed.",
                hint="daybook db status",
            )

    def _must_name_both(self) -> None:
        if self.is_embedded:
            raise InvalidInputError(
                "DAYBOOK_OWNER_DATABASE_URL is set, and DAYBOOK_DATABASE_URL is not: whom the application "
                "connects as. Nothing was changed.",
                hint="export DAYBOOK_DATABASE_URL=postgresql://daybook_app:PASSWORD@HOST/DATABASE   "
                "(daybook db migrate makes that login)",
            )

    def _look(
        self,
        url: str,
        *,
        running: bool,
        data_dir: Path | None = None,
        log_file: Path | None = None,
        pid: int | None = None,
    ) -> DatabaseView:
        from infrastructure.postgres.database import Database
        from infrastructure.postgres.migrate import status

        database = Database(url, connect_timeout=self._settings.number("connect_timeout"))
        kind = "embedded" if self.is_embedded else "server"
        where = None if data_dir is None else str(data_dir)
        log = None if log_file is None else str(log_file)
        try:
            name = database.name
            number = database.check_server()
            found = status(database)
            protected = _protection(database)
        except DatabaseError as problem:
            return DatabaseView(kind, False, "", None, (), (), where, log, pid, problem.message)
        finally:
            database.close()
        return DatabaseView(
            kind=kind,
            running=running,
            url=name,
            server_version=f"{number // 10000}.{number % 10000}",
            applied=found.applied,
            pending=found.pending,
            data_dir=where,
            log_file=log,
            pid=pid,
            log_protection=protected,
        )


def _protection(database: Database) -> LogProtection | None:
    from infrastructure.postgres.roles import protection

    with database.connection() as connection:
        return protection(connection)
