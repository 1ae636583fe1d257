"""What a setting's value has to look like, checked when it is written and whenever it is used.

Invariant: a value that cannot mean what somebody meant is refused with its origin and a way out, never read
as something else. A relative home would be another, empty book in every directory.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from domain.errors import InvalidInputError


def fault(key: str, value: str) -> str:
    """Return what a setting must be, where this value is not it; else nothing."""
    check = _CHECKS.get(key)
    return check(value) if check else ""


def number_fault(value: str) -> str:
    """Return what a numeric setting must be, where this value is not it; else nothing."""
    try:
        number = float(value)
    except ValueError:
        number = 0
    return "" if 0 < number < float("inf") else "must be a number above 0"


def _home(value: str) -> str:
    try:
        absolute = Path(value).expanduser().is_absolute()
    except RuntimeError:  # ~somebody who does not exist
        absolute = False
    return "" if absolute else "must be an absolute path"


def _whole(value: str) -> str:
    fits = not number_fault(value) and float(value).is_integer()
    return "" if fits else "must be a whole number above 0"


def _not_empty(value: str) -> str:
    return "" if value.strip() else "must not be empty"


def _listen(value: str) -> str:
    from interfaces.http.options import parse_address

    try:
        parse_address(value)
    except InvalidInputError:
        return "must be an address and a port, such as 127.0.0.1:8484 or [::1]:8484,"
    return ""


def _ollama_url(value: str) -> str:
    from infrastructure.ollama.address import normalise_url

    try:
        normalise_url(value)
    except InvalidInputError:
        return "must be a URL, such as http://127.0.0.1:11434,"
    return ""


def _public_url(value: str) -> str:
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    return "" if fits else "must be a URL, such as https://book.example.org,"


def _server(value: str) -> str:
    from bootstrap.servers import is_name, url_fault

    if is_name(value):
        return ""
    return url_fault(value) and "must be a saved name, or a URL such as https://book.example.org,"


def _log_format(value: str) -> str:
    return "" if value in {"auto", "text", "json"} else "must be auto, text or json,"


def _on_or_off(value: str) -> str:
    return "" if value in {"on", "off"} else "must be on or off,"


def _record_access(value: str) -> str:
    return "" if value in {"off", "exports", "all"} else "must be off, exports or all,"


def _trusted_proxies(value: str) -> str:
    from interfaces.http.peers import parse_networks

    try:
        parse_networks(value)
    except ValueError:
        return "must be addresses or networks with commas between them, such as 127.0.0.1,10.0.0.0/8,"
    return ""


_CHECKS = {
    "home": _home,
    "model": _not_empty,
    "context_length": _whole,
    "model_concurrency": _whole,
    "queue_limit": _whole,
    "rate_limit": _whole,
    "listen": _listen,
    "log_format": _log_format,
    "ollama_url": _ollama_url,
    "public_url": _public_url,
    "titles": _on_or_off,
    "pull": _on_or_off,
    "record_access": _record_access,
    "server": _server,
    "trusted_proxies": _trusted_proxies,
}
