"""The aggregates behind tokens and sessions.

Invariants: a link begins one session and no second; what was revoked or ended lets nobody in again. Whether
a moment has passed is not decided here: an aggregate has no clock.
"""

from __future__ import annotations

from uuid import UUID

from domain.access import events as e
from domain.errors import RefusedError
from domain.event import Event, Root, catalogue
from domain.ids import short


class Token(Root):
    """What a program shows to be let in; `create` makes a new one."""

    scopes: str
    expires_at: int | None
    proof: bytes
    revoked: bool

    def __init__(self) -> None:
        """Called by the library when the first event is applied."""
        self.scopes = ""
        self.expires_at = None
        self.proof = b""
        self.revoked = False

    @classmethod
    def create(cls, token_id: UUID, *, name: str, scopes: str, expires_at: int | None, proof: bytes) -> Token:
        """Let a program in."""
        return cls._create(
            e.TokenCreated, id=token_id, name=name, scopes=scopes, expires_at=expires_at, proof=proof
        )

    def revoke(self) -> None:
        """Let it in no more; revoked already is fine."""
        if not self.revoked:
            self.trigger_event(e.TokenRevoked)

    def fold(self, event: Event) -> None:
        """Change the state as the event says."""
        match event:
            case e.TokenCreated():
                self.scopes, self.expires_at, self.proof = event.scopes, event.expires_at, event.proof
            case _:
                self.revoked = True


class Session(Root):
    """A link, and the browser that was signed in by it; `offer` makes a new one."""

    scopes: str
    acts_as: str
    link_expires_at: int
    expires_at: int
    link_proof: bytes
    proof: bytes | None
    ended: bool

    def __init__(self) -> None:
        """Called by the library when the first event is applied."""
        self.scopes = self.acts_as = ""
        self.link_expires_at = self.expires_at = 0
        self.link_proof = b""
        self.proof = None
        self.ended = False

    @classmethod
    def offer(
        cls,
        session_id: UUID,
        *,
        scopes: str,
        acts_as: str,
        link_expires_at: int,
        expires_at: int,
        proof: bytes,
    ) -> Session:
        """Make a link."""
        return cls._create(
            e.SessionOffered,
            id=session_id,
            scopes=scopes,
            acts_as=acts_as,
            link_expires_at=link_expires_at,
            expires_at=expires_at,
            proof=proof,
        )

    def begin(self, proof: bytes) -> None:
        """Sign the browser in that opened the link."""
        if self.ended or self.proof is not None:
            raise RefusedError(f"The link of session {short(self.id)} was used already. Nothing was changed.")
        self.trigger_event(e.SessionBegan, proof=proof)

    def end(self, reason_kind: str) -> None:
        """Let it in no more; ended already is fine."""
        if not self.ended:
            self.trigger_event(e.SessionEnded, reason_kind=reason_kind)

    def fold(self, event: Event) -> None:
        """Change the state as the event says."""
        match event:
            case e.SessionOffered():
                self.scopes, self.acts_as = event.scopes, event.acts_as
                self.link_expires_at, self.expires_at = event.link_expires_at, event.expires_at
                self.link_proof = event.proof
            case e.SessionBegan():
                self.proof = event.proof
            case _:
                self.ended = True


catalogue.aggregate("token", Token)
catalogue.aggregate("session", Session)
