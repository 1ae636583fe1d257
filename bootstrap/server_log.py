"""The server's log on standard error: text for whoever watches a terminal, one JSON object a line elsewhere.

Invariant: what an exception of somebody else's says is left out, for it may quote what a person wrote; its
kinds and places are told.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from interfaces.faults import kinds_and_places
from interfaces.http.logs import FIELDS
from interfaces.views import utc

_OURS = "daybook"
_LIBRARIES = ("uvicorn",)


class JsonLines(logging.Formatter):
    """One JSON object a line: `time`, `level`, `line` (its name), and the line's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        fields: dict[str, Any] = getattr(record, FIELDS, None) or {
            "line": "message",
            "logger": record.name,
            "detail": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            fields = {**fields, "where": kinds_and_places(record.exc_info[1])}
        told = {"time": _time(record), "level": record.levelname.lower(), **fields}
        return json.dumps(told, default=str, separators=(",", ":"))


class TextLines(logging.Formatter):
    """The same for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and below it the places of an error."""
        told = f"{_time(record)} {record.levelname:<7} {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            told += "\n  " + "\n  ".join(kinds_and_places(record.exc_info[1]))
        return told


def log_to_stderr(form: str) -> None:
    """Let Daybook and its libraries log to standard error. `form`: `auto`, `text` or `json`."""
    as_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextLines() if as_text else JsonLines())
    for name in (_OURS, *_LIBRARIES):
        logger = logging.getLogger(name)
        if all(isinstance(known, logging.NullHandler) for known in logger.handlers):
            logger.addHandler(handler)
            logger.setLevel(logging.INFO if name == _OURS else logging.WARNING)
            logger.propagate = False


def _time(record: logging.LogRecord) -> str:
    return utc(datetime.fromtimestamp(record.created, UTC))
