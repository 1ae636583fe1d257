"""Marks of messages beyond their words: their model, and the project and tags of their conversation.

Invariant: a message carries the marks of what its conversation is in and has now; when that changes, all its
messages are marked anew, so that a search by project or tag is one intersection inside the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from domain.content import Vault
from domain.conversation import events as e
from domain.event import Recorded
from projections.columns import execute_set
from projections.opening import name_hash
from projections.search import conversation_mark, model_mark, project_mark, tag_mark

if TYPE_CHECKING:
    import psycopg

_TAG = """
insert into tags (conversation_id, tag_id, mark)
select * from unnest(%s::uuid[], %s::uuid[], %s::text[])
on conflict (conversation_id, tag_id) do update set mark = excluded.mark
"""

_UNTAG = """
delete from tags t using unnest(%s::uuid[], %s::uuid[]) as n(conversation_id, tag_id)
 where t.conversation_id = n.conversation_id and t.tag_id = n.tag_id
"""

_MOVE = """
update conversations c set project_id = n.project_id
  from unnest(%s::uuid[], %s::uuid[]) as n(id, project_id)
 where c.id = n.id
"""

_STAND = """
select c.id, c.marks, c.project_id, array(select t.mark from tags t where t.conversation_id = c.id order by 1)
  from conversations c
 where c.id = any(%s::uuid[])
"""

_REMARK = "update conversations c set marks = %s where c.id = %s"

_REMARK_MESSAGES = """
update messages m
   set words = ts_delete(m.words, %(gone)s::text[]) || array_to_tsvector(%(come)s::text[])
 where m.words @@ %(mark)s::tsquery and m.conversation_id = %(id)s
"""

_MODELS = "select m.message_id, m.mark from models m where m.message_id = any(%s::uuid[])"
_KEEP_MODELS = """
insert into models (message_id, mark)
select * from unnest(%s::uuid[], %s::text[])
on conflict (message_id) do nothing
"""
_DROP_MODELS = "delete from models m where m.message_id = any(%s::uuid[])"


def project_marks(project_id: UUID | None) -> str | None:
    """Return the mark of a project; None for none."""
    return None if project_id is None else project_mark(project_id.hex)


def file(connection: psycopg.Connection, batch: Sequence[Recorded], vault: Vault) -> None:
    """Move and tag conversations, and mark the messages they have."""
    moved: dict[UUID, UUID | None] = {}
    tags: dict[tuple[UUID, UUID], str | None] = {}
    for recorded in batch:
        match recorded.event:
            case e.ConversationMoved() as event:
                moved[event.stream_id] = event.project_id
            case e.ConversationTagged() as event:
                hashed = name_hash(vault, event.name)
                tags[event.stream_id, event.tag_id] = None if hashed is None else tag_mark(hashed)
            case e.ConversationUntagged() as event:
                tags[event.stream_id, event.tag_id] = None
            case _:
                pass
    changed = list({*moved, *(one for one, _ in tags)})
    if not changed:
        return
    execute_set(connection, _MOVE, moved.items())
    execute_set(connection, _UNTAG, (key for key, mark in tags.items() if mark is None))
    execute_set(connection, _TAG, ((*key, mark) for key, mark in tags.items() if mark is not None))
    for one, before, project_id, tagged in connection.execute(_STAND, (changed,)).fetchall():
        project = project_marks(project_id)
        now = sorted({*([project] if project else []), *tagged})
        gone, come = sorted(set(before) - set(now)), sorted(set(now) - set(before))
        if gone or come:
            connection.execute(_REMARK, (now, one))
            mark = f"'{conversation_mark(one.hex)}'"
            connection.execute(_REMARK_MESSAGES, {"id": one, "mark": mark, "gone": gone, "come": come})


def models_of(connection: psycopg.Connection, batch: Sequence[Recorded]) -> dict[UUID, str]:
    """Return the mark of each answer that ends in a batch, and keep those of answers that may end later.

    An interrupted one may: its process was perhaps only suspended.
    """
    marks: dict[UUID, str] = {}
    ending: set[UUID] = set()
    ended: set[UUID] = set()
    for recorded in batch:
        match recorded.event:
            case e.AnswerStarted() as event:
                marks[event.message_id] = model_mark(event.model)
            case e.AnswerCopied() as event:
                marks[event.message_id] = model_mark(event.model)
                ended.add(event.message_id)
            case e.AnswerInterrupted() as event:
                ending.add(event.message_id)
            case e.AnswerCompleted() | e.AnswerCancelled() | e.AnswerFailed() as event:
                ended.add(event.message_id)
            case _:
                pass
    earlier = list((ending | ended) - marks.keys())
    execute_set(connection, _KEEP_MODELS, ((one, mark) for one, mark in marks.items() if one not in ended))
    if earlier:
        marks.update(connection.execute(_MODELS, (earlier,)).fetchall())
        connection.execute(_DROP_MODELS, ([one for one in earlier if one in ended],))
    return marks
