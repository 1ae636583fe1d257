"""An erasure is for ever: no key, no word in any table or file, no second process that still remembers."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from application.commands import (
    CreateRoutine,
    EraseConversation,
    EraseProject,
    EraseRoutine,
    HoldConversation,
    HoldProject,
    RunRoutine,
)
from application.erasing import (
    erase_conversation,
    erase_project,
    erase_routine,
    hold_conversation,
    hold_project,
)
from application.ports.keys import Rotated
from application.ports.live import Piece
from application.ports.log import Origin
from application.routines import create_routine, run_routine
from application.services import Services
from domain.content import Sealed
from domain.conversation.conversation import Conversation
from domain.errors import ContentErasedError, RefusedError, WrongVersionError
from domain.ids import new_id
from domain.project.project import Project
from infrastructure.crypto.rotation import Rotation
from infrastructure.postgres.book import PostgresLog
from infrastructure.postgres.database import Database
from infrastructure.postgres.key_store import PostgresKeyStore
from infrastructure.postgres.log import EventLog
from infrastructure.postgres.model_memory import PostgresModelMemory
from infrastructure.postgres.turns import PostgresTurns
from infrastructure.proofs.auditor import PostgresAuditor
from infrastructure.read_model_memory import ReadModelMemory
from projections.catalogue import read_models
from projections.conversations.queries import ConversationQueries
from projections.projects.queries import ProjectQueries
from projections.pump import Pump
from projections.reading import Reading
from projections.routines.queries import RoutineQueries
from projections.search.queries import SearchQueries
from projections.transcript.queries import TranscriptQueries
from tests.support.cutting_proxy import Cut, CuttingProxy
from tests.support.write_side import keyring_of, live_on

ORIGIN = Origin(actor="ada", source="cli")
WHO = {"actor": "ada", "source": "cli"}
WORD = "quetzalplanted"


class Process:
    """What one process has of a book: caches of its own on a shared database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.keyring = keyring_of(database)
        self.log = PostgresLog(EventLog(database), self.keyring)
        self.pump = Pump(database, self.log, read_models(self.keyring))
        reading = Reading(database, lambda: self.pump, erasures=self.keyring.noticed)
        self.conversations = ConversationQueries(reading, self.keyring)
        self.transcript = TranscriptQueries(reading, self.keyring)
        self.projects = ProjectQueries(reading, self.keyring)
        self.routines = RoutineQueries(reading, self.keyring)
        self.search = SearchQueries(reading, self.keyring)
        self.live = live_on(database, self.keyring)
        self.store = PostgresKeyStore(database)
        self.keys = Rotation(self.store, self.keyring, batch=2)
        self.services = Services(
            log=self.log,
            memory=ReadModelMemory(self.transcript, self.projects, self.conversations, self.routines),
            live=self.live,
            models=PostgresModelMemory(database),
            turns=PostgresTurns(database, self.live, "http://model", most=1, longest=8),
            default_model="m",
            context_length=1,
        )

    def write(self, word: str, project: Project | None = None) -> Conversation:
        """Record a conversation of a title, a prompt and an answer that is being written."""
        made = Conversation.start(new_id(), project_id=project.id if project else None, title=f"{word}title")
        prompt, answer = new_id(), new_id()
        made.add_prompt(prompt, f"{word} prompt", parent_id=None, instructions=f"{word} told")
        made.start_answer(
            answer,
            prompt_id=prompt,
            owner_id=self.live.own(),
            model="m",
            context_length=8192,
            sent_message_ids=(prompt,),
            cut_count=0,
            instructions_project_id=None,
            instructions_version=None,
            think=None,
            request_hash=b"",
            options={"stop": f"{word}option"},
        )
        self.log.save([made], ORIGIN)
        self.live.save([Piece(answer, made.id, 0, 0, 0, f"{word} thought", f"{word} said")])
        return made

    def erase(self, conversation: Conversation) -> None:
        erase_conversation(self.services, EraseConversation(conversation_id=conversation.id, **WHO))

    def finish(self) -> Rotated:
        self.pump.catch_up()
        assert self.pump.scrub()
        return self.keys.rotate()


