"""Completion as shells ask for it, and in those shells that are installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from tests.support.cli_process import ROOT, Daybook, wait_until

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")
HOSTILE = "a title $(touch PWNED) `touch PWNED` 'q' \\$(touch PWNED) \"d\" : end"


@pytest.fixture(scope="module")
def full(new_cli: Callable[[], Daybook]) -> Daybook:
    daybook = new_cli()
    daybook("ask", "--no-think", "The oldest of them")
    daybook("project", "create", "Two Words")
    daybook("ask", "--no-think", "--project", "Two Words", HOSTILE)
    return daybook


@pytest.fixture
def on_path(full: Daybook, tmp_path: Path) -> Daybook:
    """The same with a `daybook` on the path, as a shell needs it; its home directory is empty."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "daybook"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m bootstrap.main "$@"\n')
    command.chmod(0o755)
    path = f"{command.parent}:{full.environment['PATH']}"
    return full.with_settings(PATH=path, HOME=str(tmp_path), TERM="dumb", PYTHONPATH=str(ROOT))


def offered(daybook: Daybook, *words: str) -> list[str]:
    return daybook("__complete", "zsh", *words).out.splitlines()[1:]


def test_ids_come_with_titles_newest_first_and_whole_ones_when_begun(full: Daybook) -> None:
    size = full.log_size()
    last = full.last()
    shown = last["id"][-8:]
    lines = offered(full, "archive", "")
    assert lines[0].startswith("@last\t")
    assert lines[1].startswith(f"{shown}\ta title $(touch PWNED)")
    assert lines[2].endswith("\tThe oldest of them")
    assert offered(full, "archive", shown[:3]) == [lines[1]]
    assert offered(full, "archive", last["id"][:30])[0].split("\t")[0] == last["id"]
    assert offered(full, "restore", "") == []
    answer = last["messages"][-1]["id"][-8:]
    assert offered(full, "note", answer)[0].startswith(f"{answer}\tdeepseek-r1:8b: ")
    assert answer in {line.split("\t")[0] for line in offered(full, "ask", "--from", "")}
    assert full.log_size() == size


def test_names_are_offered(full: Daybook) -> None:
    assert offered(full, "list", "-p", "") == ["Two Words"]
    assert offered(full, "ask", "-m", "")[0] == "deepseek-r1:8b\tthe default"
    assert "transcript" in offered(full, "projections", "rebuild", "")
    assert offered(full, "sh") == ["show\tShow a conversation."]


def test_without_a_book_nothing_is_offered_started_or_made(
    daybook: Daybook, tmp_path: Path, nobody: str
) -> None:
    home = tmp_path / "home"
    for settings in (
        {"DAYBOOK_DATABASE_URL": "", "DAYBOOK_OLLAMA_URL": nobody},
        {"DAYBOOK_DATABASE_URL": f"postgresql://{nobody}/none"},
        {"DAYBOOK_SERVER": f"http://{nobody}"},
        {"DAYBOOK_SERVER": "never-saved"},
        {"DAYBOOK_CONFIG": str(tmp_path / "none.toml")},
    ):
        own = daybook.with_settings(DAYBOOK_HOME=str(home), **settings)
        ran = own("__complete", "fish", "show", "", expect=None)
        assert (ran.out, ran.err) == ("", ""), settings
        assert not home.exists()
    assert daybook("__complete", "tcsh", "show", "", expect=None).err == ""


def test_bash_completes(on_path: Daybook, tmp_path: Path) -> None:
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("no bash here")
    child = _shell(
        [shell, "--norc", "--noprofile", "-i"], on_path, tmp_path, 'eval "$(daybook completion bash)"'
    )
    child.send("daybook list -p \t")
    child.expect_exact("Two\\ Words ")
    child.sendcontrol("u")
    child.send("daybook ask -m deepseek-r1:8\t")
    child.expect_exact("8b ")
    child.sendcontrol("u")
    child.send("daybook archive \t\t")
    child.expect_exact("The oldest of them")
    assert "a title $(touch PWNED)" in _ESCAPES.sub("", child.before or "")
    child.close()
    assert not (tmp_path / "PWNED").exists()


def test_zsh_completes(on_path: Daybook, tmp_path: Path) -> None:
    shell = shutil.which("zsh")
    if shell is None:
        pytest.skip("no zsh here")
    child = _shell([shell, "-f", "-i"], on_path, tmp_path, 'eval "$(daybook completion zsh)"')
    child.send("daybook list -p \t")
    child.expect_exact("Two\\ Words ")
    child.sendcontrol("u")
    child.send("daybook archive \t")
    child.expect_exact("The oldest of them")
    assert "a title $(touch PWNED)" in _ESCAPES.sub("", child.before or "")
    child.close()
    assert not (tmp_path / "PWNED").exists()


def test_fish_completes(on_path: Daybook, tmp_path: Path) -> None:
    shell = shutil.which("fish")
    if shell is None:
        pytest.skip("no fish here")
    lines = (
        'daybook completion fish | source; complete -C "daybook archive "; complete -C "daybook list -p Tw"'
    )
    done = subprocess.run(
        [shell, "--no-config", "-c", lines],
        env=on_path.environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "The oldest of them\n" in done.stdout
    assert "a title $(touch PWNED)" in done.stdout
    assert done.stdout.endswith("\nTwo Words\n")
    assert not (tmp_path / "PWNED").exists()


def test_it_installs_itself_once(on_path: Daybook, tmp_path: Path) -> None:
    (tmp_path / ".bashrc").write_text("# mine")
    for _ in range(2):
        on_path.as_process("completion", "bash", "--install")
    start = (tmp_path / ".bashrc").read_text().splitlines()
    assert start[0] == "# mine"
    assert len(start) == 2
    script = Path(on_path.settings["DAYBOOK_HOME"]) / "completion.bash"
    assert str(script) in start[1]
    assert script.read_text() == on_path("completion", "bash").out
    on_path.as_process("completion", "fish", "--install")
    assert (tmp_path / ".config/fish/completions/daybook.fish").exists()


def _shell(command: list[str], daybook: Daybook, folder: Path, setup: str) -> pexpect.spawn[str]:
    child: pexpect.spawn[str] = pexpect.spawn(
        command[0], command[1:], env=daybook.environment, cwd=str(folder), encoding="utf-8", timeout=60
    )
    child.setwinsize(40, 120)
    child.sendline(f"{setup}; PS1=; echo rea''dy")
    child.expect_exact("ready")
    wait_until(child.isalive, "the shell runs")
    return child
