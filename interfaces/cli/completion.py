"""`daybook completion`: the script that lets a shell complete `daybook`, printed or installed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from interfaces.cli.console import out, say
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import host_of

app = command_app()

_SHELLS = frozenset({"bash", "zsh", "fish"})


class Shell(StrEnum):
    """A shell whose completion there is."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@app.command()
def completion(
    ctx: typer.Context,
    shell: Annotated[
        Shell | None, typer.Argument(help="Default: the one you are in.", show_default=False)
    ] = None,
    *,
    install: Annotated[bool, typer.Option("--install", help="Set the shell up to use it.")] = False,
) -> None:
    """Let your shell complete commands, ids and names.

    Without --install the script is printed, for a place of your own choice.
    """
    from domain.errors import InvalidInputError
    from interfaces.cli.shells import SCRIPTS

    name = shell.value if shell is not None else _parent_shell()
    if name is None:
        raise InvalidInputError(
            "Which shell this is cannot be seen. Nothing was changed.",
            hint="daybook completion bash   (or zsh, fish)",
        )
    if not install:
        out(SCRIPTS[name].rstrip())
        return
    written = _install(name, SCRIPTS[name], host_of(ctx).config_file.parent)
    say(f"Installed in {written}. It works in every {name} that is started from now on.")


def _parent_shell() -> str | None:
    import psutil

    for process in psutil.Process().parents():
        name = str(process.name()).lstrip("-")
        if name in _SHELLS:
            return name
    return None


def _install(shell: str, script: str, folder: Path) -> Path:
    """Write the script where the shell finds it; return the file that makes it do so."""
    from application.errors import in_words
    from domain.errors import InvalidInputError

    try:
        if shell == "fish":
            file = Path.home() / ".config" / "fish" / "completions" / "daybook.fish"
            _write(file, script)
            return file
        file = folder / f"completion.{shell}"
        _write(file, script)
        start = Path.home() / f".{shell}rc"
        before = start.read_text(encoding="utf-8", errors="surrogateescape") if start.exists() else ""
        line = f'[ -f "{file}" ] && . "{file}"  # daybook completion'
        if line not in before.splitlines():
            with start.open("a", encoding="utf-8") as opened:
                opened.write(f"{'' if not before or before.endswith(chr(10)) else chr(10)}{line}\n")
    except OSError as problem:
        raise InvalidInputError(
            f"Completion cannot be installed: {in_words(problem)}.", hint=f"daybook completion {shell}"
        ) from None
    return start


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
