"""Turns what people write as the model server's address into one URL.

It takes everything that Ollama itself takes in `OLLAMA_HOST`, with Ollama's own defaults: no scheme means
http on port 11434; a scheme that is written brings its own port, 80 or 443. An address that a server
*listens* on (`0.0.0.0`, `[::]`) means this machine to a client. `normalise_url` is idempotent.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address

from domain.errors import InvalidInputError

_DEFAULT_PORT = 11434
_SCHEME_PORTS = {"http": 80, "https": 443}
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - recognised, never bound
_MAX_PORT = 65535
_HOST = re.compile(r"[A-Za-z0-9_.\-]*")


def normalise_url(value: str) -> str:
    """Return `scheme://host:port[/path]` for an address as people write it, or raise `InvalidInputError`."""
    text = value.strip().strip("'\"").strip()
    scheme, found, rest = text.partition("://")
    if not found:
        scheme, rest = "", text
    scheme = scheme.lower()
    if scheme and scheme not in _SCHEME_PORTS:
        raise _unusable(value, f"“{scheme}” is not http or https")
    if re.search(r"[\s?#]", rest):
        raise _unusable(value, "it holds a space, “?” or “#”")
    authority, _, path = rest.partition("/")
    path = path.strip("/")
    credentials, at, host_port = authority.rpartition("@")
    host, port = _split_port(host_port, value)
    host = _ANY_ADDRESS.get(host, host)
    if ":" in host:
        host = f"[{host}]"
    port = port or _SCHEME_PORTS.get(scheme, _DEFAULT_PORT)
    return f"{scheme or 'http'}://{credentials}{at}{host}:{port}{'/' if path else ''}{path}"


def shown_url(url: str) -> str:
    """Return the URL as it may stand in messages: without a user's name and password."""
    return re.sub(r"//[^/@]*@", "//", url)


def _split_port(host_port: str, value: str) -> tuple[str, int]:
    """Take host and port apart; port 0 stands for none. IPv6 may come with or without brackets."""
    bare = _as_ipv6(host_port.strip("[]"))
    if bare:
        return bare, 0
    host, colon, port_text = host_port.rpartition(":")
    if not colon:
        host, port_text = host_port, ""
    if host.startswith("["):
        ipv6 = _as_ipv6(host.strip("[]"))
        if not ipv6:
            raise _unusable(value, f"“{host}” is not an IPv6 address")
        host = ipv6
    elif not _HOST.fullmatch(host):
        raise _unusable(value, f"“{host}” is not a host name")
    if not port_text:
        return host, 0
    if not (port_text.isascii() and port_text.isdigit() and 1 <= int(port_text) <= _MAX_PORT):
        raise _unusable(value, f"“{port_text}” is not a port")
    return host, int(port_text)


def _as_ipv6(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    return str(address) if isinstance(address, IPv6Address) else ""


def _unusable(value: str, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"“{shown_url(value)}” cannot be used as the model server's address: {why}. "
        "Write it like http://127.0.0.1:11434.",
        hint="daybook config list",
    )
