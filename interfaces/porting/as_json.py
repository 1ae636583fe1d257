"""An export as lines of JSON, which can be taken in again exactly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from interfaces.porting import format as f
from interfaces.porting.format import written
from interfaces.views import TimingsView, UsageView

if TYPE_CHECKING:
    from interfaces.porting.gathering import Gathered, Gathering
    from projections.projects.queries import ProjectDetails
    from projections.transcript.messages import Message


def pieces(gathering: Gathering) -> Iterator[str]:
    """Yield the export, line by line."""
    yield written(
        f.HeadLine(
            format=f.FORMAT,
            version=f.VERSION,
            exported_at=gathering.now,
            scope=gathering.wanted.scope,
            log_size=gathering.log_size,
        )
    )
    project_count = conversation_count = message_count = 0
    for project in gathering.projects():
        project_count += 1
        yield written(_project(project))
    for gathered in gathering.conversations():
        yield written(_conversation(gathered))
        for message in gathered.messages():
            if message.erased:
                yield written(f.WithdrawnLine(id=gathered.summary.id))
                break
            yield written(_message(message))
        else:
            conversation_count += 1
            message_count += len(gathered.nodes)
    yield written(
        f.EndLine(
            project_count=project_count, conversation_count=conversation_count, message_count=message_count
        )
    )


def _project(found: ProjectDetails) -> f.ProjectLine:
    return f.ProjectLine(
        id=found.id,
        name=found.name,
        description=found.description,
        instructions=found.instructions,
        default_model=found.default_model,
        default_options=dict(found.default_options),
        archived=found.archived,
        created_at=found.created_at,
        updated_at=found.updated_at,
        imported_id=found.imported_id,
    )


def _conversation(gathered: Gathered) -> f.ConversationLine:
    found = gathered.summary
    return f.ConversationLine(
        id=found.id,
        message_count=len(gathered.nodes),
        title=found.title if found.titled else None,
        title_by="model" if found.title_by == "model" else None,
        tags=found.tags,
        pinned=found.pinned,
        project_id=found.project_id,
        current_id=found.current_id,
        archived=found.archived,
        created_at=found.created_at,
        updated_at=found.updated_at,
        imported_id=found.imported_id,
        imported_from=found.imported_from,
        origin_conversation_id=gathered.origin_id,
        origin_message_id=found.origin_message_id,
    )


def _message(found: Message) -> f.MessageLine:
    line = f.MessageLine(
        id=found.id,
        kind=found.kind,
        at=found.at,
        text=found.text,
        parent_id=found.parent_id,
        instructions=found.instructions,
        imported_id=found.imported_id,
        origin_message_id=found.origin_message_id,
        notes=tuple(
            f.NoteLine(
                id=one.id,
                text=one.text,
                written_at=one.written_at,
                changed_at=one.changed_at,
                imported_id=one.imported_id,
            )
            for one in found.notes
        ),
        made_by=None
        if found.made_by is None
        else f.MadeByLine(
            routine_id=found.made_by.routine_id,
            routine_version=found.made_by.version,
            variables=dict(found.made_by.variables),
        ),
        damaged=found.damage is not None,
    )
    known = found.provenance
    if known is None:
        return line
    from dataclasses import replace

    return replace(
        line,
        status=found.status,
        thinking=found.thinking,
        ended_at=found.ended_at,
        reason=found.reason,
        detail=found.detail,
        usage=UsageView(
            prompt_tokens=found.usage.prompt_tokens, completion_tokens=found.usage.completion_tokens
        ),
        timings=TimingsView(
            first_token_ms=found.timings.first_token_ms,
            total_ms=found.timings.total_ms,
            load_ms=found.timings.load_ms,
            prompt_eval_ms=found.timings.prompt_eval_ms,
            eval_ms=found.timings.eval_ms,
        ),
        provenance=f.ProvenanceLine(
            model=known.model,
            model_digest=known.model_digest,
            context_length=known.context_length,
            options=dict(known.options),
            think=known.think,
            owner_id=known.owner_id,
            sent_message_ids=known.sent_message_ids,
            cut_count=known.cut_count,
            instructions_project_id=known.instructions_project_id,
            instructions_version=known.instructions_version,
            request_hash=known.request_hash.hex(),
        ),
        rating=found.rating,
        rating_words=found.rating_words,
    )
