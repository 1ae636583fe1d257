"""What happens only at a terminal: rendering, questions, Ctrl-C, the chat."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pexpect
import pytest

from infrastructure.simulator.options import SimulatorOptions
from infrastructure.simulator.server import RunningSimulator
from tests.support.cli_process import Daybook

_READY = r"\x1b\[\?2004h"  # the prompt takes input
_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def seen(child: pexpect.spawn[str]) -> str:
    """Everything until the end, without styles."""
    child.expect(pexpect.EOF)
    child.close()
    return _STYLE.sub("", child.before or "")


def test_an_answer_on_a_terminal_is_rendered_and_ends_with_one_line(daybook: Daybook) -> None:
    child = daybook.on_terminal("ask", "list the steps")
    text = seen(child)
    assert child.exitstatus == 0
    assert "│ I was sent no earlier messages" in text
    assert "▌ list the steps" in text
    shown = daybook.last()["id"][-8:]
    assert re.search(rf"{shown} · deepseek-r1:8b · [\d.]+ tokens/s · daybook show {shown}", text)


def test_thinking_can_be_hidden_and_is_recorded(daybook: Daybook) -> None:
    text = seen(daybook.on_terminal("ask", "--hide-thinking", "hello"))
    assert "│" not in text
    assert daybook.last()["messages"][-1]["thinking"]


def test_a_narrow_terminal_loses_no_words(daybook: Daybook) -> None:
    text = seen(daybook.on_terminal("ask", "--no-think", "hello", columns=40))
    words = "this answer is" if "this answer is" in text else "simulator, not a"
    assert words in " ".join(text.split())


def test_control_characters_of_a_model_do_not_reach_the_terminal(daybook: Daybook) -> None:
    text = seen(daybook.on_terminal("ask", "-m", "simulator-odd-text", "hello"))
    assert "Rarities" in text
    assert "\x07" not in text
    assert "\u202e" not in text


def test_ctrl_c_cancels_keeps_the_answer_and_says_so(daybook: Daybook) -> None:
    child = daybook.on_terminal("ask", "--no-think", "-m", "simulator-slow", "hello ctrl-c")
    child.expect("simulator, not")
    child.sendintr()
    text = seen(child)
    assert child.exitstatus == 130
    assert "Cancelled; your prompt is recorded and what came so far is kept" in text
    assert daybook.last()["messages"][-1]["status"] == "cancelled"


def test_a_missing_model_can_be_replaced_by_an_installed_one_which_is_remembered(
    empty_daybook: Daybook, tmp_path: Path
) -> None:
    (tmp_path / "c.toml").touch()
    with RunningSimulator(SimulatorOptions(rate=0, models=("deepseek-r1:1.5b",))) as server:
        daybook = empty_daybook.with_settings(
            DAYBOOK_OLLAMA_URL=server.url, DAYBOOK_CONFIG=str(tmp_path / "c.toml")
        )
        child = daybook.on_terminal("ask", "hello offer")
        child.expect(r"get deepseek-r1:8b \(5.2 GB\)")
        child.expect(r"2  use deepseek-r1:1.5b")
        child.expect("Which")
        child.sendline("7")
        child.expect("Which")
        child.sendline("2")
        child.expect("is the default model from now on")
        text = seen(child)
        assert child.exitstatus == 0
        assert "deepseek-r1:1.5b" in text
        assert daybook("config", "get", "model").out == "deepseek-r1:1.5b\n"
        prompt, answer = daybook.last()["messages"]
        assert (prompt["text"], answer["status"], answer["model"]) == (
            "hello offer",
            "complete",
            "deepseek-r1:1.5b",
        )


def test_a_missing_model_can_be_pulled(empty_daybook: Daybook) -> None:
    with RunningSimulator(SimulatorOptions(rate=0, models=(), pull_seconds=0.3)) as server:
        daybook = empty_daybook.with_settings(DAYBOOK_OLLAMA_URL=server.url)
        child = daybook.on_terminal("ask", "hello pull")
        child.expect("Which")
        child.sendline("1")
        child.expect("is on the model server")
        seen(child)
        assert child.exitstatus == 0
        assert daybook.last()["messages"][-1]["status"] == "complete"


@pytest.mark.slow
def test_where_it_is_to_be_got_unasked_nobody_is_asked(empty_daybook: Daybook) -> None:
    with RunningSimulator(SimulatorOptions(rate=0, models=(), pull_seconds=1.5)) as server:
        daybook = empty_daybook.with_settings(DAYBOOK_OLLAMA_URL=server.url, DAYBOOK_PULL="on")
        child = daybook.on_terminal("ask", "hello there")
        child.expect(r"waiting for the model deepseek-r1:8b: \d+ % of 5.2 GB")
        seen(child)
        assert child.exitstatus == 0
        assert [one["status"] for one in daybook.last()["messages"]] == [None, "complete"]


def test_no_model_may_be_wanted(daybook: Daybook) -> None:
    child = daybook.on_terminal("ask", "-m", "not-there", "hello neither")
    child.expect("Which")
    child.sendline("q")
    text = seen(child)
    assert child.exitstatus == 5
    assert "daybook models pull not-there" in text


def test_ctrl_c_at_the_question_means_neither(daybook: Daybook) -> None:
    child = daybook.on_terminal("ask", "-m", "not-there", "hello neither")
    child.expect("Which")
    child.sendintr()
    assert "daybook models pull not-there" in seen(child)
    assert child.exitstatus == 5


@pytest.mark.slow
def test_a_chat_survives_cancelled_and_failed_answers_and_goes_back(empty_daybook: Daybook) -> None:
    daybook = empty_daybook
    child = daybook.on_terminal("chat", "--no-think")
    child.expect(_READY)
    child.send("a line that is cleared")
    child.sendintr()
    child.send("first line\\\r")
    child.send("second line\r")
    child.expect("simulator, not a model")
    child.expect(_READY)
    child.send("/model simulator-cut\r")
    child.expect("answers from now on")
    child.send("a broken one\r")
    child.expect("recorded: daybook show")
    child.send("/undo\r")
    child.expect("edit it and send it again")
    child.expect(_READY)
    child.sendintr()
    child.send("/model simulator-slow\r")
    child.expect("answers from now on")
    child.send("a slow one\r")
    child.expect("simulator, not")
    child.sendintr()
    child.expect("Cancelled")
    child.send("/nonsense\r")
    child.expect("There is no /nonsense")
    child.send("/help\r")
    child.expect("/undo")
    time.sleep(0.3)
    child.sendeof()
    seen(child)
    assert child.exitstatus == 0
    messages = daybook.last()["messages"]
    assert [(one["kind"], one["status"]) for one in messages] == [
        ("prompt", None),
        ("answer", "complete"),
        ("prompt", None),
        ("answer", "cancelled"),
    ]
    assert messages[0]["text"] == "first line\nsecond line"
    assert messages[2]["text"] == "a slow one"

    child = daybook.on_terminal("chat", "--no-think")
    child.expect(_READY)
    child.send("\x1b[A")  # up
    child.expect("a slow one")
    child.sendintr()
    child.sendeof()
    seen(child)
    home = Path(daybook.settings["DAYBOOK_HOME"])
    assert [path for path in home.rglob("*") if path.is_file() and b"slow one" in path.read_bytes()] == []


def test_a_chat_can_be_piped(daybook: Daybook) -> None:
    daybook("chat", stdin=b"one\n/new\ntwo\n\n")
    assert [message["text"] for message in daybook.last()["messages"][:1]] == ["two"]


def test_keys_are_exported_under_a_passphrase_and_come_back(daybook: Daybook, tmp_path: Path) -> None:
    daybook("list")
    file = tmp_path / "key.json"
    child = daybook.on_terminal("keys", "export", str(file))
    child.expect("Passphrase: ")
    child.sendline("correct horse")
    child.expect("Once more: ")
    child.sendline("correct mouse")
    assert "differ" in seen(child)
    assert child.exitstatus == 2
    assert not file.exists()

    (tmp_path / "phrase").write_text("correct horse\n")
    daybook("keys", "export", str(file), "--passphrase-file", str(tmp_path / "phrase"))
    assert file.stat().st_mode & 0o777 == 0o600
    elsewhere = daybook.with_settings(DAYBOOK_HOME=str(tmp_path / "elsewhere"))
    elsewhere("keys", "import", str(file), "--passphrase-file", str(tmp_path / "phrase"))
    elsewhere("list")
    (tmp_path / "phrase").write_text("wrong horse\n")
    refused = elsewhere("keys", "import", str(file), "--passphrase-file", str(tmp_path / "phrase"), expect=2)
    assert "passphrase does not open" in refused.err
    assert "nofile does not exist" in elsewhere("keys", "import", "nofile", expect=2).err


def test_a_file_that_is_no_key_is_not_overwritten_by_an_import(daybook: Daybook, tmp_path: Path) -> None:
    daybook("list")
    (tmp_path / "phrase").write_text("correct horse\n")
    said = ("--passphrase-file", str(tmp_path / "phrase"))
    daybook("keys", "export", str(tmp_path / "key.json"), *said)
    elsewhere = daybook.with_settings(DAYBOOK_HOME=str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere" / "keys").mkdir(parents=True)
    junk = tmp_path / "elsewhere" / "keys" / "master.key"
    junk.write_text("junk\n")
    assert "move it away" in elsewhere("keys", "import", str(tmp_path / "key.json"), *said, expect=4).err
    assert junk.read_text() == "junk\n"
    junk.rename(junk.with_suffix(".old"))
    elsewhere("keys", "import", str(tmp_path / "key.json"), *said)
    elsewhere("list")


def test_a_narrow_list_shows_whole_ids(daybook: Daybook) -> None:
    daybook("ask", "--no-think", "a long question about a great many narrow things")
    shown = daybook.last()["id"][-8:]
    # The book is shared: how to see more of a long list is a line of its own, and no row.
    lines = seen(daybook.on_terminal("list", "-n", "5", columns=40)).splitlines()
    rows = [line for line in lines if line[8:10] == "  "]
    assert any(line.startswith(f"{shown}  a long") for line in rows)
    assert max(map(len, rows)) <= 40


@pytest.mark.slow
def test_a_routine_is_written_in_an_editor_and_what_is_wrong_there_is_kept(
    empty_daybook: Daybook, tmp_path: Path
) -> None:
    daybook = empty_daybook
    daybook("routine", "save", "say", "Say it")
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "$ADDED" >> "$1"\n')
    editor.chmod(0o700)

    def edited(added: str) -> str:
        settings = {**daybook.settings, "VISUAL": str(editor), "ADDED": added, "TMPDIR": str(tmp_path)}
        child = Daybook(settings).on_terminal("routine", "edit", "say", columns=200)
        return seen(child)

    assert "version 2" in edited("in {{lang=English}}")
    assert daybook("routine", "show", "say", "--json").json["prompt"] == "Say it\nin {{lang=English}}"
    assert "as it was" in edited("")
    assert "not closed" in edited("{{lang")
    (kept,) = tmp_path.glob("daybook-routine-*.md")
    assert kept.read_text().endswith("in {{lang=English}}\n{{lang\n")
    mended = kept.read_text().replace("{{lang\n", "{{lang}}\n").encode()
    daybook("routine", "edit", "say", "-", stdin=mended)
    assert daybook("routine", "show", "say", "--json").json["version"] == 3
