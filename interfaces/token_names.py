"""The rule about tokens' names: the log shows them, so of those that let somebody in no two are the same."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from domain.errors import RefusedError
from domain.ids import short

if TYPE_CHECKING:
    from interfaces.book import Book


def must_be_free(book: Book, name: str, now: datetime) -> None:
    """Go on where no token of this name lets anybody in.

    Raises:
        RefusedError: one does.
    """
    twins = [one for one in book.access.named(name) if one.state(now) == "live"]
    if twins:
        raise RefusedError(
            f"There is a token {twins[0].name!r} already ({short(twins[0].id)}). Nothing was made.",
            hint=f"daybook token revoke {short(twins[0].id)}   (or choose another name)",
        )
