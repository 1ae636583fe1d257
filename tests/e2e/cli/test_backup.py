"""`daybook backup` and `daybook restore` as they are typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli_process import Daybook


def test_restore_tells_a_backup_from_a_conversation(
    daybook: Daybook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = daybook("ask", "--json", "archived and back").json
    short = asked["conversation_id"][-8:]
    daybook("archive", short)
    assert "Brought back" in daybook("restore", short).err
    daybook("archive", short)
    (tmp_path / short).write_text("a file that is called like it")
    told = daybook("restore", short, expect=2)
    assert f"daybook restore ./{short}" in told.err
    assert "not a backup" in daybook("restore", f"./{short}", expect=2).err
    assert "Brought back" in daybook("restore", asked["conversation_id"]).err
    assert "neither a file nor an id" in daybook("restore", "nofile.daybook", expect=2).err
    assert "There is no conversation" in daybook("restore", "00000000", expect=3).err
    assert "does not exist" in daybook("restore", "--dry-run", "00000000", expect=2).err


def test_what_it_says_is_on_standard_error_and_json_is_one_line(daybook: Daybook, tmp_path: Path) -> None:
    daybook("ask", "kept in a file")
    file = str(tmp_path / "book.daybook")
    made = daybook("backup", file)
    assert made.out == ""
    assert "Written to" in made.err
    assert "The master key is not in it" in made.err
    checked = daybook("backup", "--verify", file, "--json").json
    assert checked["ok"] is True
    assert checked["event_count"] == checked["row_counts"]["events"]
    assert set(checked) >= {
        "book_id",
        "made_at",
        "root",
        "checkpoint",
        "signed",
        "has_keys",
        "sha256",
        "size",
    }
    assert "recomputed: root" in daybook("restore", "--dry-run", file).out


@pytest.mark.parametrize(
    "words",
    [
        ("--verify", "--force"),
        ("--verify", "--keys", "none"),
        ("--keys", "none", "--passphrase-file", "x"),
        ("--keys", "other"),
        ("--passphrase-file", "/nonexistent"),
        ("--keys", "passphrase"),
    ],
)
def test_what_does_not_go_together_is_refused(
    daybook: Daybook, tmp_path: Path, words: tuple[str, ...]
) -> None:
    daybook("backup", str(tmp_path / "book.daybook"), *words, expect=2)
    assert list(tmp_path.iterdir()) == []


def test_standard_output_takes_nothing_else(daybook: Daybook) -> None:
    assert "nothing else with it" in daybook("backup", "-", "--json", expect=2).err


def test_a_passphrase_is_asked_for_twice_on_a_terminal(daybook: Daybook, tmp_path: Path) -> None:
    daybook("ask", "kept in a file")
    file = tmp_path / "book.daybook"
    terminal = daybook.on_terminal("backup", "--keys", "passphrase", str(file))
    terminal.expect("Passphrase:")
    terminal.sendline("correct horse")
    terminal.expect("Once more:")
    terminal.sendline("correct horse")
    terminal.expect("The master key is in it")
    terminal.expect("\\n")
    terminal.wait()
    assert daybook("backup", "--verify", str(file), "--json").json["has_keys"] is True
