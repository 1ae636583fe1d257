"""Out of one book and into another on real databases: what comes back is exactly what went out."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application import commands as c
from application.handlers import Commands
from domain.conversation.conversation import Conversation, Kind
from domain.errors import ContentErasedError
from domain.ids import new_id
from domain.project.project import Project
from infrastructure.postgres.database import Database
from interfaces.porting import as_json
from interfaces.porting.gathering import Chosen, Gathering
from interfaces.porting.taking import ImportView, Wishes, take_in
from tests.integration.test_erasure import ORIGIN, WHO, Process
from tests.support.databases import drop_database, make_database
from tests.support.postgres_server import with_database
from tests.unit.domain.test_conversation import PROVENANCE

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FIELDS = ("imported_id", "imported_from")


@pytest.fixture(scope="module")
def books(server_url: str, template_database: str) -> Iterator[tuple[Process, Process]]:
    names = [make_database(server_url, template_database) for _ in range(2)]
    with contextlib.ExitStack() as stack:
        processes = []
        for name in names:
            database = Database(with_database(server_url, name), max_connections=5)
            stack.callback(drop_database, server_url, name)
            stack.callback(database.close)
            processes.append(Process(database))
            stack.callback(processes[-1].live.close)
        yield processes[0], processes[1]


def export(process: Process, wanted: Chosen | None = None) -> bytes:
    return "".join(lines(process, wanted or Chosen())).encode()


def lines(process: Process, wanted: Chosen) -> Iterator[str]:
    book: Any = SimpleNamespace(
        events=process.log,
        conversations=process.conversations,
        projects=process.projects,
        transcript=process.transcript,
    )
    return as_json.pieces(Gathering(book, wanted, NOW))


def bring(process: Process, file: Path, content: bytes, **wishes: Any) -> ImportView:
    file.write_bytes(content)
    return take_in(Commands(process.services), file, WHO, Wishes(**wishes))


def as_at_first(content: bytes) -> list[dict[str, Any]]:
    """Return what an export says, with ids as they were first, in the order of its conversations' ids."""
    lines = [json.loads(line) for line in content.decode().rstrip("\n").split("\n")[1:-1]]
    first = {one["id"]: one["imported_id"] for one in lines if "imported_id" in one}
    plain = json.dumps(lines)
    for here, there in first.items():
        plain = plain.replace(here, there)
    groups: list[list[dict[str, Any]]] = []
    for one in json.loads(plain):
        for name in FIELDS:
            one.pop(name, None)
        for note in one.get("notes", ()):
            note["id"] = note.pop("imported_id", note["id"])
        if one["type"] == "message":
            groups[-1].append(one)
        else:
            groups.append([one])
    return [one for group in sorted(groups, key=lambda group: group[0]["id"]) for one in group]


_anything = st.text(st.characters(exclude_categories=()), max_size=30)
_text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)
_said = _text.filter(str.strip)
_count = st.none() | st.integers(0, 10**9)
_time = st.none() | st.floats(0, 1e9)
_options = st.dictionaries(_text, st.none() | st.booleans() | st.integers(-9, 9) | _text, max_size=3)
_END = {
    "text": _anything,
    "thinking": _anything,
    "reason": st.sampled_from(["stop", "length", "ü"]),
    "model_digest": st.none() | st.just("sha256:0"),
    "prompt_tokens": _count,
    "completion_tokens": _count,
    **dict.fromkeys(("total_ms", "load_ms", "prompt_eval_ms", "eval_ms", "first_token_ms"), _time),
}


def _ended(draw: Any, talk: Conversation, answer_id: UUID) -> None:
    outcome = {name: draw(values) for name, values in _END.items()}
    how = draw(st.sampled_from(["complete", "cancel", "fail", "interrupt"]))
    more = {"detail": draw(_anything)} if how == "fail" else {}
    getattr(talk, f"{how}_answer")(answer_id, **outcome, **more)


