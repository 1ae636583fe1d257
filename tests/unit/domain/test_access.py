from __future__ import annotations

from typing import Any

import pytest

from domain.access import events as e
from domain.access.access import Session, Token
from domain.errors import RefusedError
from domain.ids import new_id
from tests.unit.domain.given import given, rebuilt

TERMS: dict[str, Any] = {"scopes": "ask read", "acts_as": "ada", "link_expires_at": 5, "expires_at": 9}


def token() -> Token:
    return Token.create(new_id(), name="laptop", scopes="ask", expires_at=None, proof=b"p")


def offered() -> Session:
    return Session.offer(new_id(), proof=b"link", **TERMS)


def begun() -> Session:
    session = offered()
    session.begin(b"cookie")
    return session


def test_a_token_is_created_with_what_it_allows() -> None:
    made = token()
    [event] = made.collect_events()
    assert isinstance(event, e.TokenCreated)
    assert (event.name, event.scopes, event.expires_at, event.proof) == ("laptop", "ask", None, b"p")
    assert (made.scopes, made.expires_at, made.proof, made.revoked) == ("ask", None, b"p", False)


def test_a_token_is_revoked_once() -> None:
    made = given(token()).when(Token.revoke).then((e.TokenRevoked, {}))
    assert made.revoked
    given(made).when(Token.revoke).then()


def test_a_link_is_offered_with_its_terms() -> None:
    session = offered()
    [event] = session.collect_events()
    assert isinstance(event, e.SessionOffered)
    assert (session.scopes, session.acts_as) == ("ask read", "ada")
    assert (session.link_expires_at, session.expires_at) == (5, 9)
    assert (session.link_proof, session.proof, session.ended) == (b"link", None, False)


def test_a_link_begins_one_session_and_no_second() -> None:
    session = given(offered()).when(lambda s: s.begin(b"c")).then((e.SessionBegan, {"proof": b"c"}))
    assert session.proof == b"c"
    given(session).when(lambda s: s.begin(b"d")).then_refused(RefusedError, "used already")


def test_a_link_that_was_ended_begins_none() -> None:
    session = offered()
    session.end("revoked")
    given(session).when(lambda s: s.begin(b"c")).then_refused(RefusedError, "used already")


@pytest.mark.parametrize("make", [offered, begun])
def test_a_session_ends_once(make: Any) -> None:
    session = given(make()).when(lambda s: s.end("signed-out"))
    ended = session.then((e.SessionEnded, {"reason_kind": "signed-out"}))
    assert ended.ended
    given(ended).when(lambda s: s.end("revoked")).then()


def test_both_are_what_their_events_say() -> None:
    made, session = token(), begun()
    made.revoke()
    session.end("revoked")
    again = rebuilt(Token, list(made.collect_events()))
    assert (again.scopes, again.proof, again.revoked) == ("ask", b"p", True)
    ended = rebuilt(Session, list(session.collect_events()))
    assert (ended.scopes, ended.acts_as, ended.link_proof) == ("ask read", "ada", b"link")
    assert (ended.proof, ended.ended) == (b"cookie", True)
