"""What Tab offers, from the command line to what a shell is told."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import pytest
import typer

from domain.errors import NotFoundError
from interfaces.cli import shells
from interfaces.cli.app import app
from interfaces.cli.completing import candidates, walk
from interfaces.cli.host import ServerView, SettingView
from interfaces.cli.lazy import COMMANDS, load
from interfaces.cli.offers import TABLE, source_of

ROOT = typer.main.get_command(app)
BREAKS = " \t\n\"'@><=;|&(:"


class HostWithoutABook:
    """Knows settings, servers and models; its book cannot be had."""

    class servers:  # noqa: N801 - stands for a property
        @staticmethod
        def all() -> Sequence[ServerView]:
            return [ServerView("home", "https://book.example.org", in_use=True, has_token=True)]

    def __init__(self) -> None:
        self.flags: dict[str, str] = {}

    def configure(self, flags: dict[str, str]) -> None:
        self.flags = flags

    def setting(self, key: str) -> str:
        assert key == "model"
        return "deepseek-r1:8b"

    def settings(self) -> Sequence[SettingView]:
        return [SettingView("model", "", "", "What answers.", ()), SettingView("listen", "", "", "", ())]

    def installed_models(self) -> Sequence[str]:
        return ["a-model:1b", "deepseek-r1:8b"]

    def glance(self) -> Any:
        raise NotFoundError("There is no book.")


def offered(line: str, host: Any = None) -> list[str]:
    words = shlex.split(line)
    typed = "" if line.endswith(" ") or not words else words.pop()
    return [value for value, _ in candidates(host or HostWithoutABook(), ROOT, words, typed)[1]]


def parameters() -> set[tuple[str, str]]:
    found = {("", one.name) for one in ROOT.params}
    for entry in COMMANDS:
        command = load(entry)
        found |= {(entry.name, one.name) for one in command.params}
        for name, inner in getattr(command, "commands", {}).items():
            found |= {(f"{entry.name} {name}", one.name) for one in inner.params}
    return found


def test_each_row_of_the_table_is_the_first_that_fits_some_parameter() -> None:
    served = {source_of(command, parameter) for command, parameter in parameters()}
    assert served - {None} == {row.source for row in TABLE}
    known = {command for command, _ in parameters()} | {"*"}
    named = {one.strip() for row in TABLE for one in row.commands.split(",")}
    assert {one for one in named if not one.endswith(" *")} <= known


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sho", ["show"]),
        ("hold ", ["add", "release", "list"]),
        ("hold re", ["release"]),
        ("nonsense ", []),
        ("ask --mod", ["--model"]),
        ("ask -m ", ["deepseek-r1:8b", "a-model:1b"]),
        ("ask --model a", ["a-model:1b"]),
        ("ask -o temperature 0.2 -m a", ["a-model:1b"]),
        ("ask -o temperature ", []),
        ("ask -- --mod", []),
        ("stats --by m", ["model"]),
        ("config get mo", ["model"]),
        ("config set model ", []),
        ("--server h", ["home"]),
        ("server use ", ["home", "local"]),
        ("rate @last u", ["up"]),
        ("models pull deepseek-r1:671", ["deepseek-r1:671b"]),
        ("list --archived --sin", ["--since"]),
        ("list --archived --sx", []),
    ],
)
def test_what_is_offered(line: str, expected: list[str]) -> None:
    assert offered(line) == expected


def test_a_hidden_command_is_not_offered() -> None:
    assert "simulate-ollama" in offered("")
    assert "delete" not in offered("")


def test_a_file_is_left_to_the_shell() -> None:
    assert candidates(HostWithoutABook(), ROOT, ["keys", "export"], "") == ("files", [])
    assert candidates(HostWithoutABook(), ROOT, ["--home"], "") == ("files", [])


def test_flags_before_the_command_say_whose_book_it_is() -> None:
    host = HostWithoutABook()
    offered("--home /somewhere --server=local ask --model ", host)
    assert host.flags == {"home": "/somewhere", "server": "local"}
    assert walk(ROOT, ["--home"]).parameter.name == "home"


@pytest.mark.parametrize(
    ("line", "words", "typed", "cut"),
    [
        ("daybook show ", ("show",), "", 0),
        ("daybook show @la", ("show",), "@la", 1),
        ("daybook ask -m deepseek-r1:8", ("ask", "-m"), "deepseek-r1:8", 12),
        ("daybook list -p My\\ No", ("list", "-p"), "My No", 0),
        ("daybook list -p 'it is' x", ("list", "-p", "it is"), "x", 0),
    ],
)
def test_bash_tells_the_line_and_takes_a_part_of_the_word(
    line: str, words: tuple[str, ...], typed: str, cut: int
) -> None:
    asked = shells.read(["bash", "9", BREAKS, line])
    assert (asked.words, asked.typed, asked.cut, asked.quoted) == (words, typed, cut, False)


@pytest.mark.parametrize("quote", ["'", '"'])
def test_an_open_quote_stays_open(quote: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = shells.read(["bash", "9", BREAKS, f"daybook list -p {quote}My N"])
    assert (asked.typed, asked.quoted) == ("My N", True)
    shells.write(asked, "words", [("My Notes", "")])
    assert capsys.readouterr().out == "words\nMy Notes\n"
    assert shells.read(["zsh", "list", "-p", f"{quote}My N"]).typed == "My N"


def test_bash_sees_meanings_in_a_list_of_several_alone(capsys: pytest.CaptureFixture[str]) -> None:
    two = [("a b$(c)", "meaning\n\x1bone"), ("ab", "")]
    listing = shells.read(["bash", "63", BREAKS, "daybook list -p a"])
    shells.write(listing, "words", two)
    assert capsys.readouterr().out == "words\na\\ b\\$\\(c\\)  meaning one\nab\n"
    shells.write(listing, "words", two[:1])
    shells.write(shells.read(["bash", "9", BREAKS, "daybook list -p a"]), "words", two)
    assert capsys.readouterr().out == "words\na\\ b\\$\\(c\\)\nwords\na\\ b\\$\\(c\\)\nab\n"
    shells.write(shells.read(["fish", "list", "a"]), "words", two)
    assert capsys.readouterr().out == "words\na b$(c)\tmeaning one\nab\n"


def test_a_shell_of_another_kind_is_none_of_ours() -> None:
    with pytest.raises(ValueError, match="tcsh"):
        shells.read(["tcsh", "show", ""])
