"""Tokens over real HTTP: who is let in, for what, and who is not any more."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from interfaces.http import tries
from interfaces.http.peers import parse_networks
from tests.e2e.http.conftest import StartServer
from tests.support.cli_process import Daybook
from tests.support.grants import bearer, events, link, revoke, slug, token
from tests.support.http_client import Reader, ask
from tests.support.http_server import RunningServer

LIST = "/api/v1/conversations"

READ = frozenset({"read", "ask", "admin"})
ASK = frozenset({"ask", "admin"})
AUDIT = frozenset({"audit", "admin"})
ADMIN = frozenset({"admin"})
READ_OR_AUDIT = READ | AUDIT

# The scopes with which each operation is carried out; a new operation must be added here.
OPERATIONS = {
    "isAlive": None,
    "isReady": None,
    "whoAmI": READ_OR_AUDIT,
    "findMessages": READ,
    "listMessages": READ,
    "findEvent": AUDIT,
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
    "getMetrics": READ_OR_AUDIT,
    "ask": ASK,
    "retryAnswer": ASK,
    "getTree": READ,
    "getMoment": READ,
    "getHistory": READ,
    "goOnFrom": ASK,
    "editPrompt": ASK,
    "forkConversation": ASK,
    "exportConversation": READ,
    "exportProject": READ,
    "exportAll": READ,
    "importFile": ADMIN,
    "rateAnswer": ASK,
    "writeNote": ASK,
    "getNote": READ,
    "changeNote": ASK,
    "removeNote": ASK,
    "getUsage": READ,
    "getMessage": READ,
    "listFollowing": READ,
    "getProvenance": READ,
    "explainAnswer": READ,
    "compareReplay": READ,
    "getLogSize": AUDIT,
    "getAuditReport": AUDIT,
    "getAuditReportPage": AUDIT,
    "getComparisonPage": READ,
    "findIds": READ,
    "getLatest": READ,
    "changeProject": ASK,
    "archiveProject": ASK,
    "restoreProject": ASK,
    "listInstructions": READ,
    "getInstructions": READ,
    "restoreInstructions": ASK,
    "listTags": READ,
    "startReplay": ASK,
    "countReplay": READ,
    "listReplays": READ,
    "getReplay": READ,
    "listReplayPrompts": READ,
    "resumeReplay": ASK,
    "cancelReplay": ASK,
    "eraseReplay": ADMIN,
    "createRoutine": ASK,
    "listRoutines": READ,
    "getRoutine": READ,
    "listRoutineVersions": READ,
    "changeRoutine": ASK,
    "removeRoutine": ASK,
    "runRoutine": ASK,
    "previewRoutineErasure": READ,
    "eraseRoutine": ADMIN,
    "listHolds": READ,
    "holdConversation": ADMIN,
    "releaseConversation": ADMIN,
    "holdProject": ADMIN,
    "releaseProject": ADMIN,
    "previewConversationErasure": READ,
    "previewProjectErasure": READ,
    "eraseConversation": ADMIN,
    "eraseProject": ADMIN,
    "listEvents": AUDIT,
    "getEvent": AUDIT,
    "listCheckpoints": AUDIT,
    "makeCheckpoint": AUDIT,
    "getPublicKey": AUDIT,
    "verifyLog": AUDIT,
    "getReceipt": AUDIT,
    "proveExtension": AUDIT,
    "exportLog": ADMIN,
    "createToken": ADMIN,
    "listTokens": ADMIN,
    "getToken": ADMIN,
    "revokeToken": ADMIN,
    "makeLink": ADMIN,
    "listSessions": ADMIN,
    "getSession": ADMIN,
    "endOwnSession": READ_OR_AUDIT,  # of one's own; a token has none
    "endSession": ADMIN,
    "getKeys": AUDIT,
    "rotateKeys": ADMIN,
    "getProjections": READ_OR_AUDIT,
    "rebuildProjections": ADMIN,
    "verifyProjections": ADMIN,
    "runDoctor": ADMIN,
    "listModels": READ,
    "recommendModel": READ,
    "pullModel": ADMIN,
    "getModel": READ,
}
BODIES: dict[str, Any] = {
    "changeConversation": {"title": "Sails"},
    "changeProject": {"description": "Sails"},
    "askQuestion": {"text": "And now?", "model": "simulator-error-404"},
    "createProject": {"name": "Sailing"},
    "createToken": {"name": "sails"},
    "ask": {"text": "And now?", "model": "simulator-error-404"},
    "goOnFrom": {"message_id": None},
    "editPrompt": {"text": "And then?", "model": "simulator-error-404"},
    "forkConversation": {"message_id": "019a0000-0000-7000-8000-00000000da1b"},
    "rateAnswer": {"rating": "up"},
    "writeNote": {"text": "Look this up."},
    "changeNote": {"text": "Looked up."},
    "startReplay": {"last": 1, "model": "simulator-error-404"},
    "countReplay": {"last": 1},
    "createRoutine": {"name": "say", "prompt": "Say it."},
    "changeRoutine": {"description": "Says it"},
    "runRoutine": {"input": "it", "model": "simulator-error-404"},
    "holdConversation": {"reason": "r"},
    "releaseConversation": {"reason": "r"},
    "holdProject": {"reason": "r"},
    "releaseProject": {"reason": "r"},
    "proveExtension": {"checkpoint": "none"},
    "rebuildProjections": {"read_models": ["projects"]},
    "verifyProjections": {"read_models": ["projects"]},
}
PARAMETERS: dict[str, Any] = {
    "findMessages": {"id": "@last"},
    "findEvent": {"event_id": str(uuid4())},
    "searchMessages": {"q": "boat"},
    "getReceipt": {"log_index": 0},
}


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
        note = own.post(f"/api/v1/messages/{asked['answer_id']}/notes", json={"text": "Yes."}).json()["id"]
        body = {"name": "there", "prompt": "Say it."}
        routine = own.post("/api/v1/routines", json=body).json()["id"]
        wanted = {"last": 1, "model": "simulator-error-404"}
        replay = own.post("/api/v1/replays", json=wanted).json()["id"]
    more = {
        "note_id": note,
        "routine_id": routine,
        "replay_id": replay,
        "project_id": project,
        "message_id": asked["answer_id"],
        "fragment": project,
        "log_index": "0",
        "moment": "0",
        "token_id": token(server, "read").id.hex,
        "session_id": link(server).id.hex,
        "version": "1",
    }
    return {**{name: str(value) for name, value in asked.items()}, **more}


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
                params=PARAMETERS.get(name),
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


def test_too_many_wrong_tokens_wait_and_right_ones_go_on(closed: RunningServer, client: httpx.Client) -> None:
    known, fresh = token(closed, "read").secret, token(closed, "read").secret
    assert client.get(LIST, headers=bearer(known)).status_code == 200
    statuses = [client.get(LIST, headers=bearer("wrong")).status_code for _ in range(tries.AT_ONCE + 2)]
    assert statuses == [401] * tries.AT_ONCE + [429, 429]
    limited = client.get(LIST, headers=bearer("wrong"))
    assert slug(limited) == "too-many-requests"
    assert 1 <= int(limited.headers["retry-after"]) <= tries.SECONDS_EACH
    assert client.get(LIST, headers=bearer(fresh)).status_code == 429
    assert client.get("/sign-in", params={"code": "link_x"}).status_code == 429
    time.sleep(1.1)
    assert client.get(LIST, headers=bearer(known)).status_code == 200


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


def test_the_page_shows_and_pulls_what_the_scope_allows(closed: RunningServer, client: httpx.Client) -> None:
    where = client.post(LIST, json={}, headers=bearer(token(closed, "ask").secret)).json()["id"]
    for scope, reads, pulled in (
        ("read", True, 403),
        ("ask", True, 403),
        ("audit", False, 403),
        ("admin", True, 202),
    ):
        client.headers.update(bearer(token(closed, scope).secret))
        front = client.get("/")
        assert front.status_code == client.get("/state").status_code == 200
        assert (f"/conversations/{where}" in front.text) is reads
        assert client.get(f"/conversations/{where}").status_code == (200 if reads else 403)
        assert client.post("/pull").status_code == pulled
