"""Homes for real servers, stopped and removed after their test; a made database to start from quickly."""

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from infrastructure.postgres.embedded import EmbeddedPostgres
from tests.support.postgres_server import quick_place

ROOT = Path(__file__).parents[3]


def _python_for(user: int | None) -> str:
    """An interpreter that this user may run: a virtual environment may lie in root's own directory."""
    if user is None:
        return sys.executable
    for python in (sys.executable, "/usr/bin/python3"):
        with suppress(OSError):
            tried = subprocess.run(
                [python, "-c", "import tomllib, infrastructure.postgres.embedded"],
                cwd=ROOT, user=user, group=user, extra_groups=[], check=False, capture_output=True,
            )  # fmt: skip
            if tried.returncode == 0:
                return python
    pytest.skip("that user can run no Python here")


@pytest.fixture
def outside() -> Iterator[Path]:
    """An empty directory with a short path, open to the server's user; servers below it are stopped."""
    directory = Path(tempfile.mkdtemp(prefix="dbt-", dir=quick_place()))
    directory.chmod(0o711)
    yield directory
    for pointer in [*directory.rglob("supervisor.lock"), *directory.rglob("postgres.location")]:
        home = pointer.parent if pointer.name == "postgres.location" else pointer.parent.parent
        EmbeddedPostgres(home).stop()
        if pointer.name == "postgres.location":
            shutil.rmtree(os.fsdecode(pointer.read_bytes()), ignore_errors=True)
    shutil.rmtree(directory)


@pytest.fixture
def home(outside: Path) -> Path:
    """A home that does not exist yet."""
    return outside / "home"


@pytest.fixture(scope="session")
def made_home() -> Iterator[Path]:
    """A home whose database was made and stopped cleanly; to be copied, never used."""
    directory = Path(tempfile.mkdtemp(prefix="dbt-made-", dir=quick_place()))
    directory.chmod(0o711)
    server = EmbeddedPostgres(directory / "home")
    server.ensure_running()
    server.stop()
    server.detach()
    yield directory / "home"
    shutil.rmtree(directory)


@pytest.fixture
def used_home(made_home: Path, home: Path) -> Path:
    """A home with a database in it, stopped."""
    subprocess.run(["/bin/cp", "-a", made_home, home], check=True)
    return home


type_of_command = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def command() -> Iterator[type_of_command]:
    """Start another process that runs this Python text with `EmbeddedPostgres` at hand."""
    started: list[subprocess.Popen[str]] = []

    def start(text: str, *arguments: object, user: int | None = None) -> "subprocess.Popen[str]":
        script = "import sys, time\nfrom pathlib import Path\n"
        script += "from infrastructure.postgres.embedded import EmbeddedPostgres\n" + textwrap.dedent(text)
        process = subprocess.Popen(
            [_python_for(user), "-B", "-c", script, *map(str, arguments)],
            cwd=ROOT, text=True, user=user, group=user,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            extra_groups=[] if user is not None else None,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
