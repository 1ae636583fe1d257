"""Whose program is at the other end of a connection on this machine.

Linux says so for every TCP socket in `/proc/net/tcp`. Other systems do not say it to everybody; there
nothing is known, and a machine with several users needs a token.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from pathlib import Path

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LOCAL, _REMOTE, _UID, _INODE = 1, 2, 7, 9

End = tuple[str, int]
"""Address and port of one end of a connection."""


def is_own_user(client: End, server: End, tables: Iterable[Path] = _TABLES) -> bool | None:
    """Tell whether the program at the client's end runs as this process's user or as root; None: not known.

    A socket that its program has closed already belongs to nobody (the kernel calls that root), so it
    counts as another user's.
    """
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
                return fields[_INODE] != "0" and int(fields[_UID]) in {0, os.geteuid()}
    return False if known else None


def _spellings(end: End) -> list[str]:
    """Return how the tables write an end: as it is, and for IPv4 as a socket of IPv6 has it."""
    address = ip_address(end[0])
    if isinstance(address, IPv6Address):
        return [_spelled(address.packed, end[1])]
    return [_spelled(address.packed, end[1]), _spelled(bytes(10) + b"\xff\xff" + address.packed, end[1])]


def _spelled(packed: bytes, port: int) -> str:
    words = [int.from_bytes(packed[at : at + 4], sys.byteorder) for at in range(0, len(packed), 4)]
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"
