"""The history of chats forgets exactly the prompts it is told to."""

from __future__ import annotations

from pathlib import Path

from prompt_toolkit.history import FileHistory

from interfaces.cli.chat_history import NAME, forget


def test_prompts_of_one_line_or_several_are_taken_out_and_the_others_stay(tmp_path: Path) -> None:
    history = FileHistory(str(tmp_path / NAME))
    for typed in ("first", "two\nlines", "third", "# no time\n+plus", "first"):
        history.store_string(typed)

    assert forget(tmp_path, ["first", "two\nlines\n"]) == 3

    left = FileHistory(str(tmp_path / NAME)).load_history_strings()
    assert list(left) == ["# no time\n+plus", "third"]
    assert forget(tmp_path, ["first"]) == 0


def test_a_home_without_chats_has_nothing_to_forget(tmp_path: Path) -> None:
    assert forget(tmp_path, ["first"]) == 0
    assert not (tmp_path / NAME).exists()