@pytest.fixture
def one(database: Database) -> Iterator[Process]:
    made = Process(database)
    with contextlib.closing(made.live):
        yield made


@pytest.fixture
def two(database: Database) -> Iterator[Process]:
    made = Process(database)
    with contextlib.closing(made.live):
        yield made


def test_after_an_erasure_no_view_shows_anything_but_when_and_by_whom(one: Process) -> None:
    gone, stays = one.write(WORD), one.write("other")

    one.erase(gone)

    found = one.conversations.get(gone.id)
    assert found is not None
    assert (found.title, found.erased, found.erased_by) == ("", True, "ada")
    assert found.erased_at is not None
    messages = one.transcript.branch(gone.id)
    assert [(m.text, m.instructions, m.erased) for m in messages] == [("", None, True)] * 2
    assert one.search.search(WORD).hits == ()
    assert [hit.conversation_id for hit in one.search.search("other").hits] == [stays.id]
    assert one.conversations.latest_of_actor("ada").id == stays.id  # type: ignore[union-attr]
    assert gone.id not in {answer.conversation_id for answer in one.transcript.streaming_answers()}


def test_a_process_that_had_cached_the_key_shows_nothing_after_the_erasure(
    one: Process, two: Process
) -> None:
    gone = one.write(WORD)
    assert WORD in two.transcript.branch(gone.id)[0].text
    box = _box(two, gone)
    assert WORD in two.keyring.open(box)

    one.erase(gone)

    assert [message.text for message in two.transcript.branch(gone.id)] == ["", ""]
    with pytest.raises(ContentErasedError):
        two.keyring.open(box)


def test_a_read_model_that_lags_shows_nothing_either(one: Process, two: Process) -> None:
    gone = one.write(WORD)
    behind = Reading(two.database, lambda: two.pump, fresh=False, erasures=two.keyring.noticed)
    queries = TranscriptQueries(behind, two.keyring)
    assert WORD in two.transcript.branch(gone.id)[0].text

    one.erase(gone)  # nobody pumps: the rows still hold the ciphertext

    assert [(message.text, message.erased) for message in queries.branch(gone.id)] == [("", True), ("", True)]


def test_no_planted_word_and_no_old_key_is_left_in_tables_or_their_files(
    one: Process, own_data_directory: Path
) -> None:
    gone = one.write(WORD)
    one.pump.catch_up()
    key = one.store.data_key(gone.id)
    assert key is not None
    _checkpoint(one)
    assert _files_with(own_data_directory, WORD.encode())
    assert _files_with(own_data_directory, key[1])

    one.erase(gone)
    one.finish()
    _checkpoint(one)

    assert _files_with(own_data_directory, WORD.encode()) == []
    assert _files_with(own_data_directory, key[1]) == []
    assert one.store.data_key(gone.id) is None
    with one.database.connection() as connection:
        left = connection.execute("select count(*) from daybook.live_answers").fetchone()
    assert left == (0,)


def test_nothing_is_left_of_an_erased_routine_and_its_runs_stay(
    one: Process, own_data_directory: Path
) -> None:
    said = {"name": "say", "prompt": f"{WORD} {{{{a=run}}}}", "description": WORD, "instructions": WORD}
    routine = create_routine(one.services, CreateRoutine(**said, **WHO))
    asked = run_routine(one.services, RunRoutine(routine_id=routine.id, **WHO))
    kept = create_routine(one.services, CreateRoutine(name="stay", prompt="other words", **WHO))
    one.pump.catch_up()
    _checkpoint(one)
    before = one.store.data_key(routine.id)
    assert before is not None
    assert _files_with(own_data_directory, before[1])

    erase_routine(one.services, EraseRoutine(routine_id=routine.id, **WHO))
    assert one.transcript.branch(asked.conversation_id)[0].text == f"{WORD} run"
    erase_conversation(one.services, EraseConversation(conversation_id=asked.conversation_id, **WHO))
    one.finish()
    _checkpoint(one)

    assert _files_with(own_data_directory, WORD.encode()) == []
    assert _files_with(own_data_directory, before[1]) == []
    (gone,) = one.routines.find(routine.id.hex)
    assert (gone.name, gone.erased_by, gone.run_count) == ("", "ada", 1)
    assert [found.id for found in one.routines.named("stay")] == [kept.id]


