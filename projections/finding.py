"""Finding things by a piece of their id, and cursors: what all queries share.

A fragment (hex digits, from `domain.ids.fragment`) matches the beginning or the end of an id. Both are ranges
of an index: beginnings of the id itself, ends of its digits reversed.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any
from uuid import UUID

from domain.errors import InvalidInputError

_WHOLE = 32


def fragment_parameters(fragment: str) -> dict[str, Any]:
    """Return the parameters `low`, `high`, `reversed_low` and `reversed_high` for `id_matches` conditions."""
    backwards = fragment[::-1]
    return {
        "low": UUID(hex=fragment.ljust(_WHOLE, "0")),
        "high": UUID(hex=fragment.ljust(_WHOLE, "f")),
        "reversed_low": backwards,
        "reversed_high": backwards + "g",  # after every hex digit
    }


def to_cursor(*values: Any) -> str:
    """Return values as an opaque cursor."""
    return base64.urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode().rstrip("=")


def from_cursor(cursor: str, *types: type) -> tuple[Any, ...]:
    """Undo `to_cursor`.

    Raises:
        InvalidInputError: that is no cursor of this list.
    """
    try:
        values = json.loads(
            base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        )
        if isinstance(values, list) and [type(value) for value in values] == list(types):
            return tuple(values)
    except (binascii.Error, ValueError, RecursionError):
        pass
    raise no_cursor()


def no_cursor() -> InvalidInputError:
    """Return what to raise for a cursor that no list gave out."""
    return InvalidInputError(
        "The cursor is not one that this list gave out. Begin again without a cursor; nothing was changed."
    )
