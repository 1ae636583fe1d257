"""Files to import, and a book that only remembers what it was given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from application.handlers import Commands
from interfaces.porting.taking import ImportView, Wishes, take_in
from tests.support.house import WHO, House

TIME = "2026-01-02T03:04:05.678901Z"
HEAD = {
    "type": "head",
    "format": "daybook",
    "version": 1,
    "exported_at": TIME,
    "scope": "all",
    "log_size": 9,
}
END = {"type": "end", "project_count": 0, "conversation_count": 1, "message_count": 2}


def identifier(number: int) -> str:
    return str(UUID(int=number))


def conversation(count: int = 2, number: int = 1, **values: Any) -> dict[str, Any]:
    told = {"message_count": count, "created_at": TIME, "updated_at": TIME}
    return {"type": "conversation", "id": identifier(number), **told, **values}


def prompt(number: int = 11, **values: Any) -> dict[str, Any]:
    return {"type": "message", "id": identifier(number), "kind": "prompt", "at": TIME, "text": "Hi", **values}


def answer(number: int = 12, parent: int = 11, **values: Any) -> dict[str, Any]:
    told = {
        "kind": "answer",
        "text": "Hello.",
        "status": "complete",
        "ended_at": TIME,
        "parent_id": identifier(parent),
        "provenance": {"model": "m"},
    }
    return {"type": "message", "id": identifier(number), "at": TIME, **told, **values}


def file_of(*lines: Any) -> bytes:
    """Return a file of these lines; bytes stand as they are."""
    return b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)


class Desk:
    """A write side in memory that files are imported into."""

    def __init__(self, folder: Path) -> None:
        self.house = House()
        self._file = folder / "file"

    def give(self, content: bytes, **wishes: Any) -> ImportView:
        self._file.write_bytes(content)
        return self.give_file(self._file, **wishes)

    def give_file(self, file: Path, **wishes: Any) -> ImportView:
        return take_in(Commands(self.house.services), file, WHO, Wishes(**wishes))
