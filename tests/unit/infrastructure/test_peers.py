"""Whose program is at the other end, by the kernel's table of sockets."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from infrastructure.peers import End, Owner, asked_kernel, is_own_user

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ME, SOMEBODY = os.geteuid(), os.geteuid() + 1
CLIENT, SERVER = ("127.0.0.1", 50000), ("127.0.0.1", 8484)
V4, MAPPED, V6 = "0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"

pytestmark = pytest.mark.skipif(sys.byteorder != "little", reason="the table is written in the host's order")


def silent(client: End, server: End) -> Owner | None:
    """Stand in for a kernel that cannot be asked."""
    raise PermissionError(client, server)


def by_table(client: End, server: End, tables: list[Path]) -> bool | None:
    return is_own_user(client, server, silent, tables)


def row(local: str, remote: str, uid: int, inode: int = 77) -> str:
    return f"   0: {local} {remote} 01 00000000:00000000 00:00000000 00000000 {uid}        0 {inode} 1 x\n"


def table(path: Path, *rows: str) -> list[Path]:
    path.write_text(HEAD + "".join(rows))
    return [path.with_name("missing"), path]


def test_the_clients_end_says_whose_it_is(tmp_path: Path) -> None:
    server_end = row(f"{V4}:2124", f"{V4}:C350", SOMEBODY)
    for uid, expected in ((ME, True), (0, True), (SOMEBODY, False)):
        rows = table(tmp_path / "tcp", server_end, row(f"{V4}:C350", f"{V4}:2124", uid))
        assert by_table(CLIENT, SERVER, rows) is expected


def test_sockets_of_ipv6_are_known_in_both_spellings(tmp_path: Path) -> None:
    mapped = table(tmp_path / "a", row(f"{MAPPED}:C350", f"{MAPPED}:2124", SOMEBODY))
    assert by_table(CLIENT, SERVER, mapped) is False
    own = table(tmp_path / "b", row(f"{V6}:C350", f"{V6}:2124", ME))
    assert by_table(("::1", 50000), ("::1", 8484), own) is True


def test_a_connection_elsewhere_with_the_same_ports_does_not_count(tmp_path: Path) -> None:
    elsewhere = row("0200A8C0:C350", "0100A8C0:2124", ME)
    theirs = row(f"{V4}:C350", f"{V4}:2124", SOMEBODY)
    assert by_table(CLIENT, SERVER, table(tmp_path / "tcp", elsewhere, theirs)) is False


def test_a_socket_that_was_left_belongs_to_nobody_and_not_to_root(tmp_path: Path) -> None:
    left = table(tmp_path / "tcp", row(f"{V4}:C350", f"{V4}:2124", 0, inode=0))
    assert by_table(CLIENT, SERVER, left) is False


def test_a_connection_that_is_not_there_is_nobodys(tmp_path: Path) -> None:
    assert by_table(CLIENT, SERVER, table(tmp_path / "tcp")) is False


def test_without_a_table_nothing_is_known(tmp_path: Path) -> None:
    assert by_table(CLIENT, SERVER, [tmp_path / "none"]) is None


@pytest.mark.parametrize(
    ("owner", "expected"),
    [(Owner(ME, 7), True), (Owner(0, 7), True), (Owner(SOMEBODY, 7), False), (Owner(0, 0), False)],
)
def test_what_the_kernel_answers_is_enough(owner: Owner, expected: object) -> None:
    assert is_own_user(CLIENT, SERVER, lambda *_: owner, []) is expected


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux has it")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_real_connection_of_ours_is_ours(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        try:
            listener.bind((host, 0))
        except OSError:
            pytest.skip("no such address here")
        listener.listen()
        with socket.create_connection(listener.getsockname()[:2]) as client:
            ends = client.getsockname()[:2], listener.getsockname()[:2]
            assert is_own_user(*ends) is True
            assert by_table(*ends, [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]) is True
            assert is_own_user(ends[1], ends[0]) is False  # nobody has accepted it yet
            assert asked_kernel(ends[1], ("127.0.0.1", 1)) is None  # a listener is no end of a connection
