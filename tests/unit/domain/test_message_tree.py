"""Whatever is asked of a conversation, its messages stay a tree and nothing in it is lost."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain.conversation.conversation import Conversation, Kind, Message, Status
from domain.errors import DaybookError
from domain.event import Event, Picture
from domain.ids import new_id
from tests.unit.domain.given import rebuilt
from tests.unit.domain.test_conversation import OUTCOME, PROVENANCE
from tests.unit.domain.test_copies_and_remarks import copied_answer

_ENDS = {
    "complete": lambda c, m: c.complete_answer(m, **OUTCOME),
    "cancel": lambda c, m: c.cancel_answer(m, **OUTCOME),
    "fail": lambda c, m: c.fail_answer(m, **OUTCOME, detail="x"),
    "interrupt": lambda c, m: c.interrupt_answer(m, text="", thinking="", reason="process-died"),
}
_FINAL = {Status.COMPLETE, Status.CANCELLED, Status.FAILED}
_place = st.integers(min_value=0, max_value=40)


class MessageTree(RuleBasedStateMachine):
    """Commands at random, sensible and not; refused ones must change nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.conversation = Conversation.start(new_id(), project_id=None, title=None)
        self.events: list[Event] = [*self.conversation.collect_events()]  # type: ignore[list-item]
        self.seen: dict[Any, Message] = {}
        self.pictures: list[Picture] = []

    def _some(self, place: int) -> Any:
        """Return one of the messages, or nothing, or a message of elsewhere."""
        candidates = [None, new_id(), *self.conversation.messages]
        return candidates[place % len(candidates)]

    def _try(self, command: Any) -> None:
        before = (dict(self.conversation.messages), self.conversation.current_id, self.conversation.version)
        try:
            command()
        except DaybookError:
            after = (self.conversation.messages, self.conversation.current_id, self.conversation.version)
            assert before == after
        self.events += self.conversation.collect_events()  # type: ignore[arg-type]

    @rule(parent=_place, text=st.sampled_from(["Hi", "", "\n"]))
    def prompt(self, parent: int, text: str) -> None:
        self._try(lambda: self.conversation.add_prompt(new_id(), text, parent_id=self._some(parent)))

    @rule()
    def prompt_on(self) -> None:
        self._try(
            lambda: self.conversation.add_prompt(new_id(), "Hi", parent_id=self.conversation.current_id)
        )

    @rule(prompt=_place)
    def answer(self, prompt: int) -> None:
        self._try(
            lambda: self.conversation.start_answer(
                new_id(), prompt_id=self._some(prompt) or new_id(), **PROVENANCE
            )
        )

    @rule()
    def answer_the_current_prompt(self) -> None:
        current = self.conversation.current_id or new_id()
        self._try(lambda: self.conversation.start_answer(new_id(), prompt_id=current, **PROVENANCE))

    @rule(message=_place, how=st.sampled_from(sorted(_ENDS)))
    def end(self, message: int, how: str) -> None:
        self._try(lambda: _ENDS[how](self.conversation, self._some(message) or new_id()))

    @rule(how=st.sampled_from(sorted(_ENDS)))
    def end_what_streams(self, how: str) -> None:
        for answer_id in self.conversation.streaming():
            self._try(lambda answer_id=answer_id: _ENDS[how](self.conversation, answer_id))

    @rule(message=_place)
    def go_on(self, message: int) -> None:
        self._try(lambda: self.conversation.go_on_from(self._some(message)))

    @rule(message=_place)
    def go_on_at_an_end(self, message: int) -> None:
        def command() -> None:
            before = len(self.conversation.messages)
            self.conversation.go_on_from(self._some(message), to_end=True)
            current = self.conversation.current_id
            parents = {one.parent_id for one in self.conversation.messages.values()}
            assert current is None or current not in parents
            assert len(self.conversation.messages) == before

        self._try(command)

    @rule(message=_place, text=st.sampled_from(["Hi", " "]))
    def edit(self, message: int, text: str) -> None:
        """A sibling of a prompt: what an edit adds."""
        old = dict(self.conversation.messages).get(self._some(message))
        if old is not None:
            self._try(lambda: self.conversation.add_prompt(new_id(), text, parent_id=old.parent_id))

    @rule(message=_place)
    def fork(self, message: int) -> None:
        self._try(lambda: self.conversation.give_to_fork(self._some(message) or new_id(), new_id()))

    @rule(parent=_place)
    def copy_a_prompt(self, parent: int) -> None:
        told = {"origin_message_id": new_id(), "said_at": 1, "text": "Hi", "instructions": None}
        self._try(lambda: self.conversation.copy_prompt(new_id(), parent_id=self._some(parent), **told))

    @rule(prompt=_place, status=st.sampled_from(["complete", "cancelled", "failed", "interrupted"]))
    def copy_an_answer(self, prompt: int, status: str) -> None:
        self._try(
            lambda: self.conversation.copy_answer(
                new_id(), prompt_id=self._some(prompt) or new_id(), **copied_answer(status=status)
            )
        )

    @rule(message=_place, rating=st.sampled_from(["up", "down", None, "5"]))
    def rate(self, message: int, rating: str | None) -> None:
        self._try(lambda: self.conversation.rate_answer(self._some(message) or new_id(), rating, None))

    @rule(message=_place, text=st.sampled_from(["!", ""]))
    def note(self, message: int, text: str) -> None:
        self._try(lambda: self.conversation.write_note(new_id(), self._some(message) or new_id(), text))

    @rule(place=_place, text=st.sampled_from(["?", ""]), remove=st.booleans())
    def change_or_remove_a_note(self, place: int, text: str, remove: bool) -> None:  # noqa: FBT001 (drawn)
        known = [new_id(), *self.conversation.notes]
        note = known[place % len(known)]
        if remove:
            self._try(lambda: self.conversation.remove_note(note))
        else:
            self._try(lambda: self.conversation.change_note(note, text))

    @rule(hold=st.booleans())
    def hold_or_release(self, hold: bool) -> None:  # noqa: FBT001 (drawn)
        change = self.conversation.hold if hold else self.conversation.release
        self._try(lambda: change("why"))

    @rule()
    def erase(self) -> None:
        if len(self.events) > 15:  # nothing happens after it
            self._try(lambda: self.conversation.erase("request"))

    @rule(archive=st.booleans())
    def archive_or_restore(self, archive: bool) -> None:  # noqa: FBT001 (drawn)
        self._try(self.conversation.archive if archive else self.conversation.restore)

    @invariant()
    def it_is_a_tree_of_turns(self) -> None:
        for message in self.conversation.messages.values():
            path = [*self.conversation.branch(message.id)][::-1]
            assert len(path) == self.conversation.depth(message.id)
            assert path[0].parent_id is None
            assert path[-1] == message
            kinds = [step.kind for step in path]
            assert kinds == [Kind.PROMPT if place % 2 == 0 else Kind.ANSWER for place in range(len(kinds))]

    @invariant()
    def the_current_branch_is_in_it(self) -> None:
        current = self.conversation.current_id
        assert current is None or current in self.conversation.messages

    @invariant()
    def nothing_is_lost_and_ends_stay(self) -> None:
        for key, earlier in self.seen.items():
            now = self.conversation.messages[key]
            assert (now.kind, now.parent_id) == (earlier.kind, earlier.parent_id)
            if earlier.status in _FINAL:
                assert now.status is earlier.status
        self.seen = dict(self.conversation.messages)

    @invariant()
    def notes_are_on_messages(self) -> None:
        assert set(self.conversation.notes.values()) <= set(self.conversation.messages)

    @invariant()
    def loading_gives_the_same(self) -> None:
        assert rebuilt(Conversation, self.events) == self.conversation

    @invariant()
    def a_picture_and_what_came_after_it_give_the_same(self) -> None:
        if not self.pictures or self.pictures[-1].version < self.conversation.version:
            self.pictures.append(self.conversation.picture())
        for picture in (self.pictures[0], self.pictures[len(self.pictures) // 2], self.pictures[-1]):
            loaded = Conversation.from_picture(self.conversation.id, picture)
            loaded.follow(self.events[picture.version :])
            assert loaded == self.conversation
            assert loaded.streaming() == self.conversation.streaming()

    @invariant()
    def a_picture_holds_plain_values(self) -> None:
        facts = self.conversation.facts()
        assert {type(value) for value in facts.values()} <= {type(None), bool, str, bytes}


TestMessageTree = MessageTree.TestCase
TestMessageTree.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
