"""Tokens, links and sessions over real HTTP: who is let in, for what, and who is not any more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from application import commands as c
from interfaces.http import tries
from interfaces.http.peers import parse_networks
from tests.e2e.http.conftest import StartServer
from tests.support.cli_process import Daybook
from tests.support.http_client import Reader, ask
from tests.support.http_server import RunningServer

LIST = "/api/v1/conversations"

READ = frozenset({"read", "ask", "admin"})
ASK = frozenset({"ask", "admin"})

# The scopes with which each operation is carried out; a new operation must be added here.
OPERATIONS = {
    "isAlive": None,
    "isReady": None,
    "startConversation": ASK,
    "listConversations": READ,
    "getConversation": READ,
    "changeConversation": ASK,
    "archiveConversation": ASK,
    "restoreConversation": ASK,
    "askQuestion": ASK,
    "answerAgain": ASK,
    "getAnswer": READ,
    "streamAnswer": READ,
    "cancelAnswer": READ,  # of one that has ended; of one that runs, see below
    "createProject": ASK,
    "listProjects": READ,
    "getProject": READ,
    "searchMessages": READ,
}
BODIES: dict[str, Any] = {
    "changeConversation": {"title": "Sails"},
    "askQuestion": {"text": "And now?", "model": "simulator-error-404"},
    "createProject": {"name": "Sailing"},
}


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


@pytest.fixture(scope="module")
def closed(server: RunningServer) -> Iterator[RunningServer]:
    """The module's server, which lets in nobody of this machine without a token."""
    options = server.app.state.server.options
    object.__setattr__(options, "is_own_user", lambda *_: False)
    yield server
    object.__setattr__(options, "is_own_user", lambda *_: None)


@pytest.fixture(autouse=True)
def fresh_tries(closed: RunningServer) -> None:
    closed.app.state.server.tries = tries.Tries()


@pytest.fixture
def client(closed: RunningServer) -> Iterator[httpx.Client]:
    with closed.client() as client:
        yield client


def test_without_anything_nobody_is_let_in(client: httpx.Client) -> None:
    for path in (LIST, "/openapi.json", "/", "/nothing"):
        response = client.get(path)
        assert (response.status_code, slug(response)) == (401, "token-needed")
        assert response.headers["www-authenticate"].startswith("Bearer")
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("header", ["Bearer", "Basic YTpi", "daybook_x"])
def test_what_is_no_bearer_is_told_so(client: httpx.Client, header: str) -> None:
    response = client.get(LIST, headers={"Authorization": header})
    assert (response.status_code, slug(response)) == (401, "token-needed")


def test_wrong_mistyped_expired_and_revoked_are_told_apart(
    client: httpx.Client, closed: RunningServer
) -> None:
    right = token(closed, "read").secret
    assert client.get(LIST, headers=bearer(right)).status_code == 200
    for wrong in ("s3cret", right[:-1], right[:-1] + ("0" if right[-1] != "0" else "1")):
        assert slug(client.get(LIST, headers=bearer(wrong))) == "token-wrong"
    short = token(closed, "read", lasts=timedelta(seconds=-1)).secret
    assert slug(client.get(LIST, headers=bearer(short))) == "token-expired"
    gone = token(closed, "read")
    revoke(closed, gone)
    response = client.get(LIST, headers=bearer(gone.secret))
    assert (response.status_code, slug(response)) == (401, "token-revoked")
    assert "daybook token create" in response.json()["hint"]


def test_a_revocation_holds_at_once_in_every_process(
    closed: RunningServer, client: httpx.Client, start_server: StartServer
) -> None:
    another = start_server(database_url=closed.database_url, settings=same_book(closed))
    made = token(closed, "read")
    home = str(closed.book._home.root)
    cli = Daybook({"DAYBOOK_HOME": home, "DAYBOOK_DATABASE_URL": closed.database_url})
    with another.client() as second:
        for one in (client, second):
            assert one.get(LIST, headers=bearer(made.secret)).status_code == 200
        cli.as_process("token", "revoke", made.id.hex)
        deadline = time.monotonic() + 2
        for one in (client, second):
            while one.get(LIST, headers=bearer(made.secret)).status_code != 401:
                assert time.monotonic() < deadline, "still let in after two seconds"
                time.sleep(0.05)


def same_book(server: RunningServer) -> dict[str, str]:
    root = server.book._home.root
    return {"DAYBOOK_MASTER_KEY_FILE": str(root / "keys" / "master.key")}


