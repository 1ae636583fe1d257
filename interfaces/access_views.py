"""The JSON shapes of what lets somebody in; the rules of `views.py` hold here, too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class GrantView:
    """What lets somebody in. `kind` is `token` or `session`.

    `state` is `live`, `link` (a session's link, not opened yet), `expired`, `revoked` or `signed-out`;
    `used_at` is exact to some minutes; `acts_as` is the actor of what is done with it.
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


@dataclass(frozen=True, kw_only=True)
class GrantListView:
    """Tokens, links and sessions, oldest first."""

    tokens: list[GrantView]


@dataclass(frozen=True, kw_only=True)
class NewTokenView:
    """A token that was made now; `token` is not shown again."""

    id: UUID
    name: str
    scopes: list[str]
    expires_at: datetime | None
    token: str
    log_size: int


@dataclass(frozen=True, kw_only=True)
class LinkView:
    """A link that signs one browser in, once, until `expires_at`; `session_expires_at` ends its session."""

    id: UUID
    url: str
    scopes: list[str]
    expires_at: datetime
    session_expires_at: datetime
    log_size: int
