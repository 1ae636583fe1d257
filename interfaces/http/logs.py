"""What the server tells of itself, line by line, and the names of those lines.

Invariant: a line holds ids, names of operations, counts and durations. Never what a person or a model wrote,
never a query string, never a path as it was sent: paths are told as templates.
"""

from __future__ import annotations

import logging
from typing import Any

_log = logging.getLogger("daybook.server")

FIELDS = "daybook_fields"
"""Where a log record carries the fields of its line."""

LINES = {
    "listening": "The server accepts connections: `url`, `version`.",
    "stopping": "The server was told to stop: `running_answer_count`.",
    "request": "A request has been answered: `request_id`, `correlation_id`, `method`, `route` (a template), "
    "`operation`, `status`, `duration_ms`, `actor`; `problem` names the kind of error.",
    "problem": "One of our own errors that is not the client's (5xx): `problem`, `error` (a class), "
    "`request_id`, `correlation_id`.",
    "fault": "A mistake of Daybook's: `where` lists the kinds of errors and their places, and nothing that "
    "anybody wrote; `request_id`, `correlation_id`.",
    "answer-ended": "An answer has ended: `answer_id`, `conversation_id`, `correlation_id`, `actor`, "
    "`model`, `status`, `reason`, `first_token_ms`, `total_ms`, `completion_tokens`.",
    "replay-ended": "A replay that this server ran has ended: `replay_id`, `status`.",
    "replay-stopped": "A replay cannot go on now, and can be resumed: `replay_id`, `detail`.",
    "work-ended": "A long operation has ended: `operation`, `outcome` (`done`, `failed` or `abandoned`), "
    "`duration_ms`, `correlation_id`.",
    "erased": "Content was erased: `kind`, `id`, `correlation_id`, `actor`.",
    "pull": "The default model was missing and is being got, or that has ended: `model`, `status`, `detail`.",
    "pump-stopped": "The read models are no longer kept up: `detail`.",
    "look-failed": "The look for orphaned answers failed, and is done again later: `detail`.",
    "answers-left": "Some answers could not be ended in time; the next start closes them.",
    "message": "Anything else, from Daybook or its libraries, as text: `detail`.",
}
"""Every line by its name. docs/operations.md lists them."""


def tell(line: str, level: int = logging.INFO, **fields: Any) -> None:
    """Write one line; fields that are None are left out."""
    given = {name: value for name, value in fields.items() if value is not None}
    if _log.isEnabledFor(level):
        shown = " ".join(f"{name}={_shown(value)}" for name, value in given.items())
        _log.log(level, "%s %s", line, shown, extra={FIELDS: {"line": line, **given}})


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "\n  " + "\n  ".join(map(str, value))
    return str(value)
