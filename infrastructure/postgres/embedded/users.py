"""Who PostgreSQL runs as when Daybook runs as root: an unprivileged user that exists already."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from infrastructure.postgres.embedded import errors


@dataclass(frozen=True)
class ServerUser:
    """A user with everything that a process must take on to be that user."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]


def server_user(wanted: str | None, data_dir: Path) -> ServerUser | None:
    """The user to run the server as; None when we are not root and so are that user ourselves.

    In this order: the one that was asked for, the owner of the data that is already there (a home that was
    first used without root), `postgres`, `nobody`.

    Raises:
        EmbeddedPostgresError: there is no such user, it is root, or the data belongs to somebody else.
    """
    owner = _owner_of(data_dir)
    if os.geteuid() != 0:
        if owner is not None and owner != os.geteuid():
            raise errors.data_belongs_to_another(data_dir, _name_of(owner), _name_of(os.geteuid()))
        return None
    if wanted:
        found = _look_up(wanted)
        if found is None:
            raise errors.server_user_unknown(wanted)
        if found.uid == 0:
            raise errors.server_user_is_root(wanted)
    elif owner:
        found = _look_up(_name_of(owner)) or ServerUser(str(owner), owner, data_dir.stat().st_gid, ())
    else:
        found = _look_up("postgres") or _look_up("nobody")
        if found is None:
            raise errors.server_user_unknown("nobody")
    if owner is not None and owner != found.uid:
        raise errors.data_belongs_to_another(data_dir, _name_of(owner), found.name)
    return found


def _owner_of(data_dir: Path) -> int | None:
    try:
        return data_dir.stat().st_uid
    except (FileNotFoundError, PermissionError):
        return None


def _look_up(name: str) -> ServerUser | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return ServerUser(name, entry.pw_uid, entry.pw_gid, tuple(os.getgrouplist(name, entry.pw_gid)))


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
