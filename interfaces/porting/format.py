"""Our own export: lines of JSON, each an object with a `type`. docs/portable.md says it to people.

The first line is the `head`, the last the `end`; between them stand projects, and conversations, each
followed by its messages, parents first. So it is written and read with no more than one conversation in
memory, and a file that was cut off is noticed. Fields are only ever added: a reader reports what it does not
know and goes on; `version` rises when an older reader would take something for what it is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from domain.errors import InvalidInputError
from interfaces.views import TimingsView, UsageView

FORMAT = "daybook"
VERSION = 1
MOST_LINE_BYTES = 24 * 1024 * 1024
"""What is longer is no message that anybody reads; in memory it may be four times as large."""
_MOST_MARKS = 256 * 1024
"""Bytes of a line outside of its strings. Each may become a hundred in memory, and no export has so many."""
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)

NOBODY = UUID(int=0)
"""The process that answered, where nobody tells which."""


@dataclass(frozen=True, kw_only=True)
class HeadLine:
    """What the file is. `scope`: `conversation`, `project` or `all`; `log_size`: of the book at the start."""

    format: str
    version: int
    exported_at: datetime
    scope: str
    log_size: int


@dataclass(frozen=True, kw_only=True)
class ProjectLine:
    """A project. `imported_id` is its id where it was first recorded, if elsewhere."""

    id: UUID
    name: str
    created_at: datetime
    updated_at: datetime
    description: str = ""
    instructions: str = ""
    default_model: str | None = None
    default_options: dict[str, Any] = field(default_factory=dict)
    archived: bool = False
    imported_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class ConversationLine:
    """A conversation; its `message_count` messages follow. `title` is null where nobody gave one.

    `title_by` is `model` where a model made the title.

    `imported_id` is its id where it was first recorded, if elsewhere, and `imported_from` what recorded it
    there. The origin is what it was copied from (a fork), and the message in which the copied branch ended.
    """

    id: UUID
    message_count: int
    created_at: datetime
    updated_at: datetime
    title: str | None = None
    title_by: str | None = None
    tags: tuple[str, ...] = ()
    pinned: bool = False
    project_id: UUID | None = None
    current_id: UUID | None = None
    archived: bool = False
    imported_id: UUID | None = None
    imported_from: str | None = None
    origin_conversation_id: UUID | None = None
    origin_message_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class NoteLine:
    """A note on a message. `imported_id` is its id where it was first recorded, if elsewhere."""

    id: UUID
    text: str
    written_at: datetime
    changed_at: datetime | None = None
    imported_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class ProvenanceLine:
    """What made an answer what it is. `request_hash` is in hex."""

    model: str
    model_digest: str | None = None
    context_length: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    think: bool | str | None = None
    owner_id: UUID = NOBODY
    sent_message_ids: tuple[UUID, ...] = ()
    cut_count: int = 0
    instructions_project_id: UUID | None = None
    instructions_version: int | None = None
    request_hash: str = ""


@dataclass(frozen=True, kw_only=True)
class MadeByLine:
    """The routine that made a prompt; it is of the book in which the prompt was first recorded."""

    routine_id: UUID
    routine_version: int
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MessageLine:
    """A message. `kind`: `prompt` or `answer`; `status`, `provenance` and what follows belong to answers.

    `damaged`: some of it was altered after it was written, and is empty here.
    """

    id: UUID
    kind: str
    at: datetime
    text: str
    parent_id: UUID | None = None
    instructions: str | None = None
    imported_id: UUID | None = None
    origin_message_id: UUID | None = None
    notes: tuple[NoteLine, ...] = ()
    made_by: MadeByLine | None = None
    status: str | None = None
    thinking: str = ""
    ended_at: datetime | None = None
    reason: str | None = None
    detail: str | None = None
    usage: UsageView | None = None
    timings: TimingsView | None = None
    provenance: ProvenanceLine | None = None
    rating: str | None = None
    rating_words: str | None = None
    damaged: bool = False


@dataclass(frozen=True, kw_only=True)
class WithdrawnLine:
    """A conversation whose lines stand before this one was erased while they were written."""

    id: UUID


@dataclass(frozen=True, kw_only=True)
class EndLine:
    """How much there was."""

    project_count: int
    conversation_count: int
    message_count: int


Line: TypeAlias = HeadLine | ProjectLine | ConversationLine | MessageLine | WithdrawnLine | EndLine

TYPES: Mapping[str, type[Line]] = {
    "head": HeadLine,
    "project": ProjectLine,
    "conversation": ConversationLine,
    "message": MessageLine,
    "withdrawn": WithdrawnLine,
    "end": EndLine,
}
_INNER: Mapping[str, type[Any]] = {
    "notes": NoteLine,
    "made_by": MadeByLine,
    "provenance": ProvenanceLine,
    "usage": UsageView,
    "timings": TimingsView,
}
_DEFAULTS: Mapping[type[Any], Mapping[str, Any]] = {
    kind: {
        item.name: item.default if item.default_factory is MISSING else item.default_factory()
        for item in fields(kind)
    }
    for kind in (*TYPES.values(), *_INNER.values())
}
_NAMES = {kind: name for name, kind in TYPES.items()}


def written(line: Line) -> str:
    """Return a line, with its end. What says no more than the default is left out."""
    from interfaces.views import to_json

    return to_json({"type": _NAMES[type(line)], **_said(line)}) + "\n"


def _said(part: Any) -> dict[str, Any]:
    said = {}
    for name, default in _DEFAULTS[type(part)].items():
        value = getattr(part, name)
        if value is None or value == default:
            continue
        if name in _INNER:
            value = [_said(one) for one in value] if isinstance(value, tuple) else _said(value)
        if value != {}:
            said[name] = value
    return said


@dataclass(frozen=True)
class UnreadableError(Exception):
    """A line is none of ours; `why` says what is wrong with it."""

    why: str


def read(line: bytes) -> tuple[Line | None, list[str]]:
    """Return what a line says (None: of a type not known here), and the names that were not understood.

    Raises:
        UnreadableError: it is no JSON, or says something of the wrong type.
    """
    said = _parsed(line)
    if not isinstance(said, dict):
        raise UnreadableError("it is no JSON object")
    name = said.pop("type", None)
    kind = TYPES.get(name) if isinstance(name, str) else None
    if kind is None:
        return None, [f"type {str(name)[:40]!r}"]
    unknown = list(_unknown(kind, said, str(name)))
    import msgspec

    try:
        return msgspec.convert(said, kind), unknown
    except msgspec.ValidationError as problem:
        raise UnreadableError(f"it is no {name}: {problem}") from None
    except RecursionError:
        raise UnreadableError("it is nested too deep") from None


def _parsed(line: bytes) -> Any:
    if len(line) > _MOST_MARKS and _has_too_many_marks(line):
        raise UnreadableError("it has more names and values than any export")
    try:
        return json.loads(line, parse_constant=_no_constant)
    except RecursionError:
        raise UnreadableError("it is nested too deep") from None
    except UnicodeDecodeError:
        raise UnreadableError("it is not in UTF-8") from None
    except ValueError as problem:
        raise UnreadableError(f"it is no JSON ({str(problem)[:120]})") from None


def _has_too_many_marks(line: bytes) -> bool:
    marks = end = 0
    for string in _STRING.finditer(line):
        marks += string.start() - end
        end = string.end()
        if marks > _MOST_MARKS:
            return True
    return marks + len(line) - end > _MOST_MARKS


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _unknown(kind: type[Any], said: Mapping[str, Any], path: str) -> Iterator[str]:
    known = _DEFAULTS[kind]
    for name, value in said.items():
        where = f"{path}.{name[:60]}"
        if name not in known:
            yield where
            continue
        inner = _INNER.get(name)
        if inner is None:
            continue
        for one in value if isinstance(value, list) else (value,):
            if isinstance(one, dict):
                yield from _unknown(inner, one, where)


def must_be_ours(head: HeadLine) -> None:
    """Refuse a file that this release cannot read right.

    Raises:
        InvalidInputError: it is of another format, or of a later version.
    """
    if head.format != FORMAT:
        raise InvalidInputError(
            f"This is an export of {head.format[:40]!r}, not of Daybook. Nothing was imported."
        )
    if head.version > VERSION:
        raise InvalidInputError(
            f"A newer Daybook wrote this file: its format has version {head.version}, and this one reads up "
            f"to {VERSION}. Nothing was imported.",
            hint="Update Daybook.",
        )
