"""From the views that a server sends to what queries of an open book return."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.errors import ContentDamagedError
from projections.conversations.queries import ConversationSummary
from projections.past.happenings import Happening
from projections.projects.queries import InstructionsVersion, ProjectDetails
from projections.routines.queries import RoutineDetails, RoutineVersion
from projections.search.queries import SearchHit
from projections.search.snippets import Piece
from projections.transcript.messages import MadeBy, Message, Node, Note, Provenance, Timings, Usage

if TYPE_CHECKING:
    from interfaces.filing_views import InstructionsView
    from interfaces.history_views import HappeningView
    from interfaces.message_views import NodeView, ProvenanceView
    from interfaces.record_views import RecordedMessageView
    from interfaces.routine_views import RoutineVersionView, RoutineView
    from interfaces.views import ConversationItemView, ProjectView, SearchHitView


def conversation(view: ConversationItemView) -> ConversationSummary:
    """Return one line of a list."""
    return ConversationSummary(
        id=view.id,
        project_id=view.project_id,
        title=view.title or "",
        titled=view.titled,
        message_count=view.message_count,
        current_id=view.current_id,
        archived=view.archived,
        created_at=view.created_at or view.updated_at,
        updated_at=view.updated_at,
        last_actor=view.last_actor or "",
        erased=view.erased,
        damaged=view.damaged,
        hold_reason=view.hold_reason,
        erased_at=view.erased_at,
        erased_by=view.erased_by,
        origin_conversation_id=view.origin_conversation_id,
        origin_message_id=view.origin_message_id,
        routine_id=view.routine_id,
        routine_version=view.routine_version,
        version=view.version,
        title_by=view.title_by,
        pinned=view.pinned,
        tags=tuple(view.tags),
    )


def project(view: ProjectView) -> ProjectDetails:
    """Return one project."""
    return ProjectDetails(
        id=view.id,
        name=view.name or "",
        description=view.description or "",
        default_model=view.default_model,
        instructions=view.instructions or "",
        instructions_version=view.instructions_version,
        archived=view.archived,
        created_at=view.created_at,
        updated_at=view.updated_at,
        erased=view.erased,
        damage=_damage(view.damage),
        hold_reason=view.hold_reason,
        erased_at=view.erased_at,
        erased_by=view.erased_by,
        version=view.version,
        default_options=view.default_options,
    )


def instructions(view: InstructionsView) -> InstructionsVersion:
    """Return what a project's instructions were once."""
    damage = _damage("It was altered after it was written.") if view.damaged else None
    return InstructionsVersion(view.version, view.text, view.at, view.actor, damage)


def routine(view: RoutineView) -> RoutineDetails:
    """Return one routine."""
    return RoutineDetails(
        id=view.id,
        newest=routine_version(view),
        created_at=view.created_at,
        updated_at=view.updated_at,
        version=view.stream_version,
        run_count=view.run_count,
        last_run_at=view.last_run_at,
        removed_at=view.removed_at,
        erased_at=view.erased_at,
        erased_by=view.erased_by,
    )


def routine_version(view: RoutineVersionView) -> RoutineVersion:
    """Return one version of a routine."""
    return RoutineVersion(
        number=view.version,
        name=view.name or "",
        description=view.description or "",
        prompt=view.prompt or "",
        instructions=view.instructions or "",
        options=view.options,
        model=view.model,
        think=view.think,
        at=view.at,
        actor=view.actor,
        erased=view.erased,
        damage=_damage(view.damage),
    )


def message(view: RecordedMessageView) -> Message:
    """Return one message."""
    usage, timings = view.usage, view.timings
    return Message(
        id=view.id,
        conversation_id=view.conversation_id,
        parent_id=view.parent_id,
        kind=view.kind,
        status=view.status,
        text=view.text or "",
        thinking=view.thinking or "",
        model=view.model,
        at=view.at,
        ended_at=view.ended_at,
        log_index=view.log_index,
        actor=view.actor,
        source=view.source,
        instructions=view.instructions,
        reason=view.reason,
        detail=view.detail,
        usage=Usage(usage.prompt_tokens, usage.completion_tokens) if usage else Usage(None, None),
        timings=Timings(
            total_ms=timings.total_ms,
            load_ms=timings.load_ms,
            prompt_eval_ms=timings.prompt_eval_ms,
            eval_ms=timings.eval_ms,
            first_token_ms=timings.first_token_ms,
        )
        if timings
        else Timings(None, None, None, None, None),
        provenance=None if view.provenance is None else provenance(view.provenance),
        erased=view.erased,
        damage=_damage(view.damage),
        sibling_index=view.sibling_index,
        sibling_count=view.sibling_count,
        origin_message_id=view.origin_message_id,
        rating=view.rating,
        rating_words=view.rating_words,
        notes=tuple(
            Note(one.id, view.id, one.text, one.written_at, one.changed_at, one.actor) for one in view.notes
        ),
        made_by=None
        if view.made_by is None
        else MadeBy(view.made_by.routine_id, view.made_by.version, view.made_by.variables),
    )


def node(view: NodeView) -> Node:
    """Return one message's place in the tree."""
    return Node(**{name: getattr(view, name) for name in Node.__slots__})


def provenance(view: ProvenanceView) -> Provenance:
    """Return what made an answer what it is."""
    return Provenance(
        model=view.model,
        model_digest=view.model_digest,
        context_length=view.context_length,
        options=view.options,
        think=view.think,
        owner_id=view.owner_id,
        sent_message_ids=tuple(view.sent_message_ids),
        cut_count=view.cut_count,
        instructions_project_id=view.instructions_project_id,
        instructions_version=view.instructions_version,
        request_hash=bytes.fromhex(view.request_hash),
    )


def hit(view: SearchHitView) -> SearchHit:
    """Return one hit of a search."""
    return SearchHit(
        message_id=view.message_id,
        conversation_id=view.conversation_id,
        project_id=view.project_id,
        title=view.title or "",
        kind=view.kind or "",
        at=view.at,  # type: ignore[arg-type] # a server of this version always says when
        rank=view.rank,
        pieces=tuple(Piece(one.text, one.is_hit) for one in view.pieces),
    )


def _damage(told: str | None) -> ContentDamagedError | None:
    return None if told is None else ContentDamagedError(told)


def happening(view: HappeningView) -> Happening:
    """Return one event of a conversation, in the words of the server."""
    return Happening(
        log_index=view.log_index,
        time=view.at,
        type=view.type,
        version=view.version,
        actor=view.actor,
        source=view.source,
        values={},
        what=view.what,
    )
