"""Run as a process of its own: begin to rebuild the tally, and be killed in the middle of it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from domain.event import Recorded
from infrastructure.postgres.database import Database
from projections import rebuild
from projections.pump import Pump
from tests.fakes.histories import Historian
from tests.support.tally import Tally


def _die(batch: Sequence[Recorded]) -> None:
    if batch[0].log_index > 0:
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Take the database's URL as argument."""
    history = Historian(1)
    history.live(60)
    rebuild.BATCH = 20
    Pump(Database(sys.argv[1]), history.log, [Tally(after=_die)]).rebuild()


if __name__ == "__main__":
    main()
