"""Runs `daybook` as people do: a process of its own, with an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pexpect
import psycopg

from bootstrap.host import ProcessHost
from bootstrap.settings import Settings
from interfaces.cli.app import main
from interfaces.viewing import transcript
from interfaces.views import to_json

ROOT = Path(__file__).parents[2]
_COMMAND = [sys.executable, "-m", "bootstrap.main"]
_SECONDS = 60
_TERMINAL = {"TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1", "DAYBOOK_PAGER": "off"}


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
        return {
            **kept,
            "PYTHONPATH": str(ROOT),
            "TZ": "UTC",
            "DAYBOOK_TITLES": "off",
            **_TERMINAL,
            **self.settings,
        }

    def __call__(self, *args: str | bytes, stdin: bytes = b"", expect: int | None = 0) -> Ran:
        """Run a command to its end, without the cost of a process; `expect` is the exit code it must have."""
        with ExitStack() as stack:
            files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            files[0].write(stdin)
            files[0].seek(0)
            with _standing_in(files):
                code = main(ProcessHost(Settings(self.environment)), [os.fsdecode(arg) for arg in args])
            told = []
            for file in files[1:]:
                file.seek(0)
                told.append(file.read().decode())
        return _checked(Ran(code, *told), expect)

    def as_process(self, *args: str | bytes, stdin: bytes = b"", expect: int | None = 0) -> Ran:
        """Run a command to its end in a process of its own."""
        done = subprocess.run(
            [*_COMMAND, *args],
            input=stdin,
            capture_output=True,
            env=self.environment,
            timeout=_SECONDS,
            check=False,
        )
        return _checked(Ran(done.returncode, done.stdout.decode(), done.stderr.decode()), expect)

    def begin(self, *args: str, **more: Any) -> subprocess.Popen[bytes]:
        """Begin a command, its output in pipes."""
        pipes: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        }
        return subprocess.Popen([*_COMMAND, *args], env=self.environment, **{**pipes, **more})

    def on_terminal(self, *args: str, columns: int = 100, lines: int = 40) -> pexpect.spawn[str]:
        """Begin a command on a terminal."""
        return pexpect.spawn(
            _COMMAND[0],
            [*_COMMAND[1:], *args],
            env=self.environment,
            encoding="utf-8",
            timeout=_SECONDS,
            dimensions=(lines, columns),
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
        book = ProcessHost(Settings(self.settings)).open_here(lambda _: None)
        try:
            book.look_after()
            found = book.conversations.latest_of_actor(book.actor)
            assert found is not None
            shown: dict[str, Any] = json.loads(to_json(transcript(found, book.transcript.branch(found.id))))
        finally:
            book.close()
        return shown


def _checked(ran: Ran, expect: int | None) -> Ran:
    assert "Traceback" not in ran.err, ran.err
    assert expect is None or ran.code == expect, f"exit {ran.code}, not {expect}: {ran.err}{ran.out}"
    return ran


@contextmanager
def _standing_in(files: Sequence[IO[bytes]]) -> Iterator[None]:
    """Put files in the place of the standard streams, descriptors and objects alike."""
    before = sys.stdin, sys.stdout, sys.stderr
    kept = [os.dup(number) for number in range(3)]
    for number, file in enumerate(files):
        os.dup2(file.fileno(), number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - closed below
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - closed below
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - closed below
    try:
        yield
    finally:
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            stream.close()
        sys.stdin, sys.stdout, sys.stderr = before
        for number, descriptor in enumerate(kept):
            os.dup2(descriptor, number)
            os.close(descriptor)


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
