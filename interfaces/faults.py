"""What may be told of a mistake of ours: the kinds of its errors and where they happened.

Invariant: never what a person or a model wrote. Messages of foreign exceptions quote values, so they are left
out, and so are the lines of code and their variables.
"""

from __future__ import annotations

import errno

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
"""What an `OSError` says when there is no room, on the disk or for this user."""


def kinds_and_places(problem: BaseException) -> list[str]:
    """Return one line for each error that led to this one, with the places it came through below."""
    import traceback

    lines: list[str] = []
    seen: BaseException | None = problem
    while seen is not None:
        lines.append(f"{type(seen).__module__}.{type(seen).__qualname__}")
        lines += [
            f"  {at.filename}:{at.lineno} in {at.name}" for at in traceback.extract_tb(seen.__traceback__)
        ]
        seen = seen.__cause__ or seen.__context__
    return lines
