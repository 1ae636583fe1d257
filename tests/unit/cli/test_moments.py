"""Moments as people type them, and whose days count."""

import os
import time
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import InvalidInputError
from interfaces.cli.moments import ending, past, zone

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


def test_a_length_counts_back_from_now() -> None:
    assert past("30d", NOW) == NOW - timedelta(days=30)
    assert past("2026-03-01", NOW) == datetime(2026, 3, 1).astimezone()
    assert past("2026-03-01", NOW, whole_day=True) == datetime(2026, 3, 2).astimezone()
    assert past("2026-03-01T10:00", NOW, whole_day=True) == datetime(2026, 3, 1, 10).astimezone()
    for wrong in ("soon", "2026-13-01", "999999w"):
        with pytest.raises(InvalidInputError, match="no time"):
            past(wrong, NOW)


def test_the_zone_is_that_of_the_machine_or_how_far_it_is_from_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    def where(name: str) -> str:
        monkeypatch.setattr(os.path, "realpath", lambda _: name)
        return zone(NOW.astimezone())

    monkeypatch.setenv("TZ", "HERE-02:30")
    time.tzset()
    try:
        assert where("/etc/localtime") == "+02:30"
        assert where("/usr/share/zoneinfo/Pacific/Kiritimati") == "+02:30"
        monkeypatch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        assert where("/usr/share/zoneinfo/Europe/Berlin") == "Europe/Berlin"
        assert where("/usr/share/zoneinfo/Etc/UTC") == "+01:00"
    finally:
        monkeypatch.undo()
        time.tzset()
