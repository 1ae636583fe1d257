"""The chat at a terminal: where it goes on, what is pasted, the editor."""

from __future__ import annotations

from pathlib import Path

import pexpect
import pytest

from tests.support.cli_process import Daybook

_READY = r"\x1b\[\?2004h"  # the prompt takes input
_PASTE = "\x1b[200~{}\x1b[201~"
# More than a terminal's queue holds at once.
_MANY_LINES = "\n".join(f"line {number} of what is pasted" for number in range(500))


def leave(child: pexpect.spawn[str]) -> None:
    child.expect(_READY)
    child.sendeof()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


@pytest.mark.slow
def test_what_is_pasted_is_one_prompt_also_while_an_answer_is_written(empty_daybook: Daybook) -> None:
    child = empty_daybook.on_terminal("chat", "--no-think", "-m", "simulator-slow", columns=40)
    child.expect(_READY)
    child.send(_PASTE.format("one\ntwo\n"))
    child.send("\r")
    child.expect("simulator, not")
    child.send(_PASTE.format("three\nfour"))
    child.expect("  four")
    child.send("\r")
    child.expect("simulator, not")
    child.sendintr()
    child.expect("Cancelled")
    child.expect(_READY)
    child.send("/model deepseek-r1:8b\r")
    child.expect("answers from now on")
    child.expect(_READY)
    child.send(_PASTE.format(_MANY_LINES))
    child.expect("line 499")
    child.send("\r")
    child.expect("simulator, not")
    leave(child)
    prompts = [one["text"] for one in empty_daybook.last()["messages"] if one["kind"] == "prompt"]
    assert prompts == ["one\ntwo\n", "three\nfour", _MANY_LINES]


@pytest.mark.slow
def test_it_goes_on_from_an_answer_on_a_branch_of_its_own(daybook: Daybook, tmp_path: Path) -> None:
    editor = tmp_path / "an editor"
    editor.write_text('#!/bin/sh\nprintf "%s" "$1" >> "$2"\n')
    editor.chmod(0o755)
    first = daybook("ask", "--no-think", "--json", "where it parts").json
    daybook("ask", "-c", "--no-think", "the one branch")
    own = daybook.with_settings(EDITOR=f"'{editor}' ' and more'")
    child = own.on_terminal("chat", "--no-think", "--from", first["answer_id"], columns=60)
    child.expect("where it parts goes on after:")
    child.expect(first["answer_id"][-8:])
    child.expect(_READY)
    child.send("/editor the other\r")
    child.expect("the other and more")
    child.send("\r")
    child.expect("simulator, not a model")
    child.expect(_READY)
    child.send("/model not-there\r")
    child.expect("not-there is not on the model server")
    leave(child)
    messages = daybook.last()["messages"]
    assert [one["text"] for one in messages if one["kind"] == "prompt"] == [
        "where it parts",
        "the other and more",
    ]
    assert (messages[2]["parent_id"], messages[2]["sibling_count"]) == (first["answer_id"], 2)

    child = own.on_terminal("chat", "--from", first["answer_id"])
    child.expect(_READY)
    child.send("/show\r")
    child.expect("where it parts")
    leave(child)
    assert len(daybook.last()["messages"]) == 2


def test_it_goes_on_in_one_place_alone(daybook: Daybook) -> None:
    assert "not both" in daybook("chat", "-c", "--from", "abcd", expect=2).err
    assert "stays in its project" in daybook("chat", "-c", "--project", "x", expect=2).err
