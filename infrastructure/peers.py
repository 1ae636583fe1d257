"""Whose program is at the other end of a connection on this machine.

Linux says so of every TCP socket: quickly over netlink (`sock_diag(7)`), and in `/proc/net/tcp`, which takes
milliseconds where there are many. Other systems do not say it to everybody; there nothing is known, and a
machine with several users needs a token.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Callable, Iterable
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import NamedTuple

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LOCAL, _REMOTE, _UID, _INODE = 1, 2, 7, 9

# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h
_SOCK_DIAG = 4
_BY_FAMILY = 20
_REQUEST = 1
_ALL_STATES = 0xFFFF_FFFF
_NO_COOKIE = 0xFFFF_FFFF
_HEADER = struct.Struct("=IHHII")
_QUESTION = struct.Struct("=BBBxI")
_ENDS = struct.Struct("!HH16s16s")
_REST_OF_ENDS = struct.Struct("=III")
_ANSWER = struct.Struct("=BBxx")
_OWNER = struct.Struct("=IIIII")
_OWNER_AT = _HEADER.size + _ANSWER.size + _ENDS.size + _REST_OF_ENDS.size
_LISTENS = 10

End = tuple[str, int]
"""Address and port of one end of a connection."""


class Owner(NamedTuple):
    """Whose a socket is. One that its program has closed has inode 0, and root for an owner."""

    uid: int
    inode: int


def is_own_user(
    client: End,
    server: End,
    ask: Callable[[End, End], Owner | None] | None = None,
    tables: Iterable[Path] = _TABLES,
) -> bool | None:
    """Tell whether the program at the client's end runs as this process's user or as root; None: not known.

    A socket that its program has closed already belongs to nobody, so it counts as another user's.
    """
    try:
        owner = (ask or asked_kernel)(client, server)
    except OSError:
        owner = None
    if owner is None:
        known, owner = _in_tables(client, server, tables)
        if not known:
            return None
    return owner is not None and owner.inode != 0 and owner.uid in {0, os.geteuid()}


def asked_kernel(client: End, server: End) -> Owner | None:
    """Return whose the socket at the client's end is; None where the kernel does not say.

    Raises:
        OSError: it cannot be asked.
    """
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        return None
    local, remote = ip_address(client[0]), ip_address(server[0])
    question = (
        _QUESTION.pack(
            socket.AF_INET6 if local.version == 6 else socket.AF_INET,  # noqa: PLR2004 - of IP
            socket.IPPROTO_TCP,
            0,
            _ALL_STATES,
        )
        + _ENDS.pack(client[1], server[1], local.packed.ljust(16, b"\0"), remote.packed.ljust(16, b"\0"))
        + _REST_OF_ENDS.pack(0, _NO_COOKIE, _NO_COOKIE)
    )
    header = _HEADER.pack(_HEADER.size + len(question), _BY_FAMILY, _REQUEST, 1, 0)
    with socket.socket(family, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG) as asking:
        asking.settimeout(0.2)
        asking.send(header + question)
        answer = asking.recv(4096)
    return _understood(answer, client, server)


def _understood(answer: bytes, client: End, server: End) -> Owner | None:
    """Read the kernel's answer. Asked for what is not there it may tell of a listener on the same port."""
    if len(answer) < _OWNER_AT + _OWNER.size or _HEADER.unpack_from(answer)[1] != _BY_FAMILY:
        return None
    _, state = _ANSWER.unpack_from(answer, _HEADER.size)
    ports = _ENDS.unpack_from(answer, _HEADER.size + _ANSWER.size)[:2]
    if state == _LISTENS or ports != (client[1], server[1]):
        return None
    *_, uid, inode = _OWNER.unpack_from(answer, _OWNER_AT)
    return Owner(uid, inode)


def _in_tables(client: End, server: End, tables: Iterable[Path]) -> tuple[bool, Owner | None]:
    """Return whether there are tables, and what they say."""
    wanted = set(zip(_spellings(client), _spellings(server), strict=True))
    known = False
    for table in tables:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        known = True
        for line in lines:
            fields = line.split()
            if (fields[_LOCAL], fields[_REMOTE]) in wanted:
                return True, Owner(int(fields[_UID]), int(fields[_INODE]))
    return known, None


def _spellings(end: End) -> list[str]:
    """Return how the tables write an end: as it is, and for IPv4 as a socket of IPv6 has it."""
    address = ip_address(end[0])
    if isinstance(address, IPv6Address):
        return [_spelled(address.packed, end[1])]
    return [_spelled(address.packed, end[1]), _spelled(bytes(10) + b"\xff\xff" + address.packed, end[1])]


def _spelled(packed: bytes, port: int) -> str:
    words = [int.from_bytes(packed[at : at + 4], sys.byteorder) for at in range(0, len(packed), 4)]
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"
