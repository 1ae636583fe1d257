"""Where a request comes from, and what a proxy in front of us may say about that.

Invariant: `X-Forwarded-For` and `X-Forwarded-Proto` count only from addresses that the settings name, and
of a chain of proxies only the part that named ones have written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

Network = IPv4Network | IPv6Network
_FORWARDED = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "x-real-ip", "via")


@dataclass(frozen=True)
class Peer:
    """Who sent a request.

    `address` is the client's, as far as it can be known; `scheme` what the client spoke; `proxied` whether
    anything stood between (whoever it was).
    """

    address: str
    scheme: str
    proxied: bool


def parse_networks(text: str) -> tuple[Network, ...]:
    """Read addresses and networks, separated by commas; raises `ValueError` for what is neither."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def peer_of(scope: Scope, headers: Headers, trusted: Sequence[Network]) -> Peer:
    """Return who sent a request."""
    address = str((scope.get("client") or ("", 0))[0])
    scheme = str(scope.get("scheme", "http"))
    proxied = any(name in headers for name in _FORWARDED)
    if not _is_trusted(address, trusted):
        return Peer(address, scheme, proxied)
    chain = [one.strip() for value in headers.getlist("x-forwarded-for") for one in value.split(",")]
    for hop in reversed(chain):
        known = _address(hop)
        if known is None:
            break
        address = str(known)
        if not _is_trusted(address, trusted):
            break
    said = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
    return Peer(address, said if said in {"http", "https"} else scheme, proxied)


def limited_as(address: str) -> str:
    """Return the name under which an address is counted: of IPv6 its /64, which one client has to itself."""
    known = _address(address)
    if isinstance(known, IPv6Address):
        return str(ip_network((known, 64), strict=False))
    return address if known is None else str(known)


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    known = _address(address)
    return known is not None and any(known in network for network in trusted)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    host = text.strip().strip('"')
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        found = ip_address(host)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
