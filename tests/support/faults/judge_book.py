"""Judges conversations and keys: who was not erased opens, who was erased opens nowhere."""

from __future__ import annotations

import collections
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from domain.content import Sealed
from domain.errors import ContentErasedError
from domain.event import Event
from infrastructure.crypto.keyring import Keyring
from infrastructure.crypto.rotation import Rotation
from infrastructure.postgres.codec import to_event
from infrastructure.postgres.database import Database
from infrastructure.postgres.key_store import PostgresKeyStore
from infrastructure.postgres.log import EventLog
from tests.support.faults.journal import entries
from tests.support.faults.verdict import Verdict
from tests.support.write_side import keyring_of


class _Line(NamedTuple):
    word: str
    what: str
    title: str


def judge_book(database: Database, folder: Path, verdict: Verdict) -> None:
    """Look at every conversation that a journal names, before and after one more rotation."""
    stories: dict[UUID, list[_Line]] = collections.defaultdict(list)
    for path in folder.glob("book-*.txt"):
        for word, what, conversation_id, title, *_ in entries(path):
            stories[UUID(conversation_id)].append(_Line(word, what, title))
    if not stories:
        return
    _look(database, stories, verdict)
    store = PostgresKeyStore(database)
    Rotation(store, keyring_of(database)).rotate()
    _look(database, stories, verdict)
    verdict.figures["conversations"] = len(stories)
    verdict.figures["of them erased"] = store.status().erased_count
    verdict.figures["key epochs"] = store.status().epochs[-1].epoch


def _look(database: Database, stories: dict[UUID, list[_Line]], verdict: Verdict) -> None:
    keyring, log = keyring_of(database), EventLog(database)
    with database.connection() as connection:
        keyed = {row[0] for row in connection.execute("select owner_id from daybook.data_keys")}
        gone = {row[0] for row in connection.execute("select owner_id from daybook.tombstones")}
    for conversation_id, story in stories.items():
        events = [to_event(row) for row in log.read_stream(conversation_id)]
        erased = conversation_id in gone
        erasures = {line.word for line in story if line.what == "erase"}
        if erased != any(event.type_name == "conversation.erased" for event in events):
            verdict.wrong(f"{conversation_id}: tombstone ({erased}) and event do not agree")
        if (conversation_id in keyed) != (bool(events) and not erased):
            verdict.wrong(f"{conversation_id}: key and tombstone ({erased}) do not agree")
        if "+" in erasures and not erased:
            verdict.wrong(f"{conversation_id} was told to be erased and is not")
        if erased and not erasures:
            verdict.wrong(f"{conversation_id} is erased and nobody asked for it")
        titles = _titles(keyring, events, erased=erased, verdict=verdict)
        if not erased:
            _judge_titles(conversation_id, story, titles, verdict)


def _titles(keyring: Keyring, events: list[Event], *, erased: bool, verdict: Verdict) -> list[str]:
    titles = []
    for event in events:
        sealed = event.__dict__.get("title")
        if not isinstance(sealed, Sealed):
            continue
        try:
            titles.append(keyring.open(sealed))
        except ContentErasedError:
            if not erased:
                verdict.wrong(f"{event.stream_id} has no key and was not erased")
        else:
            if erased:
                verdict.wrong(f"{event.stream_id} was erased and opens")
    return titles


def _judge_titles(conversation_id: UUID, story: list[_Line], titles: list[str], verdict: Verdict) -> None:
    titled = [line for line in story if line.what != "erase"]
    asked = {line.title for line in titled if line.word == "?"}
    told = {line.title for line in titled if line.word == "+"}
    refused = {line.title for line in titled if line.word == "-"}
    if len(set(titles)) != len(titles) or not told <= set(titles) <= asked - refused:
        verdict.wrong(f"{conversation_id} holds {titles}; told {told}, refused {refused}")
