"""Who is let into a book behind a server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from interfaces.access_views import GrantListView, GrantView, SessionListView
from projections.access.queries import Grant

if TYPE_CHECKING:
    from interfaces.remote.connection import Connection
    from interfaces.remote.log import RemoteEvents


MOST_A_PAGE = 200


@dataclass(frozen=True, slots=True)
class ToldGrant(Grant):
    """One whose state the server told, by its own clock."""

    told: str

    def state(self, now: datetime) -> str:
        """Return what was told, whenever it is."""
        del now
        return self.told


class RemoteGrants:
    """Lists tokens, links and sessions."""

    def __init__(self, connection: Connection, events: RemoteEvents) -> None:
        self._connection = connection
        self._events = events

    def all(self) -> tuple[Grant, ...]:
        """Return all that ever were, oldest first."""
        return tuple(sorted([*self._tokens(), *self._sessions()], key=lambda one: (one.made_at, one.id)))

    def find(self, fragment: str) -> tuple[Grant, ...]:
        """Return those whose id begins or ends with these hex digits (see `domain.ids.fragment`)."""
        return tuple(
            one for one in self.all() if one.id.hex.startswith(fragment) or one.id.hex.endswith(fragment)
        )

    def named(self, name: str) -> tuple[Grant, ...]:
        """Return the tokens of exactly this name that were not revoked."""
        wanted = " ".join(name.split())
        return tuple(one for one in self._tokens() if one.name == wanted and one.ended_at is None)

    def names(self, actors: frozenset[str]) -> dict[str, str]:
        """Return the names of those actors that are tokens, of the events that were read."""
        return {actor: name for actor, name in self._events.names.items() if actor in actors}

    def _tokens(self) -> list[ToldGrant]:
        found: list[ToldGrant] = []
        cursor: str | None = None
        while True:
            page = self._connection.get(
                "tokens", GrantListView, include_ended=True, limit=MOST_A_PAGE, cursor=cursor
            )
            found += map(_grant, page.tokens)
            cursor = page.next_cursor
            if cursor is None:
                return found

    def _sessions(self) -> list[ToldGrant]:
        found: list[ToldGrant] = []
        cursor: str | None = None
        while True:
            page = self._connection.get(
                "sessions", SessionListView, include_ended=True, limit=MOST_A_PAGE, cursor=cursor
            )
            found += map(_grant, page.sessions)
            cursor = page.next_cursor
            if cursor is None:
                return found


def _grant(view: GrantView) -> ToldGrant:
    return ToldGrant(
        id=view.id,
        kind=view.kind,
        name=view.name or "",
        scopes=" ".join(view.scopes),
        acts_as=view.acts_as,
        made_by=view.made_by or "",
        made_at=view.made_at,
        link_expires_at=view.expires_at if view.state == "link" else None,
        began_at=None,
        expires_at=view.expires_at,
        ended_at=view.ended_at,
        ended_by=None,
        end_kind=view.state if view.ended_at is not None else None,
        used_at=view.used_at,
        told=view.state,
    )
