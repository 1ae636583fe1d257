"""Where everything of the embedded server lies, and with which modes.

Under `DAYBOOK_HOME/postgres` (the *base*):

    data/              the database; owner: the server's user; 0700
    data.new-…/        a database being made; counts for nothing and is removed by the next start
    socket/            the Unix socket; owner: the server's user; 0700
    binaries/18.6/     a copy of the binaries, only where the server's user cannot read the originals
    supervisor.lock    held by the supervisor while it lives
    server.lock        held by postgres and its children while any of them lives (they inherit it)
    clients.lock       held shared by every Daybook process that uses the server
    starter.lock       held by the one command that is starting a supervisor
    state.json         what the supervisor says about itself
    server.log         its log and PostgreSQL's

For root the base has mode 0711, so that the server's user can walk to `data` and read nothing else; otherwise
0700. Modes of directories above the base are never changed. Where one of them is closed to the server's user
we refuse, with one exception: a home under a temporary directory is thrown away with it, so its base may be a
private directory beside it (named in the home's file `postgres.location`). Anywhere else a database off the
chosen volume would be lost with the container that it silently landed in.
"""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from infrastructure.postgres.embedded import errors

if TYPE_CHECKING:
    from infrastructure.postgres.embedded.users import ServerUser

SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 100  # sun_path has 104 bytes on macOS, 108 on Linux
_LOCATION = "postgres.location"


def make_home(home: Path) -> None:
    """Make Daybook's home if it is missing: 0700, for root 0711. An existing one is left as it is.

    Root's home must let the server's user through; the files and directories in it are private by their own
    modes.
    """
    mode, above = (0o711, 0o755) if os.geteuid() == 0 else (0o700, 0o700)
    missing = [path for path in (home, *home.parents) if not path.exists()]
    for path in reversed(missing):
        with suppress(FileExistsError):
            path.mkdir()
            path.chmod(mode if path == home else above)  # whatever the umask is


class Layout:
    """The paths of one embedded server; knows nothing of whether they exist."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.data_dir = base / "data"
        self.log_file = base / "server.log"
        self.state_file = base / "state.json"
        self.binaries_dir = base / "binaries"
        self.supervisor_lock = base / "supervisor.lock"
        self.server_lock = base / "server.lock"
        self.clients_lock = base / "clients.lock"
        self.starter_lock = base / "starter.lock"

    @property
    def has_data(self) -> bool:
        """Whether a database was made here, to its end (the rename from data.new-… is the last step)."""
        return (self.data_dir / "PG_VERSION").exists()

    def socket_dir(self, runtime_dir: Path | None, user: "ServerUser | None") -> Path:
        """Where the socket goes: in the base, or in a short private directory if that path does not do."""
        inside = self.base / "socket"
        if _fits(inside):
            return inside
        import hashlib

        name = f"daybook-{hashlib.sha256(os.fsencode(self.base)).hexdigest()[:12]}"
        for parent in (runtime_dir, Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - made 0700 and checked
            if parent is not None and parent.is_dir() and _fits(parent / name):
                if user is not None and first_closed(parent, user) is not None:
                    continue  # /run/user/0 is root's alone
                return parent / name
        raise errors.socket_dir_not_ours(inside, f"longer than {LONGEST_SOCKET_PATH} bytes, or with a comma")


def _fits(directory: Path) -> bool:
    path = os.fsencode(directory / SOCKET_NAME)
    return len(path) <= LONGEST_SOCKET_PATH and b"," not in path  # libpq takes a comma for a list of hosts


def first_closed(path: Path, user: "ServerUser") -> Path | None:
    """The topmost existing directory on the way to `path`, itself included, that is closed to this user."""
    for directory in (*reversed(path.parents), path):
        try:
            found = directory.stat()
        except FileNotFoundError:
            return None
        if found.st_uid == user.uid:
            needed = stat.S_IXUSR
        elif found.st_gid == user.gid or found.st_gid in user.groups:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not found.st_mode & needed:
            return directory
    return None


def find_base(home: Path) -> Path:
    """Where the base of this home is, or would be, without making anything."""
    home = Path(os.path.realpath(home))
    try:
        placed = Path(os.fsdecode((home / _LOCATION).read_bytes()))
        owner = placed.lstat()
    except OSError:
        return home / "postgres"
    # Only root writes that file, and only root's directory is believed: a forged one would be a forged
    # database.
    return placed if stat.S_ISDIR(owner.st_mode) and owner.st_uid == os.geteuid() else home / "postgres"


def make_base(home: Path, user: "ServerUser | None") -> Path:
    """Make the home (if missing) and the base in it. `user` is the server's user when we are root.

    Raises:
        EmbeddedPostgresError: we may not write there, or the server's user may not go there.
    """
    try:
        real_home = Path(os.path.realpath(home))
        base = find_base(home)
        closed = None
        if user is not None and base.parent == real_home and not base.exists():
            closed = first_closed(real_home, user)
            if closed is not None and not _is_temporary(real_home):
                raise errors.home_closed_to_server_user(home, closed, user.name)
        make_home(home)
        if user is not None and closed is not None:
            base = _place_beside(real_home, user, closed)
        with suppress(FileExistsError):
            mode = 0o700 if user is None else 0o711
            base.mkdir(mode=mode)
            base.chmod(mode)  # whatever the umask was
        if user is not None and (closed := first_closed(base, user)) is not None:
            raise errors.home_closed_to_server_user(home, closed, user.name)
        if not os.access(base, os.W_OK | os.X_OK):
            raise errors.home_not_writable(base, "it belongs to another user")
    except OSError as error:
        raise errors.from_os_error(error, home) from error
    return base


def _is_temporary(home: Path) -> bool:
    temporary = {os.path.realpath(path) for path in (tempfile.gettempdir(), "/tmp", "/var/tmp")}  # noqa: S108
    return any(str(parent) in temporary for parent in home.parents)


def _place_beside(home: Path, user: "ServerUser", closed: Path) -> Path:
    """A private base under the temporary directory, named once and for all in the home.

    Several first starts may come here at once: the link decides whose directory it is.
    """
    if first_closed(closed.parent, user) is not None or closed.parent == Path("/"):
        raise errors.home_closed_to_server_user(home, closed, user.name)
    _sweep(closed.parent)
    mine = Path(tempfile.mkdtemp(prefix="daybook-postgres-", dir=closed.parent))
    mine.chmod(0o711)
    (mine / "home").write_bytes(os.fsencode(home))
    note = home / f"{mine.name}.new"
    note.write_bytes(os.fsencode(mine))
    try:
        os.link(note, home / _LOCATION)
    except FileExistsError:
        import shutil

        shutil.rmtree(mine, ignore_errors=True)
        return find_base(home)
    finally:
        note.unlink()
    return mine


def _sweep(parent: Path) -> None:
    """Remove what thrown-away homes left here: bases of ours whose home is gone and whose server ended."""
    import shutil

    from infrastructure.postgres.embedded.locks import is_held

    for base in parent.glob("daybook-postgres-*"):
        with suppress(OSError):
            if base.lstat().st_uid != os.geteuid():
                continue
            home = Path(os.fsdecode((base / "home").read_bytes()))
            if (
                not home.exists()
                and not is_held(base / "supervisor.lock")
                and not is_held(base / "server.lock")
            ):
                shutil.rmtree(base, ignore_errors=True)
