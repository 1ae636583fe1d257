"""Moments inside events: whole microseconds since 1970, as the log counts its own times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Return a moment as an event holds it."""
    return (moment - _BEGINNING) // _STEP


def from_micros(micros: int) -> datetime:
    """Return the moment that an event holds, in UTC."""
    return _BEGINNING + micros * _STEP
