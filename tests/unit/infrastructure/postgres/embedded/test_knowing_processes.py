"""Whether a pid still means the process we think of, with /proc and without it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.postgres.embedded import processes


@pytest.fixture(params=["proc", "ps"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    if request.param == "proc" and not Path("/proc/self").exists():
        pytest.skip("no /proc on this system")
    if request.param == "ps":
        if not Path("/bin/ps").exists():
            pytest.skip("no ps on this system")
        monkeypatch.setattr(processes, "_PROC", tmp_path / "no-proc")
    return str(request.param)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    directory = tmp_path / "with blanks" / "data"
    directory.mkdir(parents=True)
    return directory


@pytest.fixture
def postgres(tmp_path: Path, data_dir: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that looks like a server of that directory: its first argument says so."""
    with subprocess.Popen(
        [tmp_path / "postgres", "-c", "import time; time.sleep(60)", "-D", data_dir],
        executable=sys.executable,
    ) as process:
        # The start of a program is told a moment before its arguments can be read.
        while not processes.command_line(process.pid):
            time.sleep(0.01)
        yield process
        process.kill()


def test_a_server_of_this_directory_is_known(
    way: str, postgres: "subprocess.Popen[bytes]", data_dir: Path
) -> None:
    assert processes.is_postgres_of(postgres.pid, data_dir)


def test_a_server_of_another_directory_is_not_ours(
    way: str, postgres: "subprocess.Popen[bytes]", data_dir: Path
) -> None:
    assert not processes.is_postgres_of(postgres.pid, data_dir.parent / "other")


def test_any_other_process_is_not_a_server(way: str, data_dir: Path) -> None:
    assert not processes.is_postgres_of(os.getpid(), data_dir)
    assert processes.exists(os.getpid())


def test_a_zombie_is_not_a_server(way: str, postgres: "subprocess.Popen[bytes]", data_dir: Path) -> None:
    postgres.kill()
    os.waitid(os.P_PID, postgres.pid, os.WEXITED | os.WNOWAIT)
    assert processes.exists(postgres.pid)
    assert processes.is_zombie(postgres.pid)
    assert not processes.is_postgres_of(postgres.pid, data_dir)


@pytest.mark.parametrize("pid", [0, -1, 4_194_304])
def test_a_pid_of_nobody_is_nobody(way: str, pid: int, data_dir: Path) -> None:
    assert not processes.exists(pid)
    assert not processes.is_postgres_of(pid, data_dir)
    assert processes.command_line(4_194_304) == []
