"""Templates: whatever is written in one, it is read whole or refused, and filled with nothing but values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInputError
from domain.routine.template import MAX_NAME, Place, Template, as_text

BRACES = st.text(alphabet="{}\\= a\nb", max_size=30)
TEXTS = st.one_of(st.text(max_size=60), BRACES)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True)


def filled(text: str, **values: str) -> str:
    return Template.read(text, "prompt").filled(values)


@given(TEXTS)
def test_any_text_can_be_said_by_a_template(text: str) -> None:
    assert filled(as_text(text)) == text


@given(st.text(max_size=60).filter(lambda text: "{{" not in text))
def test_a_text_without_two_braces_is_itself(text: str) -> None:
    assert filled(text) == text


@given(st.lists(st.tuples(TEXTS, NAMES), max_size=5), TEXTS, st.data())
def test_values_stand_in_their_places_as_they_are(
    parts: list[tuple[str, str]], end: str, data: st.DataObject
) -> None:
    names = sorted({name for _, name in parts})
    values = {name: data.draw(TEXTS, label=name) for name in names}
    text = "".join(slashed(before) + f"{{{{ {name} }}}}" for before, name in parts) + as_text(end)
    template = Template.read(text, "prompt")

    assert template.filled(values) == "".join(before + values[name] for before, name in parts) + end
    assert template.length(values) == len(template.filled(values))
    assert [place.name for place in template.places] == [name for _, name in parts]


def slashed(text: str) -> str:
    """Return the template of a text that a place follows.

    Its last braces are as they are; backslashes before these are doubled.
    """
    head = text.rstrip("{")
    braces = text[len(head) :]
    rest = head.rstrip("\\")
    return as_text(rest) + (len(head) - len(rest)) * "\\\\" + braces


@given(TEXTS)
def test_what_is_no_template_is_refused_and_nothing_else_happens(text: str) -> None:
    problem: InvalidInputError | None = None
    try:
        template = Template.read(text, "prompt")
    except InvalidInputError as error:
        problem = error
    if problem is not None:
        assert "{{" in text
        assert "Nothing was recorded" in problem.message
        assert r"\{{" in problem.hint
    else:
        values = {place.name: "v" for place in template.places}
        assert Template.read(text, "prompt").filled(values) == template.filled(values)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{{lang}}", Place("lang", None)),
        ("{{ lang }}", Place("lang", None)),
        ("{{lang=English}}", Place("lang", "English")),
        ("{{ lang = British English }}", Place("lang", "British English")),
        ("{{lang=}}", Place("lang", "")),
        ("{{a-b_c1=x=y}}", Place("a-b_c1", "x=y")),
        ("{{text=one\ntwo}}", Place("text", "one\ntwo")),
        ("{{code={a}}}", Place("code", "{a")),
        ("{{{lang}}}", Place("lang", None)),
    ],
)
def test_a_place_has_a_name_and_perhaps_a_default(text: str, place: Place) -> None:
    assert Template.read(text, "prompt").places == (place,)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"\{{lang}}", "{{lang}}"),
        (r"\\{{lang}}", "\\X"),
        (r"\\\{{lang}}", r"\{{lang}}"),
        (r"a \ b {c} }} {{lang}}", r"a \ b {c} }} X"),
        (r"$\{{ secrets.KEY }}", "${{ secrets.KEY }}"),
        (r"\frac{{{lang}}}{{{{lang}}}}", r"\frac{X}{{X}}"),
        (r"\{{{lang}}}", "{{{lang}}}"),
    ],
)
def test_a_backslash_takes_the_meaning_of_braces_away(text: str, shown: str) -> None:
    assert filled(text, lang="X") == shown


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("one\n  {{lang", "line 2, column 3 of the prompt are not closed"),
        ("{{}}", "line 1, column 1 of the prompt hold no variable"),
        ("{{1st}}", "hold no variable"),
        ("{{a b}}", "hold no variable"),
        ("{{a={{b}}}}", "hold no variable"),
        ("{{größe}}", "hold no variable"),
        ("{{" + "a" * (MAX_NAME + 1) + "}}", "hold no variable"),
        ("{{ 1 + 2 }}", "hold no variable"),
    ],
)
def test_other_braces_are_refused_with_their_place(text: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        Template.read(text, "prompt")


def test_reading_takes_no_longer_than_the_text() -> None:
    assert filled("\\" * 200_000) == "\\" * 200_000
    assert filled("\\{{" * 100_000) == "{{" * 100_000
    with pytest.raises(InvalidInputError):
        Template.read("{{a=" * 100_000, "prompt")
