"""Conversations, projects, lists, search and probes over HTTP."""

import re
from pathlib import Path

import httpx

from infrastructure.simulator.server import RunningSimulator
from tests.e2e.http.conftest import StartServer
from tests.support.http_client import answered, ask, conversation
from tests.support.http_server import RunningServer
from tests.support.postgres_server import PostgresServer

LIST = "/api/v1/conversations"


def test_lists_are_paged_by_cursor_newest_first(start_server: StartServer) -> None:
    with start_server().client() as client:
        opened = [conversation(client, title=f"number {number}") for number in range(7)]
        seen, cursor, pages = [], None, 0
        while True:
            page = client.get(LIST, params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
            seen += [item["id"] for item in page["conversations"]]
            pages += 1
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == opened[::-1]
        assert pages == 3
        assert client.get(LIST, params={"cursor": "nonsense"}).status_code == 422


def test_a_conversation_is_renamed_archived_and_restored(api: httpx.Client) -> None:
    where = conversation(api)
    renamed = api.patch(f"{LIST}/{where}", json={"title": "  A better   name "})
    assert renamed.status_code == 200
    assert int(renamed.headers["daybook-log-size"]) == renamed.json()["log_size"]
    assert api.get(f"{LIST}/{where}").json()["title"] == "A better name"

    assert api.post(f"{LIST}/{where}/archive").status_code == 200
    assert api.get(f"{LIST}/{where}").json()["archived"]
    assert where not in {item["id"] for item in api.get(LIST).json()["conversations"]}
    only = api.get(LIST, params={"archived": "only"}).json()["conversations"]
    assert where in {item["id"] for item in only}
    assert api.post(f"{LIST}/{where}/prompts", json={"text": "x"}).status_code == 409
    assert api.post(f"{LIST}/{where}/restore").status_code == 200
    assert ask(api, "again", conversation_id=where)["conversation_id"] == where


def test_a_transcript_is_paged_backwards(api: httpx.Client) -> None:
    where = conversation(api)
    for number in range(4):
        answered(api, f"question {number}", conversation_id=where, options={"num_predict": 3})
    whole = api.get(f"{LIST}/{where}").json()
    assert whole["next_cursor"] is None
    assert len(whole["messages"]) == 8
    pieces, cursor = [], None
    while True:
        page = api.get(f"{LIST}/{where}", params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
        pieces = page["messages"] + pieces
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pieces == whole["messages"]


def test_what_was_just_recorded_is_seen_by_who_says_so(api: httpx.Client) -> None:
    response = api.post(LIST, json={"title": "just now"})
    size = response.headers["daybook-log-size"]
    for more in ({"headers": {"Daybook-Log-Size": size}}, {"params": {"at_least": size}}):
        found = api.get(LIST, **more).json()["conversations"]
        assert response.json()["id"] in {item["id"] for item in found}
    beyond = api.get(LIST, params={"at_least": 10**9})
    assert beyond.status_code == 422
    assert "10" in beyond.json()["detail"]


def test_words_are_found_in_prompts_and_answers(api: httpx.Client) -> None:
    asked = ask(api, "the quokka of Rottnest island")
    found = api.get("/api/v1/search", params={"q": "quokka", "at_least": asked["log_size"]}).json()["results"]
    assert asked["prompt_id"] in {hit["message_id"] for hit in found}
    assert "quokka" in found[0]["snippet"]
    only = api.get("/api/v1/search", params={"q": "quokka", "kind": "answer"}).json()["results"]
    assert asked["prompt_id"] not in {hit["message_id"] for hit in only}
    assert api.get("/api/v1/search", params={"q": "\0 "}).status_code == 422
    assert api.get("/api/v1/search").status_code == 422


def test_a_project_gathers_conversations(api: httpx.Client) -> None:
    created = api.post("/api/v1/projects", json={"name": "Garden", "instructions": "Speak of plants."})
    assert created.status_code == 201
    project = created.json()["id"]
    shown = api.get(created.headers["location"]).json()
    assert (shown["name"], shown["instructions"]) == ("Garden", "Speak of plants.")
    assert project in {one["id"] for one in api.get("/api/v1/projects").json()["projects"]}
    where = conversation(api, project_id=project)
    conversation(api)
    listed = api.get(LIST, params={"project_id": project}).json()["conversations"]
    assert [item["id"] for item in listed] == [where]
    assert answered(api, "what grows?", conversation_id=where).end["status"] == "complete"


def test_projects_are_paged(start_server: StartServer) -> None:
    with start_server().client() as client:
        made = [client.post("/api/v1/projects", json={"name": f"p{n}"}).json()["id"] for n in range(5)]
        first = client.get("/api/v1/projects", params={"limit": 3}).json()
        rest = client.get("/api/v1/projects", params={"limit": 3, "cursor": first["next_cursor"]}).json()
        assert [one["id"] for one in first["projects"] + rest["projects"]] == made
        assert rest["next_cursor"] is None
        assert (
            client.get("/api/v1/projects", params={"cursor": made[0].replace("-", "")[::-1]}).status_code
            == 422
        )


def test_a_server_that_can_work_says_so(api: httpx.Client) -> None:
    assert api.get("/healthz").json() == {"status": "alive"}
    response = api.get("/readyz")
    ready = response.json()
    assert response.status_code == 200
    assert ready["ready"]
    checks = {check["name"]: check for check in ready["checks"]}
    assert {"database", "migrations", "read models", "model server"} <= set(checks)
    assert all(check["ok"] for check in checks.values())
    assert not checks["model server"]["required"]
    assert {one["name"] for one in ready["read_models"]} >= {"conversations", "transcript", "search"}


def test_without_a_model_server_the_book_is_still_ready(start_server: StartServer, unused_port: int) -> None:
    server = start_server(settings={"DAYBOOK_OLLAMA_URL": f"http://127.0.0.1:{unused_port}"})
    with server.client() as client:
        ready = client.get("/readyz")
        assert ready.status_code == 200
        down = next(check for check in ready.json()["checks"] if check["name"] == "model server")
        assert not down["ok"]
        assert down["detail"]
        reader = answered(client, "anybody there?")
        assert (reader.names[-1], reader.end["reason"]) == ("failed", "unreachable")
        shown = client.get(f"{LIST}/{reader.end['conversation_id']}").json()
        assert shown["messages"][0]["text"] == "anybody there?"


def test_with_its_database_gone_a_server_is_not_ready_and_comes_back(
    own_postgres: PostgresServer, simulator: RunningSimulator, tmp_path: Path
) -> None:
    with RunningServer(own_postgres.url, tmp_path, simulator.url) as server, server.client() as client:
        where = conversation(client)
        own_postgres.stop()
        response = client.get("/readyz")
        assert response.status_code == 503
        assert not response.json()["ready"]
        assert client.get("/healthz").status_code == 200
        figures = client.get("/metrics").text
        assert "\ndaybook_database_up 0.0\n" in figures
        assert "\ndaybook_log_size " not in figures
        refused = client.post(f"{LIST}/{where}/prompts", json={"text": "lost?"})
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        assert refused.headers["content-type"] == "application/problem+json"
        own_postgres.start()
        assert client.get("/readyz").status_code == 200
        assert answered(client, "back again", conversation_id=where).end["status"] == "complete"


def test_no_page_of_ours_comes_from_elsewhere(api: httpx.Client) -> None:
    assert api.get("/redoc").status_code == 404
    page = api.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert set(re.findall(r'(?:src|href)="([^"]*)"', page.text)) == {"/openapi.json"}
    assert "<script" not in page.text
    for operations in api.get("/openapi.json").json()["paths"].values():
        for operation in operations.values():
            assert f"<code>{operation['operationId']}</code>" in page.text
    assert "http" not in str(api.get("/openapi.json").json().get("servers", ""))
