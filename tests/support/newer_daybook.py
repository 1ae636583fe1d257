"""A Daybook of a later release: its conversations read model has another form, and is slow to build.

For processes of its own: importing this changes what the process is.

python -m tests.support.newer_daybook serve
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from projections import conversations

conversations.VERSION += 1  # before anybody imports it by name

from domain.event import Recorded  # noqa: E402
from projections import rebuild  # noqa: E402
from projections.conversations.projector import Conversations  # noqa: E402
from projections.pump import Pump  # noqa: E402

if TYPE_CHECKING:
    import psycopg

_PAUSE_SECONDS = 0.25


def change_form(folder: Path) -> None:
    """Give the conversations another column, and make their building slow."""
    shutil.copytree(Conversations.folder, folder, dirs_exist_ok=True)
    tables = (folder / "tables.sql").read_text()
    (folder / "tables.sql").write_text(
        tables.replace("last_actor    text", "mood text not null default 'calm',\n    last_actor    text", 1)
    )
    Conversations.folder = folder
    rebuild.BATCH = 100
    Pump.clear_every = 0.2
    Pump.bulk_from = 100
    apply = Conversations.apply

    def slowly(self: Any, connection: psycopg.Connection, batch: Sequence[Recorded]) -> None:
        if threading.current_thread().name.startswith("rebuild"):
            time.sleep(_PAUSE_SECONDS)
        apply(self, connection, batch)

    Conversations.apply = slowly  # type: ignore[method-assign]


def main() -> None:
    """Run a command as that release would."""
    from bootstrap.main import main as run

    with tempfile.TemporaryDirectory() as folder:
        change_form(Path(folder))
        run()


if __name__ == "__main__":
    main()
