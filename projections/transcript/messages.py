"""Messages as queries give them back: opened, frozen, and free of everything that is costly to import."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from domain.content import Vault
from domain.errors import ContentDamagedError
from projections.opening import Opener


@dataclass(frozen=True, slots=True)
class Usage:
    """What the model server counted; None where it told nothing."""

    prompt_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True, slots=True)
class Timings:
    """How long it took, in milliseconds; None where nobody told."""

    total_ms: float | None
    load_ms: float | None
    prompt_eval_ms: float | None
    eval_ms: float | None
    first_token_ms: float | None


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made an answer what it is."""

    model: str
    model_digest: str | None
    context_length: int
    options: dict[str, Any]
    think: bool | str | None
    owner_id: UUID
    sent_message_ids: tuple[UUID, ...]
    cut_count: int
    instructions_project_id: UUID | None
    instructions_version: int | None
    request_hash: bytes


@dataclass(frozen=True, slots=True)
class MadeBy:
    """The routine that made a prompt: which version of it, with which values of its variables."""

    routine_id: UUID
    version: int
    variables: dict[str, str]


@dataclass(frozen=True, slots=True)
class Note:
    """What a person wrote on a message. `imported_id` as in `Message`."""

    id: UUID
    message_id: UUID
    text: str
    written_at: datetime
    changed_at: datetime | None
    actor: str
    imported_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One prompt or answer.

    `kind` is `prompt` or `answer`; `status` (answers only) one of `streaming`, `complete`, `cancelled`,
    `failed`, `interrupted`. `instructions` (prompts) stand over the project's; `detail` (failed answers) is
    what a person was told. `text` and `thinking` are empty while an answer streams, and for ever once erased.
    `damage` says that some of it was altered: that part is empty, too. It is number `sibling_index` (from 1)
    of the `sibling_count` messages that follow the same one. `rating` is `up`, `down` or None;
    `made_by` (prompts) the routine that made it. `imported_id` is its id
    where it was first recorded, if that was elsewhere.
    """

    id: UUID
    conversation_id: UUID
    parent_id: UUID | None
    kind: str
    status: str | None
    text: str
    thinking: str
    model: str | None
    at: datetime
    ended_at: datetime | None
    log_index: int
    actor: str
    source: str
    instructions: str | None
    reason: str | None
    detail: str | None
    usage: Usage
    timings: Timings
    provenance: Provenance | None
    erased: bool
    damage: ContentDamagedError | None = None
    sibling_index: int = 1
    sibling_count: int = 1
    origin_message_id: UUID | None = None
    rating: str | None = None
    rating_words: str | None = None
    notes: tuple[Note, ...] = ()
    imported_id: UUID | None = None
    made_by: MadeBy | None = None

    def whole(self) -> Message:
        """Return this message for a use that must not miss any of it.

        Raises:
            ContentDamagedError: some of it was altered.
        """
        if self.damage is not None:
            raise self.damage
        return self


@dataclass(frozen=True, slots=True)
class Node:
    """One message's place in the tree, without its text, or with the `beginning` of it."""

    id: UUID
    parent_id: UUID | None
    kind: str
    status: str | None
    model: str | None
    at: datetime
    rating: str | None = None
    note_count: int = 0
    beginning: str | None = None


@dataclass(frozen=True, slots=True)
class StreamingAnswer:
    """An answer without an end, and the process that owns it."""

    answer_id: UUID
    conversation_id: UUID
    owner_id: UUID
    at: datetime


MESSAGES: LiteralString = """
select m.id, m.conversation_id, m.parent_id, m.kind, m.status, m.at, m.ended_at, m.log_index, m.actor,
       m.source, m.erased, m.text, m.thinking, m.detail, m.instructions, m.options, m.model, m.model_digest,
       m.context_length, m.think, m.owner_id, m.sent_message_ids, m.cut_count, m.instructions_project_id,
       m.instructions_version, m.request_hash, m.reason, m.prompt_tokens, m.completion_tokens, m.total_ms,
       m.load_ms, m.prompt_eval_ms, m.eval_ms, m.first_token_ms,
       s.place, s.number, m.origin_message_id, m.imported_id, m.rating, m.rating_words,
       m.routine_id, m.routine_version, m.routine_variables,
       exists (select from notes n where n.message_id = m.id)
  from messages m
  join lateral (
           select count(*) filter (where b.log_index <= m.log_index) as place, count(*) as number
             from (select o.log_index from messages o where o.parent_id = m.parent_id
                   union all
                   select o.log_index from messages o
                    where m.parent_id is null and o.parent_id is null
                      and o.conversation_id = m.conversation_id) b
       ) s on true
"""

NOTES: LiteralString = """
select n.id, n.message_id, n.text, n.written_at, n.changed_at, n.actor, n.imported_id
  from notes n
 where n.message_id = any(%s::uuid[])
 order by n.log_index
"""

HAS_NOTES = -1
"""Which value of a row of `MESSAGES` says that there are notes."""


def to_note(row: tuple[Any, ...], vault: Vault) -> Note:
    """Return the note of a row of `NOTES`, opened; the text of an erased or altered one is empty."""
    note_id, message_id, text, *told = row
    return Note(note_id, message_id, Opener(vault).text(text) or "", *told)


def to_message(row: tuple[Any, ...], vault: Vault, notes: tuple[Note, ...] = ()) -> Message:
    """Return the message of a row of `MESSAGES`, its content opened."""
    (
        message_id,
        conversation_id,
        parent_id,
        kind,
        status,
        at,
        ended_at,
        log_index,
        actor,
        source,
        erased,
        text,
        thinking,
        detail,
        instructions,
        options,
        model,
        *rest,
    ) = row
    opener = Opener(vault)
    (
        digest,
        context_length,
        think,
        owner_id,
        sent,
        cut_count,
        project_id,
        version,
        request_hash,
        reason,
        *told,
    ) = rest
    counts = told[:7]
    place, number, origin_id, imported_id, rating, words, routine_id, routine_version, variables, _ = told[7:]
    made_by = None
    if routine_id is not None:
        made_by = MadeBy(routine_id, routine_version, opener.value(variables) or {})
    provenance = None
    if kind == "answer":
        provenance = Provenance(
            model=model,
            model_digest=digest,
            context_length=context_length,
            options=opener.value(options) or {},
            think=json.loads(think),
            owner_id=owner_id,
            sent_message_ids=tuple(sent),
            cut_count=cut_count,
            instructions_project_id=project_id,
            instructions_version=version,
            request_hash=bytes(request_hash),
        )
    return Message(
        id=message_id,
        conversation_id=conversation_id,
        parent_id=parent_id,
        kind=kind,
        status=status,
        text=opener.text(text) or "",
        thinking=opener.text(thinking) or "",
        model=model,
        at=at,
        ended_at=ended_at,
        log_index=log_index,
        actor=actor,
        source=source,
        instructions=opener.text(instructions),
        reason=reason,
        detail=opener.text(detail),
        sibling_index=place,
        sibling_count=number,
        origin_message_id=origin_id,
        imported_id=imported_id,
        rating=rating,
        rating_words=opener.text(words),
        notes=notes,
        made_by=made_by,
        usage=Usage(*counts[:2]),
        timings=Timings(*counts[2:]),
        provenance=provenance,
        erased=opener.erased or erased,
        damage=opener.damage,
    )
