"""Tokens, links and sessions, from being made to letting nobody in any more; on a log in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from application import commands as c
from application import granting, secret_text
from application.access import Principal, Scope
from application.admission import BELIEVED_MS, NOTED_EVERY_MS, Admission
from application.errors import (
    DatabaseError,
    ExpiredTokenError,
    ForbiddenError,
    IdempotencyMismatchError,
    NotAdmittedError,
    RevokedTokenError,
    UsedLinkError,
    WrongTokenError,
)
from application.ports.log import Origin
from application.secret_text import SESSION, TOKEN
from domain.access import events as e
from domain.access.access import Session, Token
from domain.errors import ContentErasedError, InvalidInputError, NotFoundError, RefusedError
from domain.event import DamagedEventError
from domain.ids import new_id
from tests.fakes.write_side import FixedClock
from tests.support.house import WHO, House


class Uses:
    """The `GrantUses` port; `down` is raised while it is set."""

    def __init__(self) -> None:
        self.noted: list[tuple[UUID, datetime]] = []
        self.down: Exception | None = None

    def note(self, grant_id: UUID, at: datetime) -> None:
        if self.down is not None:
            raise self.down
        self.noted.append((grant_id, at))


class Door(House):
    """A write side with somebody at the door. `looks` counts how often the log is looked into."""

    def __init__(self, first_token: str = "") -> None:
        super().__init__()
        self.clock = FixedClock()
        self.uses = Uses()
        self.looks = Counter[str]()
        self.first_token = first_token
        self.admission = self.another()
        load = self.log.load

        def counted(kind: Any, stream_id: UUID) -> Any:
            self.looks[kind.__name__] += 1
            return load(kind, stream_id)

        self.log.load = counted  # type: ignore[method-assign]

    def another(self) -> Admission:
        """Return what another process would have."""
        return Admission(self.log, self.uses, self.clock, actor="ada", first_token=self.first_token)

    def later(self, **length: float) -> None:
        self.clock.at += timedelta(**length)
        self.clock.ms += timedelta(**length).total_seconds() * 1000

    def token(self, *scopes: str, **values: Any) -> c.Made:
        command = c.CreateToken(name="laptop", scopes=scopes or ("ask",), **WHO, **values)
        return self.commands.make(command)

    def link(self, **values: Any) -> c.Made:
        given = {
            "scopes": ("admin",),
            "link_expires_at": self.clock.at + timedelta(minutes=10),
            "expires_at": self.clock.at + timedelta(days=30),
        }
        return self.commands.make(c.OfferSession(**WHO, **{**given, **values}))

    def signed_in(self, **values: Any) -> str:
        return self.admission.sign_in(self.link(**values).secret, new_id()).cookie


@pytest.fixture
def door() -> Door:
    return Door()


def test_a_token_lets_in_as_itself_with_its_scopes(door: Door) -> None:
    made = door.token("ask", "audit")
    principal = door.admission.by_token(made.secret)
    assert principal == Principal(made.id.hex, "api", frozenset({Scope.ASK, Scope.AUDIT}), made.id)
    assert door.last(e.TokenCreated).scopes == "ask audit"


def test_the_secret_is_in_no_event_and_in_no_representation(door: Door) -> None:
    made = door.token()
    _, secret = secret_text.read(TOKEN, made.secret)
    stored = repr([vars(event) for event, _ in door.log.appended])
    assert secret.hex() not in stored
    assert repr(secret) not in stored
    assert made.secret not in repr(made)


@pytest.mark.parametrize("scopes", [(), ("write",), ("ask", "root")])
def test_scopes_that_are_none_are_refused(door: Door, scopes: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInputError, match="admin, ask, audit, read"):
        door.commands.make(c.CreateToken(name="x", scopes=scopes, **WHO))
    assert door.log.size() == 0


def test_a_token_is_not_made_twice_under_one_key(door: Door) -> None:
    command = c.CreateToken(name="x", scopes=("ask",), idempotency_key="k", **WHO)
    assert door.commands.made_before(command) is None
    first = door.commands.make(command)
    size = door.log.size()
    for again in (door.commands.make(command), door.commands.made_before(command)):
        assert again == c.Made(first.id, size, "")
    assert door.log.size() == size
    with pytest.raises(IdempotencyMismatchError):
        door.commands.made_before(replace(command, name="y"))


def test_of_two_who_make_the_same_at_once_one_makes_it(door: Door) -> None:
    now = door.clock.at
    for command in (
        c.CreateToken(name="x", scopes=("ask",), idempotency_key="k", **WHO),
        c.OfferSession(scopes=("ask",), link_expires_at=now, expires_at=now, idempotency_key="l", **WHO),
    ):
        first: list[c.Made] = []

        def make(command: Any = command, first: list[c.Made] = first) -> None:
            door.log.before_save = None
            first.append(door.commands.make(command))

        door.log.before_save = make
        second = door.commands.make(command)
        assert (second.id, second.secret) == (first[0].id, "")
        assert first[0].secret
        assert door.commands.make(command).id == second.id


@pytest.mark.parametrize("end", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)])
def test_a_moment_that_no_calendar_reaches_is_refused(door: Door, end: datetime) -> None:
    with pytest.raises(InvalidInputError, match="no time to end"):
        door.token(expires_at=end)
    assert door.log.size() == 0


def test_what_was_made_before_is_told_to_whom_may_make_it(door: Door) -> None:
    reader = door.commands.acting_for(Principal("ada", "cli", frozenset({Scope.ASK})))
    with pytest.raises(ForbiddenError):
        reader.made_before(c.CreateToken(name="x", scopes=("ask",), idempotency_key="k", **WHO))


def test_what_was_right_is_believed_for_a_second(door: Door) -> None:
    made = door.token()
    assert door.admission.believed(TOKEN, made.secret) is None
    assert not door.admission.was_right(TOKEN, made.secret)
    for _ in range(5):
        door.admission.by_token(made.secret)
    assert door.looks["Token"] == 1
    assert door.admission.believed(TOKEN, made.secret) is not None
    assert door.admission.believed(SESSION, made.secret) is None
    door.later(milliseconds=BELIEVED_MS)
    assert door.admission.believed(TOKEN, made.secret) is None
    assert door.admission.was_right(TOKEN, made.secret)
    door.admission.by_token(made.secret)
    assert door.looks["Token"] == 2


def test_a_revocation_holds_in_every_process_within_a_second(door: Door) -> None:
    made = door.token()
    others = [door.another() for _ in range(3)]
    for one in others:
        one.by_token(made.secret)
    door.commands.handle(c.RevokeToken(token_id=made.id, **WHO))
    door.later(milliseconds=BELIEVED_MS)
    for one in others:
        with pytest.raises(RevokedTokenError, match="was revoked"):
            one.by_token(made.secret)


def test_revoking_twice_is_fine_and_recorded_once(door: Door) -> None:
    made = door.token()
    for _ in range(2):
        door.commands.handle(c.RevokeToken(token_id=made.id, **WHO))
    assert door.happened(made.id) == [e.TokenCreated, e.TokenRevoked]
    with pytest.raises(NotFoundError):
        door.commands.handle(c.RevokeToken(token_id=new_id(), **WHO))


def test_a_token_ends_at_its_moment_even_while_it_is_believed(door: Door) -> None:
    made = door.token(expires_at=door.clock.at + timedelta(seconds=2))
    door.later(seconds=1.5)
    door.admission.by_token(made.secret)
    door.later(seconds=0.6)
    assert door.admission.believed(TOKEN, made.secret) is None
    with pytest.raises(ExpiredTokenError, match="expired"):
        door.admission.by_token(made.secret)


def test_a_wrong_secret_of_a_real_token_lets_nobody_in(door: Door) -> None:
    made = door.token()
    wrong = secret_text.write(TOKEN, made.id, secret_text.fresh_secret())
    with pytest.raises(WrongTokenError, match="not a token of this book"):
        door.admission.by_token(wrong)


@pytest.mark.parametrize("shown", ["", "s3cret", "Daybook_x", "link_x"])
def test_what_is_no_token_is_wrong_without_a_look(door: Door, shown: str) -> None:
    with pytest.raises(WrongTokenError) as caught:
        door.admission.by_token(shown)
    assert caught.value.guess
    assert not door.looks


def test_an_unknown_token_is_wrong(door: Door) -> None:
    for prefix, look in ((TOKEN, door.admission.by_token), (SESSION, door.admission.by_cookie)):
        with pytest.raises(WrongTokenError):
            look(secret_text.write(prefix, new_id(), secret_text.fresh_secret()))


def test_the_secret_of_one_kind_of_stream_does_not_open_another(door: Door) -> None:
    link = door.link()
    _, secret = secret_text.read(secret_text.LINK, link.secret)
    with pytest.raises(WrongTokenError):
        door.admission.by_token(secret_text.write(TOKEN, link.id, secret))
    with pytest.raises(WrongTokenError):
        door.admission.by_cookie(secret_text.write(SESSION, link.id, secret))


@pytest.mark.parametrize(
    "change", [{"scopes": "read ask audit admin"}, {"expires_at": None}, {"proof": b"\0" * 32}]
)
def test_a_grant_that_was_widened_behind_the_log_lets_nobody_in(door: Door, change: dict[str, Any]) -> None:
    made = door.token("read", expires_at=door.clock.at + timedelta(days=1))
    vars(door.log.streams[made.id][0]).update(change)
    with pytest.raises(WrongTokenError):
        door.admission.by_token(made.secret)


@pytest.mark.parametrize("change", [{"acts_as": "bob"}, {"scopes": "admin audit"}, {"expires_at": 2**40}])
def test_a_session_that_was_changed_behind_the_log_lets_nobody_in(door: Door, change: dict[str, Any]) -> None:
    link = door.link(scopes=("read",))
    cookie = door.admission.sign_in(link.secret, new_id()).cookie
    vars(door.log.streams[link.id][0]).update(change)
    with pytest.raises(WrongTokenError):
        door.admission.by_cookie(cookie)


@pytest.mark.parametrize("problem", [DamagedEventError("x"), NotFoundError("x")])
def test_a_stream_that_cannot_be_read_lets_nobody_in(door: Door, problem: Exception) -> None:
    token, cookie = door.token().secret, door.signed_in()

    def broken(*_: object) -> None:
        raise problem

    door.log.load = broken  # type: ignore[method-assign, assignment]
    for look, shown in ((door.admission.by_token, token), (door.admission.by_cookie, cookie)):
        with pytest.raises(WrongTokenError):
            look(shown)


def test_a_token_whose_key_is_gone_lets_nobody_in(door: Door) -> None:
    made = door.token()

    def gone(*_: object) -> bytes:
        raise ContentErasedError("gone")

    door.log.request_hash = gone  # type: ignore[method-assign]
    with pytest.raises(WrongTokenError):
        door.admission.by_token(made.secret)


def test_with_the_database_away_nobody_new_is_let_in(door: Door) -> None:
    made = door.token()

    def away(*_: object) -> None:
        raise DatabaseError("away")

    door.log.load = away  # type: ignore[method-assign, assignment]
    with pytest.raises(DatabaseError):
        door.admission.by_token(made.secret)


def test_words_of_a_newer_daybook_allow_nothing(door: Door) -> None:
    token_id, secret = new_id(), secret_text.fresh_secret()
    scopes = "read fly"
    proof = granting.token_proof(door.log, token_id, scopes, None, secret)
    token = Token.create(token_id, name="x", scopes=scopes, expires_at=None, proof=proof)
    door.log.save([token], Origin("ada", "cli"))
    assert door.admission.by_token(secret_text.write(TOKEN, token_id, secret)).scopes == {Scope.READ}


def test_the_installations_own_token_may_everything(door: Door) -> None:
    door = Door("s3cret-ü")
    principal = door.admission.by_token("s3cret-ü")
    assert principal == Principal.everything("ada", "api")
    assert principal == door.admission.own_user()
    assert not door.looks
    for wrong in ("s3cret", "S3cret-ü", ""):
        with pytest.raises(WrongTokenError):
            door.admission.by_token(wrong)
    assert door.admission.believed(SESSION, "s3cret-ü") is None


@pytest.mark.parametrize(("length", "known"), [(31, False), (32, True)])
def test_a_short_own_token_waits_like_every_try(length: int, *, known: bool) -> None:
    door = Door("x" * length)
    assert door.admission.was_right(TOKEN, "x" * length) is known


def test_a_link_signs_in_as_who_made_it(door: Door) -> None:
    link, correlation = door.link(), new_id()
    signed_in = door.admission.sign_in(link.secret, correlation)
    principal = door.admission.by_cookie(signed_in.cookie)
    assert principal == Principal("ada", "web", frozenset({Scope.ADMIN}), link.id)
    assert signed_in.expires_at == door.clock.at + timedelta(days=30)
    assert door.log.appended[-1][1] == Origin("ada", "web", correlation)
    door.admission.by_cookie(signed_in.cookie)
    assert door.looks["Session"] == 2


def test_a_link_signs_in_once(door: Door) -> None:
    link = door.link()
    first = door.admission.sign_in(link.secret, new_id())
    with pytest.raises(UsedLinkError, match="already") as caught:
        door.admission.sign_in(link.secret, new_id())
    assert not caught.value.guess
    door.admission.by_cookie(first.cookie)


def test_of_two_who_open_a_link_at_once_one_is_signed_in(door: Door) -> None:
    link = door.link()
    other: list[str] = []
    door.log.before_save = lambda: other.append(door.another().sign_in(link.secret, new_id()).cookie)
    with pytest.raises(UsedLinkError):
        door.admission.sign_in(link.secret, new_id())
    door.admission.by_cookie(other[0])


@pytest.mark.parametrize("length", [{"minutes": 10}, {"days": 2}])
def test_a_link_is_too_old_after_its_minutes(door: Door, length: dict[str, float]) -> None:
    link = door.link()
    door.later(**length)
    with pytest.raises(ExpiredTokenError, match="too old"):
        door.admission.sign_in(link.secret, new_id())
    assert door.happened(link.id) == [e.SessionOffered]


def test_a_link_that_was_revoked_signs_nobody_in(door: Door) -> None:
    link = door.link()
    door.commands.handle(c.EndSession(session_id=link.id, **WHO))
    with pytest.raises(RevokedTokenError, match="link was revoked"):
        door.admission.sign_in(link.secret, new_id())


def test_a_wrong_code_signs_nobody_in(door: Door) -> None:
    link = door.link()
    for wrong in (
        "",
        link.secret[:-1],
        secret_text.write(secret_text.LINK, link.id, secret_text.fresh_secret()),
        secret_text.write(secret_text.LINK, new_id(), secret_text.fresh_secret()),
    ):
        with pytest.raises(WrongTokenError) as caught:
            door.admission.sign_in(wrong, new_id())
        assert caught.value.guess


def test_a_cookie_lets_nobody_in_before_its_session_began(door: Door) -> None:
    link = door.link()
    with pytest.raises(WrongTokenError):
        door.admission.by_cookie(secret_text.write(SESSION, link.id, secret_text.fresh_secret()))


def test_a_session_ends_when_it_is_revoked_and_when_its_time_is_over(door: Door) -> None:
    link = door.link()
    cookie = door.admission.sign_in(link.secret, new_id()).cookie
    door.admission.by_cookie(cookie)
    door.commands.handle(c.EndSession(session_id=link.id, **WHO))
    assert door.last(e.SessionEnded).reason_kind == "revoked"
    door.later(milliseconds=BELIEVED_MS)
    with pytest.raises(RevokedTokenError, match="has ended"):
        door.admission.by_cookie(cookie)
    cookie = door.signed_in(expires_at=door.clock.at + timedelta(hours=1))
    door.later(hours=1)
    with pytest.raises(ExpiredTokenError, match="session has expired"):
        door.admission.by_cookie(cookie)


def test_signing_out_holds_at_once_where_it_was_done(door: Door) -> None:
    cookie, stays = door.signed_in(), door.signed_in()
    principal = door.admission.by_cookie(cookie)
    door.admission.by_cookie(stays)
    assert door.admission.sign_out(principal, new_id()).log_size == door.log.size()
    assert door.last(e.SessionEnded).reason_kind == "signed-out"
    with pytest.raises(RevokedTokenError):
        door.admission.by_cookie(cookie)
    assert door.admission.believed(SESSION, stays) is not None


def test_who_has_no_session_cannot_sign_out(door: Door) -> None:
    token = door.admission.by_token(door.token().secret)
    for principal in (token, door.admission.own_user()):
        with pytest.raises(RefusedError, match="no session"):
            door.admission.sign_out(principal, new_id())


def test_uses_are_noted_every_five_minutes_at_most(door: Door) -> None:
    made, other = door.token(), door.token()
    for _ in range(20):
        door.admission.by_token(made.secret)
        door.later(seconds=10)
    door.admission.by_token(other.secret)
    assert [grant for grant, _ in door.uses.noted] == [made.id, other.id]
    door.later(milliseconds=NOTED_EVERY_MS)
    door.admission.by_token(made.secret)
    assert door.uses.noted[-1] == (made.id, door.clock.at)


def test_a_use_that_cannot_be_noted_locks_nobody_out_and_is_noted_next_time(door: Door) -> None:
    made = door.token()
    door.uses.down = DatabaseError("away")
    door.admission.by_token(made.secret)
    door.uses.down = None
    door.later(seconds=2)
    door.admission.by_token(made.secret)
    assert [grant for grant, _ in door.uses.noted] == [made.id]


def test_what_is_remembered_is_bounded(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("application.admission._MOST_REMEMBERED", 3)
    made = [door.token() for _ in range(5)]
    for one in made:
        door.admission.by_token(one.secret)
    assert [door.admission.was_right(TOKEN, one.secret) for one in made] == [False, False, True, True, True]


def test_a_command_names_who_was_let_in(door: Door) -> None:
    principal = Principal("t0ken", "api", frozenset({Scope.ASK}))
    commands = door.commands.acting_for(principal)
    commands.handle(c.CreateProject(name="Sailing", actor="t0ken", source="api"))
    for wrong in ({"actor": "ada", "source": "api"}, {"actor": "t0ken", "source": "cli"}):
        with pytest.raises(ValueError, match="actor and source"):
            commands.handle(c.CreateProject(name="Sailing", **wrong))


def test_every_kind_of_refusal_is_one_of_not_being_let_in() -> None:
    kinds: list[Callable[[str], NotAdmittedError]] = NotAdmittedError.__subclasses__()
    assert [kind.__name__ for kind in kinds if kind("x").guess] == ["WrongTokenError"]  # type: ignore[attr-defined]


def test_a_session_is_read_as_what_it_is(door: Door) -> None:
    link = door.link()
    assert door.log.load(Session, link.id).acts_as == "ada"
    with pytest.raises(NotFoundError):
        door.log.load(Token, link.id)
