"""Loading with snapshots and without: the same aggregate, whatever became of the snapshots."""

from __future__ import annotations

from random import Random
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.errors import ForeignKeyViolation

from application.errors import KeyringError
from application.ports.log import Origin
from domain.conversation.conversation import Conversation
from domain.errors import NotFoundError
from domain.event import DamagedEventError, Event, Picture, Root
from domain.ids import new_id
from domain.project.project import Project
from infrastructure.crypto.keyring import Keyring
from infrastructure.postgres import loading
from infrastructure.postgres.database import Database
from infrastructure.postgres.key_store import PostgresKeyStore
from infrastructure.postgres.loading import Loader
from tests.fakes.histories import Historian
from tests.support.write_side import keyring_of, log_on
from tests.unit.domain.given import rebuilt
from tests.unit.domain.test_conversation import OUTCOME, PROVENANCE

ADA = Origin("ada", "cli")
FEW = 4


class Book:
    """A log, and loaders that leave snapshots behind after a few events."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.keyring = keyring_of(database)
        self.log = log_on(database, self.keyring)

    def loader(self, **values: Any) -> Loader:
        """Return a loader as a fresh process has it."""
        return Loader(
            self.database, keyring_of(self.database).hash_snapshot, **{"most_events": FEW, **values}
        )

    def load(self, stream_id: UUID) -> Conversation:
        return self.loader().load(Conversation, stream_id)

    def folded(self, stream_id: UUID) -> Conversation:
        """Return what folding every event gives, as the log port's readers see them."""
        events = [one.event for one in self.log.read(0, 10_000) if one.event.stream_id == stream_id]
        return rebuilt(Conversation, events)

    def talk(self, turns: int, conversation: Conversation | None = None) -> Conversation:
        """Record prompts and their answers."""
        made = conversation or Conversation.start(new_id(), project_id=None, title="planted title")
        for _ in range(turns):
            prompt, answer = new_id(), new_id()
            made.add_prompt(prompt, "planted prompt", parent_id=made.current_id)
            made.start_answer(answer, prompt_id=prompt, **PROVENANCE)
            made.complete_answer(answer, **OUTCOME)
        self.log.save([made], ADA)
        return made

    def rename(self, conversation: Conversation) -> None:
        found = self.loader(most_events=10_000).load(Conversation, conversation.id)
        found.rename("Another")
        self.log.save([found], ADA)

    def run(self, statement: str, *values: object) -> None:
        """Change the database as only its owner can."""
        with self.database.owner_session() as connection:
            connection.execute(statement.encode(), values)

    def snapshots(self) -> dict[UUID, tuple[int, bytes]]:
        with self.database.connection() as connection:
            rows = connection.execute("select stream_id, version, state from daybook.snapshots").fetchall()
        return {stream_id: (version, bytes(state)) for stream_id, version, state in rows}


@pytest.fixture
def book(database: Database) -> Book:
    return Book(database)


def test_who_folded_much_leaves_a_snapshot_and_the_next_one_begins_there(book: Book) -> None:
    made = book.talk(3)
    first = book.load(made.id)
    book.rename(made)
    # What nobody reads any more is not missed: the early events are altered, and no command notices.
    book.run("update daybook.events set payload = '' where stream_id = %s and version < 10", made.id)

    again = book.load(made.id)

    assert first.version == 10
    assert (again.version, again.messages, again.current_id) == (11, first.messages, first.current_id)
    assert {key: version for key, (version, _) in book.snapshots().items()} == {made.id: 10}
    book.run("delete from daybook.snapshots")
    with pytest.raises(DamagedEventError):
        book.load(made.id)


def test_a_short_stream_leaves_none(book: Book) -> None:
    made = book.talk(1)

    assert book.load(made.id).version == FEW
    assert book.snapshots() == {}


def test_few_but_large_events_are_much(book: Book) -> None:
    made = book.talk(1)

    book.loader(most_bytes=2_000).load(Conversation, made.id)
    assert book.snapshots() == {}
    book.loader(most_bytes=100).load(Conversation, made.id)
    assert list(book.snapshots()) == [made.id]


def test_the_program_s_own_log_leaves_snapshots_too(book: Book) -> None:
    made = book.talk(34)

    assert log_on(book.database).load(Conversation, made.id).version == 103
    assert [version for version, _ in book.snapshots().values()] == [103]


