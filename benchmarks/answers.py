"""What Daybook adds between a person and the model server, beside the straight line to the same one.

    python benchmarks/answers.py [--only first-token,throughput,cpu,many,rest] [--rounds 30] [--streams 200]

Starts a durable PostgreSQL (fsync on), the simulator and `daybook serve`, each a process of its own, and is
the load generator itself. `first-token`: time from sending the prompt to the first character, through
Daybook's HTTP (two requests, the commit included) and straight, in turns; alone and with 20 streams running.
`throughput`: tokens a second of one stream as fast as it goes, against the `ollama` client straight. `cpu`:
processor time of the server for each chunk of ten streams at 50 chunks a second. `many`: streams at 20 tokens
a second at once, how late their chunks come against an even pace that begins with each stream's first, and
the same straight. `rest`: resident memory at rest, and the time from start to ready. Prints one JSON line a
measurement.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import ollama
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.machine import fsync_rate
from benchmarks.raw_client import asked, marked, marks, requested
from tests.support.postgres_server import PostgresServer

DAYBOOK = Path(sys.executable).with_name("daybook")
MODEL = "deepseek-r1:8b"
HOST = "127.0.0.1"
DELTA, LAST = b"event: delta", b"event: done"
CHUNK, DONE = b'"done":false', b'"done":true'
NO_THINKING = {"think": False}


@contextmanager
def simulator(*, rate: float, tokens: int) -> Iterator[int]:
    """Run a simulator; yield its port."""
    with running("simulate-ollama", "--port", "0", "--rate", str(rate), "--tokens", str(tokens)) as (_, line):
        yield int(line.rsplit(":", 1)[1].split()[0].strip("/."))


@contextmanager
def running(*arguments: str, **settings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a `daybook` until the block ends; yield the process and its first line."""
    environment = {"PATH": os.environ["PATH"], "HOME": tempfile.gettempdir(), **settings}  # noqa: TID251
    process = subprocess.Popen(
        [DAYBOOK, *arguments], env=environment, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        while "127.0.0.1:" not in (line := process.stdout.readline()):
            if not line:
                raise RuntimeError("it did not start")
        # It tells of every request, and would wait for whoever does not read that.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield process, line
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def server(database_url: str, model_port: int, home: str) -> Iterator[tuple[psutil.Process, int]]:
    """Run `daybook serve`; yield the process and its port."""
    settings = {
        "DAYBOOK_HOME": home,
        "DAYBOOK_DATABASE_URL": database_url,
        "DAYBOOK_OLLAMA_URL": f"http://{HOST}:{model_port}",
        "DAYBOOK_LISTEN": f"{HOST}:0",
        "DAYBOOK_MODEL_CONCURRENCY": "1000",
        "DAYBOOK_RATE_LIMIT": "1000000",
        "DAYBOOK_QUEUE_LIMIT": "1000",
    }
    with running("serve", **settings) as (process, line):
        yield psutil.Process(process.pid), int(line.rsplit(":", 1)[1])


def straight_body(text: str) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **NO_THINKING}


async def conversation(port: int) -> str:
    return str((await asked((HOST, port), "/api/v1/conversations", {}))["id"])


async def first_token(port: int, model_port: int, where: str, text: str, **more: Any) -> tuple[float, float]:
    """Return the ms to the first character through Daybook, and straight; the rest is read, too."""
    began = time.perf_counter()
    path = f"/api/v1/conversations/{where}/prompts"
    answer = (await asked((HOST, port), path, {"text": text, **NO_THINKING, **more}))["answer_id"]
    through = straight = 0.0
    async with requested((HOST, port), "GET", f"/api/v1/answers/{answer}/stream") as (_, reader):
        async for at in marks(reader, DELTA, LAST):
            through = through or at - began
    began = time.perf_counter()
    body = {**straight_body(text), **more}
    async with requested((HOST, model_port), "POST", "/api/chat", body) as (_, reader):
        async for at in marks(reader, CHUNK, DONE):
            straight = straight or at - began
    return through * 1000, straight * 1000


async def stream_through(port: int, arrivals: list[float], text: str) -> None:
    where = await conversation(port)
    path = f"/api/v1/conversations/{where}/prompts"
    answer = (await asked((HOST, port), path, {"text": text, **NO_THINKING}))["answer_id"]
    async with requested((HOST, port), "GET", f"/api/v1/answers/{answer}/stream") as (_, reader):
        async for at in marks(reader, DELTA, LAST):
            arrivals.append(at)  # noqa: PERF401 - others look while it grows


