"""How long `daybook --help` and `daybook list` take, as a ratio to the `llm` tool's same commands.

    python benchmarks/cli_start.py --llm /path/to/a/venv/bin/llm [--rounds 15]

The pairs are run in turn, so that a machine that gets slower gets slower for both. The database runs
already, and holds a few conversations; so does the `llm` tool's own. `python -c pass` is measured beside them
as the floor.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DAYBOOK = Path(sys.executable).with_name("daybook")


def seconds(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def prepare_daybook(environment: dict[str, str]) -> None:
    """Make a book with three conversations; the prompts are kept although no model server is there."""
    for number in range(3):
        subprocess.run(
            [DAYBOOK, "ask", f"question {number}"],
            env=environment,
            check=False,
            capture_output=True,
            input="",
        )


def prepare_llm(llm: str, home: Path, environment: dict[str, str]) -> None:
    """Make the `llm` tool's own log with three rows, through its own commands and SQLite."""
    import sqlite3

    subprocess.run([llm, "logs", "on"], env=environment, check=True, capture_output=True)
    subprocess.run([llm, "logs", "status"], env=environment, check=True, capture_output=True)
    database = home / "logs.db"
    if not database.exists():
        sqlite3.connect(database).close()
    subprocess.run([llm, "logs", "list"], env=environment, check=False, capture_output=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--llm", required=True)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        (root / "llm").mkdir()
        environment = {
            "PATH": os.environ["PATH"],  # noqa: TID251 (a script of its own)
            "HOME": str(root),
            "DAYBOOK_HOME": str(root / "daybook"),
            "DAYBOOK_OLLAMA_URL": "http://127.0.0.1:9",
            "LLM_USER_PATH": str(root / "llm"),
        }
        prepare_daybook(environment)
        prepare_llm(arguments.llm, root / "llm", environment)
        commands = {
            "pass": [sys.executable, "-c", "pass"],
            "daybook_help": [str(DAYBOOK), "--help"],
            "llm_help": [arguments.llm, "--help"],
            "daybook_list": [str(DAYBOOK), "list"],
            "llm_list": [arguments.llm, "logs", "list"],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(arguments.rounds):
            for name, command in commands.items():
                times[name].append(seconds(command, environment))
        subprocess.run([DAYBOOK, "db", "stop"], env=environment, check=False, capture_output=True)
    median = {name: statistics.median(values) for name, values in times.items()}
    figures = {f"{name}_ms": round(value * 1000) for name, value in median.items()}
    figures["help_ratio"] = round(median["daybook_help"] / median["llm_help"], 3)
    figures["list_ratio"] = round(median["daybook_list"] / median["llm_list"], 3)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    line = {"name": "cli-start", "figures": figures, "rounds": arguments.rounds, "machine": machine}
    print(json.dumps(line))


if __name__ == "__main__":
    main()
