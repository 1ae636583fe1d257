"""The root's table of commands agrees with the commands, and the front door stays light."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from interfaces.cli.helping import EXAMPLES
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


@pytest.mark.parametrize(
    ("name", "line"), [(name, line) for name, lines in EXAMPLES.items() for line in lines]
)
def test_each_example_can_be_typed(name: str, line: str) -> None:
    words = shlex.split(line.rpartition(" | ")[2].partition(" > ")[0])
    first, *path = name.split()
    assert words[: 2 + len(path)] == ["daybook", first, *path]
    command = load(next(entry for entry in COMMANDS if entry.name == first))
    for one in path:
        command = command.commands[one]
    command.make_context(name, words[2 + len(path) :])


def test_help_shows_examples_line_by_line_and_no_types(capsys: pytest.CaptureFixture[str]) -> None:
    command = load(next(entry for entry in COMMANDS if entry.name == "search"))
    with pytest.raises(SystemExit):
        command.main(["--help"], prog_name="daybook search")
    text = capsys.readouterr().out
    assert "Usage: daybook search [OPTIONS] WORDS …" in text
    assert "\n    daybook search merkle tree\n" in text
    assert "-n, --count N" in text
