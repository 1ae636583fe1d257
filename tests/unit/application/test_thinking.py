from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.ports.model_server import Delta
from application.thinking import Piece, Reclassified, ThinkSplitter


def told(deltas: list[Delta]) -> tuple[str, str]:
    """Split the deltas and return thinking and text as somebody who shows them would have them at the end."""
    splitter = ThinkSplitter()
    pieces: list[Piece] = [piece for delta in deltas for piece in splitter.feed(delta)]
    pieces += splitter.end()
    thinking = text = ""
    for piece in pieces:
        if isinstance(piece, Reclassified):
            thinking, text = thinking + text, ""
        else:
            thinking, text = thinking + piece.thinking, text + piece.text
    return thinking, text


@pytest.mark.parametrize(
    ("text", "thinking", "answer"),
    [
        pytest.param("Hello.", "", "Hello.", id="no tags at all"),
        pytest.param("<think>\nHm.\n</think>\n\nHello.", "Hm.\n", "Hello.", id="both tags"),
        pytest.param("\n <think>Hm.</think>Hello.", "Hm.", "Hello.", id="white space before the opening tag"),
        pytest.param("<think>\n\n</think>\n\nHello.", "", "Hello.", id="empty thinking"),
        pytest.param("<think>Hm, and then", "Hm, and then", "", id="never closed"),
        pytest.param("<think>Hm </thi", "Hm </thi", "", id="cut in the middle of the closing tag"),
        pytest.param("<thi", "", "<thi", id="cut in the middle of the opening tag"),
        pytest.param("Hm.\n</think>\n\nHello.", "Hm.\n", "Hello.", id="the opening tag is missing"),
        pytest.param("Hm.</think>Hello.", "Hm.", "Hello.", id="the opening tag is missing, all on one line"),
        pytest.param("\n</think>\n\nHello.", "", "Hello.", id="only a closing tag"),
        pytest.param("<think>a <think> b</think>c", "a <think> b", "c", id="a tag in the thinking"),
        pytest.param("A</think>B</think>C", "A", "B</think>C", id="a second closing tag is text"),
        pytest.param("<think>A</think>B</think>C", "A", "B</think>C", id="a closing tag after both"),
        pytest.param("Use <think> so.", "", "Use <think> so.", id="an opening tag in the text"),
        pytest.param("It is `</think>` here.", "", "It is `</think>` here.", id="a closing tag in code"),
        pytest.param(
            "See:\n```xml\n<think>\n</think>\n```\n",
            "",
            "See:\n```xml\n<think>\n</think>\n```\n",
            id="in a fence",
        ),
        pytest.param("See:\n```\nx\n```\n</think>B", "See:\n```\nx\n```\n", "B", id="after a closed fence"),
        pytest.param("a < b <t </thin", "", "a < b <t </thin", id="things that look like tags"),
        pytest.param("   ", "", "   ", id="white space alone"),
        pytest.param("half \ud83d <b>\x85", "", "half \ud83d <b>\x85", id="odd characters"),
    ],
)
def test_text_is_parted_the_same_way_whole_and_one_character_at_a_time(
    text: str, thinking: str, answer: str
) -> None:
    assert told([Delta(text=text)]) == (thinking, answer)
    assert told([Delta(text=character) for character in text]) == (thinking, answer)


def test_thinking_that_is_told_apart_is_kept_as_it_is() -> None:
    assert told([Delta(thinking="\n Hm "), Delta(text="Hello.", thinking="!")]) == ("\n Hm !", "Hello.")


def test_a_closing_tag_after_thinking_told_apart_is_part_of_the_answer() -> None:
    assert told([Delta(thinking="Hm."), Delta(text="The tag </think> ends it.")]) == (
        "Hm.",
        "The tag </think> ends it.",
    )


def test_thinking_told_apart_and_in_tags_adds_up() -> None:
    assert told([Delta(thinking="One. "), Delta(text="<think>Two.</think>Hello.")]) == ("One. Two.", "Hello.")


def test_text_is_delivered_at_once_when_no_tag_can_begin_in_it() -> None:
    splitter = ThinkSplitter()
    assert splitter.feed(Delta(text="Hello")) == [Delta(text="Hello")]
    assert splitter.feed(Delta(text=" there <")) == [Delta(text=" there ")]
    assert splitter.feed(Delta(text="b>")) == [Delta(text="<b>")]
    assert splitter.end() == []


def test_a_missing_opening_tag_is_told_when_the_closing_one_arrives() -> None:
    splitter = ThinkSplitter()
    assert splitter.feed(Delta(text="Hm.")) == [Delta(text="Hm.")]
    assert splitter.feed(Delta(text=" Yes.</think>\n")) == [Delta(text=" Yes."), Reclassified()]
    assert splitter.feed(Delta(text="\nHello.")) == [Delta(text="Hello.")]


_TEXTS = st.lists(
    st.sampled_from(["<think>", "</think>", "`", "```", "\n", " ", "a", "<", "</", "think>", "\ud83d", "é"]),
    max_size=14,
).map("".join)


@given(text=_TEXTS, cuts=st.lists(st.integers(0, 60), max_size=8))
def test_where_the_stream_is_cut_never_changes_the_outcome(text: str, cuts: list[int]) -> None:
    places = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    deltas = [Delta(text=text[a:b]) for a, b in pairwise(places)]
    assert told(deltas) == told([Delta(text=text)])


@given(before=_TEXTS, thinking=st.text(max_size=5), after=_TEXTS)
def test_cuts_do_not_matter_around_thinking_told_apart_either(before: str, thinking: str, after: str) -> None:
    whole = [Delta(text=before), Delta(thinking=thinking), Delta(text=after)]
    single = (
        [Delta(text=c) for c in before]
        + [Delta(thinking=c) for c in thinking]
        + [Delta(text=c) for c in after]
    )
    assert told(single) == told(whole)


@given(text=_TEXTS.filter(lambda text: "</think>" not in text and not text.lstrip().startswith("<think>")))
def test_text_without_tags_is_left_alone(text: str) -> None:
    assert told([Delta(text=text)]) == ("", text)


@given(thought=_TEXTS.filter(lambda text: "</think>" not in text), answer=_TEXTS)
def test_a_tagged_answer_gives_both_parts_without_the_white_space_around_the_tags(
    thought: str, answer: str
) -> None:
    assert told([Delta(text=f"<think>{thought}</think>{answer}")]) == (thought.lstrip(), answer.lstrip())
