"""Judges conversations and keys: who was not erased opens, who was erased opens nowhere."""

from __future__ import annotations

import collections
from pathlib import Path
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
from tests.support.faults.judge import Verdict
from tests.support.write_side import keyring_of


def judge_book(database: Database, folder: Path, verdict: Verdict) -> None:
    """Look at every conversation that a journal names, before and after one more rotation."""
    stories: dict[UUID, list[tuple[str, str, str]]] = collections.defaultdict(list)
    for path in folder.glob("book-*.txt"):
        for word, what, conversation_id, title, *_ in entries(path):
            stories[UUID(conversation_id)].append((word, what, title))
    if not stories:
        return
    for rotated in (False, True):
        keyring = keyring_of(database)
        store = PostgresKeyStore(database)
        with database.connection() as connection:
            boxes = {
                owner: bytes(box)
                for owner, box in connection.execute("select owner_id, wrapped from daybook.data_keys")
            }
            gone = {row[0] for row in connection.execute("select owner_id from daybook.tombstones")}
        for conversation_id, story in stories.items():
            events = [to_event(row) for row in EventLog(database).read_stream(conversation_id)]
            types = [event.type_name for event in events]
            asked = [title for word, what, title in story if (word, what) == ("?", "erase")]
            done = [title for word, what, title in story if (word, what) == ("+", "erase")]
            erased = conversation_id in gone
            if done and not erased:
                verdict.wrong(f"{conversation_id} was told to be erased and is not")
            keyed = conversation_id in boxes
            if erased != ("conversation.erased" in types) or keyed != (bool(events) and not erased):
                verdict.wrong(f"{conversation_id}: tombstone, event and key do not agree ({erased}, {types})")
            if erased and not asked:
                verdict.wrong(f"{conversation_id} is erased and nobody asked for it")
            titles = _titles(keyring, events, erased=erased, verdict=verdict)
            if not erased:
                _judge_titles(conversation_id, story, titles, verdict)
        if not rotated:
            verdict.figures["conversations"] = len(stories)
            verdict.figures["of them erased"] = len(gone & stories.keys())
            Rotation(store, keyring).rotate()
            verdict.figures["key epochs"] = store.status().epochs[-1].epoch


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


def _judge_titles(
    conversation_id: UUID, story: list[tuple[str, str, str]], titles: list[str], verdict: Verdict
) -> None:
    asked = {title for word, what, title in story if word == "?" and what != "erase"}
    told = {title for word, what, title in story if word == "+" and what != "erase"}
    refused = {title for word, what, title in story if word == "-" and what != "erase"}
    if len(set(titles)) != len(titles) or not set(titles) <= asked - refused or not told <= set(titles):
        verdict.wrong(f"{conversation_id} holds {titles}; told {told}, refused {refused}")
