"""Questions about replays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from domain.content import Vault
from domain.errors import ContentDamagedError, ContentErasedError, NotFoundError
from domain.ids import short
from domain.replay.likeness import NEAR
from projections.finding import fragment_parameters
from projections.opening import Opener
from projections.reading import Opens
from projections.replays import NAME, VERSION

# A prompt that was asked several times is as good as the worst of its answers.
_COLUMNS: LiteralString = f"""
select r.id, r.model, r.repeat, r.chosen_by, r.instructions, r.options, r.status, r.actor, r.source,
       r.started_at, r.updated_at, r.version, r.erased_at, r.erased_by,
       s.prompts, s.skipped, s.failed, s.runs, s.identical, s.near, s.different
  from replays r
  join lateral (
           select count(*) as prompts, count(*) filter (where p.skipped is not null) as skipped,
                  count(*) filter (where w.failed > 0) as failed, coalesce(sum(w.runs), 0) as runs,
                  count(*) filter (where w.worst >= 1) as identical,
                  count(*) filter (where w.worst < 1 and w.worst >= {NEAR}) as near,
                  count(*) filter (where w.worst < {NEAR}) as different
             from prompts p
             left join (
                      select u.answer_id, min(u.likeness) as worst, count(*) as runs,
                             count(*) filter (where u.status = 'failed') as failed
                        from runs u
                       where u.replay_id = r.id
                       group by u.answer_id
                  ) w using (answer_id)
            where p.replay_id = r.id
       ) s on true
"""  # noqa: S608 - a number of ours

_NEWEST: LiteralString = " order by r.first_index desc limit %(limit)s"

_BEFORE: LiteralString = """
 where r.first_index < (select b.first_index from replays b where b.id = %(cursor)s)
"""

_BY_FRAGMENT: LiteralString = (
    _COLUMNS
    + """
 where r.id between %(low)s and %(high)s
    or (reverse(replace(r.id::text, '-', '')) collate "C" >= %(reversed_low)s
        and reverse(replace(r.id::text, '-', '')) collate "C" < %(reversed_high)s)
 order by r.first_index desc
 limit %(limit)s
"""
)

_RUNS: LiteralString = """
select p.answer_id, p.skipped, u.repeat, u.at, u.status, u.reason, u.likeness, u.text, u.thinking, u.detail,
       u.model_digest, u.prompt_tokens, u.completion_tokens, u.total_ms, u.load_ms, u.prompt_eval_ms,
       u.eval_ms, u.first_token_ms
  from (select * from prompts q
         where q.replay_id = %(id)s and q.place > %(after)s
         order by q.place
         limit %(limit)s) p
  left join runs u on u.replay_id = p.replay_id and u.answer_id = p.answer_id
 order by p.place, u.repeat