def test_a_stream_ends_when_its_token_is_revoked(closed: RunningServer, client: httpx.Client) -> None:
    made = token(closed, "ask")
    client.headers.update(bearer(made.secret))
    asked = ask(client, "a long story", model="simulator-stall")
    path = f"/api/v1/answers/{asked['answer_id']}"
    with client.stream("GET", f"{path}/stream") as response:
        lines = response.iter_lines()
        next(lines)
        revoke(closed, made)
        rest = list(lines)  # comes to its end, though the answer does not
    assert "event: failed" not in rest
    assert "event: done" not in rest
    assert slug(client.get(path)) == "token-revoked"
    assert closed.book.answering.running(UUID(asked["answer_id"])) is not None
    client.headers.update(bearer(token(closed, "ask").secret))
    assert client.post(f"{path}/cancel").json()["status"] == "cancelled"


@pytest.fixture(scope="module")
def there(server: RunningServer) -> dict[str, str]:
    with server.client() as own:
        own.headers.update(bearer(token(server, "admin").secret))
        asked = ask(own, "Is anybody there?")
        Reader(own, asked["answer_id"]).read()
        project = own.post("/api/v1/projects", json={"name": "Boats"}).json()["id"]
    return {**{name: str(value) for name, value in asked.items()}, "project_id": project}


@pytest.mark.parametrize("scope", ["read", "ask", "audit", "admin"])
def test_every_operation_asks_for_its_scope(
    closed: RunningServer, client: httpx.Client, there: dict[str, str], scope: str
) -> None:
    headers = bearer(token(closed, scope).secret)
    document = client.get("/openapi.json", headers=headers).json()
    seen = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            name = operation["operationId"]
            seen.add(name)
            allowed = OPERATIONS[name]
            response = client.request(
                method,
                path.format(**there),
                json=BODIES.get(name),
                params={"q": "boat"} if name == "searchMessages" else None,
                headers={**headers, "Last-Event-ID": "0.0"},
            )
            if allowed is None or scope in allowed:
                assert response.status_code not in {401, 403}, (name, response.text)
            else:
                assert (response.status_code, slug(response)) == (403, "scope-needed"), name
                assert "scope" in response.json()["detail"]
    assert seen == set(OPERATIONS)


def test_reading_does_not_stop_an_answer(closed: RunningServer, client: httpx.Client) -> None:
    asks, reads = token(closed, "ask").secret, token(closed, "read").secret
    client.headers.update(bearer(asks))
    asked = ask(client, "wait", model="simulator-stall")
    path = f"/api/v1/answers/{asked['answer_id']}/cancel"
    refused = client.post(path, headers=bearer(reads))
    assert (refused.status_code, slug(refused)) == (403, "scope-needed")
    assert client.get(path.removesuffix("/cancel")).json()["status"] == "streaming"
    assert client.post(path).json()["status"] == "cancelled"


def test_the_log_names_the_token_that_did_it(closed: RunningServer, client: httpx.Client) -> None:
    made = token(closed, "ask")
    client.post(LIST, json={}, headers=bearer(made.secret))
    assert events(closed)[-1] == ("conversation.started", made.id.hex, "api")
    assert closed.book.access.names(frozenset({made.id.hex, closed.book.actor})) == {made.id.hex: "t"}


def test_last_use_is_noted(closed: RunningServer, client: httpx.Client) -> None:
    made = token(closed, "read")
    [before] = closed.book.access.find(made.id.hex)
    assert before.used_at is None
    client.get(LIST, headers=bearer(made.secret))
    [after] = closed.book.access.find(made.id.hex)
    assert after.used_at is not None
    client.get(LIST, headers=bearer(made.secret))
    assert closed.book.access.find(made.id.hex) == (after,)


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


def test_too_many_wrong_tokens_wait_and_right_ones_go_on(closed: RunningServer, client: httpx.Client) -> None:
    known, fresh = token(closed, "read").secret, token(closed, "read").secret
    assert client.get(LIST, headers=bearer(known)).status_code == 200
    statuses = [client.get(LIST, headers=bearer("wrong")).status_code for _ in range(tries.AT_ONCE + 2)]
    assert statuses == [401] * tries.AT_ONCE + [429, 429]
    limited = client.get(LIST, headers=bearer("wrong"))
    assert slug(limited) == "too-many-tries"
    assert 1 <= int(limited.headers["retry-after"]) <= tries.SECONDS_EACH
    assert client.get(LIST, headers=bearer(fresh)).status_code == 429
    assert client.get("/sign-in", params={"code": "link_x"}).status_code == 429
    time.sleep(1.1)
    assert client.get(LIST, headers=bearer(known)).status_code == 200


def test_a_stale_cookie_counts_once(closed: RunningServer, client: httpx.Client) -> None:
    client.cookies.set(f"daybook_{closed.port}", "session_of-another-book")
    for _ in range(3 * tries.AT_ONCE):
        assert client.get(LIST).status_code == 401
    assert client.get("/sign-in", params={"code": link(closed).secret}).status_code == 303


