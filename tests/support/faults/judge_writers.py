"""Judges what writers were told: acknowledged is there, refused is not, the rest is whole or not there."""

from __future__ import annotations

import collections
from collections.abc import Mapping
from pathlib import Path

from tests.support.faults.journal import Attempt, entries
from tests.support.faults.verdict import Place, Verdict

_WORDS = {
    "+": "acknowledged",
    "=": "answered as repeated",
    "-": "refused or rolled back",
    "u": "told that nobody knows",
    "killed": "killed before their outcome",
}


def judge_writers(folder: Path, places: Mapping[Attempt, Place], verdict: Verdict) -> None:
    """Hold all journals of writers against the places of their attempts in the log."""
    journaled: set[Attempt] = set()
    for path in folder.glob("writer-*.txt"):
        incarnation = int(path.stem.partition("-")[2])
        asked: dict[Attempt, int] = {}
        told: dict[Attempt, list[str]] = {}
        for word, _, thread, intent, number, *more in entries(path):
            attempt = Attempt(incarnation, int(thread), int(intent), int(number))
            if word == "?":
                asked[attempt] = int(more[0])
            else:
                told[attempt] = [word, *more]
        for attempt, count in asked.items():
            _judge(attempt, count, told.get(attempt, ["killed"]), places.get(attempt), verdict)
        done = collections.Counter((one.thread, one.intent) for one in asked if one in places)
        for (_, intent), times in done.items():
            if times > 1:
                verdict.wrong(f"intent {intent} of {incarnation} is in the log {times} times")
        journaled.update(asked)
    if unknown := places.keys() - journaled:
        verdict.wrong(f"{len(unknown)} attempts are in the log that nobody made: {next(iter(unknown))} …")


def _judge(attempt: Attempt, count: int, told: list[str], place: Place | None, verdict: Verdict) -> None:
    word, *more = told
    verdict.figures[f"attempts {_WORDS[word]}"] += 1
    if place is not None and place.count != count:
        verdict.wrong(f"{attempt}: {place.count} of {count} events are in the log")
    if word == "+":
        verdict.figures["events acknowledged"] += count
        if place is None:
            verdict.wrong(f"{attempt} was acknowledged and is lost")
        elif [place.first, place.first + count] != [int(one) for one in more]:
            verdict.wrong(f"{attempt} stands at {place.first} and was told {more}")
    elif word in "-=" and place is not None:
        verdict.wrong(f"{attempt} was {_WORDS[word]} and is in the log")
    elif place is not None:
        verdict.figures[f"of those {_WORDS[word]} in the log"] += 1
