"""Handlers of the commands that let somebody in and out, and how a secret is proved.

Invariant: a secret leaves this module once, to whoever made it; the same command under the same idempotency
key gets the first one's id and no secret, as there is nothing left to show. What is stored is a keyed hash,
under the data key of the token's own stream, of the secret and of all that it allows: whoever can write to
the database but does not have the master key can neither make a token nor widen one.
"""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

from application import access, secret_text
from application.access import Scope
from application.commands import CreateToken, Done, EndSession, Made, OfferSession, RevokeToken
from application.deciding import change
from application.ports.log import Log, Saved
from application.services import Services
from application.text_rules import checked_name
from domain.access.access import Session, Token
from domain.errors import InvalidInputError
from domain.event import Root
from domain.ids import new_id

REVOKED = "revoked"
SIGNED_OUT = "signed-out"

_LAST_SECOND = 253_370_764_800
"""The year 9999, behind which neither every database client nor every zone of the earth has a date."""


def create_token(services: Services, command: CreateToken) -> Made:
    """Make a token, or return the one that this very command has made before."""
    if (before := made_before(services, command)) is not None:
        return before
    name = checked_name(command.name, "token's name")
    scopes = _checked_scopes(command.scopes)
    expires_at = None if command.expires_at is None else _checked_end(command.expires_at)
    token_id, secret = new_id(), secret_text.fresh_secret()
    token = Token.create(
        token_id,
        name=name,
        scopes=scopes,
        expires_at=expires_at,
        proof=token_proof(services.log, token_id, scopes, expires_at, secret),
    )
    return _made(services, command, token, secret_text.write(secret_text.TOKEN, token_id, secret))


def revoke_token(services: Services, command: RevokeToken) -> Done:
    """End a token."""
    return change(services.log, Token, command.token_id, Token.revoke, command)


def offer_session(services: Services, command: OfferSession) -> Made:
    """Make a link; the session that begins with it acts as whoever made it."""
    if (before := made_before(services, command)) is not None:
        return before
    scopes = _checked_scopes(command.scopes)
    session_id, secret = new_id(), secret_text.fresh_secret()
    link_expires_at, expires_at = _checked_end(command.link_expires_at), _checked_end(command.expires_at)
    session = Session.offer(
        session_id,
        scopes=scopes,
        acts_as=command.actor,
        link_expires_at=link_expires_at,
        expires_at=expires_at,
        proof=session_proof(
            services.log,
            session_id,
            secret_text.LINK,
            (scopes, command.actor, link_expires_at, expires_at),
            secret,
        ),
    )
    return _made(services, command, session, secret_text.write(secret_text.LINK, session_id, secret))


def end_session(services: Services, command: EndSession) -> Done:
    """End a session, or the link it would begin with."""
    return change(services.log, Session, command.session_id, lambda session: session.end(REVOKED), command)


def made_before(services: Services, command: CreateToken | OfferSession) -> Made | None:
    """Return what this command has made before, without its secret; None where it has not been given.

    Raises:
        IdempotencyMismatchError: its key was used for another command.
    """
    if command.idempotency is None:
        return None
    saved = services.log.answered(command.origin, command.idempotency)
    return None if saved is None else _again(saved)


def token_proof(log: Log, token_id: UUID, scopes: str, expires_at: int | None, secret: bytes) -> bytes:
    """Return what the log keeps of a token's secret."""
    return _proof(log, token_id, secret_text.TOKEN, (scopes, expires_at), secret)


def session_proof(
    log: Log, session_id: UUID, kind: str, terms: tuple[str, str, int, int], secret: bytes
) -> bytes:
    """Return what the log keeps of a link's or a cookie's secret.

    `terms` are the scopes, whom it acts as, and when link and session expire.
    """
    return _proof(log, session_id, kind, terms, secret)


def seconds(moment: datetime) -> int:
    """Return a moment as events hold it."""
    return int(moment.timestamp())


def _proof(log: Log, owner_id: UUID, kind: str, terms: tuple[str | int | None, ...], secret: bytes) -> bytes:
    words = "\0".join(["daybook/access/1", kind, *("never" if one is None else str(one) for one in terms)])
    return log.request_hash(owner_id, words.encode() + b"\0" + secret)


def _made(services: Services, command: CreateToken | OfferSession, made: Root, secret: str) -> Made:
    result = json.dumps({"id": str(made.id)}).encode()
    saved = services.log.save([made], command.origin, idempotency=command.idempotency, result=result)
    return _again(saved) if saved.replayed else Made(made.id, saved.log_size, secret)


def _again(saved: Saved) -> Made:
    return Made(UUID(json.loads(saved.result or b"{}")["id"]), saved.log_size, "")


def _checked_end(moment: datetime) -> int:
    if not 0 <= moment.timestamp() < _LAST_SECOND:
        raise InvalidInputError(f"{moment.isoformat()} is no time to end. Nothing was made.")
    return seconds(moment)


def _checked_scopes(words: tuple[str, ...]) -> str:
    known = {str(scope) for scope in Scope}
    wrong = sorted(set(words) - known)
    if wrong or not words:
        which = f"{wrong[0]!r} is no scope" if wrong else "No scope was named"
        raise InvalidInputError(
            f"{which}; there are {', '.join(sorted(known))}. Nothing was made.", hint="--scope ask"
        )
    return access.in_words(Scope(word) for word in words)
