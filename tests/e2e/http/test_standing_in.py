"""An upgrade whose migration fails: the release before goes on answering, until the database is migrated."""

from __future__ import annotations

import signal
import site
import subprocess
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from infrastructure.postgres.migrate import known_migrations
from infrastructure.simulator.server import RunningSimulator
from tests.support.cli_process import Daybook
from tests.support.server_process import Served, free_port
from tests.support.tree import ROOT

pytestmark = pytest.mark.slow


NEWER = "from tests.support.unmigrated_daybook import main; main()"
FAILS, WORKS = "select 1/0", "create table daybook.next (n int)"
PENDING = f"{len(known_migrations()) + 1:04}_next"
NOTICE = "This is the release before"
_SECONDS = 30
Ran = subprocess.CompletedProcess[str]


@dataclass
class Upgrade:
    """A book that an older release was kept for, and the release that it is about to get."""

    environment: dict[str, str]
    sign: Path
    python: Path  # of a small virtual environment, which is soon copied

    def run(self, *arguments: str, migration: str = FAILS, **settings: str) -> Ran:
        """Let the newer release carry out a command."""
        return subprocess.run(
            [self.python, "-c", NEWER, *arguments],
            env=self.environment | {"NEXT_MIGRATION": migration} | settings,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @contextmanager
    def serving(self) -> Iterator[Served]:
        """Let the newer release serve."""
        served = Served(self.environment | {"NEXT_MIGRATION": WORKS}, free_port(), NEWER)
        try:
            served.wait_until_ready()
            yield served
        finally:
            if served.process.poll() is None:
                served.process.terminate()
                print(served.process.communicate(timeout=20)[1].decode())


@pytest.fixture
def upgrade(new_database: Callable[[], str], simulator: RunningSimulator, tmp_path: Path) -> Upgrade:
    """Return a book that the older release was kept for, in a virtual environment of its own."""
    older = tmp_path / "older"
    venv.create(older, symlinks=True, with_pip=False)
    [packages] = older.glob("lib/python*/site-packages")
    theirs = [path for path in site.getsitepackages() if Path(path).is_dir()]
    lines = [f"import site; site.addsitedir({path!r})" for path in theirs]
    (packages / "all.pth").write_text("\n".join([*lines, str(ROOT)]))
    (older / "bin" / "daybook").write_text("from bootstrap.main import main\n\nmain()\n")
    (tmp_path / "tmp").mkdir()
    environment = Daybook(
        {
            "DAYBOOK_HOME": str(tmp_path / "home"),
            "DAYBOOK_DATABASE_URL": new_database(),
            "DAYBOOK_OLLAMA_URL": simulator.url,
            "DAYBOOK_RELEASES": str(tmp_path / "kept"),
            "TMPDIR": str(tmp_path / "tmp"),
        }
    ).environment
    command = [older / "bin" / "python", older / "bin" / "daybook", "db", "migrate"]
    kept = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert "This release is kept" in kept.stderr
    return Upgrade(environment, tmp_path / "tmp" / "daybook-stands-in", older / "bin" / "python")


def test_where_migrating_fails_the_release_before_answers_until_it_is_done(upgrade: Upgrade) -> None:
    failed = upgrade.run("db", "migrate")
    assert (failed.returncode != 0, "division by zero" in failed.stderr) == (True, True)

    with upgrade.serving() as served, served.client() as client:
        assert NOTICE in client.get("/").text
        answered = client.post(
            "/api/v1/prompts", json={"text": "Still there?"}, headers={"Prefer": "wait=20"}
        ).json()
        assert answered["status"] == "complete"

        told = upgrade.run("--no-pager", "list")
        assert told.returncode == 0
        assert "The release before answers" in told.stderr
        assert "Still there?" in told.stdout
        assert f"pending: {PENDING}" in upgrade.run("db", "status").stdout

        assert upgrade.run("db", "migrate", migration=WORKS).returncode == 0
        wait_until(lambda: not upgrade.sign.exists())
        served.wait_until_ready()
        page = client.get("/").text
        assert NOTICE not in page
        assert "Still there?" in page
        told = upgrade.run("list", migration=WORKS)
        assert (told.returncode, told.stderr) == (0, "")
        assert served.end(signal.SIGTERM)[0] == 0


def test_told_to_stop_both_stop(upgrade: Upgrade) -> None:
    with upgrade.serving() as served:
        assert upgrade.sign.exists()
        code, said = served.end(signal.SIGTERM)
        assert (code, upgrade.sign.exists()) == (0, False)
        assert "The release before (" in said
        with pytest.raises(httpx.TransportError):
            served.client().get("/healthz")


def test_told_to_stop_while_it_takes_over_it_stops(upgrade: Upgrade) -> None:
    with upgrade.serving() as served, served.client() as client:
        asked = client.post("/api/v1/prompts", json={"text": "A long one", "model": "simulator-slow"})
        assert asked.status_code == 202
        assert upgrade.run("db", "migrate", migration=WORKS).returncode == 0
        wait_until(lambda: not upgrade.sign.exists())
        code, said = served.end(signal.SIGTERM)
    assert (code, "takes over" in said) == (0, False)


def test_options_that_may_mean_another_book_are_not_passed_on(upgrade: Upgrade) -> None:
    with upgrade.serving():
        assert upgrade.run("--help").stderr == ""
        told = upgrade.run("--database-url", upgrade.environment["DAYBOOK_DATABASE_URL"], "list")
        assert "migrations wait to be applied" in told.stderr


def test_a_sign_of_somebody_gone_is_taken_away(upgrade: Upgrade) -> None:
    assert upgrade.run("db", "migrate", migration=WORKS).returncode == 0
    upgrade.sign.write_text(next(Path(upgrade.environment["DAYBOOK_RELEASES"]).iterdir()).name)
    with upgrade.serving():
        told = upgrade.run("list", migration=WORKS)
    assert (told.returncode, "release before" in told.stderr) == (0, False)


def test_where_no_copy_can_be_written_it_is_migrated_all_the_same(upgrade: Upgrade, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = upgrade.run("db", "migrate", migration=WORKS, DAYBOOK_RELEASES=str(tmp_path / "file"))
    assert told.returncode == 0
    assert "warning: This release could not be kept" in told.stderr
    assert "1 migrations applied" in told.stderr


def test_where_none_was_kept_it_says_what_waits(upgrade: Upgrade, tmp_path: Path) -> None:
    told = upgrade.run("serve", DAYBOOK_RELEASES=str(tmp_path / "nothing"))
    assert told.returncode != 0
    assert "migrations wait to be applied" in told.stderr


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