"""

_PLACE: LiteralString = "select q.place from prompts q where q.replay_id = %s and q.answer_id = %s"


@dataclass(frozen=True, slots=True)
class ReplayDetails:
    """One replay.

    `status` is `open`, `complete` or `cancelled`; `instructions` None where those of then were sent. Counts
    are of prompts: a prompt is `identical`, `near` or `different` by the worst of its answers, and `failed`
    where one of its runs was. `run_count` of `prompt_count` times `repeat` runs are done.
    """

    id: UUID
    model: str
    repeat: int
    chosen_by: str
    instructions: str | None
    options: Mapping[str, Any]
    status: str
    actor: str
    source: str
    started_at: datetime
    updated_at: datetime
    version: int
    erased_at: datetime | None
    erased_by: str | None
    prompt_count: int
    skipped_count: int
    failed_count: int
    run_count: int
    identical_count: int
    near_count: int
    different_count: int
    damage: ContentDamagedError | None = None


@dataclass(frozen=True, slots=True)
class ReplayRun:
    """One new answer, or that there is none. `status` is `complete` or `failed`.

    `likeness` (0 to 1) is to the recorded answer, of complete ones. `text` and `thinking` are empty once
    erased; `detail` is what a person was told of a failure.
    """

    repeat: int
    at: datetime
    status: str
    reason: str
    likeness: float | None
    text: str
    thinking: str
    detail: str | None
    model_digest: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    total_ms: float | None
    load_ms: float | None
    prompt_eval_ms: float | None
    eval_ms: float | None
    first_token_ms: float | None
    erased: bool = False


@dataclass(frozen=True, slots=True)
class ReplayPrompt:
    """A prompt of a replay, named by its recorded answer, and its runs so far.

    `skipped`: why it cannot be asked again (`erased`, `altered`, `unknown`).
    """

    answer_id: UUID
    skipped: str | None
    runs: tuple[ReplayRun, ...] = field(default=())


class ReplayQueries:
    """Reads the replays read model."""

    def __init__(self, reading: Opens, vault: Vault) -> None:
        self._reading = reading
        self._vault = vault

    def newest(
        self, *, limit: int = 50, cursor: UUID | None = None, at_least: int | None = None
    ) -> tuple[ReplayDetails, ...]:
        """Return replays, the newest first; those before the replay `cursor`."""
        where = _BEFORE if cursor is not None else ""
        return self._details(_COLUMNS + where + _NEWEST, {"limit": limit, "cursor": cursor}, at_least)

    def get(self, replay_id: UUID, *, at_least: int | None = None) -> ReplayDetails | None:
        """Return one replay, or None where the book has none of this id."""
        return next(iter(self._details(_COLUMNS + " where r.id = %s", (replay_id,), at_least)), None)

    def find(
        self, fragment: str, *, limit: int = 5, at_least: int | None = None
    ) -> tuple[ReplayDetails, ...]:
        """Return the replays whose id begins or ends with a `domain.ids.fragment`."""
        return self._details(_BY_FRAGMENT, {**fragment_parameters(fragment), "limit": limit}, at_least)

    def prompts(
        self,
        replay_id: UUID,
        *,
        limit: int | None = None,
        cursor: UUID | None = None,
        at_least: int | None = None,
    ) -> tuple[ReplayPrompt, ...]:
        """Return prompts of a replay with their runs, in their order; those behind the answer `cursor`."""
        with self._reading.open(NAME, VERSION, at_least) as connection:
            place = connection.execute(_PLACE, (replay_id, cursor)).fetchone() if cursor else None
            values = {"id": replay_id, "after": place[0] if place else 0, "limit": limit}
            rows = connection.execute(_RUNS, values).fetchall()
        found: dict[UUID, tuple[str | None, list[ReplayRun]]] = {}
        for answer_id, skipped, *run in rows:
            runs = found.setdefault(answer_id, (skipped, []))[1]
            if run[0] is not None:
                runs.append(self._run(run))
        return tuple(ReplayPrompt(one, skipped, tuple(runs)) for one, (skipped, runs) in found.items())

    def whole(self, replay_id: UUID) -> ReplayDetails:
        """Return a replay for a use that must not miss any of it.

        Raises:
            NotFoundError, ContentErasedError, ContentDamagedError: there is none, or not all of it.
        """
        found = self.get(replay_id)
        if found is None:
            raise NotFoundError(
                f"There is no replay {short(replay_id)} in this book.", hint="daybook replay list"
            )
        if found.erased_at is not None:
            raise ContentErasedError(f"Replay {short(replay_id)} was erased.")
        if found.damage is not None:
            raise found.damage
        return found

    def _run(self, row: list[Any]) -> ReplayRun:
        repeat, at, status, reason, alike, text, thinking, detail, *figures = row
        digest, prompt_tokens, completion_tokens, total, load, prompt_eval, evaluation, first = figures
        opener = Opener(self._vault)
        return ReplayRun(
            repeat=repeat,
            at=at,
            status=status,
            reason=reason,
            likeness=alike,
            text=opener.text(text) or "",
            thinking=opener.text(thinking) or "",
            detail=opener.text(detail),
            model_digest=digest,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            total_ms=total,
            load_ms=load,
            prompt_eval_ms=prompt_eval,
            eval_ms=evaluation,
            first_token_ms=first,
            erased=opener.erased or (text is None and status == "complete"),
        )

    def _details(
        self, statement: LiteralString, values: Any, at_least: int | None
    ) -> tuple[ReplayDetails, ...]:
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(statement, values).fetchall()
        return tuple(self._one(row) for row in rows)

    def _one(self, row: tuple[Any, ...]) -> ReplayDetails:
        opener = Opener(self._vault)
        names = [one.name for one in fields(ReplayDetails)]
        known: dict[str, Any] = dict(zip(names, row, strict=False))
        known["instructions"] = opener.text(known["instructions"])
        known["options"] = opener.value(known["options"]) or {}
        known["run_count"] = int(known["run_count"])
        return ReplayDetails(**known, damage=opener.damage)
