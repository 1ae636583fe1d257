"""Server-Sent Events, line by line, as the server sends them (the WHATWG's format, what of it we use)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from interfaces.server_errors import OldServerError


@dataclass(frozen=True)
class ServerEvent:
    """One event. `id` is None where it does not say how far the stream has come."""

    name: str
    data: dict[str, Any]
    id: str | None


class EventLines:
    """Puts events together from lines without their ends."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}

    def take(self, line: str) -> ServerEvent | None:
        """Take a line; return the event that it ends, if it does."""
        if line.startswith(":"):
            return None
        if line:
            name, _, value = line.partition(":")
            self._fields[name] = value.removeprefix(" ")
            return None
        fields, self._fields = self._fields, {}
        if "data" not in fields:
            return None
        try:
            data = json.loads(fields["data"])
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise OldServerError("The server's stream is not understood. It is probably of another version.")
        return ServerEvent(fields.get("event", "message"), data, fields.get("id"))