async def first_tokens(port: int, model_port: int, rounds: int, **more: Any) -> dict[str, float]:
    pairs = []
    for number in range(rounds + 3):
        # A conversation of its own: how long a long one takes to load is measured elsewhere.
        where = await conversation(port)
        pairs.append(await first_token(port, model_port, where, f"question {number}", **more))
    pairs = pairs[3:]
    through, straight = ([pair[side] for pair in pairs] for side in (0, 1))
    added = statistics.median(through) - statistics.median(straight)
    return {
        "through_ms": round(statistics.median(through), 2),
        "straight_ms": round(statistics.median(straight), 2),
        "added_ms": round(added, 2),
    }


def measure_first_token(database_url: str, home: str, rounds: int) -> None:
    with simulator(rate=0, tokens=5) as quick, server(database_url, quick, home) as (_, port):
        tell("first-token", asyncio.run(first_tokens(port, quick, rounds)), rounds=rounds)

    async def beside(port: int, model_port: int) -> dict[str, float]:
        running = [asyncio.create_task(stream_through(port, [], f"long {n}")) for n in range(20)]
        await asyncio.sleep(2)
        # The streams must last and a measured answer be short, at one rate for all.
        figures = await first_tokens(port, model_port, rounds, options={"num_predict": 2})
        assert not any(task.done() for task in running), "the streams ended before the measurement did"
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        return figures

    with simulator(rate=20, tokens=8000) as slow, server(database_url, slow, home) as (_, port):
        tell("first-token-beside-20", asyncio.run(beside(port, slow)), rounds=rounds)


