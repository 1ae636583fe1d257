from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from domain.errors import ContentErasedError, InvalidInputError, RefusedError
from domain.ids import new_id
from domain.material import together
from domain.routine import events as e
from domain.routine.definition import Definition, slug
from domain.routine.routine import Routine
from domain.routine.template import as_text
from tests.unit.domain.given import given, rebuilt

LIMIT = 10_000


def said(**values: Any) -> Definition:
    return Definition(**{"name": "commit-message", "prompt": "Write it in {{lang=English}}.", **values})


def saved() -> Routine:
    return Routine.save(new_id(), said())


def removed() -> Routine:
    routine = saved()
    routine.remove()
    return routine


def test_a_routine_is_saved_with_all_it_says() -> None:
    definition = said(description="d", instructions="i", model="m", think=False, options={"temperature": 0.2})
    [event] = Routine.save(new_id(), definition).collect_events()
    assert isinstance(event, e.RoutineSaved)
    assert Definition(**{name: getattr(event, name) for name in vars(definition)}) == definition
    assert event.version == 1


def test_each_change_is_a_version_told_whole() -> None:
    routine = saved()
    given(routine).when(lambda r: r.change(said(name="other", model="m"))).then(
        (e.RoutineChanged, {"name": "other", "prompt": "Write it in {{lang=English}}.", "model": "m"})
    )
    assert routine.version == 2


def test_a_removed_routine_changes_in_no_way() -> None:
    given(saved()).when(Routine.remove).then((e.RoutineRemoved, {}))
    given(removed()).when(Routine.remove).then_nothing()
    given(removed()).when(lambda r: r.change(said())).then_refused(RefusedError, "was removed")


@pytest.mark.parametrize("make", [saved, removed])
def test_an_erased_routine_refuses_everything(make: Any) -> None:
    routine = (
        given(make()).when(lambda r: r.erase("request")).then((e.RoutineErased, {"reason_kind": "request"}))
    )
    for command in (Routine.remove, lambda r: r.change(said()), lambda r: r.erase("request")):
        given(routine).when(command).then_refused(ContentErasedError, "was erased")


def test_loading_the_events_gives_the_same_routine() -> None:
    routine = saved()
    routine.change(said(prompt="x"))
    routine.remove()
    loaded = rebuilt(Routine, list(routine.collect_events()))  # type: ignore[arg-type]
    assert (loaded.removed, loaded.erased, loaded.version) == (True, False, 3)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": ""}, "no name for a routine"),
        ({"name": "Commit message"}, "no name for a routine"),
        ({"name": "-x"}, "no name for a routine"),
        ({"name": "a" * 65}, "no name for a routine"),
        ({"prompt": " \n"}, "needs a prompt"),
        ({"prompt": "{{"}, "of the prompt are not closed"),
        ({"instructions": "{{x y}}"}, "of the instructions hold no variable"),
        ({"instructions": "{{input}}"}, "goes into the prompt only"),
        ({"prompt": "{{a=1}} {{a=2}}"}, "two defaults"),
        ({"prompt": "{{a=1}}", "instructions": "{{a=2}}"}, "two defaults"),
    ],
)
def test_what_could_never_be_run_is_not_saved(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        Routine.save(new_id(), said(**values))
    given(saved()).when(lambda r: r.change(said(**values))).then_refused(InvalidInputError, words)


@pytest.mark.parametrize(
    ("typed", "name"), [("Commit Message!", "commit-message"), ("Größe", "gr-e"), ("!!", "NAME")]
)
def test_a_name_that_is_none_leads_to_one_that_is(typed: str, name: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        said(name=typed).must_be_sound()
    assert name in caught.value.hint
    assert slug(typed) == name


def test_variables_of_prompt_and_instructions_are_the_same() -> None:
    definition = said(prompt="{{b}} {{input}} {{a}}", instructions="{{a=1}} {{c=}}")
    assert definition.variables() == {"b": None, "a": "1", "c": ""}
    assert definition.names_input
    assert not said().names_input


def test_a_run_fills_prompt_and_instructions() -> None:
    definition = said(prompt="{{tone}} {{input}}, {{tone}}", instructions="Be {{tone}}. {{lang=en}}")
    assert definition.rendered({"tone": "short"}, "{{tone}}", limit=LIMIT) == (
        "short {{tone}}, short",
        "Be short. en",
    )
    assert said(instructions=" ").rendered({}, "", limit=LIMIT) == ("Write it in English.", None)
    assert said(prompt="{{a=1}}{{a}}").rendered({"a": ""}, "", limit=LIMIT).prompt == ""


def test_input_without_a_place_is_added_at_the_end() -> None:
    assert said().rendered({}, "one ``` two", limit=LIMIT).prompt == (
        "Write it in English.\n\n````\none ``` two\n````"
    )


def test_the_place_of_the_input_may_have_a_default() -> None:
    definition = said(prompt="About {{input}}, {{input=nothing}}.")
    assert definition.rendered({}, " ", limit=LIMIT).prompt == "About nothing, nothing."
    assert definition.rendered({}, "x", limit=LIMIT).prompt == "About x, x."


@pytest.mark.parametrize(
    ("given_values", "material", "words", "hint"),
    [
        ({}, "x", "needs a value for b, c", "-v b=… -v c=…"),
        ({"b": "1", "c": "2", "d": "3"}, "x", "has no variable d; its variables are b, a, c", "show"),
        ({"b": "1", "c": "2", "input": "3"}, "x", "no variable to give a value to", "TEXT"),
        ({"b": "1", "c": "2"}, " \n", "needs input", "|"),
        ({"b": "x" * LIMIT, "c": ""}, "x", "asks too much", ""),
        ({"b": "", "c": "x" * LIMIT}, "x", "asks too much", ""),
    ],
)
def test_a_run_is_refused_where_something_is_missing_or_too_much(
    given_values: dict[str, str], material: str, words: str, hint: str
) -> None:
    definition = said(prompt="{{b}} {{a=1}} {{input}}", instructions="{{c}}.")
    with pytest.raises(InvalidInputError, match=words) as caught:
        definition.rendered(given_values, material, limit=LIMIT)
    assert hint in caught.value.hint


def test_what_is_added_at_the_end_counts_too() -> None:
    assert said(prompt="{{input}}").rendered({}, "x" * LIMIT, limit=LIMIT)
    with pytest.raises(InvalidInputError, match="asks too much"):
        said(prompt="Say").rendered({}, "x" * LIMIT, limit=LIMIT)


def test_a_routine_without_variables_says_so() -> None:
    with pytest.raises(InvalidInputError, match="it has none"):
        said(prompt="Hi").rendered({"a": "b"}, "", limit=LIMIT)


@any_of(st.text(max_size=50), st.text(max_size=50).filter(str.strip))
def test_no_input_changes_what_the_prompt_says(prompt: str, material: str) -> None:
    definition = said(prompt="P" + as_text(prompt))
    asked = definition.rendered({}, material, limit=LIMIT).prompt
    assert asked == together("P" + prompt, material)
    assert asked.startswith("P" + prompt)
