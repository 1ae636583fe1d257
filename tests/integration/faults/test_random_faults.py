"""Some seconds of what benchmarks/faults.py does for long: random harm, then journals against the log."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.postgres.database import Database
from tests.support.cutting_proxy import Cut, CuttingProxy
from tests.support.faults import writers
from tests.support.faults.journal import failures
from tests.support.faults.judge import Judge
from tests.support.faults.nemesis import CONTEXT, begun
from tests.support.faults.plan import Plan, run
from tests.support.faults.servers import CrashingServer, EmbeddedServer
from tests.support.write_side import keyring_of


@pytest.fixture
def seed() -> int:
    """Another one each time; pytest shows it when a test fails."""
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")
    return seed


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory for a socket, whose path must be short, open to the server's user."""
    place = Path(tempfile.mkdtemp(prefix="dbf-", dir="/tmp"))
    place.chmod(0o711)
    yield place
    shutil.rmtree(place)


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_or_doubled_and_readers_miss_nothing_under_random_harm(
    crashing_server: CrashingServer, tmp_path: Path, seed: int
) -> None:
    plan = Plan(
        seed=seed,
        processes={"writer": 2, "book": 1, "rotate": 1, "sign": 1, "pump": 2, "build": 1, "tail": 1},
        kills={"writer": 8, "book": 4, "rotate": 2, "sign": 1, "pump": 8, "build": 2, "tail": 4},
        stops=4,
        cuts=4,
        crashes=3,
    )

    verdict = run(plan, crashing_server, tmp_path)

    assert verdict.problems == []
    assert verdict.figures["blows that there was no time for"] == 0
    assert verdict.figures["recoveries of the server"] >= 3
    assert verdict.figures["attempts acknowledged"] > 0


@pytest.mark.slow
def test_killing_the_embedded_servers_supervisor_loses_nothing(
    short: Path, tmp_path: Path, seed: int
) -> None:
    plan = Plan(seed=seed, processes={"writer": 1, "book": 1, "pump": 1, "tail": 1}, crashes=2, pace=0.2)
    with EmbeddedServer(short / "home") as server:
        verdict = run(plan, server, tmp_path)

    assert verdict.problems == []
    assert verdict.figures["attempts acknowledged"] > 0


def test_connections_cut_before_and_after_the_commit_append_each_intent_once(
    database: Database, database_url: str, short: Path, tmp_path: Path, seed: int
) -> None:
    keyring_of(database).unlock()
    chance = random.Random(seed)
    proxy = CuttingProxy(database_url, short)
    load = writers.Load(keyed=0.4)
    arguments = (writers.write, tmp_path, (proxy.url, tmp_path, 1, seed, load))
    writing = CONTEXT.Process(target=begun, args=arguments)
    writing.start()
    while proxy.cuts < 15 and writing.is_alive():
        if proxy.cut is Cut.NEVER:
            proxy.cut = chance.choice((Cut.BEFORE_SENDING, Cut.BEFORE_THE_ANSWER))
        time.sleep(chance.random() / 100)
    (tmp_path / "stop").touch()
    writing.join()
    proxy.close()

    verdict = Judge(database, tmp_path).judge()

    assert failures(tmp_path) + verdict.problems == []
    assert proxy.cuts == 15
    assert verdict.figures["attempts acknowledged"] > 0
