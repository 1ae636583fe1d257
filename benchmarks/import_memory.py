"""How much memory a large import takes, and how fast it goes.

    python benchmarks/import_memory.py [MEGABYTES]

Makes an export of that size (1,000 by default) and imports it into an embedded book of its own, in a process
whose largest resident size is taken; then again, when all of it is there already; then exports it. One JSON
line.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import UUID

_MEGABYTE = 1_000_000
_TIME = "2026-01-02T03:04:05.678901Z"
_WORDS = [
    "the",
    "a",
    "of",
    "sail",
    "wind",
    "harbour",
    "tide",
    "knot",
    "mast",
    "anchor",
    "crew",
    "storm",
    "chart",
    "buoy",
    "keel",
    "rudder",
]
_RUN = """
import json, resource, sys, time
from bootstrap.host import ProcessHost
from bootstrap.settings import Settings
from interfaces.cli.app import main
import os
began = time.perf_counter()
code = main(ProcessHost(Settings(dict(os.environ))), sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
told = {"code": code, "seconds": time.perf_counter() - began, "kib": used.ru_maxrss}
print(json.dumps(told), file=sys.stderr)
"""


def make(path: Path, size: int) -> int:
    """Write an export of about so many bytes; return how many conversations it has."""
    rng = random.Random(1)
    count = 0
    with path.open("w") as file:
        head = {"format": "daybook", "version": 1, "exported_at": _TIME, "scope": "all", "log_size": 1}
        file.write(json.dumps({"type": "head", **head}) + "\n")
        while file.tell() < size:
            count += 1
            ids = [str(UUID(int=rng.getrandbits(128))) for _ in range(21)]
            told = {"id": ids[0], "message_count": 20, "created_at": _TIME, "updated_at": _TIME}
            file.write(json.dumps({"type": "conversation", "current_id": ids[-1], **told}) + "\n")
            for at, one in enumerate(ids[1:]):
                text = " ".join(rng.choices(_WORDS, k=400 if at % 2 else 40))
                line = {"type": "message", "id": one, "at": _TIME, "text": text, "kind": "prompt"}
                if at:
                    line["parent_id"] = ids[at]
                if at % 2:
                    known = {"model": "m", "sent_message_ids": ids[1 : at + 1]}
                    line |= {"kind": "answer", "status": "complete", "ended_at": _TIME, "provenance": known}
                file.write(json.dumps(line) + "\n")
        end = {"project_count": 0, "conversation_count": count, "message_count": 20 * count}
        file.write(json.dumps({"type": "end", **end}) + "\n")
    return count


def daybook(home: Path, *args: str) -> dict[str, float]:
    """Run a command and return its seconds and its largest resident size."""
    environment = {**os.environ, "DAYBOOK_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[1])}  # noqa: TID251
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *args], env=environment, capture_output=True, text=True, check=False
    )
    told = json.loads(done.stderr.strip().splitlines()[-1])
    assert told["code"] == 0, done.stderr
    return {"seconds": round(told["seconds"], 1), "resident_mb": round(told["kib"] / 1024)}


def main() -> None:
    """Measure, and print one line."""
    size = int(sys.argv[1] if len(sys.argv) > 1 else 1000) * _MEGABYTE
    with tempfile.TemporaryDirectory() as folder:
        home, file = Path(folder) / "home", Path(folder) / "export.json"
        count = make(file, size)
        daybook(home, "list")
        figures: dict[str, object] = {
            "name": "import_memory",
            "file_mb": round(file.stat().st_size / _MEGABYTE),
            "conversation_count": count,
            "list": daybook(home, "list"),
            "first": daybook(home, "import", str(file)),
            "again": daybook(home, "import", str(file)),
            "export": daybook(home, "export", "--all", "-o", str(Path(folder) / "out.json")),
        }
        began = time.perf_counter()
        daybook(home, "db", "stop")
        figures["stopping_seconds"] = round(time.perf_counter() - began, 1)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
