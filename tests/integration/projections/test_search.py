"""What the full text search finds, and what it must not choke on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from domain.errors import InvalidInputError
from projections.search import SEGMENT_BITS, VERSION
from projections.search.queries import RANKED, Within
from tests.integration.projections.conftest import Book


@pytest.fixture
def shed(book: Book) -> Book:
    conversation = book.history.conversation(title="The shed")
    book.history.exchange(
        conversation, "How do I sharpen a chisel?", "Use a whetstone; see example.com/stones for more."
    )
    book.history.exchange(conversation, "And the lawnmower blades?", "Take them to a well-known workshop.")
    return book


def found(book: Book, text: str, **within: Any) -> list[str]:
    return [hit.snippet for hit in book.search.search(text, Within(**within)).hits]


def test_words_are_found_and_marked(shed: Book) -> None:
    assert found(shed, "CHISEL") == ["How do I sharpen a «chisel»?"]
    assert found(shed, "well-known") == ["Take them to a «well-known» workshop."]
    assert found(shed, "example.com/stones") == ["Use a whetstone; see «example.com/stones» for more."]
    assert found(shed, '"sharpen a"') == ["How do I «sharpen» «a» chisel?"]
    assert found(shed, "a -chisel -whetstone") == ["Take them to «a» well-known workshop."]
    assert sorted(found(shed, "chisel or lawnmower")) == [
        "And the «lawnmower» blades?",
        "How do I sharpen a «chisel»?",
    ]
    assert found(shed, "absent") == []


def test_a_hit_says_where_it_is(shed: Book) -> None:
    (hit,) = shed.search.search("whetstone").hits
    message = shed.transcript.message(hit.message_id)
    assert message is not None
    assert (hit.conversation_id, hit.kind, hit.at) == (message.conversation_id, "answer", message.ended_at)
    assert hit.title == "The shed"
    assert hit.rank > 0
    assert [piece.text for piece in hit.pieces if piece.is_hit] == ["whetstone"]


def test_where_no_word_matches_beginnings_do(shed: Book) -> None:
    assert found(shed, "lawn") == ["And the «lawnmower» blades?"]
    assert found(shed, "lawn blad") == ["And the «lawnmower» «blades»?"]
    shed.history.exchange(shed.history.conversations[0], "Is it a lawn?", "Yes.")
    assert found(shed, "lawn") == ["Is it a «lawn»?"]


def test_filters_narrow_a_search(book: Book) -> None:
    project_id = uuid4()
    inside, outside = book.history.conversation(project_id=project_id), book.history.conversation()
    book.history.exchange(inside, "tide inside", "a tide")
    book.history.exchange(outside, "tide outside", "a tide")
    assert len(found(book, "tide")) == 4
    assert len(found(book, "tide", kind="prompt")) == 2
    assert found(book, "tide", kind="prompt", project_id=project_id) == ["«tide» inside"]
    assert found(book, "tide", kind="prompt", conversation_id=outside.id) == ["«tide» outside"]
    assert found(book, "tide", conversation_id=outside.id, project_id=project_id) == []


@pytest.mark.parametrize("text", ["", "  \n", "\0", "x" * 1_001])
def test_a_question_that_asks_nothing_or_too_much_is_invalid(book: Book, text: str) -> None:
    with pytest.raises(InvalidInputError):
        book.search.search(text)


@pytest.mark.parametrize("text", ["...", "'", "\\", "& | !", "-", '"', "\ud800", "x' | 'y", "\x01s0"])
def test_a_question_of_signs_finds_nothing_and_breaks_nothing(shed: Book, text: str) -> None:
    assert found(shed, text) == []


def test_quotes_and_backslashes_in_words_do_not_break_the_prefix_search(shed: Book) -> None:
    shed.history.exchange(shed.history.conversations[0], r"path c:\temp\O'Brien", "ok")
    assert found(shed, r"c:\temp\O'Bri") == [r"path «c»:\«temp»\«O»'«Brien»"]


def test_marks_of_the_index_cannot_be_searched(shed: Book) -> None:
    conversation = shed.history.conversations[0]
    assert found(shed, f"\x01c{conversation.id.hex}") == []


def test_texts_that_postgresql_cannot_hold_are_found_by_their_other_words(book: Book) -> None:
    conversation = book.history.conversation()
    book.history.exchange(conversation, "before\0after", "left \ud800 right")
    assert found(book, "after") == ["before\0«after»"]
    assert found(book, "right") == ["left \ud800 «right»"]
    assert book.pump.status().read_models[3].quarantined == 0


def test_a_text_of_a_quarter_million_words_is_found_by_its_first_ones(book: Book) -> None:
    conversation = book.history.conversation()
    book.history.exchange(conversation, "needle " + " ".join(f"w{n:06}" for n in range(250_000)), "ok")
    assert len(found(book, "needle")) == 1
    assert len(found(book, "w001000")) == 1
    assert book.pump.status().read_models[3].quarantined == 0


@pytest.mark.parametrize(
    "word",
    [
        pytest.param(lambda n: chr(0x4E00 + n), id="signs of three bytes"),
        pytest.param(lambda n: f"{n:x}", id="short words"),
        pytest.param(lambda n: chr(0x23A), id="a letter that grows in lower case"),
        pytest.param(lambda n: f"{n:x}.{n:x}.de/{n:x}", id="addresses"),
        pytest.param(lambda n: f"{n:x}-a-{n:x}", id="compounds"),
        pytest.param(lambda n: f"/{n:x}/{n:x}", id="paths"),
    ],
)
def test_a_text_of_thirty_thousand_bytes_keeps_all_its_words(book: Book, word: Callable[[int], str]) -> None:
    text = "first " + " ".join(word(n) for n in range(10_000))
    text = text.encode()[:29_980].decode(errors="ignore").rpartition(" ")[0] + " last"
    conversation = book.history.conversation()
    book.history.exchange(conversation, text, "ok")
    assert len(found(book, "first")) == 1
    assert len(found(book, "last")) == 1
    assert book.pump.status().read_models[3].quarantined == 0


def test_a_word_longer_than_the_index_allows_harms_nothing(book: Book) -> None:
    conversation = book.history.conversation()
    book.history.exchange(conversation, "short " + "x" * 5_000, "ok")
    assert len(found(book, "short")) == 1


def test_what_was_erased_is_not_shown_and_never_indexed_again(book: Book) -> None:
    conversation = book.history.conversation()
    book.history.exchange(conversation, "lighthouse", "beam")
    assert len(found(book, "lighthouse")) == 1
    book.vault.erased.add(conversation.id)
    assert found(book, "lighthouse") == []
    book.pump.rebuild(["search"])
    with book.reading.open("search", VERSION) as connection:
        assert connection.execute("select count(*) from messages").fetchone() == (0,)


def test_altered_content_is_quarantined_and_the_rest_is_found(book: Book) -> None:
    damaged, sound = book.history.conversation(), book.history.conversation()
    book.history.exchange(damaged, "lantern of brass", "ok")
    book.history.exchange(sound, "lantern of tin", "ok")
    book.vault.damaged.add(damaged.id)
    assert found(book, "lantern") == ["«lantern» of tin"]
    assert book.pump.status().read_models[3].quarantined == 2


def test_words_are_kept_out_of_column_statistics(shed: Book) -> None:
    _ = shed.search
    shed.pump.rebuild(["search"])
    with shed.reading.open("search", VERSION) as connection:
        connection.execute("analyze messages")
        rows = connection.execute(
            "select attname from pg_stats where schemaname = current_schema() and attname = 'words'"
        ).fetchall()
    assert rows == []


def test_pages_follow_a_cursor_and_do_not_shift(book: Book) -> None:
    conversation = book.history.conversation()
    for n in range(6):
        book.history.exchange(conversation, f"ferry number {n}", "ok")
    first = book.search.search("ferry", limit=4)
    assert first.next_cursor is not None
    book.history.exchange(conversation, "ferry number 7", "ok")
    second = book.search.search("ferry", limit=4, cursor=first.next_cursor)
    assert second.next_cursor is None
    seen = [hit.snippet for hit in (*first.hits, *second.hits)]
    assert sorted(seen) == [f"«ferry» number {n}" for n in range(6)]
    with pytest.raises(InvalidInputError):
        book.search.search("ferry", cursor="bogus")


def test_the_newest_matches_are_found_across_segments(book: Book) -> None:
    conversation = book.history.conversation(title="long")
    _ = book.search
    segments = 200
    with book.reading.open("search", VERSION) as connection:
        connection.execute(
            "insert into messages select gen_random_uuid(), %s, 'prompt', i, now(), to_words("
            "case when i / 400 %% 30 = 0 then 'rare common' else 'common' end, "
            "array[E'\\x01s' || (i >> %s), E'\\x01c' || %s]) "
            "from generate_series(1, %s, 400) i",
            (conversation.id, SEGMENT_BITS, conversation.id.hex, segments << SEGMENT_BITS),
        )
        connection.execute(
            "insert into texts select message_id, %s from messages",
            (book.vault.seal("common rare", conversation.id, 1, "text").pack(),),
        )
        connection.execute(
            "update daybook.read_model_builds set position = %s where name = 'search'",
            ((segments << SEGMENT_BITS) + 1,),
        )
        newest = {
            word: [
                row[0]
                for row in connection.execute(
                    "select message_id from messages where words @@ %s::tsquery "
                    "order by log_index desc limit %s",
                    (word, RANKED),
                )
            ]
            for word in ("common", "rare")
        }
    assert (len(newest["common"]), len(newest["rare"])) == (RANKED, 137)
    for word, expected in newest.items():
        hits = list(pages(book, word))
        assert len(hits) == len(expected)
        assert set(hits) == set(expected)


def pages(book: Book, text: str) -> Iterator[object]:
    from projections.reading import Reading
    from projections.search.queries import SearchQueries

    search = SearchQueries(Reading(book.database, lambda: book.pump, fresh=False), book.vault)
    cursor = None
    while True:
        page = search.search(text, limit=300, cursor=cursor)
        yield from (hit.message_id for hit in page.hits)
        cursor = page.next_cursor
        if cursor is None:
            return


def test_a_snippet_of_a_very_long_text_is_made_at_once(book: Book) -> None:
    conversation = book.history.conversation()
    book.history.exchange(conversation, "tide " * 200_000 + "harbour", "ok")
    started = time.monotonic()
    (shown,) = found(book, "harbour tide")
    assert time.monotonic() - started < 10
    assert shown.count("«tide»") > 10
