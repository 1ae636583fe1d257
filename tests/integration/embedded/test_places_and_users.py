"""Paths of every kind, root and other users, binaries of every origin: what starts, what is refused."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from infrastructure.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError, layout
from infrastructure.postgres.embedded.binaries import find_directory
from tests.integration.embedded.conftest import type_of_command
from tests.integration.embedded.support import as_root, ask, gone, identity, mode, pids, wait_until

root_only = pytest.mark.skipif(not as_root(), reason="what root does")
DEBIAN = Path("/usr/lib/postgresql/15/bin")


@pytest.mark.parametrize("name", ["a b 'c' \"d\" %41 ü", "commas, too"])
def test_a_path_with_blanks_quotes_commas_and_percents_works(
    outside: Path, used_home: Path, name: str
) -> None:
    home = used_home.rename(outside / name)
    server = EmbeddedPostgres(home)
    assert ask(server.ensure_running(), "select 1") == "1"
    assert server.socket_dir.is_relative_to(home) != ("," in str(home))  # libpq splits hosts at commas


def test_a_long_home_gets_a_short_private_socket_directory(used_home: Path, outside: Path) -> None:
    home = outside / ("long-" * 20) / "home"
    home.parent.mkdir(mode=0o711)
    used_home.rename(home)
    server = EmbeddedPostgres(home)
    assert ask(server.ensure_running(), "select 1") == "1"
    socket_dir = server.socket_dir
    assert not socket_dir.is_relative_to(home)
    assert len(os.fsencode(socket_dir / ".s.PGSQL.5432")) <= 100
    assert mode(socket_dir) == 0o700
    assert socket_dir.stat().st_uid == server.data_dir.stat().st_uid
    server.stop()
    assert not socket_dir.exists()


@pytest.mark.parametrize("squatted", ["open", "link"])
def test_a_socket_directory_that_is_not_private_is_refused(
    used_home: Path, outside: Path, squatted: str
) -> None:
    home = outside / ("long-" * 20) / "home"
    home.parent.mkdir(mode=0o711)
    used_home.rename(home)
    server = EmbeddedPostgres(home)
    socket_dir = server.socket_dir
    try:
        if squatted == "open":
            socket_dir.mkdir()
            socket_dir.chmod(0o755)
        else:
            socket_dir.symlink_to(outside)
        with pytest.raises(EmbeddedPostgresError, match="cannot be used"):
            server.ensure_running()
    finally:
        if squatted == "open":
            socket_dir.rmdir()
        else:
            socket_dir.unlink()


def test_the_socket_and_the_data_are_private(used_home: Path) -> None:
    server = EmbeddedPostgres(used_home)
    server.ensure_running()
    owner = identity(pids(server)[0])["Uid"][0] if sys.platform == "linux" else os.geteuid()
    for directory in (server.data_dir, server.socket_dir):
        assert mode(directory) == 0o700
        assert directory.stat().st_uid == owner
    assert stat.S_ISSOCK((server.socket_dir / ".s.PGSQL.5432").stat().st_mode)
    assert mode(server.socket_dir / ".s.PGSQL.5432") == 0o700


@root_only
def test_as_root_the_server_is_an_unprivileged_user_with_its_own_groups_only(used_home: Path) -> None:
    server = EmbeddedPostgres(used_home)
    server.ensure_running()
    found = identity(pids(server)[0])
    uid = server.data_dir.stat().st_uid
    assert uid != 0
    assert set(found["Uid"]) == {uid}
    assert 0 not in found["Gid"] + found["Groups"]
    # Root without CAP_SYS_PTRACE (in containers) may not look into it; its own user may.
    environment = subprocess.run(
        ["/bin/cat", f"/proc/{pids(server)[0]}/environ"],
        user=uid,
        group=found["Gid"][0],
        extra_groups=[],
        capture_output=True,
        check=True,
    ).stdout.split(b"\0")
    assert {item.split(b"=")[0] for item in environment if item} == {b"PATH", b"LC_ALL", b"TZ"}


@root_only
def test_as_root_nothing_but_the_way_to_the_data_is_open_to_the_servers_user(
    home: Path, command: type_of_command
) -> None:
    server = EmbeddedPostgres(home, db_user="nobody")
    server.ensure_running()
    assert mode(home) == mode(home / "postgres") == 0o711
    key = home / "master.key"
    key.write_text("secret", encoding="ascii")
    key.chmod(0o600)
    look = command(
        """
        import os
        home = Path(sys.argv[1])
        for path in (home / "master.key", home, home / "postgres" / "state.json", home / "postgres" / "data"):
            print(os.access(path, os.R_OK))
        """,
        home,
        user=65534,
    )
    assert look.communicate()[0].split() == ["False", "False", "False", "True"]


@root_only
@pytest.mark.parametrize(("user", "said"), [("no-such-user", "no user"), ("root", "may not run as root")])
def test_a_database_user_that_cannot_be_is_refused(home: Path, user: str, said: str) -> None:
    with pytest.raises(EmbeddedPostgresError, match=said):
        EmbeddedPostgres(home, db_user=user).ensure_running()


@root_only
def test_data_that_belongs_to_another_user_is_not_served_as_this_one(used_home: Path) -> None:
    other = "daemon"
    with pytest.raises(EmbeddedPostgresError, match="belongs to the user"):
        EmbeddedPostgres(used_home, db_user=other).ensure_running()


@root_only
def test_a_throw_away_home_that_is_closed_has_its_database_beside_it(
    outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(outside))
    closed = outside / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "home"
    server = EmbeddedPostgres(home, idle_seconds=1)
    url = server.ensure_running()
    assert ask(url, "select 1") == "1"
    assert mode(closed) == 0o700
    base = server.data_dir.parent
    assert base.parent == outside
    assert EmbeddedPostgres(home).ensure_running() == url
    shutil.rmtree(home)
    wait_until(lambda: not base.exists())


@root_only
def test_a_home_that_is_closed_to_the_servers_user_is_refused_where_data_must_last(
    outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "_is_temporary", lambda home: False)
    closed = outside / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedPostgresError, match="may not enter") as caught:
        EmbeddedPostgres(closed / "home").ensure_running()
    assert "/var/lib/daybook" in caught.value.hint
    assert f"chmod o+x {closed}" in caught.value.hint
    assert mode(closed) == 0o700


@root_only
def test_binaries_that_the_servers_user_cannot_read_are_copied_once(used_home: Path, outside: Path) -> None:
    private = outside / "private"
    private.mkdir(mode=0o700)
    original = find_directory(None)
    package = original.parent.parent
    for tree in (package, package.parent / f"{package.name}.libs"):
        if tree.exists():
            shutil.copytree(
                tree, private / tree.name, symlinks=True, ignore=shutil.ignore_patterns("include")
            )
    explicit = private / original.relative_to(package.parent)
    server = EmbeddedPostgres(used_home, binaries=explicit)
    assert ask(server.ensure_running(), "select 1") == "1"
    copied = server.status().binaries
    assert copied is not None
    assert copied.is_relative_to(used_home)
    assert server.status().version in copied.parts
    made_at = copied.stat().st_ctime_ns
    server.stop()
    server.ensure_running()
    assert server.status().binaries == copied
    assert copied.stat().st_ctime_ns == made_at
    assert mode(private) == 0o700


@root_only
def test_without_root_everything_belongs_to_the_user_alone(outside: Path, command: type_of_command) -> None:
    outside.chmod(0o777)
    start = command(
        """
        server = EmbeddedPostgres(Path(sys.argv[1]), binaries=Path(sys.argv[2]))
        server.ensure_running()
        from infrastructure.postgres.embedded.wire import Wire
        with Wire(server.socket_dir, "daybook") as wire:
            print(wire.ask("select 1, null"))
        print(server.stop())
        """,
        outside / "home",
        find_directory(None),
        user=65534,
    )
    out, err = start.communicate()
    assert out.startswith("[['1', None]]"), err
    assert out.endswith("True\n")
    for path in (outside / "home", outside / "home" / "postgres", outside / "home" / "postgres" / "data"):
        assert path.stat().st_uid == 65534
        assert mode(path) == 0o700
    # Root may then come by, serves as the same user, and leaves no file behind that locks the user out.
    server = EmbeddedPostgres(outside / "home")
    assert ask(server.ensure_running(), "select 1") == "1"
    assert identity(pids(server)[0])["Uid"][0] == 65534
    server.stop()
    assert {path.stat().st_uid for path in (outside / "home" / "postgres").iterdir()} == {65534}


@root_only
def test_a_home_that_is_not_writable_is_told(outside: Path, command: type_of_command) -> None:
    start = command(
        """
        from infrastructure.postgres.embedded import EmbeddedPostgresError
        try:
            EmbeddedPostgres(Path(sys.argv[1])).ensure_running()
        except EmbeddedPostgresError as error:
            print(error.message, error.hint)
        """,
        outside / "home",
        user=65534,
    )
    out, err = start.communicate()
    assert "cannot write in" in out, err
    assert "DAYBOOK_HOME" in out


def test_data_of_another_major_version_is_refused_with_the_way_out(used_home: Path) -> None:
    server = EmbeddedPostgres(used_home)
    version = server.data_dir / "PG_VERSION"
    true_version = version.read_text(encoding="ascii")
    version.write_text("14\n", encoding="ascii")
    with pytest.raises(EmbeddedPostgresError, match="made by PostgreSQL 14") as caught:
        server.ensure_running()
    assert "daybook backup" in caught.value.hint
    version.write_text(true_version, encoding="ascii")
    assert ask(server.ensure_running(), "select 1") == "1"


@pytest.mark.skipif(not DEBIAN.exists(), reason="Debian's PostgreSQL 15 is not installed")
def test_debians_binaries_work_as_an_explicit_setting(home: Path) -> None:
    server = EmbeddedPostgres(home, binaries=DEBIAN)
    assert ask(server.ensure_running(), "show server_version").startswith("15.")
    assert server.status().binaries == DEBIAN


def _binaries_with(outside: Path, name: str, script: str) -> Path:
    """The usual binaries, one of them replaced by a shell script."""
    directory = outside / "binaries"
    directory.mkdir(mode=0o755)
    original = find_directory(None)
    for program in ("postgres", "initdb"):
        (directory / program).symlink_to(original / program)
    (directory / name).unlink()
    (directory / name).write_text(f"#!/bin/sh\nreal={original / name}\n{script}\n", encoding="ascii")
    (directory / name).chmod(0o755)
    return directory


@pytest.mark.parametrize(
    ("words", "said"), [("no such locale", "no such locale"), ("No space left on device", "No space is left")]
)
def test_a_failing_initdb_is_told_with_its_last_words(
    home: Path, outside: Path, words: str, said: str
) -> None:
    binaries = _binaries_with(outside, "initdb", f'echo "initdb: error: {words}" >&2; exit 1')
    server = EmbeddedPostgres(home, binaries=binaries)
    with pytest.raises(EmbeddedPostgresError, match=said):
        server.ensure_running()
    assert not server.data_dir.exists()
    assert not list(server.data_dir.parent.glob("data.new-*"))
    assert ask(EmbeddedPostgres(home).ensure_running(), "select 1") == "1"


def test_too_little_space_is_told_before_anything_is_made(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1_000

    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage)
    with pytest.raises(EmbeddedPostgresError, match="No space is left"):
        EmbeddedPostgres(home).ensure_running()
    assert not (home / "postgres" / "data").exists()


@pytest.mark.slow
def test_a_slow_recovery_is_waited_for_and_spoken_of_and_an_old_ready_pid_file_deceives_nobody(
    used_home: Path, outside: Path
) -> None:
    script = 'case "$1" in --version) ;; *) sleep 3.6 ;; esac\nexec "$real" "$@"'
    binaries = _binaries_with(outside, "postgres", script)
    said: list[str] = []
    server = EmbeddedPostgres(used_home, binaries=binaries, say=said.append)
    owner = server.data_dir.stat()
    claim = server.data_dir / "postmaster.pid"
    claim.write_text(f"4194303\n{server.data_dir}\n0\n5432\n/tmp\n\n  1 1\nready   \n", encoding="ascii")
    os.chown(claim, owner.st_uid, owner.st_gid)
    assert ask(server.ensure_running(), "select 1") == "1"
    assert said == ["starting the embedded PostgreSQL", "recovering the database after a crash"]
    assert not gone(pids(server)[0])


def test_making_the_home_leaves_an_existing_one_as_it_is() -> None:
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory, "home")
        home.mkdir()
        home.chmod(0o750)
        layout.make_home(home)
        assert mode(home) == 0o750
