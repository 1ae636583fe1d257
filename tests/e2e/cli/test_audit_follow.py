"""`daybook audit log -f`: each event as it comes, from a book here and from one behind a server."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli_process import Daybook
from tests.support.http_server import RunningServer

INTERRUPTED = (130, -signal.SIGINT)
"""Shells say 130 of both. Where Ctrl-C meets Python inside an `exec`, it ends by the signal itself."""


@pytest.fixture(scope="module")
def followed(new_cli: Callable[[], Daybook]) -> Daybook:
    """A book with one conversation."""
    made = new_cli()
    made("ask", "What comes next?")
    return made


@pytest.fixture(scope="module")
def server(followed: Daybook) -> Iterator[RunningServer]:
    """A server of that book."""
    settings = followed.settings
    home = Path(settings["DAYBOOK_HOME"])
    with RunningServer(settings["DAYBOOK_DATABASE_URL"], home, settings["DAYBOOK_OLLAMA_URL"]) as running:
        yield running


@contextmanager
def following(daybook: Daybook, *args: str) -> Iterator[subprocess.Popen[bytes]]:
    process = daybook.begin("audit", "log", "-f", *args)
    try:
        yield process
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.wait(20) in INTERRUPTED
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode()


def document(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(line(process))
    return told


@pytest.mark.parametrize("way", ["here", "there"])
def test_each_event_comes_once_and_in_order_until_ctrl_c(
    followed: Daybook, server: RunningServer, tmp_path: Path, way: str
) -> None:
    follower = followed
    if way == "there":
        follower = Daybook({"DAYBOOK_HOME": str(tmp_path), "DAYBOOK_SERVER": server.url})
    with following(follower, "--json", "-n", "1") as process:
        seen = [document(process)["log_index"]]
        for number in range(3):
            followed("rename", "@last", f"The name {number}")
            seen.append(document(process)["log_index"])
        followed("ask", "And then?")
        seen += [document(process)["log_index"] for _ in range(4)]
    assert seen == list(range(seen[0], seen[0] + 8))


def test_what_does_not_fit_the_filter_is_passed_over(followed: Daybook) -> None:
    followed("rename", "@last", "Before")
    with following(followed, "--type", "conversation.renamed", "-n", "1") as process:
        first = line(process)
        followed("tag", "@last", "+one")
        followed("rename", "@last", "Told of")
        told = line(process)
    assert "conversation.renamed" in told, first
