"""Links, sessions and cookies over real HTTP, as a browser sends them."""

from __future__ import annotations

import time

import httpx
import pytest

from application import commands as c
from interfaces.http import tries
from tests.e2e.http.conftest import StartServer
from tests.support.grants import bearer, events, link, slug, token
from tests.support.http_server import RunningServer

LIST = "/api/v1/conversations"


def test_a_link_signs_a_browser_in_as_who_made_it(closed: RunningServer, client: httpx.Client) -> None:
    made = link(closed)
    opened = client.get(
        "/sign-in",
        params={"code": made.secret},
        headers={
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
        },
    )
    assert (opened.status_code, opened.headers["location"]) == (303, "/")
    cookie = opened.headers["set-cookie"]
    assert cookie.startswith(f"daybook_{closed.port}=session_")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert opened.headers["referrer-policy"] == "no-referrer"
    assert client.get("/").status_code == 200
    assert client.get(LIST).status_code == 200
    started = client.post(LIST, json={}, headers={"Origin": closed.url})
    assert started.status_code == 201
    assert events(closed)[-1] == ("conversation.started", closed.book.actor, "web")
    assert ("session.began", closed.book.actor, "web") in events(closed)


def test_a_link_is_opened_once_and_loading_it_again_is_no_harm(
    closed: RunningServer, client: httpx.Client
) -> None:
    made = link(closed)
    path, params = "/sign-in", {"code": made.secret}
    assert client.get(path, params=params).status_code == 303
    again = client.get(path, params=params)
    assert (again.status_code, again.headers["location"]) == (303, "/")
    assert "set-cookie" not in again.headers
    with closed.client() as stranger:
        refused = stranger.get(path, params=params)
        assert (refused.status_code, slug(refused)) == (401, "link-used")
        assert "set-cookie" not in refused.headers
        assert stranger.get(LIST).status_code == 401


def test_links_that_are_wrong_or_too_old_sign_nobody_in(closed: RunningServer, client: httpx.Client) -> None:
    old = link(closed, minutes=-1)
    for code, told in ((old.secret, "token-expired"), ("link_x", "token-wrong"), ("x", "token-wrong")):
        refused = client.get("/sign-in", params={"code": code})
        assert (refused.status_code, slug(refused)) == (401, told)
        assert "set-cookie" not in refused.headers
    assert client.get("/sign-in").status_code == 422


def test_a_browser_that_fetches_ahead_does_not_use_a_link_up(
    closed: RunningServer, client: httpx.Client
) -> None:
    params = {"code": link(closed).secret}
    ahead = client.get("/sign-in", params=params, headers={"Sec-Purpose": "prefetch;prerender"})
    assert ahead.status_code == 409
    assert client.head("/sign-in", params=params).status_code == 405
    assert client.get("/sign-in", params=params).status_code == 303


@pytest.fixture
def browser(closed: RunningServer, client: httpx.Client) -> httpx.Client:
    """A client that was signed in."""
    client.get("/sign-in", params={"code": link(closed).secret})
    return client


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        (
            {
                "Sec-Fetch-Site": "cross-site",
                "Sec-Fetch-Mode": "navigate",
                "Sec-Fetch-Dest": "document",
            },
            403,
        ),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
    ],
)
def test_a_change_by_cookie_must_come_from_a_page_of_ours(
    browser: httpx.Client, headers: dict[str, str], status: int
) -> None:
    assert browser.post(LIST, json={}, headers=headers).status_code == status
    if "Sec-Fetch-Mode" not in headers:
        read = browser.get(LIST, headers=headers).status_code
        assert read == (403 if set(headers.values()) & FOREIGN else 200)


FOREIGN = {"http://evil.example", "null", "http://localhost:1", "same-site", "cross-site"}


