"""What an HTTP server is told when it is made, and the rule about listening beyond this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from domain.errors import InvalidInputError
from interfaces.book import Check
from interfaces.http.peers import Network

if TYPE_CHECKING:
    from application.model_sizes import Recommendation

_MAX_PORT = 65535

End = tuple[str, int]
"""Address and port of one end of a connection."""


class Address(NamedTuple):
    """Where a server listens. `host` comes without the brackets of IPv6."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    @property
    def url(self) -> str:
        """The address as a browser on this machine takes it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class HttpOptions:
    """Settings of one server, and what it may ask of the process around it.

    `checks` looks at what readiness needs beyond the book, `doctor` at everything; neither raises.
    `recommend` fits this machine to the sizes of models; None: nobody here can tell. `is_own_user` tells of a
    connection (the client's end, ours) whether its program is of the user we run as; None where that cannot
    be known. `titles`: conversations that nobody named are given one.
    """

    version: str = "0"
    token: str = ""
    model: str = ""
    allowed_hosts: Sequence[str] = ()
    public_url: str = ""
    listen: Address = field(default_factory=lambda: Address("127.0.0.1", 8484))
    trusted_proxies: Sequence[Network] = ()
    checks: Callable[[], Sequence[Check]] = tuple
    doctor: Callable[[], Sequence[Check]] = tuple
    recommend: Callable[[], Recommendation] | None = None
    is_own_user: Callable[[End, End], bool | None] = lambda _client, _server: None
    requests_a_minute: float = 3000.0
    look_after_every: float = 30.0
    heartbeat_every: float = 15.0
    stop_within: float = 8.0
    titles: bool = True
    notice: str = ""


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address means this machine alone."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def parse_address(text: str) -> Address:
    """Read `host:port`, `[ipv6]:port` or a bare `:port`.

    Raises:
        InvalidInputError: it is none of these.
    """
    host, colon, port = text.strip().rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    if (
        not colon
        or not port.isascii()
        or not port.isdigit()
        or int(port) > _MAX_PORT
        or (":" in bare and not bracketed)
    ):
        raise InvalidInputError(
            f"{text!r} is no address to listen on; Daybook was not started.",
            hint="DAYBOOK_LISTEN=127.0.0.1:8484  (IPv6: [::1]:8484)",
        )
    return Address(bare or "127.0.0.1", int(port))


def must_be_guarded(options: HttpOptions) -> None:
    """Refuse to be reachable from other machines without a token.

    Raises:
        InvalidInputError: the address is not a loopback one and there is no token.
    """
    if options.token or options.listen.is_loopback:
        return
    raise InvalidInputError(
        f"Listening on {options.listen.host} lets other machines in, and no token is set. "
        "Daybook was not started.",
        hint="export DAYBOOK_TOKEN=$(python3 -c 'import secrets; print(secrets.token_urlsafe(32))')  "
        "(or listen on 127.0.0.1)",
    )
