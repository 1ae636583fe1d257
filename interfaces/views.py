"""The JSON shapes that people's scripts rely on, shared by the command line's `--json` and by HTTP.

Invariants: keys are only ever added, never renamed or removed; ids end in `_id` (a thing's own is `id`),
numbers of things in `_count`, durations in `_ms`, sizes in `_bytes`; times are RFC 3339 in UTC with a `Z`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

_HALF_A_PAIR = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class UsageView:
    """Tokens as the model server counted them; None where it did not."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, kw_only=True)
class TimingsView:
    """Where the time of an answer went."""

    first_token_ms: float | None = None
    total_ms: float | None = None
    load_ms: float | None = None
    prompt_eval_ms: float | None = None
    eval_ms: float | None = None


@dataclass(frozen=True, kw_only=True)
class AnswerView:
    """One answer with all that is known when it has ended (`ask --json`).

    `log_size` is None where the end could not be recorded; `reason` says why the answer ended as it did,
    `detail` in words what went wrong; `position` is the place in the line of one that is `queued`.
    """

    conversation_id: UUID
    prompt_id: UUID
    answer_id: UUID
    model: str
    status: str
    text: str
    thinking: str
    usage: UsageView
    timings: TimingsView
    log_size: int | None
    model_digest: str | None = None
    reason: str | None = None
    detail: str | None = None
    cut_count: int = 0
    replayed: bool = False
    position: int | None = None


@dataclass(frozen=True, kw_only=True)
class ConversationItemView:
    """One line of the list of conversations. `damaged`: its title was altered and cannot be shown.

    `origin_conversation_id` and `origin_message_id` say what it was copied from, `routine_id` and
    `routine_version` which routine opened it. `titled`: it was given its title, by `title_by` (`person`,
    `model`); else that is how its first prompt begins. `current_id` ends its current branch; `version` is
    that of its `ETag`.
    """

    id: UUID
    title: str | None
    project_id: UUID | None
    message_count: int
    updated_at: datetime
    created_at: datetime | None = None
    archived: bool = False
    damaged: bool = False
    held: bool = False
    erased: bool = False
    erased_at: datetime | None = None
    erased_by: str | None = None
    origin_conversation_id: UUID | None = None
    origin_message_id: UUID | None = None
    title_by: str | None = None
    pinned: bool = False
    tags: list[str] = field(default_factory=list)
    routine_id: UUID | None = None
    routine_version: int | None = None
    titled: bool = False
    current_id: UUID | None = None
    last_actor: str | None = None
    hold_reason: str | None = None
    version: int = 0


@dataclass(frozen=True, kw_only=True)
class AsOfView:
    """The moment of which something is shown: events up to and including `log_index` had happened."""

    log_index: int
    time: datetime


@dataclass(frozen=True, kw_only=True)
class ConversationListView:
    """A page of conversations, in the order asked for; `as_of` an earlier moment, or now (null)."""

    conversations: list[ConversationItemView]
    next_cursor: str | None = None
    as_of: AsOfView | None = None


@dataclass(frozen=True, kw_only=True)
class NoteView:
    """What a person wrote on a message; `actor` is who wrote it first.

    `imported_id` is its id where it was first recorded, if that was elsewhere.
    """

    id: UUID
    text: str
    written_at: datetime
    changed_at: datetime | None
    actor: str
    imported_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class MadeByView:
    """The routine that made a prompt: which version of it, with which values of its variables."""

    routine_id: UUID
    version: int
    variables: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class MessageView:
    """One message. `status`, `thinking`, `model` and `rating` (`up`, `down`) belong to answers.

    `at` is when it was recorded, also where it was copied later. It is number `sibling_index`, from 1, of the
    `sibling_count` messages that follow the same one. `erased` and `damaged` (altered after it was written)
    say why a text is missing; `origin_message_id` is what it is a copy of, `made_by` the routine that
    made a prompt.
    """

    id: UUID
    parent_id: UUID | None
    kind: str
    status: str | None
    text: str | None
    thinking: str | None
    model: str | None
    at: datetime
    ended_at: datetime | None = None
    reason: str | None = None
    detail: str | None = None
    instructions: str | None = None
    model_digest: str | None = None
    cut_count: int = 0
    usage: UsageView | None = None
    timings: TimingsView | None = None
    erased: bool = False
    damaged: bool = False
    sibling_index: int = 1
    sibling_count: int = 1
    origin_message_id: UUID | None = None
    rating: str | None = None
    rating_words: str | None = None
    made_by: MadeByView | None = None
    notes: list[NoteView] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class TranscriptView:
    """One conversation's current branch, root first."""

    id: UUID
    title: str | None
    project_id: UUID | None
    messages: list[MessageView]
    archived: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None
    held: bool = False
    erased: bool = False
    erased_at: datetime | None = None
    erased_by: str | None = None
    origin_conversation_id: UUID | None = None
    origin_message_id: UUID | None = None
    title_by: str | None = None
    pinned: bool = False
    tags: list[str] = field(default_factory=list)
    as_of: AsOfView | None = None


