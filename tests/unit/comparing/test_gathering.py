"""From a replay's new answers to a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from domain.errors import ContentDamagedError
from domain.ids import new_id
from interfaces.comparing.as_html import pieces
from interfaces.comparing.gathering import NewAnswer, gathered
from interfaces.comparison_views import ComparisonView
from projections.transcript.messages import Message, Timings, Usage

AT = datetime(2026, 1, 2, tzinfo=UTC)


class Recorded:
    """Messages in a dictionary; `asked` holds how many were asked for at a time."""

    def __init__(self, *messages: Message) -> None:
        self.known = {one.id: one for one in messages}
        self.asked: list[int] = []

    def messages(self, message_ids: Sequence[UUID]) -> tuple[Message, ...]:
        self.asked.append(len(message_ids))
        return tuple(self.known[one] for one in message_ids if one in self.known)


def message(kind: str, text: str, parent_id: UUID | None = None) -> Message:
    return Message(
        id=new_id(),
        conversation_id=new_id(),
        parent_id=parent_id,
        kind=kind,
        status="complete" if kind == "answer" else None,
        text=text,
        thinking="",
        model="big" if kind == "answer" else None,
        at=AT,
        ended_at=None,
        log_index=0,
        actor="ada",
        source="cli",
        instructions=None,
        reason=None,
        detail=None,
        usage=Usage(5, 20),
        timings=Timings(2000.0, None, None, 1000.0, 100.0),
        provenance=None,
        erased=False,
    )


def turn(text: str = "Why?", answer: str = "So.") -> tuple[Message, Message]:
    prompt = message("prompt", text)
    return prompt, message("answer", answer, prompt.id)


def new(old: Message, **values: Any) -> NewAnswer:
    told: dict[str, Any] = {
        "old_answer_id": old.id,
        "repeat": 1,
        "model": "small",
        "status": "complete",
        "text": "So!",
        "verdict": "near",
        "likeness": 0.9,
        "completion_tokens": 10,
        "eval_ms": 100.0,
    }
    return NewAnswer(**(told | values))


def compared(recorded: Recorded, ids: Sequence[UUID], *answers: NewAnswer) -> ComparisonView:
    return gathered(
        recorded,
        replay_id=new_id(),
        status="running",
        models=["small"],
        old_answer_ids=ids,
        new_answers=answers,
    )


def test_each_new_answer_finds_its_recorded_one_and_that_its_prompt() -> None:
    (one, first), (two, second) = turn("Why?", "So."), turn("How?", "Thus.")
    found = compared(
        Recorded(one, first, two, second),
        [second.id, first.id],
        new(first, repeat=2, verdict="different", likeness=0.1),
        new(first),
        new(second),
    )
    assert [(view.prompt, view.old.text, view.old.answer_id) for view in found.prompts] == [
        ("How?", "Thus.", second.id),
        ("Why?", "So.", first.id),
    ]
    assert [run.repeat for run in found.prompts[1].runs] == [1, 2]
    assert found.prompts[1].verdict == "different"
    assert found.prompts[0].prompt_id == two.id
    assert (found.old.median_tokens_per_second, found.new.median_tokens_per_second) == (20.0, 100.0)
    assert found.speed_ratio == 5.0
    assert (found.status, found.models, found.old_models) == ("running", ["small"], ["big"])


def test_a_prompt_whose_turn_has_not_come_has_a_line() -> None:
    prompt, old = turn()
    found = compared(Recorded(prompt, old), [old.id])
    assert (found.prompt_count, found.compared_count) == (1, 0)
    assert [(run.verdict, run.new) for run in found.prompts[0].runs] == [(None, None)]


def test_a_prompt_that_cannot_be_asked_again_says_why() -> None:
    prompt, old = turn()
    found = gathered(
        Recorded(prompt, old),
        replay_id=new_id(),
        status="complete",
        models=["small"],
        old_answer_ids=[old.id],
        new_answers=[],
        skipped={old.id: "erased"},
    )
    assert [view.skipped for view in found.prompts] == ["erased"]
    assert "some of what was sent was erased" in "".join(pieces(found))


def test_what_cannot_be_read_any_more_is_shown_as_such() -> None:
    (one, first), (two, second) = turn(), turn()
    gone = replace(first, text="", erased=True)
    altered = replace(two, text="", damage=ContentDamagedError("It was altered."))
    found = compared(
        Recorded(replace(one, text="", erased=True), gone, altered, second),
        [first.id, second.id],
        new(first, text=None),
        new(second),
    )
    assert [(view.prompt, view.old.text) for view in found.prompts] == [(None, None), (None, "So.")]
    assert found.prompts[0].runs[0].new is not None
    assert found.prompts[0].runs[0].new.text is None
    assert found.compared_count == 2


def test_many_are_looked_up_page_by_page() -> None:
    turns = [turn() for _ in range(450)]
    recorded = Recorded(*(one for both in turns for one in both))
    found = compared(recorded, [old.id for _, old in turns])
    assert found.prompt_count == 450
    assert max(recorded.asked) == 200


def test_what_is_not_in_the_book_has_no_line() -> None:
    _, old = turn()
    found = compared(Recorded(old), [new_id(), old.id], new(old, completion_tokens=None))
    assert [view.prompt for view in found.prompts] == [None]
    assert found.new.median_tokens_per_second is None
