"""A routine written in the person's own editor.

Invariant: what somebody wrote there is not lost because it cannot be read as a routine.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from typing import TYPE_CHECKING

from application.commands import ChangeRoutine
from domain.errors import DaybookError, InvalidInputError
from interfaces import routine_document
from interfaces.cli.console import can_ask, say
from interfaces.cli.opening import SOURCE
from interfaces.cli.prompt_input import decoded, is_piped, read_piped
from interfaces.cli.routine import give_version

if TYPE_CHECKING:
    from interfaces.book import Book
    from projections.routines.queries import RoutineDetails


def edited(book: Book, found: RoutineDetails, document: str | None, *, as_json: bool) -> None:
    """Make a new version of what the editor saves, or of what is piped in."""
    if document not in {None, "-"}:
        raise InvalidInputError(
            f"A routine is edited with $EDITOR, or read from a pipe with -, not from {document!r}. Nothing "
            "was recorded.",
            hint="daybook routine edit NAME - < FILE",
        )
    if document == "-" or is_piped(0):
        _give(book, found, decoded(read_piped(0)), as_json=as_json)
        return
    if not can_ask():
        raise InvalidInputError("There is no terminal to open an editor on. Nothing was recorded.")
    from interfaces.cli.editing import edit

    found.newest.definition.must_be_sound()  # a removed, erased or altered one is no text to go on from
    before = routine_document.write(found.newest.definition)
    text = edit(before)
    if text == before.rstrip("\n"):
        say("The routine is as it was. Nothing was recorded.")
        return
    try:
        _give(book, found, text, as_json=as_json)
    except DaybookError as problem:
        kept = _keep(text)
        raise type(problem)(
            f"{problem.message} What you wrote is kept in {kept}.",
            hint=f"daybook routine edit {found.name} - < {shlex.quote(kept)}   (when it is put right)",
        ) from None


def _give(book: Book, found: RoutineDetails, text: str, *, as_json: bool) -> None:
    new = routine_document.read(text)
    new.must_be_sound()
    command = ChangeRoutine(
        actor=book.actor,
        source=SOURCE,
        expected_version=found.version,
        routine_id=found.id,
        name=new.name,
        prompt=new.prompt,
        description=new.description,
        instructions=new.instructions,
        model=new.model or "",
        options=new.options,
        think="" if new.think is None else new.think,
    )
    give_version(book, command, found, new.name, as_json=as_json)


def _keep(text: str) -> str:
    descriptor, name = tempfile.mkstemp(prefix="daybook-routine-", suffix=".md")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    return name
