"""Is anything readable left after an erasure? Plants words, erases them, and looks through every byte left.

    python benchmarks/erase_hunt.py [--rounds 20] [--seed 1]

Each round plants a word in every kind of content of a book on a PostgreSQL of its own with a talkative log,
sees that it can be found, erases it, replaces the master key, writes over the write-ahead log, and looks for
words and keys in all files of server and home, in dumps, exports and backups; then tries a dump from before
with the new keys. Prints one JSON line and ends with 1 if anything was found, or if a control was not.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.hunting import Hunt
from tests.support.hunting_rounds import hunt_once


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Hunt(Path(folder), seed=arguments.seed) as hunt:
        hunt.plant_bystander()
        rounds = [hunt_once(hunt, number) for number in range(arguments.rounds)]
    figures = {
        "rounds": len(rounds),
        "well": sum(one.well for one in rounds),
        "controls": sum(one.controls for one in rounds),
        "missed_controls": [what for one in rounds for what in one.missed_controls][:20],
        "files": sum(one.files for one in rounds),
        "found": [f"{find.what}, {find.form}: {find.where}" for one in rounds for find in one.found][:20],
        "opened": [what for one in rounds for what in one.opened][:20],
        "seconds": round(time.monotonic() - began),
    }
    print(json.dumps({"name": "erase_hunt", "figures": figures}))
    return 0 if all(one.well for one in rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