def test_the_wrong_tokens_of_one_client_do_not_lock_out_another_behind_a_proxy(
    start_server: StartServer,
) -> None:
    server = start_server(token="x" * 40, trusted_proxies=parse_networks("127.0.0.1"))
    with server.client() as client:
        for number in range(tries.AT_ONCE + 1):
            headers = {**bearer("wrong"), "X-Forwarded-For": f"6.6.6.{number}, 198.51.100.1"}
            last = client.get(LIST, headers=headers)
        assert last.status_code == 429
        right = bearer("x" * 40)
        assert client.get(LIST, headers={**right, "X-Forwarded-For": "198.51.100.2"}).status_code == 200
        fresh = bearer(token(server, "read").secret)
        assert client.get(LIST, headers={**fresh, "X-Forwarded-For": "198.51.100.1"}).status_code == 429
        assert client.get(LIST, headers={**fresh, "X-Forwarded-For": "198.51.100.2"}).status_code == 200


def test_what_an_untrusted_peer_says_of_its_address_does_not_count(start_server: StartServer) -> None:
    server = start_server(token="short")
    with server.client() as client:
        for number in range(tries.AT_ONCE + 1):
            headers = {**bearer("wrong"), "X-Forwarded-For": f"198.51.100.{number}"}
            last = client.get(LIST, headers=headers)
        assert last.status_code == 429
        # A short own token might have been found by trying, so even the right one waits now.
        assert client.get(LIST, headers=bearer("short")).status_code == 429
        opened = client.get(
            "/sign-in",
            params={"code": "x"},
            headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "1.1.1.1"},
        )
        assert opened.status_code == 429


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


def test_without_a_token_this_machines_own_user_is_let_in_and_nobody_else(start_server: StartServer) -> None:
    asked: list[tuple[Any, Any]] = []

    def owner(client: tuple[str, int], server: tuple[str, int]) -> bool:
        asked.append((client, server))
        return not stranger

    stranger = False
    server = start_server(is_own_user=owner)
    with server.client() as client:
        assert client.get(LIST).status_code == 200
        assert asked[-1][1] == ("127.0.0.1", server.port)
        for header in ("X-Forwarded-For", "Forwarded", "Via"):
            refused = client.get(LIST, headers={header: "127.0.0.1"})
            assert (refused.status_code, slug(refused)) == (401, "token-needed")
            assert "proxy" in refused.json()["detail"]
        stranger = True
        refused = client.get(LIST)
        assert (refused.status_code, slug(refused)) == (401, "token-needed")
        assert "daybook link" in refused.json()["hint"]
        assert client.get(LIST, headers=bearer(token(server, "read").secret)).status_code == 200


def test_a_wrong_token_is_wrong_even_where_none_is_needed(
    server: RunningServer, start_server: StartServer
) -> None:
    open_server = start_server()
    with open_server.client() as client:
        assert client.get(LIST).status_code == 200
        assert client.get(LIST, headers=bearer("wrong")).status_code == 401
        client.cookies.set(f"daybook_{open_server.port}", "session_stale")
        for _ in range(3 * tries.AT_ONCE):
            assert client.get(LIST).status_code == 200


def test_a_token_that_was_planted_in_the_database_lets_nobody_in(
    closed: RunningServer, client: httpx.Client
) -> None:
    """Whoever can append but has no master key can make no token: not with a hash of their own."""
    import hashlib

    from application import secret_text
    from application.ports.log import Origin
    from domain.access.access import Token

    token_id, secret = uuid4(), secret_text.fresh_secret()
    for proof in (hashlib.sha256(secret).digest(), secret):
        token_id = uuid4()
        planted = Token.create(token_id, name="x", scopes="admin", expires_at=None, proof=proof)
        closed.book.log.save([planted], Origin("mallory", "cli"))
        shown = secret_text.write(secret_text.TOKEN, token_id, secret)
        assert slug(client.get(LIST, headers=bearer(shown))) == "token-wrong"


def test_a_rebuilt_book_lets_in_whom_its_log_lets_in(closed: RunningServer, client: httpx.Client) -> None:
    live, gone = token(closed, "read"), token(closed, "read")
    revoke(closed, gone)
    before = closed.book.access.all()
    closed.book.read_models.rebuild(["access"])
    assert closed.book.access.all() == before
    assert client.get(LIST, headers=bearer(live.secret)).status_code == 200
    assert client.get(LIST, headers=bearer(gone.secret)).status_code == 401


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


def test_the_page_shows_and_pulls_what_the_scope_allows(closed: RunningServer, client: httpx.Client) -> None:
    for scope, seen, pulled in (
        ("read", 200, 403),
        ("ask", 200, 403),
        ("audit", 403, 403),
        ("admin", 200, 202),
    ):
        client.headers.update(bearer(token(closed, scope).secret))
        assert client.get("/").status_code == seen
        assert client.get("/state").status_code == seen
        assert client.post("/pull").status_code == pulled
