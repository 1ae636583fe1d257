from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInputError
from projections.batches import Window, events_fault, reason
from projections.finding import fragment_parameters, from_cursor, to_cursor
from projections.opening import beginning
from tests.fakes.histories import Historian

ROOT = Path(__file__).parents[3]


@given(number=st.integers(), text=st.text(), flag=st.booleans())
def test_a_cursor_gives_back_what_was_put_in(number: int, text: str, flag: bool) -> None:  # noqa: FBT001
    assert from_cursor(to_cursor(number, text, flag), int, str, bool) == (number, text, flag)


@given(cursor=st.text())
def test_what_is_no_cursor_is_invalid_input(cursor: str) -> None:
    with pytest.raises(InvalidInputError):
        from_cursor(cursor, int, str, bool)


def test_a_cursor_of_other_types_is_invalid_input() -> None:
    with pytest.raises(InvalidInputError):
        from_cursor(to_cursor("1"), int)


@given(identifier=st.uuids(), length=st.integers(4, 32))
def test_a_fragment_encloses_the_ids_it_begins_and_ends(identifier: object, length: int) -> None:
    digits = identifier.hex  # type: ignore[attr-defined]
    start = fragment_parameters(digits[:length])
    assert start["low"] <= identifier <= start["high"]
    end = fragment_parameters(digits[-length:])
    assert end["reversed_low"] <= digits[::-1] < end["reversed_high"]


def test_a_beginning_is_one_short_line() -> None:
    assert beginning(" two\n words ") == "two words"
    assert len(beginning("word " * 1000)) <= 80


def test_read_models_at_the_same_place_share_one_reading() -> None:
    history = Historian(1)
    history.live(40)
    window = Window(history.log, 10)
    first = window.read(0)
    assert window.read(0) is first
    assert [event.log_index for event in window.read(4).events] == [4, 5, 6, 7, 8, 9]
    assert history.log.reads == 1
    window.read(10)
    assert history.log.reads == 2


def test_the_end_of_the_log_is_an_empty_stretch() -> None:
    history = Historian(1)
    history.live(10)
    size = history.log.size()
    stretch = Window(history.log, 10).read(size)
    assert (stretch.start, stretch.end, list(stretch.events)) == (size, size, [])


def test_a_log_of_long_texts_is_read_in_shorter_pieces() -> None:
    light, heavy = Historian(1), Historian(1)
    for history, length in ((light, 10), (heavy, 200_000)):
        conversation = history.conversation()
        for _ in range(700):
            history.exchange(conversation, "x" * length, "y")

    def pieces(history: Historian) -> list[int]:
        window, position, found = Window(history.log, 4_000), 0, []
        while (stretch := window.read(position)).end > position:
            position = stretch.end
            found.append(len(stretch.events))
        return found

    assert pieces(light) == [500, 1_000, 601]
    assert max(pieces(heavy)[1:]) < 500
    assert sum(pieces(heavy)) == heavy.log.size()


def test_an_event_that_cannot_be_decoded_stands_alone() -> None:
    history = Historian(1)
    history.live(40)
    history.log.broken_at = 5
    window = Window(history.log, 8)
    assert [len(window.read(start).events) for start in (0, 4, 5)] == [4, 1, 0]
    assert window.read(5).broken == ((5, "DamagedEventError"),)
    assert window.read(6).start == 6


def test_reasons_hold_no_content() -> None:
    assert reason(ValueError("SECRET")) == "ValueError"


def test_failures_of_the_world_are_not_the_events() -> None:
    assert events_fault(ValueError())
    assert events_fault(UnicodeEncodeError("utf-8", "x", 0, 1, "no"))
    assert not events_fault(OSError())
    assert not events_fault(InvalidInputError("x"))


def test_queries_do_not_import_the_write_side() -> None:
    script = (
        "import sys, projections.conversations.queries, projections.transcript.queries, "
        "projections.projects.queries, projections.search.queries\n"
        "print([name for name in sys.modules if name.startswith(('eventsourcing', 'psycopg', 'domain.event', "
        "'domain.conversation', 'domain.project'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