class _Gathering(Historian):
    """Keeps what happened by stream, to be recorded later."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.history: dict[UUID, list[Event]] = {}

    def record(self, root: Root, *, actor: str | None = None, source: str = "cli") -> int:
        events: Any = root.collect_events()
        self.history.setdefault(root.id, []).extend(events)
        return 0


@pytest.mark.parametrize("seed", range(6))
def test_any_history_is_the_same_from_any_snapshot(book: Book, seed: int) -> None:
    historian, random = _Gathering(seed), Random(seed)
    historian.live(150)
    for conversation in historian.conversations:
        events = historian.history[conversation.id]
        done = 0
        while done < len(events):
            size = random.randint(1, 7)
            book.log.save([_Waiting(events[done : done + size])], ADA)  # type: ignore[list-item]
            done += size
            assert book.load(conversation.id) == book.folded(conversation.id)
    assert len(book.snapshots()) >= 3


class _Waiting:
    """Something with events to save."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events

    def collect_events(self) -> list[Event]:
        return self._events


def test_a_snapshot_holds_no_content(book: Book) -> None:
    made = book.talk(3)
    book.load(made.id)

    [(_, state)] = book.snapshots().values()

    assert b"planted" not in state
    assert made.last_model is not None
    assert made.last_model.encode() in state


@pytest.mark.parametrize(
    "damage",
    [
        "set state = set_byte(state, 0, get_byte(state, 0) # 1)",
        "set state = set_byte(state, length(state) - 1, get_byte(state, length(state) - 1) # 1)",
        "set state = ''",
        "set state = substr(state, 1, 32)",
        "set version = version - 1",
        "set version = version + 1",
        "set version = 1000000",
        "set version = -5",
        "set format = format + 1",
        "set format = 0",
    ],
)
def test_a_damaged_snapshot_is_not_believed(book: Book, damage: str) -> None:
    made = book.talk(3)
    book.load(made.id)
    book.rename(made)
    book.run(f"update daybook.snapshots {damage}")

    assert book.load(made.id) == book.folded(made.id)
    if damage != "set format = format + 1":  # a newer Daybook's stays
        assert book.snapshots()[made.id][0] == 11


def test_the_snapshot_of_another_stream_is_not_believed(book: Book) -> None:
    one, two = book.talk(3), book.talk(3)
    book.load(one.id)
    book.load(two.id)
    book.run(
        "update daybook.snapshots s set state = (select o.state from daybook.snapshots o "
        "where o.stream_id = %s) where s.stream_id = %s",
        one.id,
        two.id,
    )

    assert book.load(two.id) == book.folded(two.id)


def test_a_snapshot_that_was_signed_by_nobody_of_ours_cannot_lift_a_hold(book: Book) -> None:
    made = book.talk(3)
    held = book.load(made.id)
    held.hold("a lawsuit")
    book.log.save([held], ADA)
    forger = Loader(book.database, lambda _: bytes(32), most_events=FEW)
    forged = book.folded(made.id)
    forged.held = False
    with book.database.connection() as connection:
        row = connection.execute(
            "select event_id from daybook.events where stream_id = %s and version = %s",
            (made.id, forged.version),
        ).fetchone()
    assert row is not None
    forger._keep(forged, row[0])

    assert book.snapshots()[made.id][0] == forged.version
    assert book.load(made.id).held


def test_a_snapshot_of_a_history_that_did_not_happen_is_not_believed(book: Book) -> None:
    made = book.talk(3)
    book.load(made.id)
    book.run("update daybook.events set event_id = gen_random_uuid() where version = 10")

    assert book.load(made.id) == book.folded(made.id)
    book.run("delete from daybook.events where version >= 9")
    assert book.load(made.id).version == 8


def test_a_snapshot_from_before_notes_were_kept_is_not_used(book: Book) -> None:
    """A Daybook of format 1 knew no notes: its pictures lack them, and what they would say of them."""
    made = book.talk(3)
    note, message_id = new_id(), next(iter(made.messages))
    made.write_note(note, message_id, "Look this up.")
    book.log.save([made], ADA)
    book.load(made.id)
    assert Conversation.picture_format > 1
    book.run("update daybook.snapshots set format = 1")

    assert book.load(made.id).notes == {note: message_id}


def test_a_snapshot_from_before_conversations_were_filed_is_not_used(book: Book) -> None:
    """A Daybook of format 2 knew no tags, pins or moves: its pictures lack them, and what they would say."""
    made = book.talk(3)
    tag, project_id = new_id(), new_id()
    made.tag(tag, "work")
    made.pin()
    made.move(project_id)
    made.rename("Named by a person")
    book.log.save([made], ADA)
    book.load(made.id)
    assert Conversation.picture_format == 4
    book.run("update daybook.snapshots set format = 2")

    loaded = book.load(made.id)
    assert (loaded.tags, loaded.pinned, loaded.project_id, loaded.named) == ({tag}, True, project_id, True)


