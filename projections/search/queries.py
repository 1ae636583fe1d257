"""Questions to the full-text index.

Algorithm. What counts are the newest matches: at most 1,000 of them are ranked. Finding the newest of a
common word in a million messages must not touch all of them, and a GIN index knows no order; so each message
carries a lexeme that names its segment of the log, and the question goes to the newest segments first: `word
& (segment a | segment b)`. How many matches those had says how far to reach next; rare words take the second
step over all the rest. Inside the index, intersecting with few segments skips through the long list of a
common word.

Filters are marks as well, for model and kind and for the project and the tags of the conversation (`marks.py`
keeps them true), so they narrow inside the index. A narrowed search goes from segments to older segments
throughout, in ever wider steps, and only to those of which small tables say that there may be something.

Words match exactly; where nothing does, the same words match as beginnings of words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, LiteralString, NamedTuple
from uuid import UUID

from domain.content import Vault
from domain.errors import InvalidInputError
from domain.tags import folded
from projections.finding import from_cursor, to_cursor
from projections.opening import Opener, beginning
from projections.reading import Opens
from projections.search import (
    NAME,
    SEGMENT_BITS,
    VERSION,
    conversation_mark,
    kind_mark,
    model_mark,
    project_mark,
    segment_mark,
    tag_mark,
)
from projections.search.snippets import Piece, as_prefixes, lexemes, marked, snippet

if TYPE_CHECKING:
    import psycopg

RANKED = 1_000
LONGEST_QUESTION = 1_000

_FIRST_SEGMENTS = 2
_FARTHEST = 64  # beyond so many segments the step goes over all the rest
_STRIDE = 4  # in a narrowed search each step is at most so many times as wide as the one before
_MOST_SEGMENTS = 256
_FEW_ENOUGH = 2_000  # conversations whose segments are looked up
_RESERVE = 1.5  # reach farther than the matches so far make needful

# querytree leaves out what is negated. Without this setting a young table would be read whole.
_PARSE: LiteralString = """
select q::text, numnode(q), querytree(q),
       (select b.position from daybook.read_model_builds b where b.schema_name = current_schema()),
       set_config('enable_seqscan', 'off', true)
  from websearch_to_tsquery('pg_catalog.simple', %s) as q
"""

_MATCHES: LiteralString = """
select n.message_id, n.log_index, ts_rank(n.words, %(ranking)s::tsquery, 1)
  from (select m.message_id, m.log_index, m.words
          from messages m
         where m.words @@ %(condition)s::tsquery
           and m.log_index < %(before)s
           and (%(since)s::timestamptz is null or m.at >= %(since)s)
           and (%(until)s::timestamptz is null or m.at < %(until)s)
         order by m.log_index desc
         limit %(limit)s) n
"""

# Each adds what it knows to the condition that a segment may hold matches.
_SAID_THEN: LiteralString = """
 and s.segment in (select t.segment from segments t
                    where (%(since)s::timestamptz is null or t.last_at >= %(since)s)
                      and (%(until)s::timestamptz is null or t.first_at < %(until)s))
"""
_FILED_SO: LiteralString = """
 and s.segment in (select p.segment from conversations c
                     join places p on p.conversation_id = c.id
                    where c.marks @> %(filed)s::text[])
"""
_MANY: LiteralString = """
select count(*) from (select from conversations c where c.marks @> %s::text[] limit %s) n
"""
_BY_MODEL: LiteralString = """
 and s.segment in (select m.segment from model_places m where m.mark = %(model)s)
"""

_SEGMENTS: LiteralString = "select s.segment from segments s where s.segment <= %(highest)s"

_SHOWN: LiteralString = """
select m.message_id, m.conversation_id, m.kind, m.at, t.packed, c.project_id, c.title, f.packed
  from unnest(%s::uuid[]) with ordinality as wanted(message_id, place)
  join messages m using (message_id)
  join texts t using (message_id)
  left join conversations c on c.id = m.conversation_id
  left join texts f on f.message_id = c.first_prompt_id
 order by wanted.place
