from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application import context
from application.context import Window, estimate_tokens, fit, rendered
from application.ports.memory import Instructions, StreamingAnswer
from application.ports.model_server import ChatMessage, ChatRequest
from domain.conversation.conversation import Kind, Message, Status
from domain.ids import new_id


class Texts:
    """A memory that knows texts alone; `asked` holds how many were asked for at a time."""

    def __init__(self) -> None:
        self.known: dict[UUID, str] = {}
        self.asked: list[int] = []

    def texts(self, message_ids: Sequence[UUID]) -> Mapping[UUID, str]:
        self.asked.append(len(message_ids))
        return {key: self.known[key] for key in message_ids if key in self.known}

    def instructions(self, project_id: UUID) -> Instructions | None:
        raise NotImplementedError

    def prompt_instructions(self, prompt_id: UUID) -> str | None:
        raise NotImplementedError

    def streaming_answers(self) -> Sequence[StreamingAnswer]:
        raise NotImplementedError


def branch_of(memory: Texts, texts: Sequence[str | None]) -> list[Message]:
    """Return a branch of prompts and answers in turn; None: a message whose text is not known."""
    branch: list[Message] = []
    for place, text in enumerate(texts):
        parent = branch[-1].id if branch else None
        kind, status = (Kind.ANSWER, Status.COMPLETE) if place % 2 else (Kind.PROMPT, None)
        branch.append(Message(new_id(), kind, parent, status))
        if text is not None:
            memory.known[branch[-1].id] = text
    return branch


def sent_of(
    branch: Sequence[Message], prompt: tuple[UUID, str], instructions: str, length: int, memory: Texts
) -> Window:
    """Return the window of a branch given root first."""
    return fit(iter(branch[::-1]), len(branch), prompt, instructions, length, memory)


def window(texts: Sequence[str | None], context_length: int, *, instructions: str = "") -> Window:
    memory = Texts()
    branch = branch_of(memory, texts)
    return sent_of(branch, (new_id(), "now"), instructions, context_length, memory)


def test_everything_is_sent_when_it_fits() -> None:
    memory = Texts()
    branch = branch_of(memory, ["one", "two"])
    prompt = (new_id(), "three")

    found = sent_of(branch, prompt, "Be brief.", 1000, memory)

    assert found.messages == (
        ChatMessage("system", "Be brief."),
        ChatMessage("user", "one"),
        ChatMessage("assistant", "two"),
        ChatMessage("user", "three"),
    )
    assert found.sent == (branch[0].id, branch[1].id, prompt[0])
    assert found.cut_count == 0


def test_whole_turns_are_cut_from_the_oldest() -> None:
    found = window(["a" * 300, "b" * 300, "c" * 30, "d" * 30], 100)

    assert [m.content[0] for m in found.messages] == ["c", "d", "n"]
    assert found.cut_count == 2


def test_nothing_older_than_what_was_cut_is_sent() -> None:
    found = window(["a", "b", "c" * 600, "d", "e", "f"], 150)

    assert [m.content[0] for m in found.messages] == ["e", "f", "n"]
    assert found.cut_count == 4


def test_a_prompt_that_is_too_long_alone_is_sent_all_the_same() -> None:
    memory = Texts()
    prompt = (new_id(), "x" * 10_000)

    found = sent_of(branch_of(memory, ["a", "b"]), prompt, "i", 100, memory)

    assert [m.role for m in found.messages] == ["system", "user"]
    assert found.cut_count == 2


def test_messages_without_a_text_are_neither_sent_nor_cut() -> None:
    found = window(["one", "", None, "four"], 1000)

    assert [m.content for m in found.messages] == ["one", "four", "now"]
    assert len(found.sent) == 3
    assert found.cut_count == 0


def test_a_branch_that_begins_with_an_answer_is_a_turn_too() -> None:
    memory = Texts()
    [_, answer] = branch_of(memory, ["", "hello"])

    found = sent_of([answer], (new_id(), "now"), "", 1000, memory)

    assert [m.role for m in found.messages] == ["assistant", "user"]


def test_of_a_long_conversation_only_the_newest_messages_are_looked_at() -> None:
    memory = Texts()
    branch = branch_of(memory, ["a" * 30, "b" * 30] * 500)
    walked: list[Message] = []

    def newest_first() -> Iterator[Message]:
        for message in reversed(branch):
            walked.append(message)
            yield message

    found = fit(newest_first(), len(branch), (new_id(), "now"), "", 600, memory)

    assert len(found.sent) == 25
    assert found.cut_count == 1000 - 24
    assert memory.asked == [16, 16]
    assert len(walked) == 32


def test_texts_are_fetched_for_as_many_turns_as_will_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Texts()
    branch = branch_of(memory, [str(place) for place in range(400)])

    found = sent_of(branch, (new_id(), "now"), "", 100_000, memory)

    assert [m.content for m in found.messages] == [*map(str, range(400)), "now"]
    assert memory.asked == [16, 384]
    monkeypatch.setattr(context, "_LOOK_AT_MOST", 50)
    memory.asked.clear()
    assert sent_of(branch, (new_id(), "now"), "", 100_000, memory).sent[:-1] == found.sent[:-1]
    assert memory.asked == [16, 100, 100, 100, 84]


@given(
    texts=st.lists(st.text(max_size=60), max_size=20),
    length=st.integers(1, 400),
    instructions=st.text(max_size=9),
)
def test_what_is_sent_is_the_newest_run_of_turns_that_fits(
    texts: list[str], length: int, instructions: str
) -> None:
    if len(texts) % 2:
        texts = texts[1:]
    memory = Texts()
    branch = branch_of(memory, texts)
    prompt = (new_id(), "now")

    found = sent_of(branch, prompt, instructions, length, memory)

    kept = branch[found.cut_count :]
    assert found.cut_count % 2 == 0
    assert found.sent == (*(m.id for m in kept if memory.known[m.id]), prompt[0])
    room = length - length // 4
    if kept:
        assert sum(estimate_tokens(memory.known[m.id]) for m in kept) + estimate_tokens("now") <= room


def test_tokens_are_estimated_by_bytes_and_survive_odd_text() -> None:
    assert estimate_tokens("") == 8
    assert estimate_tokens("abc" * 10) == 18
    assert estimate_tokens("\ud83d") == 9


def test_the_rendered_request_is_canonical() -> None:
    request = ChatRequest("m", [ChatMessage("user", "h\ud83d\u00e9")], {"b": 1, "a": 2.5}, think="low")

    assert rendered(request) == (
        b'{"messages":[{"content":"h\\ud83d\\u00e9","role":"user"}],"model":"m","options":{"a":2.5,"b":1},"think":"low"}'
    )
    assert json.loads(rendered(request))["model"] == "m"