def test_a_snapshot_from_before_removed_notes_and_ratings_were_kept_is_not_used(book: Book) -> None:
    """A Daybook of format 3 forgot a note with its removal, and never knew what was rated."""
    made = book.talk(3)
    note, answer_id = new_id(), list(made.messages)[1]
    made.write_note(note, answer_id, "Look this up.")
    made.remove_note(note)
    made.rate_answer(answer_id, "up", None)
    book.log.save([made], ADA)
    book.load(made.id)
    book.run("update daybook.snapshots set format = 3")

    loaded = book.load(made.id)
    assert (loaded.removed_notes, loaded.rated, loaded.had_note(note)) == ({note}, {answer_id}, True)


def test_a_state_that_is_no_picture_is_not_believed(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    made = book.talk(3)
    monkeypatch.setattr(Conversation, "facts", lambda _: {"ids": b""})
    book.load(made.id)
    monkeypatch.undo()
    assert list(book.snapshots()) == [made.id]

    assert book.load(made.id) == book.folded(made.id)
    monkeypatch.setattr(loading, "_encode", lambda _: b"\xc1")
    book.run("delete from daybook.snapshots")
    book.load(made.id)
    assert list(book.snapshots()) == [made.id]
    assert book.load(made.id) == book.folded(made.id)


def test_a_snapshot_that_cannot_be_kept_is_no_error(book: Book) -> None:
    made = book.talk(3)
    book.run("alter table daybook.snapshots add check (version < 0)")

    assert book.load(made.id) == book.folded(made.id)
    assert book.snapshots() == {}


def test_erasing_takes_the_snapshot_and_none_comes_after(book: Book) -> None:
    made, other = book.talk(3), book.talk(3)
    seen = book.load(made.id)
    book.load(other.id)
    late = Loader(book.database, book.keyring.hash_snapshot, most_events=FEW)
    seen.erase("request")
    book.log.erase([seen], ADA)
    assert list(book.snapshots()) == [other.id]

    assert late.load(Conversation, made.id).erased
    assert list(book.snapshots()) == [other.id]
    with pytest.raises(ForeignKeyViolation):
        book.run("insert into daybook.snapshots values (%s, 1, 1, '')", made.id)


def test_without_the_master_key_no_snapshot_is_believed(book: Book) -> None:
    made = book.talk(3)
    book.load(made.id)
    stranger = Keyring(PostgresKeyStore(book.database), lambda: b"x" * 32, lambda: b"x" * 32)

    with pytest.raises(KeyringError, match="not this book's"):
        Loader(book.database, stranger.hash_snapshot).load(Conversation, made.id)


def test_projects_are_loaded_without(book: Book) -> None:
    project = Project.create(new_id(), name="Sailing")
    for number in range(FEW * 2):
        project.rename(f"Sailing {number}")
    book.log.save([project], ADA)

    found = book.loader().load(Project, project.id)

    assert (found.version, book.snapshots()) == (1 + FEW * 2, {})
    made = book.talk(3)
    with pytest.raises(NotFoundError, match="no project"):
        book.loader().load(Project, made.id)
    with pytest.raises(NotFoundError, match="no conversation"):
        book.loader().load(Conversation, project.id)
    with pytest.raises(NotFoundError, match="no conversation"):
        book.loader().load(Conversation, uuid4())


def test_a_gap_in_a_stream_is_noticed(book: Book) -> None:
    made = book.talk(3)
    book.run("delete from daybook.events where version = 5")
    with pytest.raises(DamagedEventError, match="Version 5 of stream"):
        book.load(made.id)

    book.run("delete from daybook.events where version = 1")
    with pytest.raises(DamagedEventError, match="does not begin with its first event"):
        book.load(made.id)


def test_two_writers_leave_one_snapshot(book: Book, database_url: str) -> None:
    made = book.talk(3)
    slow = book.loader(most_events=10_000).load(Conversation, made.id)
    book.talk(2, book.load(made.id))
    newer = book.load(made.id)
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select event_id from daybook.events where version = 10").fetchone()
    assert row is not None

    book.loader()._keep(slow, row[0])

    assert isinstance(slow.picture(), Picture)
    assert book.snapshots()[made.id][0] == 10
    assert book.load(made.id) == newer
