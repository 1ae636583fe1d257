"""The live read models against a fresh fold: alike however a book lived, and what is not is named."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from application.errors import DatabaseError
from projections.catalogue import read_models
from projections.pump import Pump
from projections.verify import Verified
from tests.integration.projections.conftest import Book


def verified(book: Book, *names: str) -> dict[str, Verified]:
    return {one.name: one for one in book.pump.verify(names or None)}


def schemas(book: Book) -> list[str]:
    with book.database.connection() as connection:
        rows = connection.execute("select schema_name from daybook.read_model_builds order by 1").fetchall()
    return [row[0] for row in rows]


@pytest.mark.parametrize("seed", range(3))
def test_however_a_book_lived_its_read_models_are_as_a_fresh_fold(book: Book, seed: int) -> None:
    book.history.random.seed(seed)
    for _ in range(5):
        book.history.live(30)
        book.pump.catch_up()
    before = schemas(book)
    found = verified(book)
    assert set(found) == {one.name for one in read_models(book.vault)}
    assert {one.name: one.differences for one in found.values() if one.difference_count} == {}
    assert {one.position for one in found.values()} == {book.log.size()}
    assert schemas(book) == before


def test_what_is_wrong_is_named_by_table_and_key(book: Book) -> None:
    book.history.open()
    book.history.exchange(book.history.conversations[-1], "moon", "tide")
    book.pump.catch_up()
    with book.database.connection() as connection:
        live: Any = connection.execute(
            "select schema_name from daybook.read_models where name = 'transcript'"
        ).fetchone()
        connection.execute(f"update {live[0]}.messages set source = 'forged' where kind = 'prompt'".encode())
        connection.execute(f"delete from {live[0]}.messages where kind = 'answer'".encode())
        connection.execute(f"insert into {live[0]}.conversations values ('{'0' * 32}', null)".encode())
    found = verified(book, "transcript", "projects")
    assert found["projects"].difference_count == 0
    told = [(one.table, one.kind) for one in found["transcript"].differences]
    assert sorted(told) == [("conversations", "extra"), ("messages", "changed"), ("messages", "missing")]
    assert all(one.key.startswith("id=") for one in found["transcript"].differences)
    book.pump.rebuild(["transcript"])
    assert verified(book, "transcript")["transcript"].difference_count == 0


def test_many_differences_are_counted_and_the_first_named(book: Book) -> None:
    for _ in range(30):
        book.history.open()
    book.pump.catch_up()
    with book.database.connection() as connection:
        live: Any = connection.execute(
            "select schema_name from daybook.read_models where name = 'conversations'"
        ).fetchone()
        connection.execute(f"update {live[0]}.conversations set last_actor = 'forged'".encode())
    found = verified(book, "conversations")["conversations"]
    assert (len(found.differences), found.difference_count) == (20, 30)


def test_it_compares_one_position_while_the_log_grows(book: Book) -> None:
    book.history.live(60)
    stop = threading.Event()
    other = Pump(book.database, book.log, read_models(book.vault))

    def grow() -> None:
        while not stop.wait(0.01):
            book.history.live(1)
            other.catch_up()

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        for _ in range(3):
            assert [one.differences for one in verified(book).values() if one.difference_count] == []
    finally:
        stop.set()
        thread.join()


def test_one_that_breaks_off_leaves_nothing_and_changes_nothing(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.history.live(40)
    book.pump.catch_up()
    before = schemas(book)
    monkeypatch.setattr("projections.verify._COMPARE", "select nothing from nowhere {live} {fresh} {key} %s")
    with pytest.raises(DatabaseError):
        book.pump.verify()
    assert schemas(book) == before