def test_live_text_of_an_erased_conversation_is_dropped_quietly(one: Process, two: Process) -> None:
    gone = one.write(WORD)
    answer = one.transcript.streaming_answers()[0].answer_id
    two.keyring.seal("warm", stream_id=gone.id, version=1, field="x")

    one.erase(gone)
    two.live.save([Piece(answer, gone.id, 1, 0, 0, WORD, WORD)])

    with one.database.connection() as connection:
        assert connection.execute("select count(*) from daybook.live_answers").fetchone() == (0,)
    late = one.log.load(Conversation, gone.id)
    with pytest.raises(ContentErasedError):
        late.complete_answer(answer)


def test_a_pump_that_lags_and_knows_the_key_never_writes_erased_words(one: Process, two: Process) -> None:
    gone = one.write(WORD)
    two.keyring.seal("warm", stream_id=gone.id, version=1, field="x")
    one.erase(gone)
    two.pump.batch_size = 1

    two.pump.catch_up(["search"], at_least=2)  # the prompt is behind, the erasure still ahead

    with two.database.connection() as connection:
        assert connection.execute("select count(*) from daybook_search_v2.messages").fetchone() == (0,)


def test_an_append_that_was_decided_before_the_erasure_conflicts(one: Process, two: Process) -> None:
    gone = one.write(WORD)
    slow = two.log.load(Conversation, gone.id)
    slow.rename("too late")
    two.keyring.seal("warm", stream_id=gone.id, version=1, field="x")

    one.erase(gone)

    with pytest.raises(WrongVersionError):
        two.log.save([slow], ORIGIN)
    assert two.log.load(Conversation, gone.id).erased


def test_of_erasures_and_appends_that_race_none_writes_after_the_erasure(one: Process, two: Process) -> None:
    for _ in range(10):
        gone = one.write(WORD)
        begin = threading.Barrier(2)

        def rename(gone: Conversation = gone, begin: threading.Barrier = begin) -> None:
            begin.wait()
            with contextlib.suppress(ContentErasedError, WrongVersionError):
                for _ in range(20):
                    conversation = two.log.load(Conversation, gone.id)
                    conversation.rename("again")
                    two.log.save([conversation], ORIGIN)

        renaming = threading.Thread(target=rename)
        renaming.start()
        begin.wait()
        one.erase(gone)
        renaming.join()

        with one.database.connection() as connection:
            last = connection.execute(
                "select type from daybook.events where stream_id = %s order by version desc limit 1",
                [gone.id],
            ).fetchone()
        assert last == ("conversation.erased",)
        assert one.store.data_key(gone.id) is None
        assert one.store.erased(gone.id)


def test_a_project_takes_its_conversations_along(one: Process) -> None:
    project = Project.create(new_id(), name=f"{WORD}name")
    one.log.save([project], ORIGIN)
    inside, outside = one.write(WORD, project), one.write("other")

    erase_project(one.services, EraseProject(project_id=project.id, **WHO))

    assert one.log.load(Conversation, inside.id).erased
    assert not one.log.load(Conversation, outside.id).erased
    shown = one.projects.get(project.id)
    assert shown is not None
    assert (shown.name, shown.erased, shown.erased_by) == ("", True, "ada")
    assert {one.store.data_key(inside.id), one.store.data_key(project.id)} == {None}


