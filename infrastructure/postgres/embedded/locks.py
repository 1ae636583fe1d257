"""Locks between processes: flock on files in the base, released by the kernel however a process ends.

flock belongs to the open file, not to the process: a child that inherits the descriptor holds the lock too.
That is used on purpose for `server.lock`, and for the supervisor's fork.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def open_lock(path: Path) -> int:
    """Open (or make) a lock file, private, and owned by whoever owns the directory.

    When root runs a command in a home of another user, that user must be able to open the file tomorrow.
    """
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        give_to_owner_of(path.parent, descriptor)
        return descriptor


def give_to_owner_of(directory: Path, descriptor: int) -> None:
    """As root: let a new file belong to the owner of the directory that it lies in."""
    if os.geteuid() == 0:
        owner = directory.stat()
        if owner.st_uid != 0:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock if that is possible at once."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_within(descriptor: int, seconds: float) -> bool:
    """Take the lock exclusively, giving those who only look (`is_held`) the time to look away."""
    deadline = time.monotonic() + seconds
    while not try_lock(descriptor):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def unlock(descriptor: int) -> None:
    """Release and keep the file open."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def is_held(path: Path) -> bool:
    """Whether somebody holds this lock exclusively now."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(descriptor, shared=True)
    finally:
        os.close(descriptor)


@contextmanager
def held_if_free(path: Path) -> Iterator[bool]:
    """Hold the lock for the block if it is free; yields whether it was."""
    descriptor = open_lock(path)
    try:
        yield try_lock(descriptor)
    finally:
        os.close(descriptor)


class ClientHolds:
    """The shared holds of this process on the `clients.lock` of the servers that it uses.

    A hold lasts as long as the process, or until `release`: what counts as a client is a process that was
    given the URL, connected at this moment or not. Taking it fails only while the supervisor holds the file
    exclusively, which it does from the moment it decides to stop for idleness until it is gone.
    """

    def __init__(self) -> None:
        self._descriptors: dict[Path, int] = {}

    def take(self, path: Path) -> bool:
        """Hold, and tell the supervisor by the file's time that somebody came."""
        descriptor = self._descriptors.get(path)
        if descriptor is not None and not _still_at(descriptor, path):
            self.release(path)  # the home was removed and made again
            descriptor = None
        if descriptor is None:
            descriptor = open_lock(path)
            if not try_lock(descriptor, shared=True):
                os.close(descriptor)
                return False
            self._descriptors[path] = descriptor
        os.utime(descriptor)
        return True

    def release(self, path: Path) -> None:
        """Let go; the supervisor may then stop the server when nobody else holds on."""
        descriptor = self._descriptors.pop(path, None)
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)


def _still_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


CLIENT_HOLDS = ClientHolds()
