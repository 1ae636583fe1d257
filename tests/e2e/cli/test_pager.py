"""What is longer than the screen goes through a pager; `config list` is, and needs no book."""

from __future__ import annotations

import re

import pexpect
import pytest

from tests.support.cli_process import Daybook

_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_LINES = 20


def seen(child: pexpect.spawn[str]) -> list[str]:
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    return _STYLE.sub("", child.before or "").splitlines()


def test_a_closed_pager_ends_quietly_and_the_rest_is_said_after_it(daybook: Daybook) -> None:
    paged = daybook.with_settings(DAYBOOK_PAGER="head -n 2")
    lines = seen(paged.on_terminal("config", "list", lines=_LINES))
    assert lines[0].startswith("SETTING")
    assert lines[2] == ""
    assert lines[3].startswith("The configuration file:")
    assert len(lines) <= 5


def test_it_is_asked_in_colours_and_can_be_left(daybook: Daybook) -> None:
    child = daybook.with_settings(DAYBOOK_PAGER="", PAGER="less").on_terminal("config", "list", lines=_LINES)
    child.expect_exact("\x1b[1mSETTING")
    child.expect_exact(":")
    child.sendintr()  # the pager's, not ours
    child.send("q")
    assert any(line.startswith("The configuration file:") for line in seen(child))


@pytest.mark.parametrize(
    ("pager", "flags"), [("head -n 2", ["--no-pager"]), ("off", []), ("cat", []), ("no-such-pager -x", [])]
)
def test_it_can_be_done_without(daybook: Daybook, pager: str, flags: list[str]) -> None:
    own = daybook.with_settings(DAYBOOK_PAGER=pager)
    assert len(seen(own.on_terminal(*flags, "config", "list", lines=_LINES))) > _LINES


def test_what_fits_and_what_is_piped_meets_no_pager(daybook: Daybook) -> None:
    paged = daybook.with_settings(DAYBOOK_PAGER="head -n 1")
    assert len(paged("config", "list").out.splitlines()) > 20
    paged("ask", "--no-think", "hello pager")
    assert any("hello pager" in line for line in seen(paged.on_terminal("list", "-n", "3")))
