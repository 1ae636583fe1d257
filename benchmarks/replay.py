"""What a replay adds to the model's own time, beside the same requests sent straight.

    python benchmarks/replay.py [--prompts 20] [--rate 40] [--tokens 200] [--rounds 2]

Starts a durable PostgreSQL of its own (fsync on) and a simulator that tells tokens at a realistic rate.
Prompts are asked and answered once; then in turn a replay asks them again, and the `ModelServer` adapter asks
the very same requests one after the other, reading all of each. Prints one JSON line: seconds of both, and
the share that the replay adds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from application import commands as c
from application.ports.log import Origin
from application.recorded_request import render_again
from application.replay_commands import StartReplay
from benchmarks.machine import fsync_rate
from bootstrap.container import Container
from bootstrap.home import Home
from bootstrap.settings import Settings
from infrastructure.postgres.database import Database
from infrastructure.postgres.migrate import migrate
from infrastructure.simulator.options import SimulatorOptions
from infrastructure.simulator.server import RunningSimulator
from tests.support.postgres_server import PostgresServer, with_database

WHO: dict[str, Any] = {"actor": "benchmark", "source": "cli"}
MODEL = "deepseek-r1:8b"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompts", type=int, default=20)
    parser.add_argument("--rate", type=float, default=40.0)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    quick = SimulatorOptions(rate=0, tokens=arguments.tokens)
    slow = SimulatorOptions(rate=arguments.rate, tokens=arguments.tokens)
    with PostgresServer() as server, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(server.url, autocommit=True) as connection:
            version = connection.info.server_version
            connection.execute("create database ours")
        url = with_database(server.url, "ours")
        migrate(Database(url))
        with RunningSimulator(quick) as simulator:
            book = opened(url, Path(folder), simulator.url)
            answer_ids = asyncio.run(asked(book, arguments.prompts))
            book.close()
        with RunningSimulator(slow) as simulator:
            book = opened(url, Path(folder), simulator.url)
            with contextlib.closing(book):
                figures = asyncio.run(measured(book, answer_ids, arguments.rounds))
        print(
            json.dumps(
                {
                    "name": "replay",
                    "figures": figures,
                    "machine": f"{platform.machine()}, {os.cpu_count()} cores, "
                    f"Python {platform.python_version()}",
                    "postgres": version,
                    "fsyncs_per_s": fsync_rate(server.folder),
                    "sizes": vars(arguments),
                }
            )
        )


def opened(url: str, folder: Path, simulator: str) -> Container:
    """Open the book as the program does."""
    settings = Settings(
        {"DAYBOOK_HOME": str(folder), "DAYBOOK_DATABASE_URL": url, "DAYBOOK_OLLAMA_URL": simulator}
    )
    return Container(settings, Home(folder), Database(url))


async def asked(book: Container, count: int) -> tuple[UUID, ...]:
    """Ask and have answered; return the answers."""
    ids = []
    for number in range(count):
        command = c.AskQuestion(text=f"Question {number}: why?", model=MODEL, think=False, **WHO)
        asked = book.commands.ask(command)
        await book.answering.start(asked).ended()
        ids.append(asked.answer_id)
    await book.answering.close()
    await book.model_server.close()
    return tuple(ids)


async def measured(book: Container, answer_ids: tuple[UUID, ...], rounds: int) -> dict[str, Any]:
    """Replay and ask straight in turn; return seconds and shares."""
    taken: dict[str, list[float]] = {"replay": [], "straight": []}
    requests = [render_again(book.log, book.memory, one).request for one in answer_ids]
    for _ in range(rounds):
        command = StartReplay(answer_ids=answer_ids, model=MODEL, **WHO)
        replay_id = book.commands.handle(command).id
        began = time.perf_counter()
        await book.replaying.run(replay_id, Origin("benchmark", "cli"))
        taken["replay"].append(time.perf_counter() - began)
        began = time.perf_counter()
        for request in requests:
            async for _ in book.model_server.chat(request):
                pass
        taken["straight"].append(time.perf_counter() - began)
    await book.model_server.close()
    replay, straight = (statistics.median(taken[name]) for name in ("replay", "straight"))
    return {
        "replay_s": round(replay, 2),
        "straight_s": round(straight, 2),
        "added_percent": round((replay / straight - 1) * 100, 2),
        "added_ms_a_prompt": round((replay - straight) / len(answer_ids) * 1000, 1),
    }


if __name__ == "__main__":
    main()
