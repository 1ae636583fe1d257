"""Questions about tokens, links and sessions. Whether one lets somebody in, the log says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from domain.content import Vault
from projections.access import NAME, VERSION
from projections.opening import Opener
from projections.reading import Reading

_ROWS: LiteralString = """
select g.id, g.kind, g.name, g.scopes, g.acts_as, g.made_by, g.made_at, g.link_expires_at, g.began_at,
       g.expires_at, g.ended_at, g.ended_by, g.end_kind, u.used_at
  from grants g
  left join daybook.grant_uses u on u.grant_id = g.id
"""
_NAMES: LiteralString = (
    "select g.acts_as, g.name from grants g where g.kind = 'token' and g.acts_as = any(%s)"
)


@dataclass(frozen=True, slots=True)
class Grant:
    """What lets somebody in. `kind` is `token` or `session`; a session that did not begin is a link.

    `used_at` is exact to some minutes. `name` is empty for sessions, and where it was altered.
    """

    id: UUID
    kind: str
    name: str
    scopes: str
    acts_as: str
    made_by: str
    made_at: datetime
    link_expires_at: datetime | None
    began_at: datetime | None
    expires_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    end_kind: str | None
    used_at: datetime | None

    @property
    def version(self) -> int:
        """Where its stream stands: being made, opened and ended are all that can happen to it."""
        return 1 + (self.began_at is not None) + (self.ended_at is not None)

    def state(self, now: datetime) -> str:
        """Return `live`, `link` (not opened yet), `expired`, `revoked` or `signed-out`."""
        if self.end_kind is not None:
            return self.end_kind
        is_link = self.kind == "session" and self.began_at is None
        until = self.link_expires_at if is_link else self.expires_at
        if until is not None and until <= now:
            return "expired"
        return "link" if is_link else "live"


class AccessQueries:
    """Reads the read model of tokens and sessions."""

    def __init__(self, reading: Reading, vault: Vault) -> None:
        self._reading = reading
        self._vault = vault

    def all(self, *, at_least: int | None = None) -> tuple[Grant, ...]:
        """Return all that ever were, oldest first."""
        return self._rows(_ROWS + " order by g.first_index", None, at_least)

    def get(self, grant_id: UUID, *, at_least: int | None = None) -> Grant | None:
        """Return one, or None where there is none of this id."""
        found = self._rows(_ROWS + " where g.id = %s", (grant_id,), at_least)
        return found[0] if found else None

    def find(self, fragment: str, *, at_least: int | None = None) -> tuple[Grant, ...]:
        """Return those whose id begins or ends with these hex digits (see `domain.ids.fragment`)."""
        return tuple(
            grant
            for grant in self.all(at_least=at_least)
            if grant.id.hex.startswith(fragment) or grant.id.hex.endswith(fragment)
        )

    def named(self, name: str, *, at_least: int | None = None) -> tuple[Grant, ...]:
        """Return the tokens of exactly this name that were not revoked; names need not be unique."""
        wanted = " ".join(name.split())
        return tuple(
            grant
            for grant in self.all(at_least=at_least)
            if grant.kind == "token" and grant.name == wanted and grant.ended_at is None
        )

    def names(self, actors: frozenset[str], *, at_least: int | None = None) -> dict[str, str]:
        """Return the names of those actors that are tokens."""
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(_NAMES, (list(actors),)).fetchall()
        opened = {actor: Opener(self._vault).text(name) for actor, name in rows}
        return {actor: name for actor, name in opened.items() if name}

    def _rows(self, statement: LiteralString, values: Any, at_least: int | None) -> tuple[Grant, ...]:
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(statement, values).fetchall()
        return tuple(self._grant(*row) for row in rows)

    def _grant(self, identifier: UUID, kind: str, name: bytes | None, *rest: Any) -> Grant:
        return Grant(identifier, kind, Opener(self._vault).text(name) or "", *rest)
