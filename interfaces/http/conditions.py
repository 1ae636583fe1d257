"""`ETag`, `If-Match` and `If-None-Match`: the version of a thing's stream, as HTTP says it.

Invariant: a tag is compared by the write side itself, as the version its append expects, and never by a look
before it.
"""

from __future__ import annotations

import re

from domain.errors import InvalidInputError

_OURS = re.compile(r'"([0-9]{1,18})"')
_NO_VERSION = -1


def tag(version: int) -> str:
    """Return the strong entity tag of a version."""
    return f'"{version}"'


def version_of_tags(if_match: str | None) -> int | None:
    """Return the version that an `If-Match` expects; None where any will do.

    A tag that is not one of ours, or a weak one, is of no version: nothing ever stands there.

    Raises:
        InvalidInputError: it names several versions, of which one alone can be expected.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    if "," in if_match:
        raise InvalidInputError(
            "If-Match names several tags; send the one ETag that you decided on. Nothing was recorded."
        )
    match = _OURS.fullmatch(if_match.strip())
    return int(match[1]) if match else _NO_VERSION


def is_current(if_none_match: str | None, version: int) -> bool:
    """Tell whether the client has this very version (weak comparison, as RFC 9110 wants it for reading)."""
    if if_none_match is None:
        return False
    held = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return "*" in held or tag(version) in held
