"""Makes the secrets of a Compose installation once.

    python -m bootstrap.first_secrets KEYS DATABASE APPLICATION HOST [HOME]
    python -m bootstrap.first_secrets master-key|token      # only print a new one, for secrets kept elsewhere

Invariant: a secret that is there is never changed; the database and its content would be lost without it.
Each file appears whole or not at all.

KEYS gets `master-key` and `token`, readable by Daybook alone. DATABASE gets `password` (for PostgreSQL,
which may run as another user, so it is readable) and `url`, both of the database's owner: only the database
and what migrates it mount that. APPLICATION gets the `url` of the application, which `daybook db migrate`
lets in. HOME, Daybook's own home, gets the key that signs checkpoints, where an app would make it else.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from infrastructure.crypto import master_key
from infrastructure.proofs.kept import Kept

_ARGUMENTS = (4, 5)
_MINE, _SHARED = 0o400, 0o444


def make(keys: Path, database: Path, application: Path, host: str, home: Path | None = None) -> list[Path]:
    """Make what is missing; return the files that were made now."""
    password = database / "password"
    made = [
        _write_once(keys / "master-key", _PRINTED["master-key"](), _MINE),
        _write_once(keys / "token", _PRINTED["token"](), _MINE),
        _write_once(password, secrets.token_hex(24), _SHARED),
    ]
    known = password.read_text(encoding="ascii").strip()
    made += [
        _write_once(database / "url", _url("daybook", known, host), _MINE),
        _write_once(application / "url", _url("daybook_app", secrets.token_hex(24), host), _MINE),
        _signing_key(home),
    ]
    return [path for path in made if path is not None]


def _signing_key(home: Path | None) -> Path | None:
    if home is None or Kept(home).key_file.exists():
        return None
    Kept(home).make_secret()
    return Kept(home).key_file


def _url(login: str, password: str, host: str) -> str:
    return f"postgresql://{login}:{password}@{host}:5432/daybook"


def _write_once(path: Path, text: str, mode: int) -> Path | None:
    if path.exists():
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
            return path
    finally:
        draft.unlink(missing_ok=True)
    return None


_PRINTED: Mapping[str, Callable[[], str]] = {
    "master-key": lambda: master_key.to_text(master_key.generate()),
    "token": lambda: secrets.token_urlsafe(32),
}


def main(arguments: list[str]) -> int:
    """Make the secrets and say which are new, never their values; or print one that was asked for."""
    if len(arguments) == 1 and arguments[0] in _PRINTED:
        sys.stdout.write(_PRINTED[arguments[0]]() + "\n")
        return 0
    if len(arguments) not in _ARGUMENTS:
        sys.stderr.write(
            "usage: python -m bootstrap.first_secrets KEYS DATABASE APPLICATION HOST [HOME]\n"
            "       python -m bootstrap.first_secrets master-key|token\n"
        )
        return 2
    keys, database, application, host, *home = arguments
    places = Path(keys), Path(database), Path(application)
    for path in make(*places, host, Path(home[0]) if home else None):
        sys.stdout.write(f"made {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
