"""What files say, taken in on a write side in memory: whole or not at all, and never twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from application import commands as c
from application import importing
from application.deciding import TRIES
from application.import_commands import ImportConversations, ImportProject
from application.importing import ALTERED, ENDED_OTHERWISE, HOMELESS, LEFT_UNFINISHED
from application.ported import (
    MAX_PORTED_MESSAGES,
    Imported,
    PortedConversation,
    PortedNote,
    PortedProject,
    PortedRun,
)
from application.ports.memory import RecordedPrompt
from domain.conversation import events as e
from domain.conversation import import_events as i
from domain.conversation.conversation import Conversation, Status
from domain.errors import (
    ContentErasedError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    WrongVersionError,
)
from domain.event import Event
from domain.ids import derived_id, new_id
from domain.project.project import Project
from tests.support.house import WHO, House
from tests.support.ported import AT, answer, conversation, prompt, recorded_answer


@pytest.fixture
def house() -> House:
    return House()


def take(house: House, *said: PortedConversation, **values: Any) -> Imported:
    return house.commands.take_in(ImportConversations(conversations=said, **WHO, **values))


def take_project(house: House, said: PortedProject, **values: Any) -> Imported:
    return house.commands.take_in(ImportProject(project=said, **WHO, **values))


def one(imported: Imported) -> Any:
    [result] = imported.results
    return result


def talk() -> PortedConversation:
    """Return a conversation of a prompt with two answers, the first of which goes on."""
    asked = prompt(text="Hi", instructions="Be brief.")
    first, second = (
        answer(asked.id),
        answer(asked.id, status="failed", reason="timed-out", detail="Too slow.", ended_at=None),
    )
    more = prompt(first.id, "And?")
    note = PortedNote(id=new_id(), text="Look.", written_at=AT, changed_at=AT + 1)
    first = replace(first, rating="up", rating_words="Good.", notes=(note,))
    last = answer(more.id, sent_message_ids=(asked.id, first.id, more.id, new_id()))
    return conversation(asked, first, second, more, last, title=" My  talk ", current_id=first.id)


def of(house: House, conversation_id: UUID) -> Conversation:
    return house.log.load(Conversation, conversation_id)


def events(house: House, said: PortedConversation) -> list[Event]:
    return house.log.events(derived_id(said.id))


class TestTakingIn:
    def test_it_has_all_of_it_under_ids_that_follow_from_the_first(self, house: House) -> None:
        said = talk()
        result = one(take(house, said))

        assert (result.outcome, result.message_count, result.remarks) == ("new", 5, ())
        tree = of(house, result.id)
        ids = [derived_id(said.id, message.id) for message in said.messages]
        assert [*tree.messages] == ids
        assert result.id == derived_id(said.id)
        assert [tree.message(x).status for x in ids[1:3]] == [Status.COMPLETE, Status.FAILED]
        assert tree.message(ids[3]).parent_id == ids[1]
        assert tree.current_id == ids[1]
        taken = [x for x in events(house, said) if isinstance(x, i.AnswerImported)]
        assert taken[2].sent_message_ids == (ids[0], ids[1], ids[3])
        assert (taken[1].detail, taken[0].options, taken[0].request_hash) == (
            "Too slow.",
            {"seed": 7},
            b"hash",
        )
        assert house.last(e.ConversationStarted).title == "My talk"
        assert house.last(e.AnswerRated).words == "Good."
        note = house.last(i.NoteImported)
        assert (note.message_id, note.text, note.written_at, note.changed_at) == (ids[1], "Look.", AT, AT + 1)
        end = events(house, said)[-1]
        assert isinstance(end, i.ConversationImported)
        assert (end.imported_id, end.imported_from, end.changed_at) == (said.id, "daybook", AT + 5)
        assert {origin.source for _, origin in house.log.appended} == {"import"}

    def test_it_is_filed_as_it_was(self, house: House) -> None:
        plain = prompt()
        run = PortedRun(routine_id=new_id(), routine_version=3, variables={})
        said = replace(
            talk(),
            title_by_model=True,
            tags=("Work", "draft"),
            pinned=True,
            archived=True,
            messages=(replace(plain, made_by=run),),
            current_id=None,
        )
        result = one(take(house, said))

        assert result.outcome == "new"
        assert house.last(e.ConversationStarted).title is None
        titled = house.last(e.ConversationTitled)
        assert (titled.title, titled.model) == ("My talk", importing.IMPORTED)
        tagged = [x.name for x in events(house, said) if isinstance(x, e.ConversationTagged)]
        assert tagged == ["Work", "draft"]
        filed = of(house, result.id)
        assert (filed.pinned, filed.archived, len(filed.tags)) == (True, True, 2)
        noted = house.last(e.RoutineRun)
        assert (noted.message_id, noted.routine_version) == (derived_id(said.id, plain.id), 3)

    def test_a_title_of_a_model_that_says_nothing_is_none(self, house: House) -> None:
        take(
            house,
            replace(conversation(prompt()), title=" \u200b \n".replace("\u200b", ""), title_by_model=True),
        )
        assert not [event for event, _ in house.log.appended if isinstance(event, e.ConversationTitled)]

    def test_a_run_of_no_version_is_skipped_with_its_conversation(self, house: House) -> None:
        run = PortedRun(routine_id=new_id(), routine_version=0, variables={})
        result = one(take(house, conversation(replace(prompt(), made_by=run))))
        assert result.outcome == "skipped"
        assert "no such version" in result.reason

    def test_again_adds_nothing(self, house: House) -> None:
        said = talk()
        take(house, said)
        before = house.log.size()

        assert one(take(house, said)).outcome == "unchanged"
        assert house.log.size() == before

    def test_a_grown_one_adds_what_is_new_and_follows_it(self, house: House) -> None:
        said = talk()
        take(house, said)
        more = prompt(said.messages[-1].id, "More?")
        grown = replace(said, messages=(*said.messages, more), current_id=more.id, title="Other")
        result = one(take(house, grown))

        assert (result.outcome, result.message_count) == ("grown", 1)
        assert of(house, result.id).current_id == derived_id(said.id, more.id)
        assert house.last(e.ConversationStarted).title == "My talk"

    def test_where_somebody_went_on_here_since_it_stays(self, house: House) -> None:
        said = talk()
        here = one(take(house, said)).id
        asked = house.asked_and_answered(
            conversation_id=here, parent_id=derived_id(said.id, said.messages[1].id)
        )
        more = prompt(said.messages[-1].id)
        result = one(take(house, replace(said, messages=(*said.messages, more), current_id=more.id)))

        assert result.outcome == "grown"
        assert of(house, here).current_id == asked.answer_id

    def test_what_this_book_recorded_first_is_known(self, house: House) -> None:
        asked = house.asked_and_answered()
        first = prompt(id=asked.prompt_id)
        said = conversation(first, answer(first.id, id=asked.answer_id), id=asked.conversation_id)
        assert one(take(house, said)).outcome == "unchanged"
        more = prompt(asked.answer_id)
        grown = replace(said, messages=(*said.messages, more), current_id=more.id)

        result = one(take(house, grown))
        assert (result.id, result.outcome) == (asked.conversation_id, "grown")
        assert one(take(house, grown)).outcome == "unchanged"

    def test_an_empty_one_and_an_archived_one_are_taken_in(self, house: House) -> None:
        said = conversation(archived=True, current_id=None)
        result = one(take(house, said))

        assert (result.outcome, result.message_count) == ("new", 0)
        assert of(house, result.id).archived
        assert one(take(house, said)).outcome == "unchanged"

    def test_an_unfinished_answer_is_left_out_until_it_has_ended(self, house: House) -> None:
        asked = prompt()
        under_way = answer(asked.id, status="streaming", ended_at=None)
        said = conversation(asked, under_way)
        result = one(take(house, said))
        assert (result.message_count, result.remarks) == (1, ((LEFT_UNFINISHED, 1),))
        assert of(house, result.id).current_id == derived_id(said.id, asked.id)

        ended = replace(under_way, said=recorded_answer())
        result = one(take(house, replace(said, messages=(asked, ended))))
        assert (result.outcome, result.message_count) == ("grown", 1)
        assert of(house, result.id).current_id == derived_id(said.id, ended.id)

    def test_unfinished_answers_below_each_other_lead_to_what_was_taken_in(self, house: House) -> None:
        asked = prompt()
        chain = [asked]
        for _ in range(3):
            chain.append(answer(chain[-1].id, status="queued", ended_at=None))
        result = one(take(house, conversation(*chain)))
        assert result.remarks == ((LEFT_UNFINISHED, 3),)
        assert of(house, result.id).current_id == derived_id(result.imported_id, asked.id)

    @pytest.mark.parametrize("parent", ["itself", "nothing", "a stranger"])
    def test_an_unfinished_answer_must_follow_something(self, house: House, parent: str) -> None:
        lost = answer(new_id(), status="streaming", ended_at=None)
        parents = {"itself": lost.id, "nothing": None, "a stranger": new_id()}
        lost = replace(lost, parent_id=parents[parent])
        result = one(take(house, conversation(lost, current_id=lost.id)))
        assert (result.outcome, house.log.size()) == ("skipped", 0)

    def test_new_notes_and_ratings_are_taken_in_and_leave_the_branch_alone(self, house: House) -> None:
        asked = prompt()
        first, second = answer(asked.id), answer(asked.id)
        said = conversation(asked, first, second, current_id=second.id)
        here = one(take(house, said)).id
        house.commands.handle(
            c.GoOnFrom(conversation_id=here, message_id=derived_id(said.id, first.id), **WHO)
        )
        note = PortedNote(id=new_id(), text="Look.", written_at=AT, changed_at=None)
        remarked = replace(said, messages=(asked, first, replace(second, rating="up", notes=(note,))))
        result = one(take(house, remarked))

        assert (result.outcome, result.message_count) == ("grown", 0)
        rated = house.last(e.AnswerRated)
        assert (rated.message_id, rated.rating) == (derived_id(said.id, second.id), "up")
        assert house.last(i.NoteImported).text == "Look."
        assert of(house, here).current_id == derived_id(said.id, first.id)
        assert one(take(house, remarked)).outcome == "unchanged"

    def test_notes_removed_and_ratings_taken_back_here_stay_so(self, house: House) -> None:
        said = talk()
        here = one(take(house, said)).id
        note = house.last(i.NoteImported)
        house.commands.handle(c.RemoveNote(conversation_id=here, note_id=note.note_id, **WHO))
        house.commands.handle(
            c.RateAnswer(conversation_id=here, answer_id=note.message_id, rating=None, **WHO)
        )

        assert one(take(house, said)).outcome == "unchanged"

    def test_an_answer_that_ended_otherwise_here_stays_and_is_told(self, house: House) -> None:
        asked = prompt()
        cut = answer(asked.id, status="interrupted")
        said = conversation(asked, cut)
        take(house, said)
        result = one(take(house, replace(said, messages=(asked, replace(cut, said=recorded_answer())))))
        assert (result.outcome, result.remarks) == ("unchanged", ((ENDED_OTHERWISE, 1),))

    def test_a_conversation_and_its_copy_are_not_taken_in_in_one_append(self, house: House) -> None:
        said = conversation(prompt())
        with pytest.raises(InvalidInputError, match="once"):
            take(house, said, replace(said, id=derived_id(said.id)))
        assert house.log.size() == 0

    def test_a_current_message_that_is_nowhere_is_none(self, house: House) -> None:
        result = one(take(house, conversation(prompt(), current_id=new_id())))
        assert of(house, result.id).current_id is None

    def test_text_that_no_text_may_have_is_mended(self, house: House) -> None:
        said = conversation(prompt(text="a\0b\ud83d"), prompt(text="ü", instructions="\0"), title="t" * 600)
        result = one(take(house, said))

        assert result.remarks == ((ALTERED, 3),)
        texts = [x.text for x in events(house, said) if isinstance(x, i.PromptImported)]
        assert texts == ["a\ufffdb\ufffd", "ü"]
        assert len(house.last(e.ConversationStarted).title) == 500

    def test_a_dry_run_records_nothing(self, house: House) -> None:
        result = take(house, talk(), dry_run=True)
        assert (one(result).outcome, result.log_size, house.log.size()) == ("new", 0, 0)


class TestWhere:
    def test_it_goes_where_it_was_if_that_is_here(self, house: House) -> None:
        said = conversation(project_id=new_id())
        assert one(take(house, said)).remarks == ((HOMELESS, 1),)
        assert one(take(house, replace(said, id=new_id()), dry_run=True)).remarks == ()

        project = house.project()
        take(house, conversation(project_id=project))
        assert house.last(e.ConversationStarted).project_id == project

    def test_all_of_it_goes_into_a_project(self, house: House) -> None:
        project = house.project()
        take(house, conversation(project_id=new_id()), project_id=project)
        assert house.last(e.ConversationStarted).project_id == project

    def test_a_project_that_takes_nothing_refuses_all(self, house: House) -> None:
        project = house.project()
        house.commands.handle(c.ArchiveProject(project_id=project, **WHO))
        with pytest.raises(RefusedError):
            take(house, talk(), project_id=project)
        with pytest.raises(NotFoundError):
            take(house, talk(), project_id=new_id())

    def test_an_erased_project_takes_nothing_back(self, house: House) -> None:
        project = house.project()
        house.commands.handle(c.EraseProject(project_id=project, **WHO))
        assert one(take(house, conversation(project_id=project))).remarks == ((HOMELESS, 1),)


def deep(**values: Any) -> PortedConversation:
    asked = prompt()
    return conversation(asked, answer(asked.id, **values))


BROKEN: dict[str, tuple[PortedConversation, str]] = {
    "a parent that is missing": (conversation(prompt(new_id())), "does not stand before"),
    "a message twice": (conversation(*[prompt(id=new_id())] * 2), "two messages"),
    "an answer to nothing": (conversation(answer(None)), "follows nothing"),
    "an answer to an answer": (
        conversation(*(x := (prompt(id=UUID(int=5)), answer(UUID(int=5), id=UUID(int=6)))), answer(x[1].id)),
        "only prompts are answered",
    ),
    "a prompt to a prompt": (
        conversation(prompt(id=UUID(int=5)), prompt(UUID(int=5))),
        "a prompt follows an answer",
    ),
    "no status": (deep(status="wonderful"), "which none ends with"),
    "a time before time": (deep(said_at=-1), "1970"),
    "an end after all times": (deep(ended_at=10**18), "9999"),
    "a beginning before time": (conversation(began_at=-1), "1970"),
    "a count of nothing": (deep(prompt_tokens=-1), "prompt_tokens"),
    "a count beyond": (deep(context_length=2**31), "context_length"),
    "no duration": (deep(total_ms=float("nan")), "no duration"),
    "an endless hash": (deep(request_hash=b"x" * 65), "request_hash"),
    "a model with a NUL": (deep(model="a\0"), "NUL"),
    "a model of a thousand letters": (deep(model="m" * 501), "500 characters"),
    "a way to think that is none": (deep(think="very hard!"), "no way to think"),
    "options that are none": (deep(options={"x": float("inf")}), "options"),
    "an answer beyond all bounds": (deep(text="x" * (16 * 1024 * 1024 + 1)), "characters"),
    "a prompt beyond all bounds": (conversation(prompt(text="x" * (2 * 1024 * 1024 + 1))), "too large"),
    "too many messages": (conversation(*[prompt()] * (MAX_PORTED_MESSAGES + 1)), "messages"),
    "a rating that is none": (conversation(x := prompt(), answer(x.id, rating="five stars")), "no rating"),
    "a note of nothing": (
        conversation(
            x := prompt(),
            answer(x.id, notes=(PortedNote(id=new_id(), text=" ", written_at=1, changed_at=None),)),
        ),
        "note is empty",
    ),
    "a note of no time": (
        conversation(
            x := prompt(),
            answer(x.id, notes=(PortedNote(id=new_id(), text="n", written_at=-1, changed_at=None),)),
        ),
        "1970",
    ),
}


class TestWhatIsSkipped:
    @pytest.mark.parametrize("name", BROKEN)
    def test_what_cannot_be_is_skipped_with_its_reason_and_stops_no_other(
        self, house: House, name: str
    ) -> None:
        said, why = BROKEN[name]
        skipped, taken = take(house, said, talk()).results

        assert (skipped.outcome, skipped.id, skipped.message_count) == ("skipped", None, 0)
        assert why in skipped.reason
        assert taken.outcome == "new"
        assert not events(house, said)

    def test_what_was_erased_here_does_not_come_back(self, house: House) -> None:
        said = talk()
        take(house, said)
        house.commands.handle(c.EraseConversation(conversation_id=derived_id(said.id), **WHO))
        result = one(take(house, said))
        assert (result.outcome, "erased here" in result.reason) == ("skipped", True)

        asked = house.asked_and_answered()
        house.commands.handle(c.EraseConversation(conversation_id=asked.conversation_id, **WHO))
        assert one(take(house, conversation(id=asked.conversation_id))).outcome == "skipped"

    def test_the_same_twice_in_one_command_is_refused(self, house: House) -> None:
        said = talk()
        with pytest.raises(InvalidInputError, match="once"):
            take(house, said, said)


class TestAtTheSameMoment:
    def test_two_imports_of_the_same_end_with_it_once(self, house: House) -> None:
        said = talk()
        house.log.before_save = lambda: take(house, said)
        assert one(take(house, said)).outcome == "unchanged"
        assert len(of(house, derived_id(said.id)).messages) == 5

    def test_an_erasure_meanwhile_stands(self, house: House) -> None:
        said = talk()
        take(house, said)
        grown = replace(said, messages=(*said.messages, prompt(said.messages[-1].id)))
        here = derived_id(said.id)
        house.log.before_save = lambda: house.commands.handle(
            c.EraseConversation(conversation_id=here, **WHO)
        )
        assert one(take(house, grown)).outcome == "skipped"

    @pytest.mark.parametrize("problem", [WrongVersionError("again"), ContentErasedError("gone")])
    def test_it_gives_up_in_the_end(self, house: House, problem: Exception) -> None:
        house.log.failures.extend([problem] * TRIES)
        with pytest.raises(type(problem)):
            take(house, talk())
        house.log.failures.extend([WrongVersionError("again")] * TRIES)
        with pytest.raises(WrongVersionError):
            take_project(house, project())


def project(**values: Any) -> PortedProject:
    return PortedProject(
        **{"id": new_id(), "name": "Sailing", "began_at": AT, "changed_at": AT + 1, **values}
    )


class TestProjects:
    def test_a_project_comes_with_all_of_it_and_once(self, house: House) -> None:
        said = project(description="Boats", instructions="Be wet.", default_model="m", archived=True)
        said = replace(said, default_options={"seed": 7})
        result = one(take_project(house, said))
        assert (result.outcome, result.id) == ("new", derived_id(said.id))
        made = house.log.load(Project, result.id)
        assert (made.archived, made.default_model) == (True, "m")
        assert one(take_project(house, said)).outcome == "unchanged"

    def test_one_that_is_here_stays_as_it_is(self, house: House) -> None:
        here = house.project()
        result = one(take_project(house, project(id=here, name="Other")))
        assert (result.outcome, result.id) == ("unchanged", here)

    def test_conversations_find_it(self, house: House) -> None:
        said = project()
        take_project(house, said)
        take(house, conversation(project_id=said.id))
        assert house.last(e.ConversationStarted).project_id == derived_id(said.id)

    @pytest.mark.parametrize(
        "said",
        [project(name=" "), project(began_at=-1), project(default_model="a\0"), project(description="\0")],
    )
    def test_what_cannot_be_is_skipped(self, house: House, said: PortedProject) -> None:
        assert one(take_project(house, said)).outcome == "skipped"
        assert house.log.size() == 0

    def test_an_erased_one_does_not_come_back(self, house: House) -> None:
        here = house.project()
        house.commands.handle(c.EraseProject(project_id=here, **WHO))
        assert one(take_project(house, project(id=here))).outcome == "skipped"

    def test_a_dry_run_records_nothing(self, house: House) -> None:
        assert one(take_project(house, project(), dry_run=True)).outcome == "new"
        assert house.log.size() == 0


def test_the_source_is_the_word_of_the_design() -> None:
    assert importing.SOURCE == "import"


def test_a_prompt_is_never_under_way() -> None:
    assert not prompt().under_way
    assert isinstance(prompt().said, RecordedPrompt)
