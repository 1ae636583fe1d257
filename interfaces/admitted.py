"""The book as somebody sees who was let in: each part behind the check of `application.access`.

Invariant: there is no way past the check; what belongs to the process alone (`close`) is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from application import scopes
from application.access import Guarded, Principal
from interfaces.watched import WatchedBook

if TYPE_CHECKING:
    from application.disclosing import Disclosures
    from application.handlers import Commands
    from interfaces.book import WholeBook

_LENDS = {"answering": {"running": scopes.RUNNING_ANSWER}}


class AdmittedBook:
    """A `Book` for one principal. Cheap to make: one a request."""

    def __init__(self, book: WholeBook, principal: Principal) -> None:
        self._book = book
        self._principal = principal
        self._disclosures = book.disclosures.to(principal.actor, principal.source)
        self._watched = WatchedBook(book, self._disclosures)

    @property
    def actor(self) -> str:
        """The opaque id that the log will name."""
        return self._principal.actor

    @property
    def commands(self) -> Commands:
        """Takes the principal's commands."""
        return self._book.commands.acting_for(self._principal)

    @property
    def disclosures(self) -> Disclosures:
        """Writes down what the principal exports."""
        return self._disclosures

    def look_after(self) -> None:
        """Close answers whose process died; whoever reads may be the one who finds them."""
        self._principal.must(scopes.READ, "look_after")
        self._book.look_after()

    def __getattr__(self, name: str) -> Any:
        """Return a part of the book, guarded; what is no part of the tables is for the process alone."""
        needs = scopes.QUERIES.get(name)
        if needs is None:
            self._principal.must(scopes.PROCESS, name)
        return Guarded(getattr(self._watched, name), needs or {}, self._principal, name, _LENDS.get(name))
