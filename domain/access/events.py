"""What can happen to what lets somebody in. Fields are content unless listed as plain.

Secrets are in none of these: `proof` is a keyed hash of a secret and of everything it allows. Moments are
whole seconds since 1970; None: never. `scopes` are words with spaces between them.
"""

from __future__ import annotations

from domain.content import Text
from domain.event import Created, Event, catalogue


@catalogue.register("token.created", plain="scopes expires_at proof")
class TokenCreated(Created):
    """A program may come in with a token; what it does is recorded under the token's own id."""

    name: Text
    scopes: str
    expires_at: int | None
    proof: bytes


@catalogue.register("token.revoked")
class TokenRevoked(Event):
    """The token lets nobody in any more."""


@catalogue.register("session.offered", plain="scopes acts_as link_expires_at expires_at proof")
class SessionOffered(Created):
    """A link was made that signs one browser in, once; `acts_as` is the actor of what is done there."""

    scopes: str
    acts_as: str
    link_expires_at: int
    expires_at: int
    proof: bytes


@catalogue.register("session.began", plain="proof")
class SessionBegan(Event):
    """The link was opened; from now on the browser's cookie lets it in, and the link nobody."""

    proof: bytes


@catalogue.register("session.ended", plain="reason_kind")
class SessionEnded(Event):
    """Link and cookie let nobody in any more; `reason_kind` is `signed-out` or `revoked`."""

    reason_kind: str
