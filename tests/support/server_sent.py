"""Server-Sent Events of one response, as a client reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx


def events_of(response: httpx.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and data of each event; comments are passed over."""
    assert response.status_code == 200, response.read()
    assert response.headers["content-type"].startswith("text/event-stream")
    name = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))
