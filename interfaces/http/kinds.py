"""All kinds of problems there are over HTTP, in one list: those of our errors and those of HTTP itself."""

from __future__ import annotations

from typing import NamedTuple

from interfaces.errors import VERDICTS
from interfaces.http.problems import BY_STATUS, FOREIGN_HOST


class Kind(NamedTuple):
    """One kind. `exit_code` is None for what only HTTP knows."""

    slug: str
    title: str
    status: int
    exit_code: int | None


def kinds() -> list[Kind]:
    """Return every kind once, in the order of the tables."""
    found = {one.slug: Kind(one.slug, one.title, one.status, int(one.exit_code)) for one in VERDICTS.values()}
    for status, (slug, title) in [*BY_STATUS.items(), (403, FOREIGN_HOST)]:
        found.setdefault(slug, Kind(slug, title, status, None))
    return list(found.values())
