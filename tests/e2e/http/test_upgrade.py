"""An upgrade that changes a read model: the old release and the new one side by side on one book."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg
import pytest

from infrastructure.simulator.server import RunningSimulator
from projections.conversations import VERSION
from tests.support.cli_process import Daybook
from tests.support.given_files import END, HEAD, TIME, answer, conversation, file_of, prompt
from tests.support.server_process import Served, free_port
from tests.support.tree import ROOT

pytestmark = pytest.mark.slow


OLD_FORM, NEW_FORM = (f"daybook_conversations_v{version}" for version in (VERSION, VERSION + 1))
NEWER = "from tests.support.newer_daybook import main; main()"
COUNT = 250
_SECONDS = 60


class Book:
    """A book of some hundred conversations, and the servers on it."""

    def __init__(self, url: str, home: Path, model: str) -> None:
        self.url = url
        self.daybook = Daybook(
            {
                "DAYBOOK_HOME": str(home),
                "DAYBOOK_DATABASE_URL": url,
                "DAYBOOK_OLLAMA_URL": model,
                "DAYBOOK_RATE_LIMIT": "1000000",
            }
        )
        lines = [HEAD]
        for number in range(1, COUNT + 1):
            asked = 1_000 + 2 * number
            told = {"updated_at": TIME, "title": f"Talk {number}"}
            lines += [conversation(number=number, **told), prompt(asked), answer(asked + 1, asked)]
        file = home / "talks.json"
        file.write_bytes(file_of(*lines, END))
        self.daybook("import", str(file))
        self.daybook("ask", "Which one is renamed?")
        self.renamed = self.daybook.last()["id"]

    def forms(self) -> set[str]:
        """Return the schemas in which there are conversations."""
        with psycopg.connect(self.url) as connection:
            rows = connection.execute("select nspname from pg_namespace where nspname ~ '^daybook_conv'")
            return {row[0] for row in rows}

    def loaded(self) -> int:
        """Return how far the new form was filled."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute(
                "select position from daybook.read_model_builds where schema_name = %s", (NEW_FORM,)
            ).fetchone()
        return row[0] if row else 0

    def live(self, form: str) -> bool:
        """Tell whether queries may read a form."""
        with psycopg.connect(self.url) as connection:
            found = connection.execute("select from daybook.read_models where schema_name = %s", (form,))
            return found.fetchone() is not None

    @contextmanager
    def serving(self, main: str | None = None) -> Iterator[Served]:
        environment = self.daybook.environment
        served = Served(environment, free_port(), **({} if main is None else {"main": main}))
        read = [
            threading.Thread(target=stream.read)
            for stream in (served.process.stdout, served.process.stderr)
            if stream is not None
        ]
        try:
            for thread in read:  # a full pipe would stop the server
                thread.start()
            yield served
        finally:
            served.process.kill()
            for thread in read:
                thread.join()
            served.process.communicate()


@pytest.fixture
def book(new_database: Callable[[], str], simulator: RunningSimulator, tmp_path: Path) -> Book:
    return Book(new_database(), tmp_path, simulator.url)


