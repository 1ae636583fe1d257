"""From what queries and commands return to the JSON shapes of `views.py`; both interfaces go through here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from interfaces import model_views, upkeep_views, views

if TYPE_CHECKING:
    from application.conversations import Asked
    from application.model_sizes import Recommendation
    from application.ports.audit import Verified
    from application.ports.keys import KeysStatus
    from application.ports.model_server import ModelCard
    from application.running import Outcome
    from interfaces.book import Check
    from interfaces.parts import RecordedHead
    from projections.conversations.queries import ConversationPage, ConversationSummary
    from projections.past.history import Moment
    from projections.projects.queries import ProjectDetails
    from projections.pump import Status
    from projections.search.queries import SearchPage
    from projections.transcript.messages import Message
    from projections.verify import Verified as VerifiedReadModel


def conversation_item(found: ConversationSummary) -> views.ConversationItemView:
    """Show one line of the list."""
    return views.ConversationItemView(
        id=found.id,
        title=found.title or None,
        project_id=found.project_id,
        message_count=found.message_count,
        updated_at=found.updated_at,
        created_at=found.created_at,
        archived=found.archived,
        damaged=found.damaged,
        held=found.hold_reason is not None,
        erased=found.erased,
        erased_at=found.erased_at,
        erased_by=found.erased_by,
        origin_conversation_id=found.origin_conversation_id,
        origin_message_id=found.origin_message_id,
        title_by=found.title_by,
        pinned=found.pinned,
        tags=list(found.tags),
        routine_id=found.routine_id,
        routine_version=found.routine_version,
        titled=found.titled,
        current_id=found.current_id,
        last_actor=found.last_actor,
        hold_reason=found.hold_reason,
        version=found.version,
    )


def as_of(moment: Moment | None) -> views.AsOfView | None:
    """Show the moment of which something is shown; None: now."""
    return None if moment is None else views.AsOfView(log_index=moment.log_index, time=moment.time)


def conversation_list(page: ConversationPage, moment: Moment | None = None) -> views.ConversationListView:
    """Show a page of the list."""
    return views.ConversationListView(
        conversations=[conversation_item(found) for found in page.conversations],
        next_cursor=page.next_cursor,
        as_of=as_of(moment),
    )


def message(found: Message) -> views.MessageView:
    """Show one message."""
    answered = found.kind == "answer"
    return views.MessageView(
        id=found.id,
        parent_id=found.parent_id,
        kind=found.kind,
        status=found.status,
        text=found.text,
        thinking=found.thinking if answered else None,
        model=found.model,
        at=found.at,
        ended_at=found.ended_at,
        reason=found.reason,
        detail=found.detail,
        instructions=found.instructions,
        model_digest=found.provenance.model_digest if found.provenance else None,
        cut_count=found.provenance.cut_count if found.provenance else 0,
        usage=usage(found) if answered else None,
        timings=timings(found) if answered else None,
        erased=found.erased,
        damaged=found.damage is not None,
        sibling_index=found.sibling_index,
        sibling_count=found.sibling_count,
        origin_message_id=found.origin_message_id,
        rating=found.rating,
        rating_words=found.rating_words,
        made_by=views.MadeByView(
            routine_id=found.made_by.routine_id,
            version=found.made_by.version,
            variables=found.made_by.variables,
        )
        if found.made_by
        else None,
        notes=[
            views.NoteView(
                id=one.id,
                text=one.text,
                written_at=one.written_at,
                changed_at=one.changed_at,
                actor=one.actor,
                imported_id=one.imported_id,
            )
            for one in found.notes
        ],
    )


def transcript(
    found: ConversationSummary, messages: Iterable[Message], moment: Moment | None = None
) -> views.TranscriptView:
    """Show a conversation with messages of one branch."""
    return views.TranscriptView(
        id=found.id,
        title=found.title or None,
        project_id=found.project_id,
        messages=[message(one) for one in messages],
        archived=found.archived,
        created_at=found.created_at,
        updated_at=found.updated_at,
        held=found.hold_reason is not None,
        erased=found.erased,
        erased_at=found.erased_at,
        erased_by=found.erased_by,
        origin_conversation_id=found.origin_conversation_id,
        origin_message_id=found.origin_message_id,
        title_by=found.title_by,
        pinned=found.pinned,
        tags=list(found.tags),
        as_of=as_of(moment),
    )


def usage(found: Message) -> views.UsageView:
    """Show an answer's tokens."""
    return views.UsageView(
        prompt_tokens=found.usage.prompt_tokens, completion_tokens=found.usage.completion_tokens
    )


