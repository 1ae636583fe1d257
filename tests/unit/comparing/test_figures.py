"""What many comparisons come to, and what adds nothing to it."""

from __future__ import annotations

from typing import Any

import pytest

from domain.ids import new_id
from interfaces.comparing.figures import comparison, narrowed, prompt_view
from interfaces.comparison_views import ComparedAnswerView, ComparedPromptView, ComparisonView, RunView
from tests.support.comparisons import answer, prompt, run


def compared(*prompts: ComparedPromptView) -> ComparisonView:
    return comparison(new_id(), "complete", ["small"], prompts)


def test_counts_and_share_are_of_what_was_compared() -> None:
    found = compared(
        prompt(run("identical", 1.0)),
        prompt(run("near", 0.9)),
        prompt(run("different", 0.2)),
        prompt(run(None, None, new=None)),
    )
    assert (found.prompt_count, found.compared_count) == (4, 3)
    assert (found.identical_count, found.near_count, found.different_count) == (1, 1, 1)
    assert found.alike_share == 0.6667
    assert (found.median_likeness, found.lowest_likeness) == (0.9, 0.2)
    assert [one.verdict for one in narrowed(found, "near")] == ["near"]


def test_of_nothing_there_is_no_share_and_no_median() -> None:
    found = compared(prompt(run(None, None, new=None)))
    assert (found.alike_share, found.median_likeness, found.speed_ratio) == (None, None, None)
    assert (found.old.answer_count, found.old.median_length, found.old.total_ms) == (0, None, 0)


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        (["identical", "near"], "near"),
        (["identical", "different", "near"], "different"),
        (["identical", None], "identical"),
        ([None], None),
    ],
)
def test_a_prompt_is_as_good_as_its_worst_run(verdicts: list[str | None], worst: str | None) -> None:
    runs = [run(one, None if one is None else 0.5 + at / 10) for at, one in enumerate(verdicts)]
    found = prompt(*runs)
    assert found.verdict == worst
    assert found.likeness == min((one.likeness for one in runs if one.likeness is not None), default=None)


def test_figures_are_medians_and_sums_of_those_that_tell() -> None:
    def one(old: dict[str, Any], new: dict[str, Any]) -> ComparedPromptView:
        return prompt(run("near", 0.9, new=answer(**new)), old=answer(**old))

    found = compared(
        one(
            {"length": 100, "tokens_per_second": 10.0, "completion_tokens": 20, "total_ms": 2000.0},
            {"length": 50, "tokens_per_second": 40.0, "completion_tokens": 10, "total_ms": 500.0},
        ),
        one(
            {"length": 300, "tokens_per_second": 20.0, "completion_tokens": 60, "total_ms": 3000.0},
            {"length": 300, "tokens_per_second": None, "completion_tokens": None, "total_ms": None},
        ),
        one({"length": 0, "tokens_per_second": None}, {"length": 7, "tokens_per_second": 30.0}),
    )
    assert found.old.median_length == 100
    assert (found.old.median_tokens_per_second, found.new.median_tokens_per_second) == (15.0, 35.0)
    assert (found.old.completion_tokens, found.new.completion_tokens) == (80, 10)
    assert (found.old.total_ms, found.new.total_ms) == (5000.0, 500.0)
    assert found.speed_ratio == 4.0
    assert found.length_ratio == 0.75


def test_each_repetition_counts_in_the_figures_of_both_sides() -> None:
    found = compared(
        prompt(
            run("near", 0.9, new=answer(length=10)),
            run("near", 0.8, repeat=2, new=answer(length=30)),
            run(None, None, repeat=3, new=answer(length=999, status="failed")),
            old=answer(length=20),
        )
    )
    assert (found.old.answer_count, found.new.answer_count) == (2, 2)
    assert (found.old.length, found.new.length) == (40, 40)


def test_models_are_named_once() -> None:
    old = answer(model="big")
    found = comparison(
        new_id(), "complete", ["small", "small"], [prompt(run("near", 0.9), old=old) for _ in range(2)]
    )
    assert (found.models, found.old_models) == (["small"], ["big"])


def test_views_are_made_of_what_was_given() -> None:
    given: ComparedAnswerView = answer()
    runs: list[RunView] = [run("near", 0.9)]
    found = prompt_view(prompt_id=new_id(), conversation_id=None, prompt=None, old=given, runs=runs)
    assert (found.old, found.runs) == (given, runs)
