"""Completion in a shell: from the words on the command line to what may come next.

Invariants: it is silent whatever happens, it never takes longer than `_MOST_SECONDS`, and nothing a person or
a model wrote is ever evaluated by a shell: what is offered goes out as plain lines, and the scripts of
`shells.py` only compare and insert them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from interfaces.cli.host import Host
from interfaces.cli.offers import Glance, Offer, source_of

FILES = "files"
WORDS = "words"
_MOST_SECONDS = 1.5
_FLAGS_BEFORE = ("home", "database_url", "ollama_url", "server")


@dataclass
class Place:
    """Where a command line has come to.

    `parameter` is what the next word is the value of, None where it is a command's name or an option.
    """

    command: Any
    path: tuple[str, ...] = ()
    parameter: Any = None
    options: bool = True
    flags: dict[str, str] = field(default_factory=dict)


def complete(host: Host, root: Any, argv: Sequence[str]) -> int:
    """Write what may come next, in the form a shell's script asks for; `argv` is what that script passes."""
    from interfaces.cli import shells

    with _bounded():
        try:
            asked = shells.read(argv)
            kind, offers = candidates(host, root, asked.words, asked.typed)
            shells.write(asked, kind, offers)
        except Exception:  # noqa: BLE001 - whoever types must not be disturbed
            return 1
    return 0


class _bounded:  # noqa: N801 - reads like the statement it is
    """Ends the process when it takes too long, even inside a call that cannot be interrupted."""

    def __enter__(self) -> None:
        self._timer = threading.Timer(_MOST_SECONDS, os._exit, (1,))
        self._timer.daemon = True
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def candidates(host: Host, root: Any, words: Sequence[str], typed: str) -> tuple[str, list[Offer]]:
    """Return whether `files` or `words` may come next, and which words, each once.

    Args:
        host: the process around it.
        root: the root of the commands.
        words: what stands between `daybook` and the word that is being typed.
        typed: the beginning of that word.
    """
    place = walk(root, words)
    if place.flags:
        host.configure(place.flags)
    if place.options and typed.startswith("-") and not _is_value(place):
        return WORDS, _fitting(_options(place), typed)
    if place.parameter is None:
        return WORDS, _fitting(_commands(place), typed) if hasattr(place.command, "list_commands") else []
    if getattr(place.parameter.type, "name", "") in {"path", "file", "filename", "directory"}:
        return FILES, []
    choices = getattr(place.parameter.type, "choices", None)
    if choices:
        return WORDS, _fitting(((str(getattr(one, "value", one)), "") for one in choices), typed)
    source = source_of(" ".join(place.path), place.parameter.name)
    if source is None:
        return (FILES if place.parameter.metavar in {"DIRECTORY", "FILE"} else WORDS), []
    with closing(Glance(host, typed)) as glance:
        return WORDS, _fitting(source(glance), typed)


def walk(root: Any, words: Sequence[str]) -> Place:
    """Go along a command line as the parser would, without running anything."""
    place = Place(root)
    given = 0
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if place.options and word == "--":
            place.options = False
        elif place.options and word.startswith("-") and len(word) > 1:
            name, _, value = word.partition("=")
            option = _option(place.command, name)
            if option is None or option.is_flag or value:
                _note(place, option, value)
                continue
            taken = 2 if option.metavar == "KEY VALUE" else 1
            if len(rest) < taken:
                place.parameter = option
                return place
            _note(place, option, rest[0])
            del rest[:taken]
        elif hasattr(place.command, "list_commands"):
            found = place.command.get_command(None, word)
            if found is None:
                return Place(None, options=False)
            place.command, place.path, given = found, (*place.path, word), 0
        else:
            given += 1
    place.parameter = _argument(place.command, given)
    return place


def _note(place: Place, option: Any, value: str) -> None:
    if not place.path and option is not None and option.name in _FLAGS_BEFORE and value:
        place.flags[option.name] = value


def _is_value(place: Place) -> bool:
    return place.parameter is not None and place.parameter.param_type_name == "option"


def _option(command: Any, name: str) -> Any:
    for parameter in getattr(command, "params", ()):
        if parameter.param_type_name == "option" and name in (*parameter.opts, *parameter.secondary_opts):
            return parameter
    return None


def _argument(command: Any, given: int) -> Any:
    """Return the argument that comes after so many."""
    arguments = [one for one in getattr(command, "params", ()) if one.param_type_name == "argument"]
    if given < len(arguments):
        return arguments[given]
    return arguments[-1] if arguments and arguments[-1].nargs == -1 else None


def _options(place: Place) -> Iterator[Offer]:
    for parameter in getattr(place.command, "params", ()):
        if parameter.param_type_name == "option" and not parameter.hidden:
            for name in (*parameter.opts, *parameter.secondary_opts):
                if name.startswith("--"):
                    yield name, parameter.help or ""
    yield "--help", "Show this message and exit."


def _commands(place: Place) -> Iterator[Offer]:
    from interfaces.cli.lazy import COMMANDS

    if not place.path:  # none of them is imported
        yield from ((entry.name, entry.help) for entry in COMMANDS if not entry.hidden)
        return
    for name in place.command.list_commands(None):
        command = place.command.get_command(None, name)
        if not command.hidden:
            yield name, (command.help or "").partition("\n")[0]


def _fitting(offers: Iterable[Offer], typed: str) -> list[Offer]:
    found: dict[str, str] = {}
    for value, meaning in offers:
        if value.startswith(typed) and value.isprintable():
            found.setdefault(value, meaning)
    return list(found.items())
