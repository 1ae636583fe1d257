"""A Daybook of a later release, with one migration more: what that does stands in `NEXT_MIGRATION`.

For processes of its own: importing this changes what the process is.

python -m tests.support.unmigrated_daybook db migrate
"""

from __future__ import annotations

import os

from infrastructure.postgres import migrate

_KNOWN = migrate.known_migrations()
_NEXT = migrate.Migration(len(_KNOWN) + 1, "next", "sha", os.environ["NEXT_MIGRATION"])  # noqa: TID251
migrate.known_migrations = lambda: (*_KNOWN, _NEXT)  # type: ignore[assignment]

from bootstrap.main import main  # noqa: E402

if __name__ == "__main__":
    main()
