"""What a narrow terminal does to tables and to sentences, and what is said by the way."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from application.conversations import Asked
from application.ports.log import Origin
from application.running import Outcome
from domain.conversation.conversation import Status
from domain.ids import new_id
from interfaces.cli.asking import Answered, explain
from interfaces.cli.chat_commands import HELP
from interfaces.cli.console import at_words
from interfaces.cli.filters import going_on
from interfaces.cli.fitted_table import fitted, print_table
from interfaces.errors import Exit

HEADERS = ("ID", "TITLE", "PROJECT", "MESSAGES", "WHEN")
ROW = ("0a1b2c3d", "A title of many words " * 3, "Garden", "12", "2026-01-02 03:04")


def printed(width: int, *, wrap: bool = False) -> str:
    into = io.StringIO()
    console = Console(file=into, width=width, force_terminal=False)
    print_table(console, HEADERS, [ROW], stretch=(1, 2), optional=(3, 2), wrap=wrap)
    return into.getvalue()


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 200])
def test_ids_and_times_are_whole_at_any_width(width: int) -> None:
    assert ROW[0] in printed(width)
    assert ROW[4] in printed(width)


@pytest.mark.parametrize("width", [40, 41, 60, 80])
def test_a_table_fits_where_its_optional_columns_may_go(width: int) -> None:
    assert max(len(line.rstrip()) for line in printed(width).splitlines()) <= width


def test_columns_are_left_out_one_after_the_other_and_only_without_room() -> None:
    assert list(fitted((8, 60, 7, 8, 16), 80, (1, 2), (3, 2))) == [0, 1, 2, 3, 4]
    assert list(fitted((8, 60, 7, 8, 16), 50, (1, 2), (3, 2))) == [0, 1, 2, 4]
    assert fitted((8, 60, 7, 8, 16), 40, (1, 2), (3, 2)) == {0: 8, 1: 12, 4: 16}
    assert fitted((8, 60), 40, (1,), (1,), narrowest=31) == {0: 8}
    assert fitted((8, 9), 80, (1,), ()) == {0: 8, 1: 9}


def test_what_wraps_loses_nothing() -> None:
    assert printed(40, wrap=True).count("many") == 3
    assert printed(40).count("many") < 3


def test_sentences_break_between_words_and_lists_stay_below_themselves() -> None:
    lines = at_words(HELP, 40).split("\n")
    assert max(map(len, lines)) <= 40
    assert " ".join(" ".join(lines).split()) == " ".join(HELP.split())
    after = lines[[line.startswith("/model") for line in lines].index(True) + 1]
    assert after.startswith(" " * 15)
    assert after[15] != " "
    assert at_words(HELP, 200) == HELP
    assert "/a/path/that-is/longer-than/this" in at_words("see /a/path/that-is/longer-than/this", 20)


def test_the_command_for_more_guards_words_that_look_like_options() -> None:
    words = ["green", "tea"]
    assert going_on("search", "c1", {"--project": None}, words) == "daybook search --cursor c1 green tea"
    assert going_on("search", "c1", {"--project": "Big garden"}, ["a b", "-only"]) == (
        "daybook search --cursor c1 --project 'Big garden' -- 'a b' -only"
    )
    assert going_on("list", "c1", {"--tag": ["a", "b c"], "--pinned": True, "--archived": False}) == (
        "daybook list --cursor c1 --tag a --tag 'b c' --pinned"
    )


@pytest.mark.parametrize(("text", "times"), [("", 1), (" \n", 1), ("words", 0)])
def test_an_empty_answer_is_said_to_be_one(text: str, times: int, capsys: pytest.CaptureFixture[str]) -> None:
    asked = Asked(new_id(), new_id(), new_id(), "m", 3, None, Origin("someone", "cli"))
    assert explain(Answered(asked, Outcome(Status.COMPLETE, text, "thought", "m"))) is Exit.DONE
    streams = capsys.readouterr()
    assert streams.err.count("answered with nothing") == times
    assert not streams.out
