"""An export as Markdown, for people and their tools; it is not taken in again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from domain.ids import short
from interfaces.porting.branches import runs
from interfaces.views import utc

if TYPE_CHECKING:
    from interfaces.porting.gathering import Gathered, Gathering
    from projections.projects.queries import ProjectDetails
    from projections.transcript.messages import Message

_BREAKS = re.compile(r"\s+")
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&])")
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")
_FENCE = re.compile(r"^[ ]{0,3}(`{3,}|~{3,})", re.MULTILINE)


def pieces(gathering: Gathering) -> Iterator[str]:
    """Yield the export. Half surrogate pairs, which no file in UTF-8 can hold, become U+FFFD."""
    for piece in _pieces(gathering):
        yield _HALF_A_PAIR.sub("\N{REPLACEMENT CHARACTER}", piece)


def _pieces(gathering: Gathering) -> Iterator[str]:
    first = True
    for project in gathering.projects():
        yield from _project(project)
        first = False
    for gathered in gathering.conversations():
        if not first:
            yield "\n---\n\n"
        first = False
        yield from _conversation(gathered)
    if first:
        yield "There is nothing here yet.\n"


def _project(found: ProjectDetails) -> Iterator[str]:
    yield f"# Project {_line(found.name)}\n\n"
    if found.description:
        yield f"{found.description.strip()}\n\n"
    if found.instructions:
        yield f"Instructions:\n\n{_quoted(found.instructions)}\n\n"


def _conversation(gathered: Gathered) -> Iterator[str]:
    found = gathered.summary
    yield f"# {_line(found.title) or 'Conversation'}\n\n"
    facts = [f"conversation `{found.id}`", f"begun {utc(found.created_at)}"]
    if found.archived:
        facts.append("archived")
    if gathered.origin_id is not None:
        facts.append(f"copied from `{gathered.origin_id}`")
    yield "*" + " · ".join(facts) + "*\n"
    for run in runs(gathered.nodes, found.current_id):
        if not run.is_current:
            after = (
                f", after message `{short(run.after)}`" if run.after is not None else ", from the beginning"
            )
            yield f"\n## Another branch{after}\n"
        for message in gathered.messages(run.ids):
            yield from _message(message)


def _message(found: Message) -> Iterator[str]:
    if found.kind == "prompt":
        who = "You"
    else:
        who = _line(found.model or "")
        if found.status != "complete":
            who += f" ({found.status})"
    yield f"\n### {who} · {utc(found.at)} · `{short(found.id)}`\n\n"
    if found.instructions:
        yield f"Instructions:\n\n{_quoted(found.instructions)}\n\n"
    if found.thinking.strip():
        yield f"Thinking:\n\n{_quoted(found.thinking)}\n\n"
    yield from _lost(found)
    if found.text.strip():
        yield _closed(found.text.strip("\n")) + "\n"
    if found.detail:
        yield f"\n*{_line(found.detail)}*\n"
    if found.rating is not None:
        words = f": {_line(found.rating_words)}" if found.rating_words else ""
        yield f"\nRated {found.rating}{words}\n"
    for note in found.notes:
        yield f"\nNote, {utc(note.written_at)}:\n\n{_quoted(note.text)}\n"


def _lost(found: Message) -> Iterator[str]:
    if found.erased:
        yield "*(This was erased while the export was written.)*\n"
    elif found.damage is not None:
        yield "*(Some of this was altered after it was written, and cannot be shown.)*\n"


def _line(text: str) -> str:
    """Return text for one line, in which nothing is Markdown."""
    return _SPECIAL.sub(r"\\\1", _BREAKS.sub(" ", text).strip())


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().split("\n"))


def _closed(text: str) -> str:
    """Return Markdown with a fence closed that it left open: a cut answer must not take in what follows."""
    open_fence = ""
    for match in _FENCE.finditer(text):
        mark = match[1]
        if not open_fence:
            open_fence = mark
        elif mark[0] == open_fence[0] and len(mark) >= len(open_fence):
            open_fence = ""
    return f"{text}\n{open_fence}" if open_fence else text
