from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from domain.errors import ConflictError, ContentErasedError, InvalidInputError, RefusedError
from domain.ids import new_id
from domain.replay import events as e
from domain.replay import replay as module
from domain.replay.likeness import Verdict, likeness, verdict
from domain.replay.replay import Replay, ReplayStatus, Run
from tests.unit.domain.given import given, rebuilt

ONE, OTHER = new_id(), new_id()
SAID: dict[str, Any] = {
    "text": "Yes.",
    "thinking": "",
    "likeness": 1.0,
    "request_hash": b"",
    "reason": "stop",
    "model_digest": None,
    "prompt_tokens": None,
    "completion_tokens": None,
    "total_ms": None,
    "load_ms": None,
    "prompt_eval_ms": None,
    "eval_ms": None,
    "first_token_ms": None,
}


def started(*answer_ids: Any, repeat: int = 1) -> Replay:
    return Replay.start(
        new_id(),
        answer_ids or (ONE, OTHER),
        model="m",
        repeat=repeat,
        chosen_by="last",
        instructions=None,
        options={},
    )


def ended(how: str) -> Replay:
    replay = started(ONE)
    if how == "complete":
        replay.answer(Run(ONE, 1), **SAID)
        replay.complete()
    else:
        replay.cancel()
    return replay


def test_a_replay_says_what_it_will_ask() -> None:
    replay = started(repeat=2)
    first, *chosen = replay.collect_events()
    assert isinstance(first, e.ReplayStarted)
    assert [one.answer_id for one in chosen if isinstance(one, e.PromptChosen)] == [ONE, OTHER]
    assert list(replay.pending()) == [Run(ONE, 1), Run(ONE, 2), Run(OTHER, 1), Run(OTHER, 2)]


def test_what_was_answered_failed_or_skipped_is_not_asked_again() -> None:
    replay = started(repeat=2)
    replay.answer(Run(ONE, 1), **SAID)
    replay.fail(Run(ONE, 2), reason="timed-out", detail="It took too long.")
    assert list(replay.pending()) == [Run(OTHER, 1), Run(OTHER, 2)]
    replay.skip(OTHER, "erased")
    assert list(replay.pending()) == []
    with pytest.raises(ConflictError, match="already"):
        replay.answer(Run(ONE, 1), **SAID)
    with pytest.raises(InvalidInputError, match="not in this replay"):
        replay.fail(Run(new_id(), 1), reason="x", detail="")
    with pytest.raises(InvalidInputError, match="not in this replay"):
        replay.answer(Run(ONE, 3), **SAID)
    with pytest.raises(InvalidInputError, match="not in this replay"):
        replay.skip(new_id(), "erased")
    given(replay).when(Replay.complete).then((e.ReplayCompleted, {}))


def test_one_with_prompts_left_is_not_complete() -> None:
    given(started()).when(Replay.complete).then_refused(ConflictError, "left to ask")


@pytest.mark.parametrize("how", ["complete", "cancelled"])
def test_one_that_has_ended_goes_on_no_more(how: str) -> None:
    replay = ended(how)
    assert replay.status is ReplayStatus(how)
    for deed in (
        lambda r: r.answer(Run(ONE, 1), **SAID),
        lambda r: r.skip(ONE, "x"),
        lambda r: r.complete(),
        lambda r: r.must_go_on(),
    ):
        given(replay).when(deed).then_refused(RefusedError, how)
    given(replay).when(Replay.cancel).then_nothing()


def test_an_erased_one_refuses_everything() -> None:
    replay = started()
    given(replay).when(lambda r: r.erase("request")).then((e.ReplayErased, {"reason_kind": "request"}))
    for deed in (Replay.cancel, Replay.must_go_on, lambda r: r.erase("x")):
        given(replay).when(deed).then_refused(ContentErasedError, "was erased")


def test_nothing_too_much_or_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInputError, match="no answer"):
        Replay.start(new_id(), (), model="m", repeat=1, chosen_by="last", instructions=None, options={})
    with pytest.raises(InvalidInputError, match="once"):
        started(ONE, ONE)
    for repeat in (0, 101):
        with pytest.raises(InvalidInputError, match="1 to 100"):
            started(ONE, repeat=repeat)
    monkeypatch.setattr(module, "MOST_PROMPTS", 1)
    with pytest.raises(InvalidInputError, match="at most 1"):
        started()


@any_of(st.integers(0, 2**32), st.integers(1, 3), st.integers(1, 4))
def test_however_often_it_is_broken_off_each_prompt_is_asked_once(seed: int, repeat: int, count: int) -> None:
    chance = random.Random(seed)
    replay = started(*(new_id() for _ in range(count)), repeat=repeat)
    asked = []
    events = [*replay.collect_events()]
    while (run := next(replay.pending(), None)) is not None:
        if chance.random() < 0.3:
            replay = rebuilt(Replay, events)  # another process goes on with what is recorded
            continue
        asked.append(run)
        if chance.random() < 0.2:
            replay.fail(run, reason="x", detail="")
        else:
            replay.answer(run, **SAID)
        events += replay.collect_events()
    assert len(asked) == len(set(asked)) == repeat * count
    replay.complete()


class TestLikeness:
    def test_the_same_but_for_blanks_at_ends_is_identical(self) -> None:
        assert verdict(likeness("a b \nc\n", " a b\nc")) is Verdict.IDENTICAL
        assert verdict(likeness("", " ")) is Verdict.IDENTICAL

    def test_a_word_among_many_is_near_and_hardly_one_in_common_is_different(self) -> None:
        words = [f"w{number}" for number in range(40)]
        assert verdict(likeness(" ".join(words), " ".join([*words[:-1], "other"]))) is Verdict.NEAR
        assert verdict(likeness(" ".join(words), "w1 and nothing else")) is Verdict.DIFFERENT
        assert likeness("a", "") == 0

    def test_only_the_same_is_the_same(self) -> None:
        assert likeness("a  b", "a b") == 0.9999
        text = "word " * 100_000
        assert 0.99 < likeness(text, text + "more") < 1

    def test_of_long_texts_the_first_words_that_differ_are_compared(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("domain.replay.likeness.MOST_WORDS", 2)
        assert likeness("x a b c y", "x a d c y") == 2 * (2 + 2) / 10
        assert likeness("x a b c y", "x d a b y") == 2 * (2 + 1) / 10

    @any_of(st.lists(st.sampled_from("abcd"), max_size=12), st.lists(st.sampled_from("abcd"), max_size=12))
    def test_it_is_the_longest_sequence_that_both_have(self, one: list[str], other: list[str]) -> None:
        table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
        for i, word in enumerate(one):
            for k, that in enumerate(other):
                longer = max(table[i][k + 1], table[i + 1][k])
                table[i + 1][k + 1] = table[i][k] + 1 if word == that else longer
        found = likeness(" ".join(one), " ".join(other))
        if one != other:
            assert found == pytest.approx(min(2 * table[-1][-1] / (len(one) + len(other)), 0.9999))
        assert found == likeness(" ".join(other), " ".join(one))

    @any_of(st.text(max_size=60), st.text(max_size=60))
    def test_it_lies_between_none_and_all(self, one: str, other: str) -> None:
        assert 0 <= likeness(one, other) <= 1
        assert likeness(one, one) == 1
