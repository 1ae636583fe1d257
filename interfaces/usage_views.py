"""The JSON shapes of `daybook stats`, and how they are made; the rules are those of `views.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from interfaces.book import Book
    from projections.usage.queries import By, Figures, Group


@dataclass(frozen=True, kw_only=True)
class FiguresView:
    """What some answers cost together; what the model server did not tell counts as nothing.

    `total_ms` is all the time they took, `eval_ms` that in which the `eval_tokens` were written, at
    `tokens_per_second`.
    `first_token_ms` is the median wait for the first token. `up_count` and `down_count` are ratings.
    """

    answer_count: int
    complete_count: int
    prompt_tokens: int
    completion_tokens: int
    total_ms: float
    eval_ms: float
    tokens_per_second: float | None
    first_token_ms: float | None
    up_count: int
    down_count: int
    eval_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class GroupView(FiguresView):
    """The figures of one model, one day (ISO) or one project; the others are null.

    `project_id` null among projects: the answers that belong to none.
    """

    model: str | None = None
    day: str | None = None
    project_id: UUID | None = None
    project_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class StatsView:
    """The figures of the answers begun from `since` on and before `until`: by model, day or project.

    Days are those of the time `zone`. Copies (forks) are not counted: no model was asked.
    """

    by: str
    since: datetime | None
    until: datetime | None
    zone: str
    groups: list[GroupView]
    total: FiguresView


def stats(
    book: Book,
    by: By,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    zone: str = "UTC",
    at_least: int | None = None,
) -> StatsView:
    """Count.

    Raises:
        InvalidInputError: there is no such time zone.
    """
    groups = book.usage.figures(by, since=since, until=until, zone=zone, at_least=at_least)
    names = {}
    if by == "project" and any(group.key is not None for group in groups):
        names = {one.id: one.name for one in book.projects.all(include_archived=True, at_least=at_least)}
    return StatsView(
        by=by,
        since=since,
        until=until,
        zone=zone,
        groups=[_group(one, names) for one in groups],
        total=FiguresView(**_told(book.usage.total(since=since, until=until, at_least=at_least))),
    )


def _group(group: Group, names: dict[UUID, str]) -> GroupView:
    key = group.key
    return GroupView(
        **_told(group.figures),
        model=key if isinstance(key, str) else None,
        day=key.isoformat() if isinstance(key, date) else None,
        project_id=key if isinstance(key, UUID) else None,
        project_name=names.get(key) or None if isinstance(key, UUID) else None,
    )


def _told(found: Figures) -> dict[str, Any]:
    speed = found.tokens_per_second
    return {
        "answer_count": found.answer_count,
        "complete_count": found.complete_count,
        "prompt_tokens": found.prompt_tokens,
        "completion_tokens": found.completion_tokens,
        "total_ms": round(found.total_ms, 3),
        "eval_ms": round(found.eval_ms, 3),
        "tokens_per_second": None if speed is None else round(speed, 3),
        "first_token_ms": None if found.first_token_ms is None else round(found.first_token_ms, 3),
        "up_count": found.up_count,
        "down_count": found.down_count,
        "eval_tokens": found.eval_tokens,
    }
