"""When the server stops by itself, and what its supervisor looks after in the meantime."""

import os
import shutil
import signal
import time
from pathlib import Path

import psycopg
import pytest

from infrastructure.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError
from tests.integration.embedded.conftest import type_of_command
from tests.integration.embedded.support import ask, gone, pids, wait_until

pytestmark = pytest.mark.slow


def test_it_stops_some_time_after_the_last_command_and_starts_again_for_the_next(
    used_home: Path, command: type_of_command
) -> None:
    server = EmbeddedPostgres(used_home, idle_seconds=0.5)
    short = command("EmbeddedPostgres(Path(sys.argv[1]), idle_seconds=0.5).ensure_running()", used_home)
    assert short.communicate() == ("", "")
    postgres, supervisor = pids(server)
    wait_until(lambda: gone(postgres) and gone(supervisor))
    assert "no clients for a while" in server.log_file.read_text(encoding="utf-8")
    assert ask(server.ensure_running(), "select 1") == "1"
    server.detach()


def test_a_process_that_uses_it_keeps_it_alive_even_without_a_connection(
    used_home: Path, command: type_of_command
) -> None:
    user = command(
        """
        EmbeddedPostgres(Path(sys.argv[1]), idle_seconds=0.3).ensure_running()
        print(flush=True)
        sys.stdin.read()
        """,
        used_home,
    )
    assert user.stdout is not None
    user.stdout.readline()
    server = EmbeddedPostgres(used_home)
    postgres, _ = pids(server)
    time.sleep(1)
    assert server.status().pid == postgres
    user.kill()  # the kernel lets go of its hold
    wait_until(lambda: gone(postgres))


def test_another_program_that_is_connected_keeps_it_alive(used_home: Path) -> None:
    server = EmbeddedPostgres(used_home, idle_seconds=0.3)
    url = server.ensure_running()
    server.detach()
    postgres, _ = pids(server)
    with psycopg.connect(url) as psql:
        time.sleep(1)
        assert psql.execute("select 1").fetchone() == (1,)
        assert not gone(postgres)
    wait_until(lambda: gone(postgres))


def test_a_command_that_comes_while_it_stops_for_idleness_is_not_broken(used_home: Path) -> None:
    server = EmbeddedPostgres(used_home, idle_seconds=0.1)
    seen = set()
    for round_number in range(8):
        url = server.ensure_running()
        with psycopg.connect(url) as connection:
            connection.execute("select 1")
        seen.add(pids(server)[0])
        server.detach()
        time.sleep(0.1 + round_number * 0.02)  # around the moment of the stop
    assert len(seen) > 1, "it never stopped, so nothing was tried"


def test_a_server_that_cannot_come_back_is_given_up_with_its_last_words(used_home: Path) -> None:
    server = EmbeddedPostgres(used_home)
    server.ensure_running()
    postgres, supervisor = pids(server)
    broken = server.data_dir / "postgresql.auto.conf"
    broken.write_text("nonsense = 1\n", encoding="ascii")
    os.kill(postgres, signal.SIGKILL)
    wait_until(lambda: gone(supervisor))
    with pytest.raises(EmbeddedPostgresError, match="nonsense") as caught:
        server.ensure_running()
    assert str(server.log_file) in caught.value.hint
    broken.write_text("", encoding="ascii")
    assert ask(server.ensure_running(), "select 1") == "1"


def test_the_log_is_rotated(used_home: Path) -> None:
    server = EmbeddedPostgres(used_home, idle_seconds=1)
    server.ensure_running()
    with server.log_file.open("ab") as log:
        log.write(b"x" * 5_100_000)
    old = server.log_file.with_name("server.log.1")
    wait_until(lambda: old.exists() and server.log_file.stat().st_size < 1_000_000)
    assert old.stat().st_size > 5_000_000
    server.stop()
    assert "shut down" in server.log_file.read_text(encoding="utf-8")


def test_a_socket_that_somebody_cleaned_away_is_made_again(used_home: Path) -> None:
    server = EmbeddedPostgres(used_home, idle_seconds=1)
    url = server.ensure_running()
    shutil.rmtree(server.socket_dir)
    wait_until(server.socket_dir.exists)
    assert ask(server.ensure_running(), "select 1") == "1"
    assert server.url() == url


def test_a_home_that_is_removed_takes_its_server_along(used_home: Path) -> None:
    server = EmbeddedPostgres(used_home, idle_seconds=1)
    server.ensure_running()
    postgres, supervisor = pids(server)
    shutil.rmtree(used_home)
    wait_until(lambda: gone(postgres) and gone(supervisor))
    assert not used_home.exists()
    assert not server.status().running


def test_a_dropped_database_is_made_again(used_home: Path) -> None:
    server = EmbeddedPostgres(used_home)
    url = server.ensure_running()
    with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
        connection.execute("drop database daybook with (force)")
    assert ask(server.ensure_running(), "select current_database()") == "daybook"
