"""The logs.db of the llm tool, in the schema that its newest and its older versions make."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from domain.conversation import import_events as i
from domain.errors import InvalidInputError
from domain.moments import from_micros
from interfaces.porting import llm_logs
from tests.support.given_files import Desk

NEWEST = """
create table conversations (id text primary key, name text, model text);
create table schemas (id text primary key, content text);
create table responses (
    id text primary key, model text, prompt text, system text, prompt_json text, options_json text,
    response text, response_json text, conversation_id text references conversations(id), duration_ms integer,
    datetime_utc text, input_tokens integer, output_tokens integer, token_details text,
    schema_id text references schemas(id), resolved_model text
);
create virtual table responses_fts using fts5 (prompt, response, content=responses);
create trigger responses_ai after insert on responses begin
    insert into responses_fts (rowid, prompt, response) values (new.rowid, new.prompt, new.response);
end;
create table attachments (id text primary key, type text, path text, url text, content blob);
create table prompt_attachments (response_id text, attachment_id text, "order" integer);
create table fragments (id integer primary key, hash text, content text, datetime_utc text, source text);
create table prompt_fragments (response_id text, fragment_id integer, "order" integer);
create table system_fragments (response_id text, fragment_id integer, "order" integer);
create table tools (id integer primary key, hash text, name text);
create table tool_calls (id integer primary key, response_id text, tool_id integer, name text);
create table tool_results (id integer primary key, response_id text, name text, output text);
create table parts (
    id integer primary key, response_id text, direction text, role text, part_type text, "order" integer,
    content text, content_json text, tool_call_id text, server_executed integer
);
"""
OLDER = """
create table conversations (id text primary key, name text, model text);
create table responses (
    id text primary key, model text, prompt text, system text, prompt_json text, options_json text,
    response text, response_json text, conversation_id text, duration_ms integer, datetime_utc text
);
"""
CONVERSATION, FIRST, SECOND = (
    "01h53zma5txeby33t1kbe3xk8q",
    "01h53zma5txeby33t1kbe3xk8r",
    "01h53zma5txeby33t1kbe3xk8s",
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs.db"


@pytest.fixture
def logs(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as made:
        made.executescript(NEWEST)
        yield made


def insert(logs: sqlite3.Connection, table: str, **values: Any) -> None:
    names = ", ".join(f'"{name}"' for name in values)
    logs.execute(
        f"insert into {table} ({names}) values ({', '.join('?' * len(values))})", (*values.values(),)
    )
    logs.commit()


def response(logs: sqlite3.Connection, **values: Any) -> None:
    told = {
        "id": FIRST,
        "model": "gpt-4o",
        "prompt": "Hi",
        "response": "Hello.",
        "conversation_id": CONVERSATION,
        "datetime_utc": "2024-05-06T07:08:09.123456",
    }
    insert(logs, "responses", **{**told, **values})


def texts(desk: Desk) -> list[tuple[str, Any]]:
    return [
        (event.type_name.rpartition(".")[2], event.text)
        for event, _ in desk.house.log.appended
        if isinstance(event, i.PromptImported | i.AnswerImported)
    ]


def test_a_conversation_comes_with_all_that_is_known_of_it(
    desk: Desk, logs: sqlite3.Connection, path: Path
) -> None:
    insert(logs, "conversations", id=CONVERSATION, name="A talk", model="gpt-4o")
    response(
        logs,
        id=SECOND,
        prompt="And?",
        datetime_utc="2024-05-06T07:08:10+00:00",
        response="So.",
        input_tokens=7,
        output_tokens=3,
        duration_ms=1500,
        options_json='{"temperature": 0.5, "seed": null}',
        system="Be brief.",
    )
    response(logs)
    for number, content in enumerate(["one", "two"], 1):
        insert(logs, "fragments", id=number, content=content)
        insert(logs, "prompt_fragments", response_id=SECOND, fragment_id=number, order=-number)
    insert(logs, "system_fragments", response_id=SECOND, fragment_id=1, order=0)
    insert(
        logs, "parts", response_id=SECOND, direction="output", part_type="reasoning", order=0, content="Hm."
    )
    insert(logs, "prompt_attachments", response_id=SECOND, attachment_id="a", order=0)
    insert(logs, "tool_calls", response_id=SECOND, name="t")
    logs.execute("update responses set schema_id = 's' where id = ?", (SECOND,))
    logs.commit()
    found = desk.give_file(path)

    assert (found.kind, found.new_count, found.message_count, found.complete) == ("llm", 1, 4, False)
    assert sorted(found.remarks.values()) == [1, 1, 1]
    asked = [event for event, _ in desk.house.log.appended if isinstance(event, i.PromptImported)]
    given = [event for event, _ in desk.house.log.appended if isinstance(event, i.AnswerImported)]
    assert [x.text for x in asked] == ["Hi", "two\none\nAnd?"]
    assert [x.instructions for x in asked] == [None, "Be brief.\none"]
    assert [x.text for x in given] == ["Hello.", "So."]
    assert given[0].message_id == asked[1].parent_id
    last = given[1]
    assert (last.model, last.thinking, last.options) == ("gpt-4o", "Hm.", {"temperature": 0.5})
    assert (last.prompt_tokens, last.completion_tokens, last.total_ms) == (7, 3, 1500.0)
    assert last.ended_at is not None
    assert last.ended_at - last.said_at == 1_500_000
    assert from_micros(last.said_at).isoformat() == "2024-05-06T07:08:10+00:00"
    assert desk.house.log.appended[0][0].title == "A talk"  # type: ignore[attr-defined]

    assert desk.give_file(path).unchanged_count == 1
    response(logs, id="01h53zma5txeby33t1kbe3xk8t", prompt="More?", datetime_utc="2024-05-06T07:08:11")
    more = desk.give_file(path)
    assert (more.grown_count, more.message_count) == (1, 2)


def test_an_older_database_has_less_to_tell(desk: Desk, path: Path) -> None:
    with closing(sqlite3.connect(path)) as logs:
        logs.executescript(OLDER)
        response(logs, system="", options_json="nonsense")
        response(logs, id="7", conversation_id=None, prompt=None, options_json="[1]")
        response(logs, id="8", conversation_id=None, options_json="[" * 100_000)
        logs.executescript("create table logs (id integer primary key); insert into logs values (1)")
    found = desk.give_file(path)
    assert (found.new_count, found.message_count) == (3, 6)
    assert [*found.remarks.values()] == [1]


def test_strange_values_become_text_or_nothing(desk: Desk, logs: sqlite3.Connection, path: Path) -> None:
    response(logs, prompt=b"by\xfftes", response=12, duration_ms="soon", input_tokens=-1, output_tokens=3.0)
    response(logs, id=SECOND, datetime_utc="never", model=None, prompt="a\0b")
    found = desk.give_file(path)
    assert texts(desk)[:2] == [("prompt-imported", "by\ufffdtes"), ("answer-imported", "12")]
    assert (found.message_count, [*found.remarks.values()]) == (4, [1])


def test_what_has_no_time_or_is_too_large_is_left_out(
    desk: Desk, logs: sqlite3.Connection, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llm_logs, "_MOST_VALUE_BYTES", 100_000)
    response(logs, conversation_id="a", datetime_utc="never", id="nothing to tell a time from")
    response(logs, conversation_id="b", id=FIRST, response="x" * 200_000)
    response(logs, conversation_id="c", id=SECOND)
    found = desk.give_file(path)
    assert (found.new_count, found.skipped_count) == (1, 2)
    assert [one.reason.rpartition(" ")[2] for one in found.left_out] == ["time", "large"]
    monkeypatch.setattr(llm_logs, "MOST_CONVERSATION_BYTES", 1)
    assert "one piece" in [one.reason for one in desk.give_file(path).left_out][-1]
    monkeypatch.setattr(llm_logs, "MAX_PORTED_MESSAGES", 1)
    assert desk.give_file(path).skipped_count == 3


@pytest.mark.parametrize(
    "schema",
    [
        "create table notes (id)",
        "create table responses (id text, text text)",
        "create table t (prompt text, response text); create view responses as select * from t",
        "create view responses as with recursive r (prompt) as (select 1 union all select 2 from r) select 1",
        "create virtual table responses using fts5 (prompt, response)",
        "create table responses (prompt text, response text, primary key (prompt)) without rowid",
    ],
)
def test_another_database_is_refused_and_no_view_of_it_is_read(desk: Desk, path: Path, schema: str) -> None:
    with closing(sqlite3.connect(path)) as made:
        made.executescript(schema)
    with pytest.raises(InvalidInputError, match="no database of the llm tool"):
        desk.give_file(path)
    assert desk.house.log.size() == 0


def test_a_view_in_the_place_of_a_table_beside_is_not_read(
    desk: Desk, logs: sqlite3.Connection, path: Path
) -> None:
    response(logs)
    logs.executescript(
        "drop table parts; create view parts as select load_extension('x') as response_id, 'output' as "
        "direction, 'reasoning' as part_type, 1 as \"order\", 'x' as content"
    )
    assert desk.give_file(path).new_count == 1


def test_a_damaged_database_is_told(desk: Desk, logs: sqlite3.Connection, path: Path) -> None:
    logs.executescript("drop trigger responses_ai")
    for number in range(4):
        response(logs, id=f"{number}", conversation_id=f"{number}", response="x" * 20_000)
    content = bytearray(path.read_bytes())
    # A page of a long value begins with the number of its next one; the last that has one leads nowhere now.
    pages = range(0, len(content), 4096)
    links = [at for at in pages if content[at + 4 : at + 8] == b"xxxx" and any(content[at : at + 4])]
    content[links[-1] : links[-1] + 4] = b"\xff" * 4
    found = desk.give(bytes(content))
    assert (found.new_count, found.whole) == (0, False)
    assert "damaged" in (found.cut_off or "")
    with pytest.raises(InvalidInputError, match="SQLite says"):
        desk.give(bytes(content[:16]) + b"\xff" * 5000)


def test_the_file_is_not_written_to_and_changes_beside_it_are_told(
    desk: Desk, logs: sqlite3.Connection, path: Path
) -> None:
    response(logs)
    before = path.read_bytes()
    path.with_name("logs.db-wal").write_bytes(b"changes")
    found = desk.give_file(path)
    assert (found.new_count, found.left_out[0].name) == (1, "logs.db-wal")
    assert path.read_bytes() == before
