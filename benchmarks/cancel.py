"""How long a cancel takes until the watchers see the end, and until the model server is free again.

    python benchmarks/cancel.py [--rounds 100] [--beside 0]

Two `daybook serve` on one durable PostgreSQL (fsync on) and one simulator that streams, each a process of its
own. Each round asks through the first server, watches the answer's stream at both, and cancels it in the
middle: in turns through the second server, which does not write it, and through the first, which does and is
what the other is measured against. The clock runs from sending the cancel until the stream's end came, at the
writing server and at the other; until the simulator has seen its client close the connection; and until the
cancel itself was answered. `--beside` so many other answers stream meanwhile. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import platform
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.answers import HOST, LAST, conversation, server, simulator, stream_through
from benchmarks.machine import fsync_rate
from benchmarks.raw_client import asked, marks, requested
from tests.support.postgres_server import PostgresServer

_RATE = 50
_LONG = 100_000
_CHUNKS = 3
_LOOK_SECONDS = 0.001
_PATIENCE_SECONDS = 30.0
_FIGURES = ("owner_watcher", "other_watcher", "model_free", "answered")


class Model:
    """One connection to the simulator that asks, over and over, how many chats are open."""

    async def connect(self, port: int) -> None:
        """Open the connection."""
        self.reader, self.writer = await asyncio.open_connection(HOST, port)

    async def active(self) -> int:
        """Return how many chats are open now."""
        self.writer.write(f"GET /simulator/state HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        found: int = json.loads(await self.reader.readexactly(length))["active"]
        return found

    async def fewer_than(self, count: int) -> float:
        """Return when fewer chats than so many were open."""
        while await self.active() >= count:  # noqa: ASYNC110 - what is awaited happens in another process
            await asyncio.sleep(_LOOK_SECONDS)
        return time.perf_counter()


async def watch(port: int, answer: str, streaming: asyncio.Event) -> float:
    """Return when the end of the stream came; set the event once it is in the middle."""
    ended, seen = 0.0, 0
    async with requested((HOST, port), "GET", f"/api/v1/answers/{answer}/stream") as (_, reader):
        async for at in marks(reader, b"event: ", LAST):
            ended, seen = at, seen + 1
            if seen > _CHUNKS:
                streaming.set()
    return ended


async def cancel(owner: int, other: int, through: int, model: Model) -> dict[str, float]:
    """Return what one cancel took, in ms by figure."""
    where = await conversation(owner)
    path = f"/api/v1/conversations/{where}/prompts"
    answer = (await asked((HOST, owner), path, {"text": "a long story", "think": False}))["answer_id"]
    streaming = [asyncio.Event(), asyncio.Event()]
    watchers = [
        asyncio.create_task(watch(port, answer, event))
        for port, event in zip((owner, other), streaming, strict=True)
    ]
    await asyncio.gather(*(event.wait() for event in streaming))
    free = asyncio.create_task(model.fewer_than(await model.active()))
    began = time.perf_counter()
    async with asyncio.timeout(_PATIENCE_SECONDS):
        said = await asked((HOST, through), f"/api/v1/answers/{answer}/cancel", None)
        answered = time.perf_counter()
        assert said["status"] == "cancelled", said
        moments = (*await asyncio.gather(*watchers), await free, answered)
    return {name: (at - began) * 1000 for name, at in zip(_FIGURES, moments, strict=True)}


async def rounds(owner: int, other: int, model_port: int, count: int, beside: int) -> dict[str, Any]:
    model = Model()
    await model.connect(model_port)
    others = [asyncio.create_task(stream_through(owner, [], f"long {n}")) for n in range(beside)]
    taken: dict[str, list[dict[str, float]]] = {"other": [], "own": []}
    for number in range(count + 2):
        for name, through in (("other", other), ("own", owner)):
            one = await cancel(owner, other, through, model)
            if number >= 2:  # the first ones make connections and parts of the book
                taken[name].append(one)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    model.writer.close()
    return {f"through_{name}": summed(figures) for name, figures in taken.items()}


def summed(taken: list[dict[str, float]]) -> dict[str, float]:
    """Return median, 95th percentile and longest of each figure, in ms."""
    found = {}
    for name in _FIGURES:
        times = sorted(one[name] for one in taken)
        found[f"{name}_p50_ms"] = round(statistics.median(times), 1)
        found[f"{name}_p95_ms"] = round(times[math.ceil(len(times) * 0.95) - 1], 1)
        found[f"{name}_most_ms"] = round(times[-1], 1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--beside", type=int, default=0)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer())
        home = stack.enter_context(tempfile.TemporaryDirectory())
        fsyncs = fsync_rate(postgres.folder)
        model_port = stack.enter_context(simulator(rate=_RATE, tokens=_LONG))
        _, owner = stack.enter_context(server(postgres.url, model_port, home))
        _, other = stack.enter_context(server(postgres.url, model_port, home))
        figures = asyncio.run(rounds(owner, other, model_port, arguments.rounds, arguments.beside))
    line = {
        "name": "cancel",
        "figures": figures,
        "rounds": arguments.rounds,
        "beside": arguments.beside,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load": [round(one, 1) for one in os.getloadavg()],
        "fsyncs_per_s": fsyncs,
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
