"""A book whose reader is written down: what each query of its parts tells before it answers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from application.disclosing import Disclosures, Recorded
from application.ports.log import Origin
from domain.ids import new_id
from interfaces.comparing.here import ComparingHere
from interfaces.explaining import ExplainingHere
from interfaces.watched import SHOWN, WatchedBook
from projections.past.view import Past
from projections.replays.queries import ReplayQueries
from projections.search.queries import SearchQueries
from projections.transcript.messages import Message
from projections.transcript.queries import TranscriptQueries
from tests.support.house import House

PARTS: dict[str, type] = {
    "transcript": TranscriptQueries,
    "search": SearchQueries,
    "past": Past,
    "explaining": ExplainingHere,
    "comparing": ComparingHere,
    "replays": ReplayQueries,
}
HERE = new_id()
UNREAD = {
    "transcript": {"current", "texts", "streaming_answers", "last_answers"},
    "past": {"at"},
    "replays": {"newest", "get", "find"},
}
"""What shows no text of a conversation to whoever asks, or is watched in what it returns."""


def test_every_query_that_shows_content_is_watched() -> None:
    assert set(SHOWN) == set(PARTS)
    for part, kind in PARTS.items():
        public = {name for name in vars(kind) if not name.startswith("_")}
        assert set(SHOWN[part]) | UNREAD.get(part, set()) == public


class Part:
    """Answers every query with one thing."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def ask(*_: Any, **__: Any) -> Any:
            self.asked.append(name)
            return self._answer

        return ask


def message() -> Message:
    made = object.__new__(Message)
    object.__setattr__(made, "conversation_id", HERE)
    return made


def watched(house: House, recorded: Recorded = Recorded.ALL, **parts: Any) -> Any:
    return WatchedBook(SimpleNamespace(**parts), Disclosures(house.log, recorded, Origin("ada", "cli")))


@pytest.fixture
def house() -> House:
    return House()


def told(house: House) -> list[tuple[str, UUID | None]]:
    events: list[Any] = [event for event, _ in house.log.appended]
    return [(event.what, event.about) for event in events]


@pytest.mark.parametrize("name", SHOWN["transcript"])
def test_messages_are_told_by_their_conversation(house: House, name: str) -> None:
    for answer in (message(), (message(), message())):
        book = watched(house, transcript=Part(answer))
        assert getattr(book.transcript, name)(HERE) is answer
    assert told(house) == [("conversation", HERE)] * 2


def test_what_is_not_there_is_shown_to_nobody(house: House) -> None:
    book = watched(house, transcript=Part(None))
    assert book.transcript.message(HERE) is None
    assert told(house) == []


def test_all_else_is_told_by_what_it_is(house: House) -> None:
    part = Part(SimpleNamespace(conversation_id=HERE))
    book = watched(house, search=part, explaining=part, comparing=part, replays=part, past=part)
    book.search.search("word")
    book.explaining.explain(new_id())
    book.comparing.compare(new_id())
    book.replays.prompts(new_id())
    book.replays.newest()
    book.past.happenings(HERE)
    assert told(house) == [
        ("search", None),
        ("explanation", HERE),
        ("comparison", None),
        ("replay", None),
        ("history", HERE),
    ]


def test_a_view_of_the_past_is_watched_as_the_present(house: House) -> None:
    view = SimpleNamespace(transcript=Part(message()), search=Part(()), conversations="lists", moment=3)
    seen = watched(house, past=Part(view)).past.at(3)
    seen.transcript.branch(HERE)
    seen.search.search("word")
    assert (seen.conversations, seen.moment) == ("lists", 3)
    assert told(house) == [("conversation", HERE), ("search", None)]


@pytest.mark.parametrize(("reveal", "form"), [(True, "revealed"), (False, "sealed")])
def test_an_export_of_the_log_is_told_before_it_begins(house: House, *, reveal: bool, form: str) -> None:
    class Auditor:
        def key(self) -> str:
            return "key"

        def export(self, folder: Path, *, reveal: bool, progress: Any) -> tuple[Path, bool, Any, int]:
            return folder, reveal, progress, house.log.size()

    book = watched(house, Recorded.EXPORTS, audit=Auditor(), transcript=Part(message()))
    assert book.audit.key() == "key"
    assert book.audit.export(Path("here"), reveal=reveal) == (Path("here"), reveal, None, 1)
    book.transcript.message(HERE)
    [(event, _)] = house.log.appended
    assert (event.what, event.form) == ("log", form)