def timings(found: Message) -> views.TimingsView:
    """Show an answer's times."""
    times = found.timings
    return views.TimingsView(
        first_token_ms=_ms(times.first_token_ms),
        total_ms=_ms(times.total_ms),
        load_ms=_ms(times.load_ms),
        prompt_eval_ms=_ms(times.prompt_eval_ms),
        eval_ms=_ms(times.eval_ms),
    )


def answer(asked: Asked, outcome: Outcome) -> views.AnswerView:
    """Show an answer that this process has just seen end."""
    end = outcome.end
    return views.AnswerView(
        conversation_id=asked.conversation_id,
        prompt_id=asked.prompt_id,
        answer_id=asked.answer_id,
        model=outcome.model,
        status=outcome.status.value,
        text=outcome.text,
        thinking=outcome.thinking,
        usage=views.UsageView(
            prompt_tokens=end.prompt_tokens if end else None,
            completion_tokens=end.completion_tokens if end else None,
        ),
        timings=views.TimingsView(
            first_token_ms=_ms(outcome.first_token_ms),
            total_ms=_ms((end.total_ms if end else None) or outcome.total_ms),
            load_ms=_ms(end.load_ms if end else None),
            prompt_eval_ms=_ms(end.prompt_eval_ms if end else None),
            eval_ms=_ms(end.eval_ms if end else None),
        ),
        log_size=outcome.log_size,
        model_digest=outcome.model_digest,
        reason=outcome.reason or None,
        detail=outcome.problem.message if outcome.problem else None,
        cut_count=asked.cut_count,
    )


def recorded_answer(asked: Asked, found: Message, log_size: int) -> views.AnswerView:
    """Show an answer as it stands in the book, for a command that had been given before."""
    return views.AnswerView(
        conversation_id=asked.conversation_id,
        prompt_id=asked.prompt_id,
        answer_id=asked.answer_id,
        model=found.model or asked.model,
        status=found.status or "",
        text=found.text,
        thinking=found.thinking,
        usage=usage(found),
        timings=timings(found),
        log_size=log_size,
        model_digest=found.provenance.model_digest if found.provenance else None,
        reason=found.reason,
        detail=found.detail,
        cut_count=found.provenance.cut_count if found.provenance else 0,
        replayed=True,
    )


def _ms(duration: float | None) -> float | None:
    return None if duration is None else round(duration, 3)


def project(found: ProjectDetails) -> views.ProjectView:
    """Show one project."""
    return views.ProjectView(
        id=found.id,
        name=found.name or None,
        description=found.description or None,
        instructions=found.instructions or None,
        default_model=found.default_model,
        archived=found.archived,
        created_at=found.created_at,
        updated_at=found.updated_at,
        held=found.hold_reason is not None,
        erased=found.erased,
        erased_at=found.erased_at,
        erased_by=found.erased_by,
        default_options=dict(found.default_options),
        hold_reason=found.hold_reason,
        damage=found.damage.message if found.damage else None,
        instructions_version=found.instructions_version,
        version=found.version,
    )


def event(found: RecordedHead, actor_name: str | None = None) -> views.EventView:
    """Show one event's envelope."""
    return views.EventView(
        log_index=found.log_index,
        id=found.event_id,
        type=found.event.type_name,
        stream=found.event.stream_id,
        version=found.event.version,
        at=found.time,
        actor=found.actor,
        source=found.source,
        correlation_id=found.correlation_id,
        causation_id=found.causation_id,
        actor_name=actor_name,
        about=found.event.about,
    )


