from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInputError
from infrastructure.simulator import answers
from infrastructure.simulator.options import MODE_HELP, Mode, SimulatorOptions
from infrastructure.simulator.plan import Asked, Ending, Plan, limited, make_plan
from infrastructure.simulator.requests import RefusedRequestError, keep_alive_of
from infrastructure.simulator.script import read_script
from infrastructure.simulator.shelf import full_name, in_library, mode_of


def planned(mode: Mode, prompt: str = "Hello?", **options: int) -> Plan:
    asked = Asked("deepseek-r1:8b", [{"role": "user", "content": prompt}], {}, think=True)
    return make_plan(asked, mode, SimulatorOptions(**options))


def text_of(plan: Plan) -> str:
    return "".join(part.text for part in plan.parts)


@given(st.text())
def test_tokens_join_to_the_text_they_were_cut_from(text: str) -> None:
    assert "".join(answers.tokens(text)) == text


@given(st.text(), st.integers(0, 2**31))
def test_every_answer_says_first_that_a_simulator_made_it(prompt: str, seed: int) -> None:
    answer = answers.compose("m", [{"role": "user", "content": prompt}], {}, seed)
    assert answer.text.startswith(answers.OPENING)
    assert answer == answers.compose("m", [{"role": "user", "content": prompt}], {}, seed)


def test_an_answer_repeats_the_question_and_counts_what_came_with_it() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "Two"},
        {"role": "user", "content": "And\nthree?"},
    ]
    text = answers.compose("m", messages, {}, 0).text
    assert "> And\n> three?" in text
    assert "2 earlier messages and instructions to follow" in text


@pytest.mark.parametrize(
    ("prompt", "piece"),
    [
        ("Some code please", "```python\n"),
        ("An SQL query", "```sql\n"),
        ("A shell script", "```sh\n"),
        ("A list", "1. "),
        ("Compare them", "|"),
    ],
)
def test_the_form_asked_for_is_given(prompt: str, piece: str) -> None:
    assert piece in answers.compose("m", [{"role": "user", "content": prompt}], {}, 0).text


@given(st.integers(1, 400), st.integers(0, 9))
def test_an_answer_can_have_an_exact_number_of_tokens(count: int, seed: int) -> None:
    plan = planned(Mode.NORMAL, tokens=count, seed=seed)
    assert sum(bool(part.text) for part in plan.parts) == count


def test_vectors_have_length_one() -> None:
    assert math.isclose(sum(value * value for value in answers.vector("some words", 64)), 1.0)


def test_a_format_gets_a_json_document() -> None:
    asked = Asked("m", [{"role": "user", "content": "Hello?"}], {}, think=False, as_json=True)
    assert json.loads(text_of(make_plan(asked, Mode.NORMAL, SimulatorOptions())))["simulator"] is True


@pytest.mark.parametrize(
    ("mode", "ending"),
    [
        (Mode.FAILING, Ending.ERROR),
        (Mode.CUT, Ending.CUT),
        (Mode.UNFINISHED, Ending.UNFINISHED),
        (Mode.GARBAGE, Ending.GARBAGE),
        (Mode.STALL, Ending.STALL),
    ],
)
def test_a_broken_mode_breaks_in_the_middle_of_the_text(mode: Mode, ending: Ending) -> None:
    plan = planned(mode)
    whole = text_of(planned(Mode.NORMAL))
    assert plan.ending is ending
    assert 0 < len(text_of(plan)) < len(whole)
    assert whole.startswith(text_of(plan))


def test_thinking_can_be_put_into_the_text_with_and_without_its_opening_tag() -> None:
    assert text_of(planned(Mode.TAGGED)).startswith("<think>\nI was sent")
    assert text_of(planned(Mode.UNOPENED)).startswith("I was sent")
    assert "\n</think>\n\nThis is" in text_of(planned(Mode.UNOPENED))


def test_the_slow_modes_are_slow_and_the_empty_one_is_empty() -> None:
    assert planned(Mode.SLOW).rate == 5.0
    assert planned(Mode.SLOW_FIRST).first_delay == 3.0
    assert planned(Mode.EMPTY).parts == ()


def test_a_limit_ends_the_answer_with_its_reason_and_before_any_failure() -> None:
    plan = limited(planned(Mode.CUT), 3)
    assert (len(plan.parts), plan.reason, plan.ending) == (3, "length", Ending.DONE)
    assert limited(plan, None) is plan


def test_every_mode_is_explained_and_can_be_asked_for_by_a_models_name() -> None:
    assert set(MODE_HELP) == set(Mode)
    for mode in Mode:
        model = in_library(full_name(f"simulator-{mode}"))
        assert model is not None
        assert mode_of(model.name, Mode.NORMAL) is mode
    assert mode_of("deepseek-r1:8b", Mode.SLOW) is Mode.SLOW


def test_digests_are_stable_and_differ() -> None:
    one, other = in_library("deepseek-r1:8b"), in_library("deepseek-r1:7b")
    assert one is not None
    assert other is not None
    assert one.digest != other.digest
    assert one.digest.startswith("cec1f3738e8e")


@pytest.mark.parametrize(
    "name", ["deepseek-r1:9b", "unknown:latest", "../etc:x", "a b:c", "simulator-none:latest"]
)
def test_what_no_library_has_is_not_there(name: str) -> None:
    assert in_library(name) is None


@pytest.mark.parametrize(
    ("given_value", "seconds"),
    [(None, 300), (5, 5), (-1, -1), ("5m", 300), ("1h30m", 5400), ("-1m", -60), ("250ms", 0.25), (0, 0)],
)
def test_a_time_to_live_is_read_as_go_reads_durations(given_value: object, seconds: float) -> None:
    assert keep_alive_of({"keep_alive": given_value}) == pytest.approx(seconds)


@pytest.mark.parametrize("wrong", ["", "soon", "5", "5 m", "m5"])
def test_a_time_to_live_that_go_refuses_is_refused(wrong: str) -> None:
    with pytest.raises(RefusedRequestError):
        keep_alive_of({"keep_alive": wrong})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "cannot be read"),
        ("[]", "needs a list"),
        ('{"answers": [{"promt": "x"}]}', "unknown promt"),
        ('{"answers": [{"text": "x", "end": "badly"}]}', "badly"),
        ('{"answers": [{"chunks": [{"txt": "x"}]}]}', "unknown txt"),
        ('{"answers": ["x"]}', "cannot be used"),
    ],
)
def test_a_script_with_a_mistake_is_refused_and_the_mistake_named(
    tmp_path: Path, text: str, told: str
) -> None:
    script = tmp_path / "script.json"
    script.write_text(text)
    with pytest.raises(InvalidInputError, match=told) as caught:
        read_script(script)
    assert str(script) in caught.value.message


def test_a_script_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="nowhere"):
        read_script(tmp_path / "nowhere.json")


def test_a_mode_may_be_given_by_its_name_and_a_wrong_one_is_told_with_the_right_ones() -> None:
    by_name: dict[str, Any] = {"mode": "slow-first", "script": "answers.json"}
    assert SimulatorOptions(**by_name).mode is Mode.SLOW_FIRST
    assert SimulatorOptions(**by_name).script == Path("answers.json")
    wrong: dict[str, Any] = {"mode": "quick"}
    with pytest.raises(InvalidInputError, match=r"no mode “quick”.*slow-first"):
        SimulatorOptions(**wrong)