@dataclass(frozen=True, kw_only=True)
class PieceView:
    """A piece of a snippet; `is_hit`: it is a word that was looked for."""

    text: str
    is_hit: bool


@dataclass(frozen=True, kw_only=True)
class SearchHitView:
    """One message that was found. `snippet` marks the words found with « and »; so do `pieces`, apart."""

    conversation_id: UUID
    message_id: UUID
    snippet: str
    rank: float
    kind: str | None = None
    title: str | None = None
    at: datetime | None = None
    project_id: UUID | None = None
    pieces: list[PieceView] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class SearchView:
    """A page of hits, best first."""

    results: list[SearchHitView]
    next_cursor: str | None = None
    as_of: AsOfView | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectView:
    """One project. `damage` says in words that some of it was altered; `version` is that of its `ETag`."""

    id: UUID
    name: str | None
    description: str | None
    instructions: str | None
    default_model: str | None
    archived: bool
    created_at: datetime
    updated_at: datetime
    held: bool = False
    erased: bool = False
    erased_at: datetime | None = None
    erased_by: str | None = None
    default_options: dict[str, Any] = field(default_factory=dict)
    hold_reason: str | None = None
    damage: str | None = None
    instructions_version: int | None = None
    version: int = 0


@dataclass(frozen=True, kw_only=True)
class ProjectListView:
    """A page of projects."""

    projects: list[ProjectView]
    next_cursor: str | None = None


@dataclass(frozen=True, kw_only=True)
class DoneView:
    """What a command that only changes something returns: the thing changed, and the log size reached."""

    id: UUID
    log_size: int


@dataclass(frozen=True, kw_only=True)
class ProblemView:
    """What a verification found wrong. `log_index` and `stream` are null where it is no one event's."""

    log_index: int | None
    stream: UUID | None
    what: str


@dataclass(frozen=True, kw_only=True)
class VerifiedView:
    """What a verification found.

    `root` is the recomputed one, in hex, null where events are missing; `checkpoint` the newest signed note
    that the log agrees with. `skipped_count` events were not read again; `pinned` is false where no
    key of the book's was known, and the database's word was taken for it.
    """

    ok: bool
    events: int
    root: str | None
    checkpoint: str | None
    problems: list[ProblemView]
    skipped_count: int = 0
    pinned: bool = True


@dataclass(frozen=True, kw_only=True)
class EventView:
    """One event's envelope; its content stays sealed. `actor_name` is a token's name, null for others.

    `about` is what was shown or exported, where the event says that.
    """

    log_index: int
    id: UUID
    type: str
    stream: UUID
    version: int
    at: datetime
    actor: str
    source: str
    correlation_id: UUID | None
    causation_id: UUID | None = None
    actor_name: str | None = None
    about: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class ErasedView:
    """What `erase` did. `finished`: nothing is left to do; else `daybook keys rotate` goes on.

    Of the conversations, `derived_count` are copies (forks, replays) that were taken along;
    `remaining_derived_ids` are those that were not.
    """

    id: UUID
    log_size: int
    conversation_count: int
    message_count: int
    finished: bool
    derived_count: int = 0
    remaining_derived_ids: list[UUID] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class HoldView:
    """One hold. `kind` is `conversation` or `project`."""

    id: UUID
    kind: str
    title: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class HoldListView:
    """All holds."""

    holds: list[HoldView]


def to_json(view: Any) -> str:
    """Return a view (or plain JSON-like data with ids, times and views in it) as one line of JSON."""
    import json

    line = json.dumps(view, default=_plain, ensure_ascii=False, separators=(",", ":"))
    if line.isascii() or not _HALF_A_PAIR.search(line):
        return line
    # A model may send half a surrogate pair; as an escape it passes through UTF-8.
    return _HALF_A_PAIR.sub(lambda half: f"\\u{ord(half[0]):04x}", line)


def to_plain(view: Any) -> dict[str, Any]:
    """Return a view as it will be in JSON, for a place inside another document."""
    import json

    plain: dict[str, Any] = json.loads(json.dumps(view, default=_plain))
    return plain


def utc(moment: datetime) -> str:
    """Return a time in RFC 3339, UTC, with a `Z`."""
    from datetime import UTC

    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    from collections.abc import Mapping
    from dataclasses import fields, is_dataclass
    from pathlib import PurePath

    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: getattr(value, item.name) for item in fields(value)}
    if isinstance(value, datetime):
        return utc(value)
    if isinstance(value, UUID | PurePath):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")
