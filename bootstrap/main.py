"""The entry point of the `daybook` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    from bootstrap.host import ProcessHost
    from bootstrap.settings import Settings
    from interfaces.cli.app import main as run

    sys.exit(run(ProcessHost(Settings.from_process()), sys.argv[1:]))


if __name__ == "__main__":
    main()
