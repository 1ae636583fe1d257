"""A start, the attaching of others, the ends that a server can meet, and that rows outlive them all."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from infrastructure.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError
from infrastructure.postgres.embedded.supervisor import Order
from tests.integration.embedded.conftest import ROOT, type_of_command
from tests.integration.embedded.support import ask, do, gone, pids, wait_until

linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's death signal is Linux's")
ATTACH_AND_WAIT = """
    print(EmbeddedPostgres(Path(sys.argv[1])).ensure_running(), flush=True)
    sys.stdin.read()
"""


def test_the_first_start_makes_a_database_and_the_url_leads_to_it(home: Path) -> None:
    server = EmbeddedPostgres(home)
    assert not server.status().running
    url = server.ensure_running()
    assert url == server.url()
    assert ask(url, "select current_database() || ' ' || current_setting('is_superuser')") == "daybook on"
    status = server.status()
    assert status.running
    assert ask(url, "show server_version").startswith(status.version)
    assert status.data_dir == server.data_dir == Path(ask(url, "show data_directory"))
    assert status.socket_dir == server.socket_dir
    assert not list(server.data_dir.parent.glob("data.new-*"))


def test_durability_checksums_and_silence_are_on_and_cannot_be_switched_off(used_home: Path) -> None:
    server = EmbeddedPostgres(used_home)
    url = server.ensure_running()
    do(url, "alter system set fsync = off", "alter system set full_page_writes = off",
       "alter system set synchronous_commit = off", "alter system set listen_addresses = '*'",
       "alter system set log_min_error_statement = error")  # fmt: skip
    server.stop()
    url = server.ensure_running()
    wanted = {
        "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "data_checksums": "on",
        "listen_addresses": "", "server_encoding": "UTF8", "TimeZone": "UTC", "log_statement": "none",
        "log_parameter_max_length_on_error": "0", "log_error_verbosity": "terse",
    }  # fmt: skip
    assert {name: ask(url, f"show {name}") for name in wanted} == wanted
    if sys.platform == "linux":
        assert ask(url, "select datcollate from pg_database where datname = 'daybook'") == "C.UTF-8"
    with pytest.raises(psycopg.errors.UndefinedTable):
        do(url, "select 'what nobody may read in a log' from nowhere")
    assert "nowhere" in server.log_file.read_text(encoding="utf-8")
    assert "what nobody may read" not in server.log_file.read_text(encoding="utf-8")


def test_a_second_command_attaches_and_is_not_cut_off_when_the_first_is_killed(
    used_home: Path, command: type_of_command
) -> None:
    first = command(ATTACH_AND_WAIT, used_home)
    assert first.stdout is not None
    url = first.stdout.readline().strip()
    server = EmbeddedPostgres(used_home)
    assert server.ensure_running() == url
    before = pids(server)
    with psycopg.connect(url) as connection:
        first.send_signal(signal.SIGKILL)
        first.wait()
        time.sleep(0.3)
        assert connection.execute("select 1").fetchone() == (1,)
    assert pids(server) == before
    assert os.getsid(before[1]) != os.getsid(0)


def test_attaching_is_cheap_and_loads_nothing_heavy(used_home: Path, command: type_of_command) -> None:
    EmbeddedPostgres(used_home).ensure_running()
    attached = command(
        """
        EmbeddedPostgres(Path(sys.argv[1])).ensure_running()
        heavy = {"asyncio", "psycopg", "subprocess", "shutil", "importlib.util", "ctypes"}
        print(sorted(heavy & set(sys.modules)))
        """,
        used_home,
    )
    # pytest-cov or a debugger may load some of these in every process: compare with an empty one.
    empty = command("print(sorted({'subprocess', 'shutil', 'importlib.util'} & set(sys.modules)))")
    assert set(eval(attached.communicate()[0])) <= set(eval(empty.communicate()[0]))  # noqa: S307 - our own print


def test_eight_first_starts_at_once_end_in_one_server(home: Path, command: type_of_command) -> None:
    commands = [
        command(
            """
            server = EmbeddedPostgres(Path(sys.argv[1]))
            print(server.ensure_running(), server.status().pid, server.status().supervisor_pid)
            """,
            home,
        )
        for _ in range(8)
    ]
    said = [process.communicate() for process in commands]
    assert len({out for out, _ in said}) == 1, said
    assert said[0][0].startswith("postgresql://")
    postgres, supervisor = pids(EmbeddedPostgres(home))
    assert said[0][0].split()[1:] == [str(postgres), str(supervisor)]


def test_a_killed_server_is_started_again_and_no_acknowledged_row_is_missing(used_home: Path) -> None:
    server = EmbeddedPostgres(used_home)
    url = server.ensure_running()
    do(url, "create table rows (n int)", "insert into rows select generate_series(1, 1000)")
    postgres, supervisor = pids(server)
    os.kill(postgres, signal.SIGKILL)
    wait_until(lambda: server.status().running and server.status().pid != postgres)
    assert server.ensure_running() == url
    assert ask(url, "select count(*) from rows") == "1000"
    assert pids(server)[1] == supervisor


@linux
def test_the_server_stops_when_its_supervisor_is_killed_and_the_next_command_starts_another(
    used_home: Path,
) -> None:
    server = EmbeddedPostgres(used_home)
    url = server.ensure_running()
    do(url, "create table rows (n int)", "insert into rows values (1)")
    postgres, supervisor = pids(server)
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: gone(postgres))
    assert not server.status().running
    assert "received fast shutdown request" in server.log_file.read_text(encoding="utf-8")
    assert ask(server.ensure_running(), "select n from rows") == "1"
    assert pids(server)[1] != supervisor


def test_a_server_that_lost_its_supervisor_is_ended_before_the_next_one_starts(used_home: Path) -> None:
    """As on systems without a death signal: here the orphan is a server that was started by hand."""
    server = EmbeddedPostgres(used_home)
    binaries = server.status().binaries
    assert binaries is not None
    owner = server.data_dir.stat()
    with subprocess.Popen(
        [binaries / "postgres", "-D", server.data_dir, "-c", "listen_addresses=",
         "-c", f"unix_socket_directories={server.data_dir}"],
        cwd="/", user=owner.st_uid, group=owner.st_gid, extra_groups=[], stderr=subprocess.DEVNULL,
    ) as orphan:  # fmt: skip
        wait_until(lambda: "ready" in _text(server.data_dir / "postmaster.pid"))
        assert ask(server.ensure_running(), "select 1") == "1"
        assert orphan.wait() == 0
    assert pids(server)[0] != orphan.pid


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def test_a_pid_file_whose_pid_was_given_to_another_process_is_no_obstacle(used_home: Path) -> None:
    server = EmbeddedPostgres(used_home)
    server.ensure_running()
    claim = server.data_dir / "postmaster.pid"
    lines = claim.read_text(encoding="ascii").splitlines()
    owner = claim.stat()
    server.stop()
    with subprocess.Popen(
        ["/bin/sleep", "60"], user=owner.st_uid, group=owner.st_gid, extra_groups=[]
    ) as bystander:
        try:
            claim.write_text(
                "\n".join([str(bystander.pid), *lines[1:7], "ready   "]) + "\n", encoding="ascii"
            )
            os.chown(claim, owner.st_uid, owner.st_gid)
            assert ask(server.ensure_running(), "select 1") == "1"
            assert pids(server)[0] != bystander.pid
            assert bystander.poll() is None
        finally:
            bystander.terminate()


def test_a_pid_file_of_a_zombie_is_no_obstacle(used_home: Path) -> None:
    server = EmbeddedPostgres(used_home)
    owner = server.data_dir.stat()
    zombie = os.fork()
    if zombie == 0:
        os._exit(0)
    try:
        wait_until(lambda: gone(zombie))
        claim = server.data_dir / "postmaster.pid"
        claim.write_text(f"{zombie}\n{server.data_dir}\n0\n5432\n/tmp\n\n  1 1\nready   \n", encoding="ascii")
        os.chown(claim, owner.st_uid, owner.st_gid)
        assert ask(server.ensure_running(), "select 1") == "1"
    finally:
        os.waitpid(zombie, 0)


def test_an_interrupted_initdb_leaves_nothing_that_counts(home: Path, command: type_of_command) -> None:
    server = EmbeddedPostgres(home)
    base = server.data_dir.parent
    first = command(ATTACH_AND_WAIT, home)
    wait_until(lambda: any(base.glob("data.new-*/global")))
    supervisor = server.status().supervisor_pid
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)
    assert not server.data_dir.exists()
    assert first.stdout is not None
    url = first.stdout.readline().strip()  # the waiting command simply starts anew
    assert ask(url, "select 1") == "1"
    assert not list(base.glob("data.new-*"))


def test_a_database_that_was_half_made_by_hand_is_refused_and_not_touched(home: Path) -> None:
    server = EmbeddedPostgres(home)
    home.mkdir(mode=0o711)
    server.data_dir.parent.mkdir(mode=0o711)
    server.data_dir.mkdir()
    (server.data_dir / "precious").write_text("somebody's", encoding="ascii")
    with pytest.raises(EmbeddedPostgresError):
        server.ensure_running()
    assert (server.data_dir / "precious").read_text(encoding="ascii") == "somebody's"


def test_stop_ends_everything_and_says_whether_there_was_something(used_home: Path) -> None:
    server = EmbeddedPostgres(used_home)
    assert not server.stop()
    server.ensure_running()
    postgres, supervisor = pids(server)
    assert server.stop()
    assert gone(postgres)
    assert gone(supervisor)
    assert not server.stop()
    assert "database system is shut down" in server.log_file.read_text(encoding="utf-8")


def test_a_stop_that_takes_too_long_is_followed_by_an_immediate_one_and_never_by_a_kill(
    used_home: Path,
) -> None:
    server = EmbeddedPostgres(used_home, stop_patience=0.3)
    url = server.ensure_running()
    do(url, "create table rows (n int)", "insert into rows values (7)")
    with psycopg.connect(url) as stuck:
        backend = stuck.info.backend_pid
        os.kill(backend, signal.SIGSTOP)  # it cannot heed the fast stop
        os.kill(pids(server)[1], signal.SIGTERM)
        wait_until(lambda: "received immediate shutdown" in server.log_file.read_text(encoding="utf-8"))
        os.kill(backend, signal.SIGCONT)
        wait_until(lambda: not server.status().pid)
    assert ask(server.ensure_running(), "select n from rows") == "7"


def test_an_order_survives_the_command_line(tmp_path: Path) -> None:
    from infrastructure.postgres.embedded.binaries import Binaries

    order = Order(
        home=tmp_path / "a b", base=tmp_path / "--base", binaries=Binaries(Path("/usr/lib/x"), "18.6"),
        socket_dir=tmp_path / "ü", run="r", db_user=None, idle_seconds=1.5, patience=60,
    )  # fmt: skip
    assert Order.parse(order.arguments()) == order


def test_the_supervisor_needs_the_standard_library_alone(used_home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import infrastructure.postgres.embedded.supervisor"],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
