"""Two servers on one book, killed in turn under load: whoever watches ends with what the log has."""

import random
import signal
import threading
import time

import httpx
import pytest

from infrastructure.simulator.options import SimulatorOptions
from infrastructure.simulator.server import RunningSimulator
from tests.support.http_client import Reader, ask
from tests.support.server_process import Served, free_port, serving

pytestmark = pytest.mark.slow


KILLS, STREAMS = 2, 4


class Watcher(threading.Thread):
    """Follows an answer from whichever server answers, cutting its own connection at random, to the end."""

    def __init__(self, urls: list[str], answer_id: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.clients = [httpx.Client(base_url=url, timeout=30, verify=False) for url in urls]  # noqa: S501 - plain http
        self.reader = Reader(self.clients[0], answer_id)

    def run(self) -> None:
        while True:
            self.reader.client = self.random.choice(self.clients)
            try:
                if self.reader.read(until=self.random.randint(1, 40)) == 204:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
            if self.reader.names and self.reader.names[-1] in {"done", "failed"}:
                return

    def close(self) -> None:
        for client in self.clients:
            client.close()


@pytest.mark.timeout(300)
def test_servers_killed_in_turn_lose_no_character_that_the_log_has(environment: dict[str, str]) -> None:
    options = SimulatorOptions(rate=0, slow_rate=120, fault_models=True)
    ports = [free_port(), free_port()]
    urls = [f"http://127.0.0.1:{number}" for number in ports]
    watchers: list[Watcher] = []
    with RunningSimulator(options) as simulator:
        settings = {**environment, "DAYBOOK_OLLAMA_URL": simulator.url, "DAYBOOK_MODEL_CONCURRENCY": "3"}
        with serving(settings, ports[0]) as first, serving(settings, ports[1]) as second:
            servers = [first, second]
            for turn in range(KILLS):
                victim = turn % 2
                asked = []
                for number in range(STREAMS):
                    with servers[number % 2].client() as client:
                        asked.append(ask(client, f"story {turn} {number}", model="simulator-slow"))
                begun = [
                    Watcher(urls, one["answer_id"], turn * 10 + number) for number, one in enumerate(asked)
                ]
                for watcher in begun:
                    watcher.start()
                watchers += begun
                time.sleep(0.7)
                servers[victim].end(signal.SIGKILL)
                servers[victim] = Served(settings, ports[victim])
                servers[victim].wait_until_ready()
            for watcher in watchers:
                watcher.join(60)
                assert not watcher.is_alive(), watcher.reader.names[-5:]
                watcher.close()
            with servers[0].client() as client:
                for watcher in watchers:
                    found = client.get(f"/api/v1/answers/{watcher.reader.answer_id}").json()
                    assert found["status"] in {"complete", "interrupted"}
                    assert (watcher.reader.thinking, watcher.reader.text) == (
                        found["thinking"],
                        found["text"],
                    )
            ended = [watcher.reader.end["status"] for watcher in watchers]
            for served in servers:
                code, said = served.end(signal.SIGTERM)
                assert (code, "Traceback" in said) == (0, False), said
    assert "interrupted" in ended
    assert "complete" in ended
