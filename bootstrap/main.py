"""The entry point of the `daybook` command."""

from __future__ import annotations

import gc
import sys

# Importing makes many objects and no garbage; at the usual threshold the collector looks through them all
# a dozen times, a tenth of what a short command takes. Events have no cycles either: a rebuild would spend
# a third of its time on looking for them.
GARBAGE_THRESHOLDS = (100_000, 20, 20)


def main() -> None:
    """Run the command line and leave with its exit code."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    from bootstrap.host import ProcessHost
    from bootstrap.settings import Settings
    from interfaces.cli.app import main as run

    settings = Settings.from_process()
    # From the environment alone, where a container has it: no other command pays for reading a file.
    if kept := settings.environment.get("DAYBOOK_RELEASES"):
        from bootstrap.standing_in import give_way
        from interfaces.cli.console import say

        give_way(kept, sys.argv[1:], settings.environment, say)
    sys.exit(run(ProcessHost(settings), sys.argv[1:]))


if __name__ == "__main__":
    main()