"""


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One message that matches. `pieces` is the snippet in pieces; `snippet` the same with its hits in «»."""

    message_id: UUID
    conversation_id: UUID
    project_id: UUID | None
    title: str
    kind: str
    at: datetime
    rank: float
    pieces: tuple[Piece, ...]

    @property
    def snippet(self) -> str:
        """Return the snippet as one text, with its hits in «»."""
        return marked(self.pieces)


class SearchPage(NamedTuple):
    """Some hits, best first, and the cursor that leads to the next ones (None: there are no more)."""

    hits: tuple[SearchHit, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """Which messages are looked through: those that meet all of it.

    `kind` is `prompt` or `answer`; a `model` has only answers. Project and tags are those that the message's
    conversation has now. It was said from `since` on and before `until`.
    """

    conversation_id: UUID | None = None
    project_id: UUID | None = None
    kind: str | None = None
    model: str | None = None
    tags: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None

    def filed(self, vault: Vault) -> list[str]:
        """Return the marks of a message's conversation that narrow: its project and its tags."""
        project = [project_mark(self.project_id.hex)] if self.project_id else []
        return project + [tag_mark(vault.name_hash(folded(name))) for name in self.tags]

    def marks(self, vault: Vault) -> list[str]:
        """Return all marks that such a message carries."""
        marks = [
            conversation_mark(self.conversation_id.hex) if self.conversation_id else None,
            kind_mark(self.kind) if self.kind else None,
            model_mark(self.model) if self.model else None,
        ]
        return [mark for mark in marks if mark is not None] + self.filed(vault)


_ANYWHERE = Within()


class _Question(NamedTuple):
    """What to look for: a tsquery in text form, what of it counts for the rank, the marks, and where."""

    tsquery: str
    ranking: str
    before: int
    marks: Sequence[str]
    filed: Sequence[str]
    within: Within

    @property
    def narrowed(self) -> bool:
        """Whether there is anything besides the words."""
        return bool(self.marks or self.within.since or self.within.until)


class _Match(NamedTuple):
    message_id: UUID
    log_index: int
    rank: float


class SearchQueries:
    """Reads the search read model."""

    def __init__(self, reading: Opens, vault: Vault) -> None:
        self._reading = reading
        self._vault = vault

    def search(
        self,
        text: str,
        within: Within = _ANYWHERE,
        *,
        limit: int = 20,
        cursor: str | None = None,
        at_least: int | None = None,
        before: int | None = None,
    ) -> SearchPage:
        """Return the messages in which all the words stand, best first; those of events `before` a log index.

        `"a phrase"`, `or` and `-without` are understood as in web searches. Pages that follow a cursor show
        the state of the first page. A page may hold fewer hits than asked for: what was erased or altered
        meanwhile is left out.

        Raises:
            InvalidInputError: there is nothing to look for, or the cursor is not ours.
        """
        text = _checked(text)
        place, offset, prefix = from_cursor(cursor, int, int, bool) if cursor else (None, 0, False)
        with self._reading.open(NAME, VERSION, at_least) as connection:
            row = connection.execute(_PARSE, (text,)).fetchone()
            if row is None or row[1] == 0:
                return SearchPage((), None)
            tsquery, _, positive, position = row[:4]
            before = min(one for one in (place, before, position) if one is not None)
            ranking = tsquery if positive in {"", "T"} else positive  # nothing but what must not be there
            question = _Question(
                tsquery, ranking, before, within.marks(self._vault), within.filed(self._vault), within
            )
            matches = [] if prefix else _newest_matches(connection, question)
            if not matches and (prefix or offset == 0):
                prefix = True
                question = question._replace(tsquery=as_prefixes(tsquery), ranking=as_prefixes(ranking))
                matches = _newest_matches(connection, question)
            matches.sort(key=lambda match: (-match.rank, -match.log_index))
            page = matches[offset : offset + limit]
            shown = (
                connection.execute(_SHOWN, ([match.message_id for match in page],)).fetchall() if page else []
            )
        self._vault.prepare(row[1] for row in shown)
        ranks = {match.message_id: match.rank for match in page}
        words = lexemes(positive)
        hits = (self._hit(row, ranks[row[0]], words, prefix=prefix) for row in shown)
        more = offset + limit < len(matches)
        return SearchPage(
            tuple(hit for hit in hits if hit is not None),
            to_cursor(before, offset + limit, prefix) if more else None,
        )

    def _hit(
        self, row: tuple[Any, ...], rank: float, words: Sequence[str], *, prefix: bool
    ) -> SearchHit | None:
        message_id, conversation_id, kind, at, packed, project_id, title, first_prompt = row
        opener = Opener(self._vault)
        text = opener.text(packed) or ""
        if opener.erased or opener.damage is not None:
            return None
        named = opener.text(title)
        return SearchHit(
            message_id=message_id,
            conversation_id=conversation_id,
            project_id=project_id,
            title=beginning(opener.text(first_prompt) or "") if named is None else named,
            kind=kind,
            at=at,
            rank=rank,
            pieces=snippet(text, words, prefix=prefix),
        )


def _checked(text: str) -> str:
    text = text.replace("\0", " ").encode("utf-8", "replace").decode().strip()
    if not text:
        raise InvalidInputError("There is nothing to look for.", hint='daybook search "words"')
    if len(text) > LONGEST_QUESTION:
        raise InvalidInputError(
            f"A search takes at most {LONGEST_QUESTION} characters; this one has {len(text)}.",
            hint='daybook search "words"',
        )
    return text


def _newest_matches(connection: psycopg.Connection, question: _Question) -> list[_Match]:
    """Return the newest matches, at most `RANKED`, by reaching back in steps."""
    found: list[_Match] = []
    segments = _segments(connection, question)
    width, looked_at = _FIRST_SEGMENTS, 0
    if question.within.conversation_id is not None:
        width = len(segments)  # its own mark narrows enough
    while looked_at < len(segments) and len(found) < RANKED:
        by_segment = question.within.conversation_id is None and (question.narrowed or width <= _FARTHEST)
        step = segments[looked_at : looked_at + (width if by_segment else len(segments))]
        before = min(question.before, (step[0] + 1) << SEGMENT_BITS)
        found += _matches(connection, question, step if by_segment else None, before, RANKED - len(found))
        looked_at += len(step)
        far = math.ceil((RANKED - len(found)) * looked_at / max(len(found), 1) * _RESERVE)
        # How dense what is narrowed lies nobody knows: to reach over all the rest at once may find millions.
        width = min(far, width * _STRIDE, _MOST_SEGMENTS) if question.narrowed else far
    return found


def _segments(connection: psycopg.Connection, question: _Question) -> Sequence[int]:
    """Return the segments that may hold matches, newest first."""
    highest, within = (question.before - 1) >> SEGMENT_BITS, question.within
    narrower: list[LiteralString] = []
    if within.since is not None or within.until is not None:
        narrower.append(_SAID_THEN)
    if question.filed and not _are_many(connection, question.filed):
        narrower.append(_FILED_SO)
    if within.model is not None:
        narrower.append(_BY_MODEL)
    if not narrower:
        return range(highest, -1, -1)
    values = {
        "highest": highest,
        "since": within.since,
        "until": within.until,
        "filed": list(question.filed),
        "model": model_mark(within.model or ""),
    }
    statement: LiteralString = _SEGMENTS + "".join(narrower) + " order by s.segment desc"
    return [row[0] for row in connection.execute(statement, values)]


def _are_many(connection: psycopg.Connection, filed: Sequence[str]) -> bool:
    """Say whether so many conversations are filed so that they lie everywhere: looking where costs more."""
    row = connection.execute(_MANY, (list(filed), _FEW_ENOUGH)).fetchone()
    return row is not None and row[0] >= _FEW_ENOUGH


def _matches(
    connection: psycopg.Connection,
    question: _Question,
    segments: Sequence[int] | None,
    before: int,
    limit: int,
) -> list[_Match]:
    parts = [f"({question.tsquery})", *(f"'{mark}'" for mark in question.marks)]
    if segments is not None:
        parts.append("(" + " | ".join(f"'{segment_mark(segment)}'" for segment in segments) + ")")
    values = {
        "ranking": question.ranking,
        "condition": " & ".join(parts),
        "before": before,
        "limit": limit,
        "since": question.within.since,
        "until": question.within.until,
    }
    return [_Match(*row) for row in connection.execute(_MATCHES, values)]
