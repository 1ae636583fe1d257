"""`daybook serve` as a process: its address, its signals, and what a killed one leaves behind."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.support.cli_process import wait_until
from tests.support.http_client import Reader, answered, ask, conversation
from tests.support.server_process import MAIN, Served, free_port, serving


@pytest.mark.slow
def test_it_ends_running_answers_on_sigterm_and_leaves_with_zero(
    environment: dict[str, str], unused_port: int
) -> None:
    with serving(environment, unused_port) as served, served.client() as client:
        asked = ask(client, "until the end of the server", model="simulator-stall")
        began = time.monotonic()
        code, said = served.end(signal.SIGTERM)
        assert time.monotonic() - began < 10
        assert code == 0, said
        assert "Traceback" not in said
    with serving(environment, unused_port) as served, served.client() as client:
        found = client.get(f"/api/v1/answers/{asked['answer_id']}").json()
        assert found["status"] == "interrupted"
        assert served.end(signal.SIGINT)[0] == 0


@pytest.mark.slow
def test_a_second_one_on_the_same_address_is_told_so(environment: dict[str, str], unused_port: int) -> None:
    with serving(environment, unused_port) as first:
        second = Served(environment, unused_port)
        _, said = second.process.communicate(timeout=20)
        assert second.process.returncode == 1
        assert "already listens" in said.decode()
        assert f"DAYBOOK_LISTEN=127.0.0.1:{unused_port + 1}" in said.decode()
        assert first.process.poll() is None


def test_beyond_this_machine_it_wants_a_token(environment: dict[str, str], unused_port: int) -> None:
    refused = subprocess.run(
        [sys.executable, "-c", MAIN, "serve"],
        env=environment | {"DAYBOOK_LISTEN": f"0.0.0.0:{unused_port}"},
        capture_output=True,
        timeout=20,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert refused.returncode == 2
    assert b"DAYBOOK_TOKEN" in refused.stderr


@pytest.mark.slow
def test_a_killed_one_leaves_an_interrupted_answer_that_can_be_gone_on_from(
    environment: dict[str, str], unused_port: int
) -> None:
    with serving(environment, unused_port) as served, served.client() as client:
        where = conversation(client)
        asked = ask(client, "kill me", conversation_id=where, model="simulator-stall")
        reader = Reader(client, asked["answer_id"])
        reader.read(until=2)
        time.sleep(0.6)  # what came is saved every quarter of a second
        served.end(signal.SIGKILL)
    with serving(environment, unused_port) as served, served.client() as client:
        again = Reader(client, reader.answer_id, reader.thinking, reader.text, reader.last_id)
        assert again.read() == 200
        assert (again.names[-1], again.end["status"]) == ("failed", "interrupted")
        found = client.get(f"/api/v1/answers/{reader.answer_id}").json()
        assert (again.thinking, again.text) == (found["thinking"], found["text"])
        assert found["thinking"].startswith(reader.thinking)
        goes_on = answered(client, "go on", conversation_id=where, model="deepseek-r1:8b")
        assert goes_on.end["status"] == "complete"


def _is_an_owner_gone(connection: psycopg.Connection) -> bool:
    row = connection.execute(
        "select bool_or(pg_try_advisory_xact_lock(lock_key)) from daybook.owners"
    ).fetchone()
    return row is not None and bool(row[0])


@pytest.mark.slow
def test_a_prompt_finds_the_way_free_where_a_killed_server_left_an_answer(
    environment: dict[str, str], unused_port: int
) -> None:
    with serving(environment, unused_port) as other, serving(environment, free_port()) as served:
        with other.client() as client:
            where = conversation(client)
            asked = ask(client, "kill me", conversation_id=where, model="simulator-stall")
        with served.client() as client:
            path = f"/api/v1/conversations/{where}/prompts"
            assert client.post(path, json={"text": "too early"}).status_code == 409
            with psycopg.connect(environment["DAYBOOK_DATABASE_URL"], autocommit=True) as connection:
                other.end(signal.SIGKILL)
                wait_until(lambda: _is_an_owner_gone(connection), "the database noticed")
            again = answered(client, "go on", conversation_id=where, model="deepseek-r1:8b")
            assert again.end["status"] == "complete"
            found = client.get(f"/api/v1/answers/{asked['answer_id']}").json()
            assert found["status"] == "interrupted"


def test_its_health_check_tells_a_ready_one_from_none(environment: dict[str, str], unused_port: int) -> None:
    def probe() -> int:
        command = [sys.executable, "-m", "bootstrap.probe"]
        listen = {"DAYBOOK_LISTEN": f"0.0.0.0:{unused_port}"}
        where = Path(__file__).parents[3]
        return subprocess.run(
            command, env=environment | listen, cwd=where, capture_output=True, timeout=20, check=False
        ).returncode

    assert probe() == 1
    with serving(environment, unused_port):
        assert probe() == 0
