"""Does the log hold under faults? Kills, stops and crashes at random; then journals against log and readers.

    python benchmarks/faults.py [--kills 1000] [--crashes 200] [--supervisor-kills 50] [--events 10000000]
                                [--seed 1] [--minutes 360] [--keep FOLDER]

Three parts, each left out with 0, each one JSON line of what was done and what was found:

kills       writers, keepers of the book (who erase), pumps and tails get `--kills` SIGKILLs each, rebuilds,
            key rotations and signers a fifth of that each, and a PostgreSQL of its own (fsync on) `--crashes`
            crashes, all under load; some are suspended, some connections cut
supervisor  writers and readers on Daybook's embedded server, whose supervisor or postmaster is killed
readers     sixteen writers fill the log up to `--events`, rollbacks and suspended processes among them, while
            pumps and tails read on

A seed gives the same blows, not the same interleaving. Blows for which `--minutes` were too few are counted.
Ends with 1 if anything was found. `--keep` keeps the journals. It takes all the processor: use `nice`.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.faults.plan import Plan, run
from tests.support.faults.servers import CrashingServer, EmbeddedServer
from tests.support.faults.verdict import Verdict
from tests.support.faults.writers import Load

EVERYBODY = {"writer": 2, "book": 1, "rotate": 1, "sign": 1, "pump": 2, "build": 1, "tail": 2}


def harmed(kinds: dict[str, int], kills: int) -> dict[str, int]:
    """Give each kind its number of kills: who writes and reads all, the others a fifth."""
    often = {"writer", "book", "pump", "tail"}
    return {kind: kills if kind in often else kills // 5 for kind in kinds}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--crashes", type=int, default=200)
    parser.add_argument("--supervisor-kills", type=int, default=50)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=360, help="the most that a part may take")
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    seed, seconds, well = arguments.seed, arguments.minutes * 60, True
    if arguments.kills or arguments.crashes:
        plan = Plan(
            seed=seed,
            processes=EVERYBODY,
            kills=harmed(EVERYBODY, arguments.kills),
            stops=arguments.kills // 4,
            cuts=arguments.kills // 4,
            crashes=arguments.crashes,
            load=Load(pause=0.01),
            pause=0.05,
            most_seconds=seconds,
        )
        with CrashingServer() as server, folder(arguments.keep, "kills") as journals:
            well = told("kills", plan, run(plan, server, journals)) and well
    if arguments.supervisor_kills:
        plan = Plan(
            seed=seed,
            processes={"writer": 2, "book": 1, "pump": 1, "tail": 1},
            stops=arguments.supervisor_kills,
            crashes=arguments.supervisor_kills,
            most_seconds=seconds,
        )
        with (
            home() as place,
            EmbeddedServer(place) as embedded,
            folder(arguments.keep, "supervisor") as journals,
        ):
            well = told("supervisor", plan, run(plan, embedded, journals)) and well
    if arguments.events:
        plan = Plan(
            seed=seed,
            processes={"writer": 4, "book": 1, "sign": 1, "pump": 2, "tail": 2},
            kills={"writer": 20, "pump": 20, "tail": 20},
            stops=400,
            events=arguments.events,
            load=Load(threads=4, most_events=400, pause=0),
            pace=0.5,
            fuse=0,
            batch=5_000,
            most_seconds=seconds,
            judge_rebuild=False,
        )
        large = {"max_wal_size": "8GB"}
        with CrashingServer(options=large) as server, folder(arguments.keep, "readers") as journals:
            well = told("readers", plan, run(plan, server, journals)) and well
    return 0 if well else 1


@contextmanager
def folder(keep: Path | None, part: str) -> Iterator[Path]:
    """Lend a place for the journals."""
    if keep is not None:
        place = keep / part
        place.mkdir(parents=True)
        yield place
        return
    with tempfile.TemporaryDirectory(prefix="daybook-faults-") as made:
        yield Path(made)


@contextmanager
def home() -> Iterator[Path]:
    """Lend a home whose path is short enough for a socket, open to the server's user."""
    place = Path(tempfile.mkdtemp(prefix="dbf-"))
    place.chmod(0o711)
    yield place / "home"
    shutil.rmtree(place)


def told(part: str, plan: Plan, verdict: Verdict) -> bool:
    """Print the line; return whether all held."""
    line = {
        "name": f"faults {part}",
        "seed": plan.seed,
        "found": len(verdict.problems),
        "problems": verdict.problems[:10],
        "figures": dict(sorted(verdict.figures.items())),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }
    print(json.dumps(line), flush=True)
    return not verdict.problems


if __name__ == "__main__":
    sys.exit(main())
