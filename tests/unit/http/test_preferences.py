"""What clients prefer, read without ever failing a request."""

import pytest

from domain.errors import InvalidInputError
from interfaces.http.conditions import is_current, tag, version_of_tags
from interfaces.http.preferences import wait_of, wants_events


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, None),
        ("", None),
        ("wait=5", 5),
        ('respond-async, wait="7"', 7),
        ("WAIT = 3; unknown=1", 3),
        ("wait=0", 0),
        ("wait=99999", 300),
        ("wait=9999999", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("wait", None),
        ("await=3", None),
    ],
)
def test_a_wait_is_read_and_anything_else_ignored(prefer: str | None, seconds: int | None) -> None:
    assert wait_of(prefer) == seconds


@pytest.mark.parametrize(
    ("accept", "events"),
    [
        (None, False),
        ("*/*", False),
        ("application/json", False),
        ("text/event-stream", True),
        ("text/event-stream, application/json", True),
        ("text/event-stream;q=0.5, application/json", False),
        ("Application/JSON;q=0.1, Text/Event-Stream;q=0.2", True),
        ("text/event-stream;q=0", False),
    ],
)
def test_events_are_sent_to_those_who_ask_for_them(accept: str | None, *, events: bool) -> None:
    assert wants_events(accept) is events


@pytest.mark.parametrize(
    ("if_match", "version"),
    [(None, None), ("*", None), ('"7"', 7), (' "7" ', 7), ('W/"7"', -1), ("7", -1), ('"x"', -1), ('""', -1)],
)
def test_a_tag_is_a_version_or_none_that_ever_stands(if_match: str | None, version: int | None) -> None:
    assert version_of_tags(if_match) == version


def test_several_tags_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="several tags"):
        version_of_tags('"1", "2"')


@pytest.mark.parametrize(
    ("held", "current"),
    [
        (None, False),
        (tag(3), True),
        (f"W/{tag(3)}", True),
        (f"{tag(2)}, {tag(3)}", True),
        ("*", True),
        (tag(2), False),
    ],
)
def test_a_client_has_the_newest_or_not(held: str | None, *, current: bool) -> None:
    assert is_current(held, 3) is current
