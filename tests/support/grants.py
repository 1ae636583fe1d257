"""Tokens and links for tests of who is let in, made in the server's own process."""

from __future__ import annotations

from datetime import timedelta

import httpx

from application import commands as c
from tests.support.http_server import RunningServer


def token(server: RunningServer, *scopes: str, lasts: timedelta | None = None) -> c.Made:
    book = server.book
    expires_at = None if lasts is None else book.clock.now() + lasts
    return book.commands.make(
        c.CreateToken(name="t", scopes=scopes, expires_at=expires_at, actor=book.actor, source="cli")
    )


def link(server: RunningServer, *scopes: str, minutes: float = 10, days: float = 1) -> c.Made:
    book = server.book
    now = book.clock.now()
    return book.commands.make(
        c.OfferSession(
            scopes=scopes or ("admin",),
            link_expires_at=now + timedelta(minutes=minutes),
            expires_at=now + timedelta(days=days),
            actor=book.actor,
            source="cli",
        )
    )


def revoke(server: RunningServer, made: c.Made) -> None:
    book = server.book
    book.commands.handle(c.RevokeToken(token_id=made.id, actor=book.actor, source="cli"))


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def slug(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "application/problem+json", response.text
    return str(response.json()["type"]).removeprefix("/problems/")


def events(server: RunningServer) -> list[tuple[str, str, str]]:
    found = server.book.events.read(0, 1000)
    return [(one.event.type_name, one.actor, one.source) for one in found]
