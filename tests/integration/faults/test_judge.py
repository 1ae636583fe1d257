"""The judge must be able to find something: each kind of wrong is put in front of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from domain.conversation.conversation import Conversation
from domain.ids import new_id
from infrastructure.postgres.database import Database
from infrastructure.postgres.log import AppendRequest, EventLog, EventRow
from projections.pump import Pump
from tests.support.faults.books import ORIGIN
from tests.support.faults.journal import Attempt, Journal
from tests.support.faults.judge import Judge
from tests.support.faults.judge_book import judge_book
from tests.support.faults.ledger import Ledger
from tests.support.faults.verdict import Verdict
from tests.support.faults.writers import METADATA, TYPE
from tests.support.write_side import log_on


class Scene:
    """A log of three attempts of two events each, journaled as they happened."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.journal = Journal(folder / "writer-1.txt")
        self.ids: list[UUID] = []
        log_on(database)._keyring.unlock()
        for intent in (1, 2, 3):
            self.write(intent, 1)
            self.journal.note("?", "plain", 0, intent, 1, 2)
            self.journal.note("+", "plain", 0, intent, 1, 2 * intent - 2, 2 * intent)

    def write(self, intent: int, number: int) -> None:
        attempt = Attempt(1, 0, intent, number)
        stream = uuid4()
        ids = [attempt.event_id(0), attempt.event_id(1)]
        payload = b"\x81\xaamessage_id\xc0"
        rows = [EventRow(stream, at, one, TYPE, 1, METADATA, payload) for at, one in enumerate(ids, 1)]
        EventLog(self.database).append(AppendRequest(rows))
        self.ids += ids

    def sql(self, statement: str) -> None:
        with self.database.owner_session() as connection:
            connection.execute(statement.encode())

    def tail(self, *spans: tuple[int, int]) -> None:
        journal = Journal(self.folder / "tail-0.txt")
        for start, end in spans:
            seen = b"".join(one.bytes for one in self.ids[start:end])
            journal.note("r", start, end, hashlib.sha256(seen).hexdigest())

    def pump(self) -> None:
        Pump(self.database, log_on(self.database), [Ledger()]).catch_up()

    def problems(self) -> str:
        return "\n".join(Judge(self.database, self.folder).judge().problems)


def lost(scene: Scene) -> None:
    scene.journal.note("?", "plain", 0, 4, 1, 2)
    scene.journal.note("+", "plain", 0, 4, 1, 6, 8)


def doubled(scene: Scene) -> None:
    scene.journal.note("?", "keyed", 0, 3, 2, 2)
    scene.write(3, 2)


def refused_and_there(scene: Scene) -> None:
    scene.journal.note("?", "plain", 0, 4, 1, 2)
    scene.write(4, 1)
    scene.journal.note("-", "plain", 0, 4, 1, "WrongVersionError")


def in_half(scene: Scene) -> None:
    scene.journal.note("?", "plain", 0, 4, 1, 3)
    scene.write(4, 1)


def unasked(scene: Scene) -> None:
    scene.write(9, 1)


def told_another_place(scene: Scene) -> None:
    scene.journal.note("+", "plain", 0, 2, 1, 3, 5)


def seen_twice(scene: Scene) -> None:
    scene.tail((0, 4), (3, 6))


def skipped(scene: Scene) -> None:
    scene.tail((0, 2), (3, 6))


def never_seen(scene: Scene) -> None:
    scene.tail((0, 5))


def changed_after_it_was_seen(scene: Scene) -> None:
    scene.tail((0, 6))
    scene.sql("update daybook.events set event_id = gen_random_uuid() where log_index = 2")


def altered(scene: Scene) -> None:
    scene.sql("update daybook.events set payload = payload || 'x' where log_index = 2")


def missing_in_the_ledger(scene: Scene) -> None:
    scene.pump()
    scene.sql("delete from daybook_ledger_v1.ledger where log_index = 1")


def doubled_in_the_ledger(scene: Scene) -> None:
    scene.pump()
    scene.sql("alter table daybook_ledger_v1.ledger drop constraint ledger_pkey")
    scene.sql(
        "insert into daybook_ledger_v1.ledger select * from daybook_ledger_v1.ledger where log_index = 1"
    )


def test_what_is_well_is_found_well(database: Database, tmp_path: Path) -> None:
    scene = Scene(database, tmp_path)
    scene.tail((0, 4), (4, 6))
    scene.pump()
    assert scene.problems() == ""


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lost, "was acknowledged and is lost"),
        (doubled, "intent 3 of 1 is in the log 2 times"),
        (refused_and_there, "was refused or rolled back and is in the log"),
        (in_half, "2 of 3 events are in the log"),
        (unasked, "in the log that nobody made"),
        (told_another_place, "stands at 2 and was told ['3', '5']"),
        (seen_twice, "tail-0 went on from 3 after 4"),
        (skipped, "tail-0 went on from 3 after 2"),
        (never_seen, "tail-0 ended at 5 of 6 events"),
        (changed_after_it_was_seen, "tail-0 saw other events at 0 to 6"),
        (altered, "audit verify: "),
        (missing_in_the_ledger, "the pumped ledger stands at 6: 1 of its rows"),
        (doubled_in_the_ledger, "0 of its rows are not the log's, 1 are there again"),
    ],
)
def test_each_wrong_is_found(
    database: Database, tmp_path: Path, wrong: Callable[[Scene], None], told: str
) -> None:
    scene = Scene(database, tmp_path)
    wrong(scene)
    assert told in scene.problems()


def test_keys_and_titles_that_do_not_agree_are_found(database: Database, tmp_path: Path) -> None:
    log = log_on(database)
    journal = Journal(tmp_path / "book-1.txt")
    keyless, lost_title, not_erased, back = new_id(), new_id(), new_id(), new_id()
    for one in (keyless, lost_title, not_erased, back):
        journal.note("?", "start", one, f"title-{one.hex}")
        log.save([Conversation.start(one, project_id=None, title=f"title-{one.hex}")], ORIGIN)
        journal.note("+", "start", one, f"title-{one.hex}")
    well = Verdict()
    judge_book(database, tmp_path, well)
    assert well.problems == []

    with database.owner_session() as connection:
        connection.execute("delete from daybook.data_keys where owner_id = %s", [keyless])
        connection.execute("insert into daybook.tombstones (owner_id) values (%s)", [back])
    journal.note("?", "rename", lost_title, "another")
    journal.note("+", "rename", lost_title, "another")
    journal.note("?", "erase", not_erased, "x")
    journal.note("+", "erase", not_erased, "x")

    verdict = Verdict()
    judge_book(database, tmp_path, verdict)

    found = "\n".join(verdict.problems)
    assert f"{keyless} has no key and was not erased" in found
    assert f"{lost_title} holds " in found
    assert f"{not_erased} was told to be erased and is not" in found
    assert f"{back} was erased and opens" in found
