"""What people and models write is nowhere in the database in the clear, except as words of the search."""

import contextlib

import psycopg
import pytest
from psycopg import sql

from application.ports.live import Piece
from application.ports.log import IdempotencyKey, Origin
from domain.conversation.conversation import Conversation
from domain.ids import new_id
from domain.project.project import Project
from domain.routine.definition import Definition
from domain.routine.routine import Routine
from infrastructure.crypto import master_key
from infrastructure.crypto.keyring import Keyring
from infrastructure.postgres.book import PostgresLog
from infrastructure.postgres.database import Database
from infrastructure.postgres.key_store import PostgresKeyStore
from infrastructure.postgres.live import PostgresLiveAnswers
from infrastructure.postgres.log import EventLog
from projections.catalogue import read_models
from projections.pump import Pump

ORIGIN = Origin(actor="a" * 32, source="cli")
PLAIN_END = {
    "reason": "stop",
    "model_digest": None,
    "prompt_tokens": 1,
    "completion_tokens": 1,
    "total_ms": 1.0,
    "load_ms": None,
    "prompt_eval_ms": None,
    "eval_ms": None,
    "first_token_ms": None,
}
PLANTED = (
    "plantedtitle",
    "plantedprompt",
    "plantedinstructions",
    "plantedoption",
    "plantedanswer",
    "plantedthinking",
    "plantedname",
    "planteddescription",
    "plantedlive",
    "plantedcommand",
    "planted-name",
    "plantedtemplate",
    "plantedvalue",
)


@pytest.fixture
def written(database: Database) -> Database:
    """A database with a planted word in every kind of content."""
    master = master_key.generate()
    keyring = Keyring(PostgresKeyStore(database), lambda: master, lambda: master)
    log = PostgresLog(EventLog(database), keyring)
    project = Project.create(new_id(), name="plantedname")
    project.describe("planteddescription")
    project.change_instructions("plantedinstructions")
    conversation = Conversation.start(new_id(), project_id=project.id, title="plantedtitle")
    routine = Routine.save(
        new_id(),
        Definition(
            name="planted-name",
            prompt="plantedtemplate",
            description="planteddescription",
            instructions="plantedinstructions",
            options={"stop": "plantedoption"},
        ),
    )
    log.save([routine], ORIGIN)
    prompt_id, answer_id = new_id(), new_id()
    conversation.add_prompt(prompt_id, "plantedprompt", parent_id=None, instructions="plantedinstructions")
    conversation.note_routine(
        prompt_id, routine_id=routine.id, routine_version=1, variables={"a": "plantedvalue"}
    )
    log.save([project], ORIGIN, idempotency=IdempotencyKey("k", b"plantedcommand"))
    with contextlib.closing(PostgresLiveAnswers(database, keyring)) as live:
        conversation.start_answer(
            answer_id,
            prompt_id=prompt_id,
            owner_id=live.own(),
            model="m",
            context_length=8192,
            sent_message_ids=(prompt_id,),
            cut_count=0,
            instructions_project_id=None,
            instructions_version=None,
            think=None,
            request_hash=b"",
            options={"stop": "plantedoption"},
        )
        log.save([conversation], ORIGIN)
        live.save([Piece(answer_id, conversation.id, 0, 0, 0, "plantedlive", "plantedlive")])
    conversation.complete_answer(answer_id, text="plantedanswer", thinking="plantedthinking", **PLAIN_END)
    log.save([conversation], ORIGIN)
    Pump(database, log, read_models(keyring)).catch_up()
    return database


def test_planted_words_are_in_no_table(written: Database) -> None:
    found = []
    with written.connection() as connection:
        for schema, table, column in _columns(connection):
            if column != "words":
                found += [
                    f"{schema}.{table}.{column}: {word}"
                    for word in _words_in(connection, schema, table, column)
                ]

    assert found == []


def test_the_search_finds_them_and_so_they_were_really_written(written: Database) -> None:
    with written.connection() as connection:
        words = {
            word
            for schema, table, column in _columns(connection)
            if column == "words"
            for word in _words_in(connection, schema, table, column)
        }

    assert {"plantedprompt", "plantedanswer"} <= words


def test_planted_words_are_not_in_the_statistics_of_the_planner(written: Database) -> None:
    with written.connection() as connection:
        connection.execute("analyze")
        rows = connection.execute(
            "select row_to_json(s)::text from pg_stats s where schemaname ~ '^daybook'"
        ).fetchall()

    assert [word for word in PLANTED if any(word in row[0] for row in rows)] == []


def _columns(connection: psycopg.Connection) -> list[tuple[str, str, str]]:
    return connection.execute(
        "select table_schema, table_name, column_name from information_schema.columns"
        " where table_schema like 'daybook%' order by 1, 2, ordinal_position"
    ).fetchall()


def _words_in(connection: psycopg.Connection, schema: str, table: str, column: str) -> set[str]:
    query = sql.SQL("select {column} from {table}").format(
        column=sql.Identifier(column), table=sql.Identifier(schema, table)
    )
    stored = [_bytes(row[0]) for row in connection.execute(query).fetchall()]
    return {word for word in PLANTED if any(word.encode() in value for value in stored)}


def _bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else str(value).encode()
