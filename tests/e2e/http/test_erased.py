"""Over HTTP what was erased is gone (410), also where another process erased it and this one knew the key."""

from __future__ import annotations

from uuid import UUID

from application.commands import EraseConversation, EraseProject
from tests.e2e.http.conftest import StartServer
from tests.support.http_client import answered, conversation

API = "/api/v1"


def test_what_another_process_erased_is_gone_at_once(start_server: StartServer) -> None:
    server = start_server()
    with server.client() as client, start_server(database_url=server.database_url).client() as other:
        project = client.post(f"{API}/projects", json={"name": "quetzals"}).json()["id"]
        where = conversation(client, project_id=project)
        answer = answered(client, "What is a quetzal?", conversation_id=where).answer_id
        for one in (client, other):
            assert "quetzal" in one.get(f"{API}/conversations/{where}").text

        who = {"actor": "ada", "source": "cli"}
        server.book.commands.handle(EraseConversation(conversation_id=UUID(where), **who))
        server.book.commands.handle(EraseProject(project_id=UUID(project), **who))

        for one in (client, other):
            gone = one.get(f"{API}/conversations/{where}", params={"at_least": server.book.events.size()})
            assert gone.status_code == 410
            assert gone.json()["type"].endswith("content-erased")
            assert "was erased on 2" in gone.json()["detail"]
            assert "by ada" in gone.json()["detail"]
            assert one.get(f"{API}/answers/{answer}").status_code == 410
            assert one.get(f"{API}/projects/{project}").status_code == 410
            assert one.get(f"{API}/search", params={"q": "quetzal"}).json()["results"] == []
            [listed] = one.get(f"{API}/conversations").json()["conversations"]
            assert (listed["title"], listed["erased"], listed["erased_by"]) == (None, True, "ada")
            more = one.post(f"{API}/conversations/{where}/prompts", json={"text": "More?"})
            assert more.status_code == 410