def test_pages_of_others_are_refused_whatever_they_carry(closed: RunningServer, client: httpx.Client) -> None:
    carried = bearer(token(closed, "admin").secret)
    for headers in (
        {"Origin": "http://evil.example"},
        {"Host": "evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ):
        assert client.get(LIST, headers={**carried, **headers}).status_code == 403
        assert client.get("/sign-in?code=x", headers=headers).status_code == 403


def test_signing_out_ends_the_session_and_takes_the_cookie_away(
    closed: RunningServer, browser: httpx.Client
) -> None:
    kept = dict(browser.cookies)
    gone = browser.post("/sign-out", headers={"Origin": closed.url})
    assert gone.status_code == 204
    assert "Max-Age=0" in gone.headers["set-cookie"]
    assert browser.get(LIST).status_code == 401
    with closed.client(cookies=kept) as thief:
        refused = thief.get(LIST)
        assert (refused.status_code, slug(refused)) == (401, "token-revoked")
    refused = browser.post("/sign-out", headers=bearer(token(closed, "admin").secret))
    assert (refused.status_code, slug(refused)) == (409, "refused")


def test_a_session_is_listed_and_revoked_like_a_token(closed: RunningServer, client: httpx.Client) -> None:
    made, book = link(closed, "read"), closed.book
    [before] = book.access.find(made.id.hex)
    assert before.state(book.clock.now()) == "link"
    client.get("/sign-in", params={"code": made.secret})
    [during] = book.access.find(made.id.hex)
    assert (during.state(book.clock.now()), during.scopes) == ("live", "read")
    assert client.post(LIST, json={}, headers={"Origin": closed.url}).status_code == 403
    book.commands.handle(c.EndSession(session_id=made.id, actor=book.actor, source="cli"))
    time.sleep(1.1)
    assert slug(client.get(LIST)) == "token-revoked"
    [after] = book.access.find(made.id.hex)
    assert after.state(book.clock.now()) == "revoked"


def test_a_token_in_the_cookie_and_a_cookie_as_token_let_nobody_in(
    closed: RunningServer, browser: httpx.Client
) -> None:
    [session] = browser.cookies.values()
    secret = token(closed, "admin").secret
    with closed.client() as other:
        assert other.get(LIST, headers=bearer(secret)).status_code == 200
        assert other.get(LIST, headers=bearer(session)).status_code == 401
        other.cookies.set(f"daybook_{closed.port}", secret)
        assert other.get(LIST).status_code == 401


def test_a_stale_cookie_counts_once(closed: RunningServer, client: httpx.Client) -> None:
    client.cookies.set(f"daybook_{closed.port}", "session_of-another-book")
    for _ in range(3 * tries.AT_ONCE):
        assert client.get(LIST).status_code == 401
    assert client.get("/sign-in", params={"code": link(closed).secret}).status_code == 303


@pytest.mark.parametrize(
    ("settings", "headers", "secure"),
    [
        ({"DAYBOOK_TRUSTED_PROXIES": "127.0.0.1"}, {"X-Forwarded-Proto": "https"}, True),
        ({}, {"X-Forwarded-Proto": "https"}, False),
        ({"DAYBOOK_PUBLIC_URL": "https://book.example.org"}, {"Host": "book.example.org"}, True),
        ({"DAYBOOK_PUBLIC_URL": "http://book.example.org"}, {"Host": "book.example.org"}, False),
    ],
)
def test_behind_https_the_cookie_is_bound_to_the_host(
    start_server: StartServer,
    settings: dict[str, str],
    headers: dict[str, str],
    secure: bool,  # noqa: FBT001 - a case
) -> None:
    server = start_server(settings=settings, token="x" * 40)
    with server.client() as client:
        opened = client.get("/sign-in", params={"code": link(server).secret}, headers=headers)
        assert opened.status_code == 303
        line = opened.headers["set-cookie"]
        assert ("; Secure" in line) is secure
        assert line.startswith("__Host-daybook=" if secure else "daybook_")
        cookie = {**headers, "Cookie": line.partition(";")[0]}
        assert client.get(LIST, headers=cookie).status_code == 200
        if secure:
            cookie = {**headers, "Cookie": line.partition(";")[0].replace("__Host-daybook", "daybook_80")}
            assert client.get(LIST, headers=cookie).status_code == 401


def test_a_person_is_told_on_a_page(closed: RunningServer, client: httpx.Client) -> None:
    client.headers["Accept"] = "text/html,*/*"
    told = client.get("/")
    assert (told.status_code, told.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert "daybook link" in told.text
    assert told.headers["www-authenticate"].startswith("Bearer")
    assert client.get("/static/page.css").status_code == 200
    made = link(closed, "read")
    for status in (303, 401):
        client.cookies.clear()
        opened = client.get("/sign-in", params={"code": made.secret})
        assert opened.status_code == status
    assert "once" in opened.text
    assert opened.headers["content-type"].startswith("text/html")
