"""Whether every character of a stream is delivered once across reconnects, however often it is cut.

    python benchmarks/disconnects.py [--cuts 1000] [--kills 6] [--watchers 12]

Two `daybook serve` on one durable PostgreSQL and one simulator. Watchers follow answers from whichever server
answers and cut their connections at random, while the servers are killed in turn and started again. Each must
end with exactly the text that the log has. A count, no speed: prints one JSON line, and ends with 1 where
anything was lost, doubled or out of order.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from infrastructure.simulator.options import SimulatorOptions
from infrastructure.simulator.server import RunningSimulator
from tests.support.http_client import Reader, ask
from tests.support.postgres_server import PostgresServer
from tests.support.server_process import Served, free_port


class Cutter(threading.Thread):
    """Asks and follows one answer after the other, until enough connections were cut."""

    def __init__(self, urls: list[str], seed: int, enough: threading.Event) -> None:
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.clients = [httpx.Client(base_url=url, timeout=30, verify=False) for url in urls]  # noqa: S501 - plain http
        self.enough = enough
        self.readers: list[Reader] = []
        self.cuts = 0

    def run(self) -> None:
        """Go on until there is enough."""
        while not self.enough.is_set():
            try:
                asked = ask(self.random.choice(self.clients), "a story", model="simulator-slow")
            except (httpx.TransportError, AssertionError):  # killed just now
                time.sleep(0.1)
                continue
            reader = Reader(self.clients[0], asked["answer_id"])
            self.readers.append(reader)
            while not reader.names or reader.names[-1] not in {"done", "failed"}:
                reader.client = self.random.choice(self.clients)
                try:
                    if reader.read(until=self.random.randint(1, 25)) == 204:
                        break
                except httpx.TransportError:
                    time.sleep(0.05)
                self.cuts += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--watchers", type=int, default=12)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer())
        home = stack.enter_context(tempfile.TemporaryDirectory())
        simulator = stack.enter_context(
            RunningSimulator(SimulatorOptions(rate=0, slow_rate=60, fault_models=True))
        )
        settings = {
            "PATH": os.environ["PATH"],  # noqa: TID251 - a script of its own
            "HOME": home,
            "DAYBOOK_HOME": home,
            "DAYBOOK_DATABASE_URL": postgres.url,
            "DAYBOOK_OLLAMA_URL": simulator.url,
            "DAYBOOK_MODEL_CONCURRENCY": str(arguments.watchers),
            "DAYBOOK_RATE_LIMIT": "1000000",
        }
        ports = [free_port(), free_port()]
        servers = [Served(settings, port) for port in ports]
        for served in servers:
            served.wait_until_ready()
        enough = threading.Event()
        urls = [served.url for served in servers]
        cutters = [Cutter(urls, seed, enough) for seed in range(arguments.watchers)]
        for cutter in cutters:
            cutter.start()
        for turn in range(1, arguments.kills + 1):
            while sum(cutter.cuts for cutter in cutters) < turn * arguments.cuts // (arguments.kills + 1):
                time.sleep(0.1)
            servers[turn % 2].end(signal.SIGKILL)
            servers[turn % 2] = Served(settings, ports[turn % 2])
            servers[turn % 2].wait_until_ready()
        while sum(cutter.cuts for cutter in cutters) < arguments.cuts:
            time.sleep(0.1)
        enough.set()
        wrong, statuses = 0, {"complete": 0, "interrupted": 0}
        for cutter in cutters:
            cutter.join(120)
            for reader in cutter.readers:
                found = httpx.get(f"{urls[0]}/api/v1/answers/{reader.answer_id}", timeout=30).json()
                statuses[found["status"]] = statuses.get(found["status"], 0) + 1
                wrong += (reader.thinking, reader.text) != (found["thinking"], found["text"])
        cuts = sum(cutter.cuts for cutter in cutters)
        for served in servers:
            served.end(signal.SIGTERM)
    figures = {"cuts": cuts, "kills": arguments.kills, "answers": sum(statuses.values()), "wrong": wrong}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(json.dumps({"name": "disconnects", "figures": {**figures, **statuses}, "machine": machine}))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
