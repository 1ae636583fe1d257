"""No telemetry, no update checks: a process connects to its database and model server, and to nobody else."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.cli_process import ROOT, Daybook

_WATCH = """
import sys

def watch(event, args, _into={into!r}):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
        where = args[:2] if event == "socket.getaddrinfo" else args[1]
        with open(_into, "a") as file:
            file.write(f"{{event}} {{where!r}}\\n")

sys.addaudithook(watch)
"""


@pytest.mark.parametrize(
    "command",
    [
        ["ask", "Does anybody listen?"],
        ["list"],
        ["search", "anybody"],
        ["models", "list"],
        ["doctor"],
        ["paths"],
    ],
    ids=lambda command: command[0],
)
def test_every_connection_python_makes_goes_to_the_model_server(
    daybook: Daybook, tmp_path: Path, command: list[str]
) -> None:
    into = tmp_path / "connections"
    (tmp_path / "sitecustomize.py").write_text(_WATCH.format(into=str(into)))
    watched = daybook.with_settings(PYTHONPATH=f"{tmp_path}:{ROOT}")
    watched.as_process(*command)
    server = urlsplit(daybook.settings["DAYBOOK_OLLAMA_URL"])
    ours = {repr((server.hostname, server.port)), repr((server.hostname, str(server.port)))}
    seen = into.read_text().splitlines() if into.exists() else []
    assert {line.partition(" ")[2] for line in seen} <= ours
    assert bool(seen) == (command[0] in {"ask", "models", "doctor"})
