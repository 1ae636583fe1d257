"""The root's table of commands agrees with the commands, and the front door stays light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from interfaces.cli.lazy import COMMANDS, Entry, load

ROOT = Path(__file__).parents[3]
HEAVY = ("rich", "asyncio", "httpx", "psycopg", "pydantic", "cryptography", "prompt_toolkit", "eventsourcing")


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_each_command_is_there_and_says_what_the_table_says(entry: Entry) -> None:
    command = load(entry)
    assert command.name == entry.name
    assert command.help.partition("\n")[0] == entry.help


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from bootstrap.main import main\n"
        "sys.argv = ['daybook', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"sys.stderr.write(' '.join(name for name in {HEAVY!r} if name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, text=True)
    assert "Ask a question" in done.stdout
    assert done.stderr == ""
