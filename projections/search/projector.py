"""Fills the search tables: the one projector that opens content. What was erased has no words any more.

Invariant: the words of an owner whose tombstone is committed are never written, whatever keys this process
still holds; rows that were there before go with the event of the erasure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from domain.content import OptionalText, Text, Vault, packed
from domain.conversation import events as e
from domain.errors import ContentErasedError
from domain.event import Recorded
from domain.moments import from_micros
from projections.columns import execute_set
from projections.read_model import ReadModel
from projections.search import NAME, SEGMENT_BITS, VERSION, conversation_mark, segment_mark
from projections.search.marks import file, models_of, project_marks

if TYPE_CHECKING:
    import psycopg

LONGEST = 2_000_000
"""Characters of one text that are looked at. More would only cost time: a tsvector holds no more words."""

# Only a long text can have more words than a tsvector holds (1 MB, and the most that a byte of text can need
# there is thirteen): the others go without the net of `to_words`, which costs a quarter of finding the words.
_INSERT = """
insert into messages (message_id, conversation_id, kind, log_index, at, words)
select n.message_id, n.conversation_id, n.kind, n.log_index, n.at,
       case when octet_length(n.content) < 30000
            then to_tsvector('pg_catalog.simple', n.content) || array_to_tsvector(m.marks)
            else to_words(n.content, m.marks)
       end
  from unnest(%s::uuid[], %s::uuid[], %s::text[], %s::bigint[], %s::timestamptz[], %s::text[], %s::text[],
              %s::text[], %s::text[])
       as n(message_id, conversation_id, kind, log_index, at, content, segment, mark, model)
  left join conversations c on c.id = n.conversation_id
 cross join lateral (
    select array_remove(array[n.segment, n.mark, E'\\x01k' || n.kind, n.model] || c.marks, null)
 ) as m(marks)
on conflict (message_id) do update
   set log_index = excluded.log_index, at = excluded.at, words = excluded.words
"""

_TEXTS = """
insert into texts (message_id, packed)
select * from unnest(%s::uuid[], %s::bytea[])
on conflict (message_id) do update set packed = excluded.packed
"""

_DELETE_MESSAGES = "delete from messages where message_id = any(%s::uuid[])"
_DELETE_TEXTS = "delete from texts where message_id = any(%s::uuid[])"

_TOMBSTONES = "select t.owner_id from daybook.tombstones t where t.owner_id = any(%s::uuid[])"

_ERASE = """
with untagged as (
    delete from tags t where t.conversation_id = %(id)s
), displaced as (
    delete from places p where p.conversation_id = %(id)s
), gone as (
    delete from messages m
     where m.words @@ %(mark)s::tsquery and m.conversation_id = %(id)s
    returning m.message_id
), texts as (
    delete from texts t using gone where t.message_id = gone.message_id
)
delete from conversations c where c.id = %(id)s
"""

_START = """
insert into conversations (id, project_id, marks)
select n.id, n.project_id, array_remove(array[n.mark], null)
  from unnest(%s::uuid[], %s::uuid[], %s::text[]) as n(id, project_id, mark)
"""

_RENAME = """
update conversations c set title = n.title
  from unnest(%s::uuid[], %s::bytea[]) as n(id, title)
 where c.id = n.id
"""

_FIRST_PROMPT = """
update conversations c set first_prompt_id = n.prompt_id
  from unnest(%s::uuid[], %s::uuid[]) as n(id, prompt_id)
 where c.id = n.id and c.first_prompt_id is null
"""

_TIMES = """
insert into segments (segment, first_at, last_at)
select * from unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[])
on conflict (segment) do update
   set first_at = least(segments.first_at, excluded.first_at),
       last_at  = greatest(segments.last_at, excluded.last_at)
