"""The JSON shapes of tokens, links and sessions; the rules are those of `views.py`.

Invariant: a secret is in the answer to the request that made it, and in no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from application.commands import Made, OfferSession
    from projections.access.queries import Grant


@dataclass(frozen=True, kw_only=True)
class GrantView:
    """What lets somebody in. `kind` is `token` or `session`.

    `state` is `live`, `link` (a session's link, not opened yet), `expired`, `revoked` or `signed-out`;
    `used_at` is exact to some minutes; `acts_as` is the actor of what is done with it, `made_by` the one who
    made it.
    """

    id: UUID
    kind: str
    name: str | None
    scopes: list[str]
    state: str
    acts_as: str
    made_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    ended_at: datetime | None = None
    made_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class GrantListView:
    """Tokens, oldest first; the command line lists links and sessions among them."""

    tokens: list[GrantView]
    next_cursor: str | None = None


@dataclass(frozen=True, kw_only=True)
class SessionListView:
    """A page of sessions, and of links that were not opened, oldest first."""

    sessions: list[GrantView]
    next_cursor: str | None = None


@dataclass(frozen=True, kw_only=True)
class NewTokenView:
    """A token that was made; `token` is shown by the request that made it, and never again.

    `replayed`: it was made before, under the same idempotency key, and `token` is null.
    """

    id: UUID
    name: str
    scopes: list[str]
    expires_at: datetime | None
    token: str | None
    log_size: int
    replayed: bool = False


@dataclass(frozen=True, kw_only=True)
class LinkView:
    """A link that signs one browser in, once, until `expires_at`; `session_expires_at` ends its session."""

    id: UUID
    url: str
    scopes: list[str]
    expires_at: datetime
    session_expires_at: datetime
    log_size: int


def grant(found: Grant, now: datetime) -> GrantView:
    """Show a token, a link or a session as it is at a moment."""
    state = found.state(now)
    return GrantView(
        id=found.id,
        kind=found.kind,
        name=found.name or None,
        scopes=found.scopes.split(),
        state=state,
        acts_as=found.acts_as,
        made_at=found.made_at,
        expires_at=found.link_expires_at if state == "link" else found.expires_at,
        used_at=found.used_at,
        ended_at=found.ended_at,
        made_by=found.made_by,
    )


def new_token(made: Made, found: Grant) -> NewTokenView:
    """Show a token that was made, now or before under the same key."""
    return NewTokenView(
        id=made.id,
        name=found.name,
        scopes=found.scopes.split(),
        expires_at=found.expires_at,
        token=made.secret or None,
        log_size=made.log_size,
        replayed=not made.secret,
    )


def link(made: Made, command: OfferSession, address: str) -> LinkView:
    """Show a link into the server at an address (scheme, host and port)."""
    return LinkView(
        id=made.id,
        url=f"{address}/sign-in?code={made.secret}",
        scopes=list(dict.fromkeys(command.scopes)),
        expires_at=command.link_expires_at,
        session_expires_at=command.expires_at,
        log_size=made.log_size,
    )
