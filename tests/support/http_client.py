"""What a client of the HTTP interface does: ask, and put an answer together from its events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass
class Event:
    """One event as it came."""

    name: str
    data: dict[str, Any]
    id: str | None


@dataclass
class Reader:
    """Reads a stream as a browser's EventSource would, over any number of connections."""

    client: httpx.Client
    answer_id: str
    thinking: str = ""
    text: str = ""
    last_id: str | None = None
    events: list[Event] = field(default_factory=list)
    comment_count: int = 0

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events]

    @property
    def end(self) -> dict[str, Any]:
        last = self.events[-1]
        assert last.name in {"done", "failed"}, self.names
        return last.data

    def read(self, *, until: int | None = None) -> int:
        """Read to the end, or to so many events more; return the status of the response."""
        headers = {} if self.last_id is None else {"Last-Event-ID": self.last_id}
        with self.client.stream(
            "GET", f"/api/v1/answers/{self.answer_id}/stream", headers=headers
        ) as response:
            if response.status_code == 200:
                for count, event in enumerate(self._parsed(response), 1):
                    self._take(event)
                    if until is not None and count >= until:
                        break
            else:
                response.read()
            return response.status_code

    def _take(self, event: Event) -> None:
        self.events.append(event)
        if event.id is not None:
            self.last_id = event.id
        if event.name == "reset":
            self.thinking = self.text = ""
        self.thinking += event.data.get("thinking", "") if event.name == "delta" else ""
        self.text += event.data.get("text", "") if event.name == "delta" else ""

    def _parsed(self, response: httpx.Response) -> Iterator[Event]:
        assert response.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        for line in response.iter_lines():
            if line.startswith(":"):
                self.comment_count += 1
            elif line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "event" in fields:
                yield Event(fields["event"], json.loads(fields["data"]), fields.get("id"))
                fields = {}
            else:
                fields = {}


def conversation(client: httpx.Client, **body: Any) -> str:
    """Open a conversation; return its id."""
    response = client.post("/api/v1/conversations", json=body)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def ask(
    client: httpx.Client, text: str, *, conversation_id: str | None = None, **body: Any
) -> dict[str, Any]:
    """Ask in a new conversation, or in one that is there; return what was recorded."""
    where = conversation_id or conversation(client)
    response = client.post(f"/api/v1/conversations/{where}/prompts", json={"text": text, **body})
    assert response.status_code == 202, response.text
    found: dict[str, Any] = response.json()
    return found


def answered(client: httpx.Client, text: str, **body: Any) -> Reader:
    """Ask and read to the end."""
    reader = Reader(client, ask(client, text, **body)["answer_id"])
    assert reader.read() == 200
    return reader
