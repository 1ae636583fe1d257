"""When something ends, as people type it."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import InvalidInputError
from interfaces.cli.moments import ending

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "length"),
    [
        ("90d", timedelta(days=90)),
        ("12h", timedelta(hours=12)),
        (" 30m ", timedelta(minutes=30)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_a_length_counts_from_now(typed: str, length: timedelta) -> None:
    assert ending(typed, NOW) == NOW + length


def test_a_date_lasts_to_its_end_where_the_user_is() -> None:
    assert ending("2027-01-31", NOW) == datetime(2027, 2, 1).astimezone()
    assert ending("2027-01-31T10:00", NOW) == datetime(2027, 1, 31, 10).astimezone()
    assert ending("2027-01-31T10:00+02:00", NOW) == datetime(2027, 1, 31, 8, tzinfo=UTC)


@pytest.mark.parametrize("typed", ["", "soon", "90", "d", "-1d", "2027-02-30", "999999w"])
def test_what_is_no_moment_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInputError, match="no time to end"):
        ending(typed, NOW)


@pytest.mark.parametrize("typed", ["0d", "2020-01-01"])
def test_what_has_passed_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInputError, match="has passed"):
        ending(typed, NOW)
