"""Letting somebody in: from what they show to a principal, or to an error that says why not.

Tokens and sessions are read from their own streams in the log, so what another process has revoked is known
with the next look, and a book that was restored or built anew lets in whom its log lets in.

Invariant: what was right once is believed for one second without another look, and never beyond its expiry;
no revocation takes longer than that to hold, in any process.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

from application import access, granting, secret_text
from application.access import API, WEB, Principal
from application.commands import Done
from application.errors import (
    DatabaseError,
    ExpiredTokenError,
    RevokedTokenError,
    UsedLinkError,
    WrongTokenError,
)
from application.ports.access import GrantUses
from application.ports.clock import Clock
from application.ports.log import Log, Origin
from domain.access.access import Session, Token
from domain.errors import ContentErasedError, NotFoundError, RefusedError, WrongVersionError
from domain.event import DamagedEventError

K = TypeVar("K")
V = TypeVar("V")

BELIEVED_MS = 1_000.0
NOTED_EVERY_MS = 5 * 60 * 1_000.0
_MOST_REMEMBERED = 4_096
_LONG = 32

_NEW_TOKEN = "daybook token create NAME"  # noqa: S105 - a command
_NEW_LINK = "daybook link"


@dataclass(frozen=True)
class SignedIn:
    """A session that has begun: what the browser keeps, and until when."""

    cookie: str
    expires_at: datetime


class _Believed(NamedTuple):
    principal: Principal
    expires_at: int | None
    until_ms: float


class Admission:
    """Lets people and programs in. Thread-safe.

    Args:
        log: where tokens and sessions are.
        uses: told when one is used, every five minutes at most.
        clock: says what has expired.
        actor: this home's user, whom the installation's own token and this machine's own programs act for.
        first_token: the installation's own token; empty for none.
    """

    def __init__(self, log: Log, uses: GrantUses, clock: Clock, *, actor: str, first_token: str = "") -> None:
        self._log = log
        self._uses = uses
        self._clock = clock
        self._actor = actor
        self._first = _digest(first_token) if first_token else None
        self._believed: OrderedDict[bytes, _Believed] = OrderedDict()
        self._noted: OrderedDict[UUID, float] = OrderedDict()
        self._lock = threading.Lock()

    def own_user(self) -> Principal:
        """Return this machine's own user, for a server that needs no token."""
        return Principal.everything(self._actor, API)

    def believed(self, kind: str, shown: str) -> Principal | None:
        """Return whose this is where that was found a moment ago; never looks into the log.

        `kind` is `TOKEN` or `SESSION` of `secret_text`: one is not taken where the other is wanted.
        """
        if kind == secret_text.TOKEN and self._is_first(shown):
            return self.own_user()
        with self._lock:
            found = self._believed.get(_digest(kind + shown))
        if found is None or found.until_ms <= self._clock.monotonic_ms():
            return None
        if found.expires_at is not None and found.expires_at <= self._now():
            return None
        return found.principal

    def was_right(self, kind: str, shown: str) -> bool:
        """Tell whether this was right before, and is nothing that can be found by trying.

        An own token of the installation may be a short word, so it waits like every try.
        """
        if kind == secret_text.TOKEN and self._is_first(shown):
            return len(shown) >= _LONG
        with self._lock:
            return _digest(kind + shown) in self._believed

    def by_token(self, shown: str) -> Principal:
        """Return whose token this is.

        Raises:
            WrongTokenError, ExpiredTokenError, RevokedTokenError: it lets nobody in.
        """
        if (known := self.believed(secret_text.TOKEN, shown)) is not None:
            return known
        if not shown.startswith(secret_text.TOKEN):
            raise WrongTokenError("This is not a token of this book. Nothing was done.", hint=_NEW_TOKEN)
        token_id, secret = secret_text.read(secret_text.TOKEN, shown)
        looked_ms = self._clock.monotonic_ms()
        token = self._token(token_id)
        if token is None or not self._proves(
            token.proof,
            lambda: granting.token_proof(self._log, token_id, token.scopes, token.expires_at, secret),
        ):
            raise WrongTokenError("This is not a token of this book. Nothing was done.", hint=_NEW_TOKEN)
        if token.revoked:
            raise RevokedTokenError("This token was revoked. Nothing was done.", hint=_NEW_TOKEN)
        if token.expires_at is not None and token.expires_at <= self._now():
            raise ExpiredTokenError("This token has expired. Nothing was done.", hint=_NEW_TOKEN)
        principal = Principal(token_id.hex, API, access.from_words(token.scopes), token_id)
        return self._admitted(secret_text.TOKEN + shown, principal, token.expires_at, token_id, looked_ms)

    def by_cookie(self, shown: str) -> Principal:
        """Return whose session this is.

        Raises:
            WrongTokenError, ExpiredTokenError, RevokedTokenError: it lets nobody in.
        """
        if (known := self.believed(secret_text.SESSION, shown)) is not None:
            return known
        session_id, secret = secret_text.read(secret_text.SESSION, shown)
        looked_ms = self._clock.monotonic_ms()
        session = self._session(session_id)
        if (
            session is None
            or session.proof is None
            or not self._proves(
                session.proof,
                lambda: granting.session_proof(
                    self._log, session_id, secret_text.SESSION, _terms(session), secret
                ),
            )
        ):
            raise WrongTokenError("This is not a session of this book. Nothing was done.", hint=_NEW_LINK)
        if session.ended:
            raise RevokedTokenError("This session has ended. Nothing was done.", hint=_NEW_LINK)
        if session.expires_at <= self._now():
            raise ExpiredTokenError("This session has expired. Nothing was done.", hint=_NEW_LINK)
        principal = Principal(session.acts_as, WEB, access.from_words(session.scopes), session_id)
        return self._admitted(
            secret_text.SESSION + shown, principal, session.expires_at, session_id, looked_ms
        )

    def sign_in(self, code: str, correlation_id: UUID) -> SignedIn:
        """Begin the session of a link, which lets nobody in after that.

        Raises:
            WrongTokenError, ExpiredTokenError, RevokedTokenError, UsedLinkError: it begins none.
        """
        session_id, secret = secret_text.read(secret_text.LINK, code)
        session = self._session(session_id)
        if session is None or not self._proves(
            session.link_proof,
            lambda: granting.session_proof(self._log, session_id, secret_text.LINK, _terms(session), secret),
        ):
            raise WrongTokenError("This link is not one of this book. Nobody was signed in.", hint=_NEW_LINK)
        if session.link_expires_at <= self._now():
            raise ExpiredTokenError("This link is too old. Nobody was signed in.", hint=_NEW_LINK)
        if session.ended and session.proof is None:
            raise RevokedTokenError("This link was revoked. Nobody was signed in.", hint=_NEW_LINK)
        fresh = secret_text.fresh_secret()
        proof = granting.session_proof(self._log, session_id, secret_text.SESSION, _terms(session), fresh)
        try:
            session.begin(proof)
            self._log.save([session], Origin(session.acts_as, WEB, correlation_id))
        except (RefusedError, WrongVersionError):
            raise UsedLinkError(
                "This link has signed somebody in already; each does so once. Nobody was signed in now. "
                "If that was not you, end its session.",
                hint=_NEW_LINK,
            ) from None
        return SignedIn(
            secret_text.write(secret_text.SESSION, session_id, fresh),
            datetime.fromtimestamp(session.expires_at, UTC),
        )

    def sign_out(self, principal: Principal, correlation_id: UUID) -> Done:
        """End the session somebody came with.

        Raises:
            RefusedError: they came with none.
        """
        session = None if principal.grant_id is None else self._session(principal.grant_id)
        if session is None:
            raise RefusedError("There is no session to sign out of. Nothing was changed.")
        session.end(granting.SIGNED_OUT)
        saved = self._log.save([session], Origin(principal.actor, principal.source, correlation_id))
        with self._lock:
            for digest in [d for d, one in self._believed.items() if one.principal == principal]:
                del self._believed[digest]
        return Done(session.id, saved.log_size, session.version)

    def _is_first(self, shown: str) -> bool:
        return self._first is not None and hmac.compare_digest(_digest(shown), self._first)

    def _token(self, token_id: UUID) -> Token | None:
        try:
            return self._log.load(Token, token_id)
        except (NotFoundError, DamagedEventError):
            return None

    def _session(self, session_id: UUID) -> Session | None:
        try:
            return self._log.load(Session, session_id)
        except (NotFoundError, DamagedEventError):
            return None

    def _proves(self, proof: bytes, expected: Callable[[], bytes]) -> bool:
        try:
            return hmac.compare_digest(proof, expected())
        except ContentErasedError:
            return False

    def _admitted(
        self, shown: str, principal: Principal, expires_at: int | None, grant_id: UUID, looked_ms: float
    ) -> Principal:
        # From before the look: what was revoked during a slow one must not be believed for longer.
        with self._lock:
            _keep(self._believed, _digest(shown), _Believed(principal, expires_at, looked_ms + BELIEVED_MS))
        self._note(grant_id, looked_ms)
        return principal

    def _note(self, grant_id: UUID, now_ms: float) -> None:
        with self._lock:
            noted = self._noted.get(grant_id)
            if noted is not None and now_ms < noted + NOTED_EVERY_MS:
                return
            _keep(self._noted, grant_id, now_ms)
        try:
            self._uses.note(grant_id, self._clock.now())
        except DatabaseError:
            with self._lock:
                self._noted.pop(grant_id, None)

    def _now(self) -> int:
        return granting.seconds(self._clock.now())


def _terms(session: Session) -> tuple[str, str, int, int]:
    return session.scopes, session.acts_as, session.link_expires_at, session.expires_at


def _digest(shown: str) -> bytes:
    return hashlib.sha256(shown.encode("utf-8", "surrogateescape")).digest()


def _keep(kept: OrderedDict[K, V], key: K, value: V) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > _MOST_REMEMBERED:
        kept.popitem(last=False)