def measure_throughput(database_url: str, home: str, rounds: int) -> None:
    tokens = 3000

    def client(model_port: int) -> float:
        talk = ollama.Client(f"http://{HOST}:{model_port}")
        began, count = time.perf_counter(), 0
        for _ in talk.chat(MODEL, [{"role": "user", "content": "fast"}], stream=True, think=False):
            count += 1
        return count / (time.perf_counter() - began)

    def through(port: int) -> float:
        arrivals: list[float] = []
        began = time.perf_counter()
        asyncio.run(stream_through(port, arrivals, "fast"))
        return tokens / (time.perf_counter() - began)

    with simulator(rate=0, tokens=tokens) as quick, server(database_url, quick, home) as (_, port):
        pairs = [(through(port), client(quick)) for _ in range(max(3, rounds // 5) + 1)][1:]
    ours, theirs = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    figures = {"through": round(ours), "ollama_client": round(theirs), "ratio": round(ours / theirs, 2)}
    tell("throughput", figures, unit="tokens/s", tokens=tokens)


def measure_cpu(database_url: str, home: str, seconds: int) -> None:
    rate, streams = 50, 10

    async def load(port: int, process: psutil.Process) -> tuple[float, int]:
        arrivals: list[float] = []
        running = [asyncio.create_task(stream_through(port, arrivals, f"s {n}")) for n in range(streams)]
        await asyncio.sleep(2)
        before, had = sum(process.cpu_times()[:2]), len(arrivals)
        await asyncio.sleep(seconds)
        used, came = sum(process.cpu_times()[:2]) - before, len(arrivals) - had
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        return used, came

    with (
        simulator(rate=rate, tokens=rate * (seconds + 30)) as model_port,
        server(database_url, model_port, home) as (process, port),
    ):
        used, came = asyncio.run(load(port, process))
    figures = {"cpu_us_a_chunk": round(used / came * 1e6), "chunks": came, "cpu_s": round(used, 2)}
    tell("cpu", figures, rate=rate, streams=streams)


def lateness(streams: list[list[float]], rate: float) -> dict[str, float]:
    """Say how late tokens came, in ms, against an even pace from each stream's least late one on."""
    late: list[float] = []
    for arrivals in streams:
        offsets = [at - number / rate for number, at in enumerate(arrivals)]
        late += [1000 * (offset - min(offsets)) for offset in offsets]
    late.sort()
    return {"p50_ms": round(late[len(late) // 2], 1), "p99_ms": round(late[len(late) * 99 // 100], 1)}


def measure_many(database_url: str, home: str, count: int, seconds: int) -> None:
    rate, ends = 20, [0]

    async def straight(model_port: int, arrivals: list[float]) -> None:
        body = {**straight_body("many"), "options": {"num_ctx": 8192}}
        first = len(ends) == 1
        async with requested((HOST, model_port), "POST", "/api/chat", body) as (_, reader):
            async for at, line in marked(reader, CHUNK, DONE):
                arrivals.append(at)
                if first:  # the same question has the same answer, so this tells where each token ends
                    ends.append(ends[-1] + len(json.loads(line)["message"]["content"]))

    async def through(port: int, arrivals: list[float]) -> None:
        where = await conversation(port)
        path = f"/api/v1/conversations/{where}/prompts"
        answer = (await asked((HOST, port), path, {"text": "many", **NO_THINKING}))["answer_id"]
        async with requested((HOST, port), "GET", f"/api/v1/answers/{answer}/stream") as (_, reader):
            async for at, line in marked(reader, b"id: 0.", LAST):
                reached = int(line.removeprefix(b"id: 0.").removesuffix(b".end"))
                # A server that is pressed puts several tokens into one event.
                while len(arrivals) + 1 < len(ends) and ends[len(arrivals) + 1] <= reached:
                    arrivals.append(at)

    async def load(stream: Any, port: int, streams: int) -> list[list[float]]:
        arrivals: list[list[float]] = [[] for _ in range(streams)]
        tasks = []
        for number in range(streams):
            tasks.append(asyncio.create_task(stream(port, arrivals[number])))
            await asyncio.sleep(0.02)
        await asyncio.gather(*tasks)
        return arrivals

    with (
        simulator(rate=rate, tokens=rate * seconds) as model_port,
        server(database_url, model_port, home) as (process, port),
    ):
        asyncio.run(load(straight, model_port, 1))
        ours = asyncio.run(load(through, port, count))
        memory = process.memory_info().rss
        theirs = asyncio.run(load(straight, model_port, count))
    assert {len(arrivals) for arrivals in ours} == {len(ends) - 1}, "the answers differ"
    figures = {f"through_{key}": value for key, value in lateness(ours, rate).items()}
    figures |= {f"straight_{key}": value for key, value in lateness(theirs, rate).items()}
    tell("many", {**figures, "rss_mb": round(memory / 1e6)}, streams=count, rate=rate, seconds=seconds)


def measure_rest(database_url: str, home: str) -> None:
    starts, memory = [], 0
    with simulator(rate=0, tokens=5) as model_port:
        for _ in range(5):
            began = time.perf_counter()
            with server(database_url, model_port, home) as (process, port):
                with urllib.request.urlopen(f"http://{HOST}:{port}/readyz") as response:
                    assert response.status == 200
                starts.append(time.perf_counter() - began)
                asyncio.run(first_tokens(port, model_port, 3))
                time.sleep(1)
                memory = max(memory, process.memory_info().rss)
    figures = {"ready_s": round(statistics.median(starts), 2), "rss_mb": round(memory / 1e6)}
    tell("rest", figures, starts=len(starts))


def tell(name: str, figures: dict[str, Any], **sizes: Any) -> None:
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    load = [round(one, 1) for one in os.getloadavg()]
    line = {"name": name, "figures": figures, **sizes, "machine": machine, "load": load, **FSYNC}
    print(json.dumps(line), flush=True)


FSYNC: dict[str, Any] = {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="first-token,throughput,cpu,many,rest")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=20)
    arguments = parser.parse_args()
    wanted = set(arguments.only.split(","))
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer())
        home = stack.enter_context(tempfile.TemporaryDirectory())
        FSYNC["fsyncs_per_s"] = fsync_rate(postgres.folder)
        if "first-token" in wanted:
            measure_first_token(postgres.url, home, arguments.rounds)
        if "throughput" in wanted:
            measure_throughput(postgres.url, home, arguments.rounds)
        if "cpu" in wanted:
            measure_cpu(postgres.url, home, arguments.seconds)
        if "many" in wanted:
            measure_many(postgres.url, home, arguments.streams, arguments.seconds)
        if "rest" in wanted:
            measure_rest(postgres.url, home)


if __name__ == "__main__":
    main()
