"""The wire form of an answer's stream, and the arithmetic of coming back."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInputError
from interfaces.http.sse import LONGEST_DELTA, RESET, Place, StreamEvent, catch_up, deltas, goes_on


def put_together(events: Iterable[StreamEvent], thinking: str = "", text: str = "") -> tuple[str, str]:
    """Do what a client does."""
    for event in events:
        if event.name == "reset":
            thinking = text = ""
        thinking += event.data.get("thinking", "")
        text += event.data.get("text", "")
    return thinking, text


@pytest.mark.parametrize("given", [None, ""])
def test_without_an_id_a_client_begins_at_the_beginning(given: str | None) -> None:
    assert Place.parse(given) == Place(0, 0)


@pytest.mark.parametrize("place", [Place(0, 0), Place(120, 45), Place(3, 4, ended=True)])
def test_an_id_says_where_its_holder_is(place: Place) -> None:
    assert Place.parse(str(place)) == place


@pytest.mark.parametrize("text", ["1", "1.", "-1.2", "a.b", "1.2.3", "1.2.END", "٣.٤", "1" * 13 + ".0"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="no event id"):
        Place.parse(text)


def test_an_event_is_ascii_and_ends_with_an_empty_line() -> None:
    event = StreamEvent("delta", {"text": "a\n\u0085\u2028\ud800é"}, Place(0, 6))
    wire = event.encode()
    assert wire.isascii()
    name, identity, data, *end = wire.decode().split("\n")
    assert (name, identity, end) == ("event: delta", "id: 0.6", ["", ""])
    assert json.loads(data.removeprefix("data: ")) == event.data


def test_an_event_without_a_place_has_no_id() -> None:
    assert b"id:" not in StreamEvent("status", {"status": "streaming"}).encode()


def test_long_texts_come_in_pieces_that_each_say_where_they_end() -> None:
    text = "x" * (LONGEST_DELTA * 2 + 5)
    events = list(deltas("", text, Place(7, 0)))
    assert [event.place for event in events] == [
        Place(7, LONGEST_DELTA),
        Place(7, 2 * LONGEST_DELTA),
        Place(7, len(text)),
    ]
    assert put_together(events) == ("", text)


@given(thinking=st.text(), text=st.text(), data=st.data())
def test_whoever_comes_back_gets_what_it_lacks_and_nothing_twice(
    thinking: str, text: str, data: st.DataObject
) -> None:
    events = list(catch_up(Place(), thinking, text))
    cut = data.draw(st.integers(0, len(events)))
    had = put_together(events[:cut])
    place = (events[cut - 1].place if cut else None) or Place()
    again = list(catch_up(place, thinking, text))
    assert RESET not in again
    assert put_together(again, *had) == (thinking, text)


def test_who_has_more_than_there_is_starts_anew() -> None:
    events = list(catch_up(Place(0, 9), "", "short"))
    assert events[0] == RESET
    assert put_together(events, "", "something") == ("", "short")


def test_who_took_thinking_for_text_starts_anew() -> None:
    assert not goes_on(Place(0, 5), 12, 3)
    events = list(catch_up(Place(0, 5), "I thought so", "abc"))
    assert put_together(events, "", "I tho") == ("I thought so", "abc")


def test_who_is_in_the_middle_of_the_thinking_goes_on() -> None:
    assert goes_on(Place(5, 0), 12, 3)
