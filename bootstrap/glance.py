"""The book for a glance: what completion in a shell reads, a few times a second, while somebody types.

Invariants: nothing is started, migrated, caught up, made or noted; who is not answered at once gives up. What
the read models do not hold yet is not shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

from application.errors import DatabaseError
from bootstrap.container import Container
from domain.errors import NotFoundError

if TYPE_CHECKING:
    from bootstrap.database_admin import BookDatabase
    from bootstrap.home import Home
    from bootstrap.settings import Settings
    from infrastructure.crypto.keyring import Keyring
    from projections.reading import Reading


class GlancedBook(Container):
    """One open book of this machine, looked at and left as it is."""

    def __init__(self, settings: Settings, home: Home, database: BookDatabase, patience: float) -> None:
        """Connect to the database, if it runs; `patience` is how many seconds may pass till it is connected.

        Raises:
            DatabaseError: it does not.
        """
        super().__init__(settings, home, database.glance(patience))

    @cached_property
    def actor(self) -> str:
        """The opaque id of this home's user."""
        if not self._home.has_actor:
            raise NotFoundError("Nobody has used this home yet.")
        return self._home.actor()

    @cached_property
    def keyring(self) -> Keyring:
        """The book's keys; none is made, and where it was opened is not noted."""
        from bootstrap.container import make_keyring

        return make_keyring(self._settings, self._home, self.database, changes=False)

    @cached_property
    def reading(self) -> Reading:
        """Opens queries on the read models as they stand."""
        from projections.reading import Reading

        return Reading(self.database, _Nobody, fresh=False, erasures=self.keyring.noticed)

    def look_after(self) -> None:
        """Leave everything as it is."""


class _Nobody:
    """Stands where a pump would: there is no read model of this version, and none is made."""

    def catch_up(self, names: Sequence[str] | None = None, at_least: int | None = None) -> NoReturn:
        del names, at_least
        raise DatabaseError("The read models are not those of this version of Daybook.")