"""

_PLACES = """
insert into places (conversation_id, segment)
select * from unnest(%s::uuid[], %s::bigint[])
on conflict do nothing
"""

_MODEL_PLACES = """
insert into model_places (mark, segment)
select * from unnest(%s::text[], %s::bigint[])
on conflict do nothing
"""

_WITH_TEXT = (
    e.PromptAdded,
    e.PromptCopied,
    e.AnswerCompleted,
    e.AnswerCancelled,
    e.AnswerFailed,
    e.AnswerInterrupted,
    e.AnswerCopied,
)


class Search(ReadModel):
    """The search read model.

    Args:
        vault: opens the texts whose words are indexed.
    """

    name: ClassVar[str] = NAME
    version: ClassVar[int] = VERSION
    folder: ClassVar[Path] = Path(__file__).parent

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def apply(  # noqa: C901 - one case an event
        self, connection: psycopg.Connection, batch: Sequence[Recorded]
    ) -> None:
        """Index the texts of prompts and ended answers, and keep the titles of their conversations."""
        messages: dict[UUID, tuple[Any, ...] | None] = {}
        texts: dict[UUID, bytes | None] = {}
        started: list[tuple[UUID, UUID | None, str | None]] = []
        titles: dict[UUID, bytes | None] = {}
        first_prompts: dict[UUID, UUID] = {}
        erased: list[UUID] = []
        tombstones = _tombstones(connection, batch)
        models = models_of(connection, batch)
        self._vault.prepare(
            recorded.event.stream_id for recorded in batch if isinstance(recorded.event, _WITH_TEXT)
        )
        for recorded in batch:
            event = recorded.event
            match event:
                case e.PromptAdded() | e.PromptCopied():
                    first_prompts.setdefault(event.stream_id, event.message_id)
                    kind = "prompt"
                case (
                    e.AnswerCompleted()
                    | e.AnswerCancelled()
                    | e.AnswerFailed()
                    | e.AnswerInterrupted()
                    | e.AnswerCopied()
                ):
                    kind = "answer"
                case e.ConversationStarted():
                    started.append((event.stream_id, event.project_id, project_marks(event.project_id)))
                    self._title(titles, event.stream_id, event.title)
                    continue
                case e.ConversationRenamed() | e.ConversationTitled():
                    self._title(titles, event.stream_id, event.title)
                    continue
                case e.ConversationErased():
                    erased.append(event.stream_id)
                    continue
                case _:
                    continue
            content = "" if event.stream_id in tombstones else self._content(event.text)
            if content.strip():
                messages[event.message_id] = _row(recorded, kind, content, models.get(event.message_id))
                texts[event.message_id] = packed(event.text)
            elif kind == "answer":
                messages[event.message_id] = texts[event.message_id] = None
        execute_set(connection, _START, started)
        file(connection, batch, self._vault)
        execute_set(connection, _RENAME, titles.items())
        execute_set(connection, _FIRST_PROMPT, first_prompts.items())
        execute_set(connection, _INSERT, (row for row in messages.values() if row is not None))
        execute_set(connection, _TEXTS, ((key, text) for key, text in texts.items() if text is not None))
        emptied = [key for key, row in messages.items() if row is None]
        if emptied:
            connection.execute(_DELETE_MESSAGES, (emptied,))
            connection.execute(_DELETE_TEXTS, (emptied,))
        execute_set(connection, _TIMES, _times(batch))
        execute_set(connection, _PLACES, _places(batch))
        execute_set(connection, _MODEL_PLACES, _model_places(batch, models))
        for one in erased:
            connection.execute(_ERASE, {"id": one, "mark": f"'{conversation_mark(one.hex)}'"})

    @staticmethod
    def _title(titles: dict[UUID, bytes | None], conversation_id: UUID, title: OptionalText) -> None:
        if title is not None:
            titles[conversation_id] = packed(title)

    def _content(self, text: Text) -> str:
        """Return a text as the index can take it; an erased one is empty."""
        if isinstance(text, str):
            raise TypeError("only content that was read from the log can be indexed")
        try:
            return indexable(self._vault.open(text))
        except ContentErasedError:
            return ""


def _tombstones(connection: psycopg.Connection, batch: Sequence[Recorded]) -> set[UUID]:
    streams = list({recorded.event.stream_id for recorded in batch})
    return {row[0] for row in connection.execute(_TOMBSTONES, (streams,))}


def indexable(text: str) -> str:
    """Return a text without NUL and lone surrogates, and not longer than is looked at."""
    return text[:LONGEST].replace("\0", " ").encode("utf-8", "replace").decode()


def _row(recorded: Recorded, kind: str, content: str, model: str | None) -> tuple[Any, ...]:
    event: Any = recorded.event
    segment = segment_mark(recorded.log_index >> SEGMENT_BITS)
    mark = conversation_mark(event.stream_id.hex)
    place = (event.message_id, event.stream_id, kind, recorded.log_index, _said_at(recorded))
    return (*place, content, segment, mark, model)


def _said_at(recorded: Recorded) -> datetime:
    if isinstance(recorded.event, e.PromptCopied | e.AnswerCopied):
        return from_micros(recorded.event.said_at)
    return recorded.time


def _times(batch: Sequence[Recorded]) -> list[tuple[int, datetime, datetime]]:
    """Return between which times the texts of each segment were said."""
    times: dict[int, list[datetime]] = {}
    for recorded in batch:
        if isinstance(recorded.event, _WITH_TEXT):
            times.setdefault(recorded.log_index >> SEGMENT_BITS, []).append(_said_at(recorded))
    return [(segment, min(said), max(said)) for segment, said in times.items()]


def _places(batch: Sequence[Recorded]) -> set[tuple[UUID, int]]:
    return {
        (recorded.event.stream_id, recorded.log_index >> SEGMENT_BITS)
        for recorded in batch
        if isinstance(recorded.event, _WITH_TEXT)
    }


def _model_places(batch: Sequence[Recorded], models: Mapping[UUID, str]) -> set[tuple[str, int]]:
    places = set()
    for recorded in batch:
        event = recorded.event
        if isinstance(event, _WITH_TEXT) and event.message_id in models:
            places.add((models[event.message_id], recorded.log_index >> SEGMENT_BITS))
    return places
