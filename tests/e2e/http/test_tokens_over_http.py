"""Making, listing and ending what lets somebody in, over HTTP itself; and who one is."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.e2e.http.conftest import StartServer
from tests.e2e.http.test_rules import is_problem
from tests.support.grants import bearer, events, slug, token
from tests.support.http_server import RunningServer

TOKENS, LINKS, SESSIONS, ME = (f"/api/v1/{name}" for name in ("tokens", "links", "sessions", "me"))
LIST = "/api/v1/conversations"


@pytest.fixture
def admin(client: httpx.Client, closed: RunningServer) -> httpx.Client:
    """A client with a token that may everything."""
    client.headers.update(bearer(token(closed, "admin").secret))
    return client


def name() -> str:
    return f"robot {uuid4().hex[:8]}"


def made(client: httpx.Client, **wanted: Any) -> dict[str, Any]:
    response = client.post(TOKENS, json={"name": name(), **wanted})
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


def test_a_token_is_made_used_listed_and_revoked(admin: httpx.Client, closed: RunningServer) -> None:
    response = admin.post(TOKENS, json={"name": "  a   robot ", "scopes": ["ask", "audit", "ask"]})
    assert (response.status_code, response.headers["cache-control"]) == (201, "no-store")
    new = response.json()
    assert (new["name"], new["scopes"], new["expires_at"]) == ("a robot", ["ask", "audit"], None)
    assert response.headers["daybook-log-size"] == str(new["log_size"])
    robot = bearer(new["token"])
    assert admin.post(LIST, json={}, headers=robot).status_code == 201

    shown = admin.get(response.headers["location"])
    assert new["token"] not in shown.text
    one = shown.json()
    assert (one["state"], one["kind"], one["acts_as"]) == ("live", "token", one["id"].replace("-", ""))
    assert one["made_by"] == admin.get(ME).json()["actor"]
    assert one["used_at"] is not None
    assert admin.get(TOKENS, params={"name": "a robot"}).json() == {"tokens": [one], "next_cursor": None}

    path = f"{TOKENS}/{new['id']}/revoke"
    is_problem(admin.post(path, headers={"If-Match": '"7"'}), 412, "changed-meanwhile")
    revoked = admin.post(path, headers={"If-Match": shown.headers["etag"]})
    assert (revoked.status_code, revoked.json()["id"]) == (200, new["id"])
    assert admin.post(path).status_code == 200
    time.sleep(1.1)
    assert slug(admin.get(LIST, headers=robot)) == "token-revoked"
    gone = admin.get(shown.url)
    assert (gone.json()["state"], gone.headers["etag"]) == ("revoked", revoked.headers["etag"])
    assert admin.get(TOKENS, params={"name": "a robot"}).json()["tokens"] == []
    ended = admin.get(TOKENS, params={"name": "a robot", "include_ended": True}).json()["tokens"]
    assert ended == [gone.json()]
    assert events(closed)[-1][:1] == ("token.revoked",)


def test_asked_again_under_one_key_a_token_is_told_without_its_secret(
    admin: httpx.Client, closed: RunningServer
) -> None:
    body, key = {"name": name(), "scopes": ["read"]}, {"Idempotency-Key": uuid4().hex}
    first = admin.post(TOKENS, json=body, headers=key)
    size = closed.book.events.size()
    again = admin.post(TOKENS, json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {**first.json(), "token": None, "replayed": True}
    assert again.headers["location"] == first.headers["location"]
    other = admin.post(TOKENS, json={**body, "scopes": ["admin"]}, headers=key)
    is_problem(other, 422, "idempotency-mismatch")
    assert closed.book.events.size() == size
    admin.post(f"{first.headers['location']}/revoke")
    assert admin.post(TOKENS, json=body, headers=key).json()["id"] == first.json()["id"]


def test_of_two_tokens_that_let_somebody_in_no_two_have_one_name(admin: httpx.Client) -> None:
    first = made(admin)
    refused = is_problem(admin.post(TOKENS, json={"name": first["name"]}), 409, "refused")
    assert "daybook token revoke" in refused["hint"]
    admin.post(f"{TOKENS}/{first['id']}/revoke")
    assert made(admin, name=first["name"])["id"] != first["id"]


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"name": ""}, "invalid-request"),
        ({"name": " \n "}, "invalid-input"),
        ({"scopes": []}, "invalid-request"),
        ({"scopes": ["root"]}, "invalid-request"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "invalid-input"),
        ({"expires_at": "2099-01-01T00:00:00"}, "invalid-request"),
        ({"expires_at": "9999-12-31T23:59:59-23:59"}, "invalid-input"),
        ({"secret": "mine"}, "invalid-request"),
    ],
)
def test_what_makes_no_token_is_told_so(
    admin: httpx.Client, closed: RunningServer, wrong: dict[str, Any], kind: str
) -> None:
    size = closed.book.events.size()
    is_problem(admin.post(TOKENS, json={"name": name(), **wrong}), 422, kind)
    assert closed.book.events.size() == size


def test_pages_go_on_where_the_last_one_ended(admin: httpx.Client) -> None:
    wanted = [made(admin)["id"] for _ in range(5)]
    links = [admin.post(LINKS).json()["id"] for _ in range(3)]
    for path, kind, ids in ((TOKENS, "tokens", wanted), (SESSIONS, "sessions", links)):
        seen: list[str] = []
        cursor: str | None = None
        while True:
            page = admin.get(path, params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
            seen += [one["id"] for one in page[kind]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
            # Ended meanwhile, it still says where to go on.
            admin.post(f"{path}/{seen[-1]}/{'revoke' if kind == 'tokens' else 'end'}")
        assert seen[-len(ids) :] == ids
        is_problem(admin.get(path, params={"cursor": str(uuid4())}), 422, "invalid-input")


def test_a_link_made_over_http_signs_a_browser_in(admin: httpx.Client, closed: RunningServer) -> None:
    until = closed.book.clock.now().replace(microsecond=0) + timedelta(hours=3)
    body = {"scopes": ["ask"], "minutes": 3, "session_expires_at": until.isoformat()}
    response = admin.post(LINKS, json=body)
    assert response.status_code == 201
    link = response.json()
    assert link["url"].startswith(f"{closed.url}/sign-in?code=link_")
    assert link["scopes"] == ["ask"]
    assert datetime.fromisoformat(link["session_expires_at"]) == until
    assert admin.get(response.headers["location"]).json()["state"] == "link"
    before = admin.get(response.headers["location"]).headers["etag"]

    with closed.client() as browser:
        assert browser.get(link["url"]).status_code == 303
        me = browser.get(ME).json()
        assert (me["kind"], me["name"], me["source"], me["grant_id"]) == ("session", None, "web", link["id"])
        assert (me["scopes"], me["held_scopes"]) == (["ask"], ["read", "ask"])
        assert datetime.fromisoformat(me["expires_at"]) == until
        assert me["actor"] == admin.get(ME).json()["actor"]
        [live] = [one for one in admin.get(SESSIONS).json()["sessions"] if one["id"] == link["id"]]
        assert live["state"] == "live"
        end = f"{response.headers['location']}/end"
        is_problem(admin.post(end, headers={"If-Match": before}), 412, "changed-meanwhile")
        assert admin.post(end).status_code == 200
        time.sleep(1.1)
        assert slug(browser.get(ME)) == "token-revoked"


def test_a_link_can_be_ended_before_it_is_opened(admin: httpx.Client, closed: RunningServer) -> None:
    link = admin.post(LINKS, headers={"Idempotency-Key": "k"}).json()
    another = admin.post(LINKS, headers={"Idempotency-Key": "k"}).json()
    assert link["url"] != another["url"]
    admin.post(f"{SESSIONS}/{link['id']}/end")
    with closed.client() as browser:
        assert slug(browser.get(link["url"])) == "token-revoked"
        assert browser.get(another["url"]).status_code == 303
    is_problem(admin.post(LINKS, json={"session_expires_at": "2001-01-01T00:00:00Z"}), 422, "invalid-input")


def test_a_browser_ends_its_own_session_and_needs_no_scope_for_it(
    admin: httpx.Client, closed: RunningServer
) -> None:
    link = admin.post(LINKS, json={"scopes": ["audit"]}).json()
    with closed.client() as browser:
        browser.get(link["url"])
        is_problem(browser.post(f"{SESSIONS}/{link['id']}/end", headers=ours(closed)), 403, "scope-needed")
        is_problem(browser.post(f"{SESSIONS}/current/end"), 403, "foreign-origin")
        ended = browser.post(f"{SESSIONS}/current/end", headers=ours(closed))
        assert (ended.status_code, ended.json()["id"]) == (200, link["id"])
        assert "Max-Age=0" in ended.headers["set-cookie"]
        assert slug(browser.get(ME)) == "token-needed"
    assert admin.get(f"{SESSIONS}/{link['id']}").json()["state"] == "signed-out"
    is_problem(admin.post(f"{SESSIONS}/current/end"), 409, "refused")


def ours(server: RunningServer) -> dict[str, str]:
    return {"Origin": server.url}


def test_one_kind_is_not_found_as_the_other(admin: httpx.Client) -> None:
    robot, link = made(admin)["id"], admin.post(LINKS).json()["id"]
    for path in (f"{SESSIONS}/{robot}", f"{TOKENS}/{link}", f"{TOKENS}/{uuid4()}"):
        is_problem(admin.get(path), 404, "not-found")
    for path in (f"{SESSIONS}/{robot}/end", f"{TOKENS}/{link}/revoke", f"{SESSIONS}/{uuid4()}/end"):
        is_problem(admin.post(path), 404, "not-found")


def test_who_one_is(client: httpx.Client, closed: RunningServer) -> None:
    made = token(closed, "audit")
    me = client.get(ME, headers=bearer(made.secret)).json()
    assert me == {
        "actor": made.id.hex,
        "source": "api",
        "kind": "token",
        "name": "t",
        "scopes": ["audit"],
        "held_scopes": ["audit"],
        "grant_id": str(made.id),
        "expires_at": None,
        "version": closed.app.version,
        "model": "deepseek-r1:8b",
        "log_size": closed.book.events.size(),
    }
    assert slug(client.get(ME)) == "token-needed"


@pytest.mark.parametrize(("first", "kind"), [("x" * 40, "first-token"), ("", "own-user")])
def test_who_one_is_without_a_token_of_the_log(start_server: StartServer, first: str, kind: str) -> None:
    server = start_server(token=first)
    with server.client(headers=bearer(first) if first else {}) as own:
        me = own.get(ME).json()
    assert (me["kind"], me["actor"], me["grant_id"]) == (kind, server.book.actor, None)
    assert me["held_scopes"] == ["read", "ask", "audit", "admin"]


def test_the_log_over_http_names_tokens_as_the_command_line_does(admin: httpx.Client) -> None:
    robot = made(admin, scopes=["admin"])
    size = admin.post(LIST, json={}, headers=bearer(robot["token"])).headers["daybook-log-size"]
    [newest] = admin.get("/api/v1/audit/log", params={"limit": 1}).json()["events"]
    assert (newest["actor_name"], newest["type"]) == (robot["name"], "conversation.started")
    assert admin.get(f"/api/v1/audit/log/{int(size) - 1}").json() == newest
