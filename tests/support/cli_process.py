"""Runs `daybook` as people do: a process of its own, with an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pexpect
import psycopg

from bootstrap.host import ProcessHost
from bootstrap.settings import Settings
from interfaces.viewing import transcript
from interfaces.views import to_json

ROOT = Path(__file__).parents[2]
_COMMAND = [sys.executable, "-m", "bootstrap.main"]
_SECONDS = 60
_TERMINAL = {"TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}


@dataclass(frozen=True)
class Ran:
    """What a call left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        assert self.out.count("\n") == 1, f"not one line: {self.out!r} ({self.err!r})"
        return json.loads(self.out)


@dataclass(frozen=True)
class Daybook:
    """One home, one database, one model server; `with_settings` makes another with some of them changed."""

    settings: Mapping[str, str] = field(default_factory=dict)

    def with_settings(self, **settings: str) -> Daybook:
        return Daybook({**self.settings, **settings})

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}  # noqa: TID251
        return {**kept, "PYTHONPATH": str(ROOT), "TZ": "UTC", **_TERMINAL, **self.settings}

    def __call__(self, *args: str | bytes, stdin: bytes = b"", expect: int | None = 0) -> Ran:
        """Run a command to its end; `expect` is the exit code it must have (None: any)."""
        done = subprocess.run(
            [*_COMMAND, *args],
            input=stdin,
            capture_output=True,
            env=self.environment,
            timeout=_SECONDS,
            check=False,
        )
        ran = Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in ran.err, ran.err
        assert expect is None or ran.code == expect, f"exit {ran.code}, not {expect}: {ran.err}{ran.out}"
        return ran

    def begin(self, *args: str, **more: Any) -> subprocess.Popen[bytes]:
        """Begin a command, its output in pipes."""
        pipes: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        }
        return subprocess.Popen([*_COMMAND, *args], env=self.environment, **{**pipes, **more})

    def on_terminal(self, *args: str, columns: int = 100) -> pexpect.spawn[str]:
        """Begin a command on a terminal."""
        return pexpect.spawn(
            _COMMAND[0],
            [*_COMMAND[1:], *args],
            env=self.environment,
            encoding="utf-8",
            timeout=_SECONDS,
            dimensions=(40, columns),
        )

    def log_size(self) -> int:
        with psycopg.connect(self.settings["DAYBOOK_DATABASE_URL"]) as connection:
            row = connection.execute("select size from daybook.head").fetchone()
        assert row is not None
        size: int = row[0]
        return size

    def events(self, *args: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self("audit", "log", "--json", *args).out.splitlines()]

    def last(self) -> dict[str, Any]:
        """The latest conversation, as `show @last --json` gives it, without the cost of a process."""
        book = ProcessHost(Settings(self.settings)).open_book(lambda _: None)
        try:
            book.look_after()
            found = book.conversations.latest_of_actor(book.actor)
            assert found is not None
            shown: dict[str, Any] = json.loads(to_json(transcript(found, book.transcript.branch(found.id))))
        finally:
            book.close()
        return shown


def wait_until(true: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.05)


def read_some(process: subprocess.Popen[bytes], count: int = 1) -> bytes:
    """Wait for the first bytes of a process's output."""
    assert process.stdout is not None
    return os.read(process.stdout.fileno(), count)