def model(card: ModelCard, *, default: str) -> model_views.ModelView:
    """Show one model of the model server."""
    return model_views.ModelView(
        name=card.name,
        digest=card.digest,
        size_bytes=card.size,
        family=card.family,
        parameter_size=card.parameter_size,
        quantization=card.quantization,
        context_length=card.context_length,
        capabilities=list(card.capabilities),
        modified_at=card.modified_at,
        default=same_model(card.name, default),
    )


def recommendation(found: Recommendation) -> model_views.RecommendationView:
    """Show which sizes fit a machine."""
    return model_views.RecommendationView(
        best=found.best.name if found.best else None,
        models=[
            model_views.ModelFitView(
                name=one.size.name,
                download_bytes=one.size.download_bytes,
                memory_bytes=one.memory_bytes,
                fits=one.fits,
                where=one.where,
                why=one.why,
            )
            for one in found.verdicts
        ],
    )


def same_model(name: str, other: str) -> bool:
    """Whether two names mean the same model; without a tag, `latest` is meant."""
    return name in {other, f"{other}:latest"} or other == f"{name}:latest"


def doctor(checks: Sequence[Check]) -> upkeep_views.DoctorView:
    """Show all checks."""
    return upkeep_views.DoctorView(
        ok=all(check.ok for check in checks if check.required),
        checks=[
            upkeep_views.CheckView(
                name=check.name, ok=check.ok, required=check.required, detail=check.detail, fix=check.fix
            )
            for check in checks
        ],
    )


def search_page(page: SearchPage, moment: Moment | None = None) -> views.SearchView:
    """Show a page of hits."""
    return views.SearchView(
        results=[
            views.SearchHitView(
                conversation_id=hit.conversation_id,
                message_id=hit.message_id,
                snippet=hit.snippet,
                rank=hit.rank,
                kind=hit.kind,
                title=hit.title or None,
                at=hit.at,
                project_id=hit.project_id,
                pieces=[views.PieceView(text=one.text, is_hit=one.is_hit) for one in hit.pieces],
            )
            for hit in page.hits
        ],
        next_cursor=page.next_cursor,
        as_of=as_of(moment),
    )


def verified(found: Verified) -> views.VerifiedView:
    """Show what a verification found."""
    return views.VerifiedView(
        ok=found.ok,
        events=found.events,
        root=found.root,
        checkpoint=found.checkpoint,
        problems=[
            views.ProblemView(log_index=one.log_index, stream=one.stream, what=one.what)
            for one in found.problems
        ],
        skipped_count=found.skipped,
        pinned=found.pinned,
    )


def keys_status(found: KeysStatus, *, master_unfinished: bool = False) -> upkeep_views.KeysStatusView:
    """Show the epochs and the master key's age."""
    return upkeep_views.KeysStatusView(
        epochs=[
            upkeep_views.EpochView(epoch=one.epoch, created_at=one.created_at, key_count=one.key_count)
            for one in found.epochs
        ],
        erased_count=found.erased_count,
        unfinished=found.unfinished or found.owed,
        master_since=found.master_since,
        erased_since_count=found.erased_since_count,
        master_unfinished=master_unfinished,
    )


def projections(found: Status) -> upkeep_views.ProjectionsView:
    """Show how far the read models are."""
    return upkeep_views.ProjectionsView(
        log_size=found.log_size,
        read_models=[
            upkeep_views.ReadModelView(
                name=one.name,
                version=one.version,
                position=one.position,
                lag=one.lag,
                quarantined=one.quarantined,
            )
            for one in found.read_models
        ],
    )


def verified_projections(found: Sequence[VerifiedReadModel]) -> upkeep_views.VerifiedProjectionsView:
    """Show what a comparison with a fresh fold found."""
    return upkeep_views.VerifiedProjectionsView(
        ok=not any(one.difference_count for one in found),
        read_models=[
            upkeep_views.VerifiedReadModelView(
                name=one.name,
                position=one.position,
                differences=[
                    upkeep_views.DifferenceView(table=it.table, kind=it.kind, key=it.key)
                    for it in one.differences
                ],
                difference_count=one.difference_count,
            )
            for one in found
        ],
    )