@st.composite
def conversations(  # noqa: C901, PLR0912 - one choice after the other
    draw: Any, project_id: UUID | None = None
) -> Conversation:
    """Make a conversation through the domain: any tree, any ends, ratings, notes, tags, a title, a place."""
    talk = Conversation.start(new_id(), project_id=project_id, title=draw(st.none() | st.just("A title")))
    answers: list[UUID] = []
    prompts: list[UUID] = []
    for _ in range(draw(st.integers(0, 8))):
        message_id = new_id()
        if not prompts or draw(st.booleans()):
            above = draw(st.sampled_from([None, *answers]))
            told = draw(st.none() | _text)
            talk.add_prompt(message_id, draw(_said), parent_id=above, instructions=told)
            if draw(st.booleans()):
                variables = draw(st.dictionaries(_text, _text, max_size=2))
                talk.note_routine(message_id, routine_id=new_id(), routine_version=3, variables=variables)
            prompts.append(message_id)
        else:
            prompt_id = draw(st.sampled_from(prompts))
            known = {
                **PROVENANCE,
                "options": draw(_options),
                "think": draw(st.sampled_from([None, True, False, "high"])),
                "sent_message_ids": tuple(x.id for x in talk.branch(prompt_id))[::-1],
                "owner_id": new_id(),
                "instructions_project_id": new_id(),
            }
            talk.start_answer(message_id, prompt_id=prompt_id, **known)
            _ended(draw, talk, message_id)
            answers.append(message_id)
    for message in list(talk.messages.values()):
        if message.kind is Kind.ANSWER and draw(st.booleans()):
            talk.rate_answer(message.id, draw(st.sampled_from(["up", "down"])), draw(st.none() | _said))
        for _ in range(draw(st.integers(0, 2))):
            talk.write_note(note_id := new_id(), message.id, draw(_said))
            if draw(st.booleans()):
                talk.change_note(note_id, draw(_said))
    if draw(st.booleans()):
        talk.go_on_from(draw(st.sampled_from([None, *answers])))
    if draw(st.booleans()):
        talk.take_title("By a model", model="deepseek-r1:8b")
    if draw(st.booleans()):
        talk.rename("Renamed")
    for name in draw(st.sets(st.sampled_from(["work", "Draft", "été"]))):
        talk.tag(new_id(), name)
    if draw(st.booleans()):
        talk.pin()
    if draw(st.booleans()):
        talk.archive()
    return talk


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_goes_out_comes_back_exactly(
    books: tuple[Process, Process], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    here, there = books
    file = tmp_path_factory.mktemp("round") / "export.json"
    project = Project.create(new_id(), name="Garden")
    project.change_instructions("Be green.\u2028")
    project.set_default_options({"seed": 1})
    talk = data.draw(conversations(project.id))
    here.log.save([project], ORIGIN)
    here.log.save([talk], ORIGIN)
    wanted = Chosen(project_id=project.id)
    out = export(here, wanted)

    brought = bring(there, file, out)
    assert brought.whole
    assert not brought.left_out_count
    assert (brought.new_count, brought.message_count) == (1, len(talk.messages))
    found = next(x for x in there.projects.all() if x.imported_id == project.id)
    back = export(there, Chosen(project_id=found.id))
    assert as_at_first(back) == as_at_first(out)
    # And again, either way: nothing is new.
    size = there.log.size()
    assert bring(there, file, out).unchanged_count == 1
    assert there.log.size() == size
    assert bring(here, file, back).unchanged_count == 1
    assert as_at_first(export(here, wanted)) == as_at_first(out)


@pytest.fixture
def here(books: tuple[Process, Process]) -> Process:
    return books[0]


@pytest.fixture
def there(books: tuple[Process, Process]) -> Process:
    return books[1]


def write(process: Process, word: str, project: Project | None = None) -> Conversation:
    made = process.write(word, project)
    [*_, answer_id] = made.messages
    made.interrupt_answer(answer_id, text=f"{word} said", thinking="", reason="process-died")
    process.log.save([made], ORIGIN)
    return made


def test_a_grown_one_brings_what_is_new_across_books_and_back(
    here: Process, there: Process, tmp_path: Path
) -> None:
    talk = write(here, "grow")
    wanted, file = Chosen(conversation_id=talk.id), tmp_path / "export.json"
    first = bring(there, file, export(here, wanted))
    assert (first.new_count, first.message_count) == (1, 2)
    copy_id = there.conversations.walk(limit=1000)
    [copy] = [x for x in map(there.conversations.get, copy_id) if x and x.imported_id == talk.id]

    grown = there.log.load(Conversation, copy.id)
    grown.add_prompt(new_id(), "added there", parent_id=grown.current_id)
    there.log.save([grown], ORIGIN)
    back = bring(here, file, export(there, Chosen(conversation_id=copy.id)))
    assert (back.grown_count, back.message_count) == (1, 1)
    assert here.transcript.branch(talk.id)[-1].text == "added there"
    assert bring(there, file, export(here, wanted)).unchanged_count == 1


def test_what_was_brought_is_found_counted_shown_and_erased_as_any(
    here: Process, there: Process, tmp_path: Path
) -> None:
    talk = write(here, "zebrafinch")
    file = tmp_path / "export.json.gz"
    bring(there, file, gzip.compress(export(here, Chosen(conversation_id=talk.id))))
    [hit] = [hit for hit in there.search.search("zebrafinch said").hits if hit.kind == "answer"]
    original = here.conversations.get(talk.id)
    copy = there.conversations.get(hit.conversation_id)
    assert copy is not None
    assert original is not None
    assert (copy.created_at, copy.updated_at) == (original.created_at, original.updated_at)
    assert (copy.title, copy.imported_from) == ("zebrafinchtitle", "daybook")

    there.log.load(Conversation, copy.id)
    Commands(there.services).handle(c.EraseConversation(conversation_id=copy.id, **WHO))
    assert not there.search.search("zebrafinch").hits
    assert [x.text for x in there.transcript.branch(copy.id)] == ["", ""]
    with pytest.raises(ContentErasedError):
        export(there, Chosen(conversation_id=copy.id))
    again = bring(there, file, gzip.compress(export(here, Chosen(conversation_id=talk.id))))
    assert (again.skipped_count, again.complete) == (1, False)


def test_what_is_erased_while_it_is_written_is_no_part_of_the_export(
    here: Process, there: Process, tmp_path: Path
) -> None:
    commands = Commands(here.services)
    project = Project.create(new_id(), name="Melting")
    here.log.save([project], ORIGIN)
    talks = [write(here, f"melt{number}", project) for number in range(3)]
    wanted = Chosen(project_id=project.id)
    before = export(here, wanted)
    written = []
    for line in lines(here, wanted):
        written.append(line)
        if line.startswith(f'{{"type":"conversation","id":"{talks[1].id}"'):
            commands.handle(c.EraseConversation(conversation_id=talks[1].id, **WHO))
    assert not any("melt1 said" in line for line in written)
    end = json.loads(written[-1])
    assert (end["conversation_count"], end["message_count"]) == (2, 4)

    found = bring(there, tmp_path / "x", "".join(written).encode())
    assert (found.new_count, found.whole) == (2, True)
    assert [(one.name, one.reason) for one in found.left_out] == [
        (str(talks[1].id), "it was erased while the file was written")
    ]
    assert bring(there, tmp_path / "x", before).new_count == 1


def test_a_fork_is_known_as_such_where_both_are_brought(
    here: Process, there: Process, tmp_path: Path
) -> None:
    talk = write(here, "forked")
    commands = Commands(here.services)
    project_id = commands.handle(c.CreateProject(name="Forks", **WHO)).id
    [*_, last] = talk.messages
    fork = commands.handle(
        c.ForkConversation(conversation_id=talk.id, message_id=last, project_id=project_id, **WHO)
    )
    bring(there, tmp_path / "a", export(here, Chosen(conversation_id=talk.id)))
    bring(there, tmp_path / "b", export(here, Chosen(conversation_id=fork.id)))
    ids = there.conversations.walk(limit=1000)
    found = {x.imported_id: x for x in map(there.conversations.get, ids) if x}
    assert found[fork.id].origin_conversation_id == talk.id
    assert [x.id for x in there.conversations.derived([found[talk.id].id])] == [found[fork.id].id]


def test_a_killed_import_goes_on_where_it_was(here: Process, there: Process, tmp_path: Path) -> None:
    project = Project.create(new_id(), name="Killed")
    here.log.save([project], ORIGIN)
    for number in range(4):
        write(here, f"kill{number}", project)
    whole = export(here, Chosen(project_id=project.id))
    cut = bring(there, tmp_path / "x", whole[: len(whole) * 2 // 3])
    assert (cut.whole, cut.new_count) == (False, 2)
    rest = bring(there, tmp_path / "x", whole)
    assert (rest.new_count, rest.unchanged_count, rest.whole) == (2, 2, True)
