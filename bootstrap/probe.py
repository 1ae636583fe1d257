"""The image's health check: asks its own server whether it is ready (`python -m bootstrap.probe`)."""

from __future__ import annotations

import sys
from http.client import HTTPConnection, HTTPException

from bootstrap.settings import Settings
from interfaces.http.options import parse_address

_TIMEOUT_SECONDS = 4.0
_READY = 200


def main() -> int:
    """Return 0 where `/readyz` says so, else 1."""
    address = parse_address(Settings.from_process().get("listen"))
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 - compared, not bound
    connection = HTTPConnection(host, address.port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read(4096).decode("utf-8", "replace")
    except (OSError, HTTPException) as problem:
        sys.stdout.write(f"no answer: {problem}\n")
        return 1
    finally:
        connection.close()
    sys.stdout.write(body + "\n")
    return 0 if answer.status == _READY else 1


if __name__ == "__main__":
    sys.exit(main())