def until(what: str, done: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + _SECONDS
    while not (found := done()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return found


def status(served: Served, path: str) -> int | None:
    """Return the status of an answer, None where there is none."""
    try:
        return httpx.get(f"{served.url}{path}", trust_env=False, timeout=20).status_code
    except httpx.TransportError:
        return None


def renamed(client: httpx.Client, book: Book, title: str) -> str:
    """Give the title; returns the log size reached."""
    answered = client.patch(f"/api/v1/conversations/{book.renamed}", json={"title": title})
    answered.raise_for_status()
    return answered.headers["Daybook-Log-Size"]


def first(client: httpx.Client, size: str | None = None) -> dict[str, Any]:
    headers = {} if size is None else {"Daybook-Log-Size": size}
    answered = client.get("/api/v1/conversations", params={"limit": 1}, headers=headers)
    answered.raise_for_status()
    [found] = answered.json()["conversations"]
    return dict(found)


def whole(client: httpx.Client) -> list[str]:
    """Return the ids of all conversations, by creation."""
    found: list[str] = []
    cursor = None
    while True:
        answered = client.get(
            "/api/v1/conversations",
            params={"limit": 100, "sort": "created", **({"cursor": cursor} if cursor else {})},
        )
        answered.raise_for_status()
        found += [one["id"] for one in answered.json()["conversations"]]
        cursor = answered.json()["next_cursor"]
        if cursor is None:
            return found


class Going:
    """Somebody who goes on with the old server, all the time."""

    def __init__(self, served: Served, book: Book) -> None:
        self._stop = threading.Event()
        self.count = 0
        self.problems: list[BaseException] = []
        self._thread = threading.Thread(target=self._go_on, args=(served, book))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(_SECONDS)

    def _go_on(self, served: Served, book: Book) -> None:
        try:
            with served.client() as client:
                while not self._stop.is_set():
                    title = f"Old {self.count}"
                    assert first(client, renamed(client, book, title))["title"] == title
                    assert client.get("/api/v1/search", params={"q": "renamed"}).status_code == 200
                    self.count += 1
                    time.sleep(0.05)
        except BaseException as problem:  # noqa: BLE001 - told to whoever waits
            self.problems.append(problem)

    def more(self, count: int) -> None:
        """Wait until so much more was done."""
        wanted = self.count + count
        until("the old server goes on", lambda: self.problems or self.count >= wanted)
        assert not self.problems


def test_the_old_release_goes_on_while_the_new_one_builds_what_it_needs(book: Book) -> None:
    with book.serving() as old, old.client() as there:
        old.wait_until_ready()
        before = whole(there)
        assert len(before) == COUNT + 1
        with Going(old, book) as going:
            going.more(3)
            # Killed in the middle, the new one leaves nothing that it or others would take for whole.
            with book.serving(NEWER) as killed:
                until("the new form is begun", lambda: book.loaded() > 0)
                killed.process.kill()
            going.more(3)
            assert OLD_FORM in book.forms()
            with book.serving(NEWER) as new, new.client() as here:
                until("the new one answers", lambda: status(new, "/healthz") == 200)
                assert status(new, "/readyz") == 503
                assert not book.live(NEW_FORM)
                going.more(3)
                new.wait_until_ready()
                assert book.live(NEW_FORM)
                assert whole(here) == before
                going.more(3)
                assert {OLD_FORM, NEW_FORM} <= book.forms()


def test_both_releases_show_what_the_other_recorded_until_the_old_one_ends(book: Book) -> None:
    with book.serving() as old, book.serving(NEWER) as new, old.client() as there, new.client() as here:
        old.wait_until_ready()
        new.wait_until_ready()
        for number in range(3):
            for one, other in ((there, here), (here, there)):
                title = f"Title {number} {one is here}"
                size = renamed(one, book, title)
                assert first(one, size)["title"] == first(other, size)["title"] == title
        time.sleep(1.0)  # five times as long as the new one waits until it looks for what nobody uses
        assert {OLD_FORM, NEW_FORM} <= book.forms()
        old.process.send_signal(signal.SIGTERM)
        assert old.process.wait(_SECONDS) == 0
        until("the old form is dropped", lambda: OLD_FORM not in book.forms())
        assert first(here, renamed(here, book, "Goes on"))["title"] == "Goes on"
        verified = subprocess.run(
            [sys.executable, "-m", "tests.support.newer_daybook", "projections", "verify", "--json"],
            env=book.daybook.environment,
            cwd=ROOT,
            check=True,
            capture_output=True,
            timeout=_SECONDS,
        )
        assert json.loads(verified.stdout)["ok"]
        # Whoever comes late with the old release is told, and takes nothing away.
        refused = book.daybook("list", expect=1)
        assert "newer Daybook has taken over" in refused.err