def test_a_hold_on_either_forbids_to_erase_a_conversation(one: Process) -> None:
    project = Project.create(new_id(), name="p")
    one.log.save([project], ORIGIN)
    held, covered = one.write("a"), one.write("b", project)
    hold_conversation(one.services, HoldConversation(conversation_id=held.id, reason="trial", **WHO))
    hold_project(one.services, HoldProject(project_id=project.id, reason="audit", **WHO))

    for conversation in (held, covered):
        with pytest.raises(RefusedError, match="held"):
            one.erase(conversation)
    with pytest.raises(RefusedError, match="held"):
        erase_project(one.services, EraseProject(project_id=project.id, **WHO))
    assert [found.hold_reason for found in one.conversations.held()] == ["trial"]


def test_the_same_erasure_asked_twice_under_one_key_is_one(one: Process) -> None:
    gone = one.write(WORD)
    command = EraseConversation(conversation_id=gone.id, idempotency_key="once", **WHO)

    first = erase_conversation(one.services, command)

    assert erase_conversation(one.services, command) == first
    with pytest.raises(ContentErasedError):
        erase_conversation(one.services, replace(command, idempotency_key=None))


def test_the_log_still_verifies_and_a_rebuild_shows_the_same(one: Process, tmp_path: Path) -> None:
    gone = one.write(WORD)
    one.write("other")
    one.erase(gone)
    one.finish()
    before = one.conversations.newest().conversations

    one.pump.rebuild()

    assert one.conversations.newest().conversations == before
    assert one.search.search(WORD).hits == ()
    auditor = PostgresAuditor(one.database, tmp_path, lambda: one.keyring.book_id)
    auditor.checkpoint()
    assert auditor.verify().problems == ()


def _box(process: Process, conversation: Conversation) -> Sealed:
    recorded = next(
        one
        for one in process.log.read(0, 1000)
        if one.event.stream_id == conversation.id and one.event.type_name == "conversation.prompt-added"
    )
    text = recorded.event.text  # type: ignore[attr-defined]
    assert isinstance(text, Sealed)
    return text


@pytest.fixture
def own_data_directory(database: Database) -> Path:
    """The files of the test's database, where this process may read them."""
    with database.owner_session() as connection:
        row = connection.execute(
            "select current_setting('data_directory'),"
            " (select oid from pg_database where datname = current_database())"
        ).fetchone()
    assert row is not None
    folder = Path(row[0]) / "base" / str(row[1])
    try:
        assert any(folder.iterdir())
    except OSError:
        pytest.skip("the server's files are not ours to read")
    return folder


def _checkpoint(process: Process) -> None:
    with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
        session = process.database.owner_session()
        session.execute("checkpoint")
        session.close()


def _files_with(folder: Path, needle: bytes) -> list[str]:
    found = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if needle in path.read_bytes():
                found.append(path.name)
    return found


@pytest.mark.parametrize("cut", [Cut.BEFORE_SENDING, Cut.BEFORE_THE_ANSWER])
def test_an_erasure_whose_acknowledgement_is_lost_is_found_again(
    one: Process, database_url: str, cut: Cut
) -> None:
    gone = one.write(WORD)
    folder = Path(tempfile.mkdtemp(prefix="daybook-cut-"))
    proxy = CuttingProxy(database_url, folder)
    database = Database(proxy.url)
    try:
        log = PostgresLog(EventLog(database, settle_seconds=5), keyring_of(database))
        conversation = log.load(Conversation, gone.id)
        conversation.erase("request")
        log.size()
        proxy.cut = cut

        saved = log.erase([conversation], ORIGIN)
    finally:
        database.close()
        proxy.close()
        shutil.rmtree(folder)

    assert proxy.cuts == 1
    assert saved.log_size == one.log.size()
    assert one.log.load(Conversation, gone.id).version == 4
    assert one.store.erased(gone.id)
