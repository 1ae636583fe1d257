"""The line before a model server, in the book's database: the `Turns` port.

Invariant: places are counted by the database, under one lock a server, and only those of living owners count
(migration 0010). What this process believes is only what it was last told, and it says so again at each look.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from application.errors import LineFullError
from application.ports.live import LiveAnswers
from application.ports.turns import LineLength
from infrastructure.postgres.database import Database
from infrastructure.postgres.live import DEAD_AFTER_SECONDS

_ENTER = """
select ticket, standing
  from daybook.enter_turn(%(answer)s, %(owner)s, %(server)s, %(background)s, %(most)s, %(longest)s,
                          %(dead_after)s)
"""
_LEAVE = "select daybook.leave_turn(%(answer)s, %(server)s, %(most)s, %(dead_after)s)"
_KEEP = """
select answer_id, standing
  from daybook.keep_turns(%(owner)s, %(server)s, %(most)s, %(dead_after)s, %(answers)s::uuid[],
                          %(backgrounds)s::boolean[], %(tickets)s::bigint[], %(runnings)s::boolean[])
"""
# The dead are taken out first: where nobody asks anything any more, nobody else would do it.
_CLEAR = "select daybook.grant_turns(%(server)s, %(most)s, %(dead_after)s)"
_LENGTH = """
select count(*) filter (where running), count(*) filter (where not running)
  from daybook.turns
 where server = %(server)s
"""
_PEOPLE_WAIT = """
select exists (select from daybook.turns t where t.server = %(server)s and not t.running and not t.background)
"""


@dataclass
class _Place:
    ticket: int
    background: bool
    standing: int


class PostgresTurns:
    """One process's places in the line of one model server.

    `most` answers have their turn at once, `longest` may wait of those that people wait for, and as many that
    nobody does.
    """

    def __init__(
        self,
        database: Database,
        live: LiveAnswers,
        server: str,
        *,
        most: int,
        longest: int,
        dead_after_seconds: float = DEAD_AFTER_SECONDS,
    ) -> None:
        self._database = database
        self._live = live
        self._limits = {"server": server, "most": most, "dead_after": dead_after_seconds}
        self._longest = longest
        self._lock = threading.Lock()
        self._places: dict[UUID, _Place] = {}

    def enter(self, answer_id: UUID, *, background: bool) -> None:
        """Take a place for an answer that this process will write.

        Raises:
            LineFullError: as many answers wait already as may; nothing was changed.
        """
        owner = self._live.own()
        with self._lock, self._database.connection() as connection:
            row = connection.execute(
                _ENTER,
                {
                    **self._limits,
                    "answer": answer_id,
                    "owner": owner,
                    "background": background,
                    "longest": self._longest,
                },
            ).fetchone()
            if row is None:
                raise LineFullError(
                    f"{self._longest} answers wait for the model server already, and no more may. "
                    "Nothing was recorded; ask again in a moment.",
                    hint="daybook config list   (queue_limit says how many may wait)",
                )
            self._places[answer_id] = _Place(row[0], background, row[1])

    def leave(self, answer_id: UUID) -> None:
        """Give the place up; the next in the line has its turn. Where that fails, the next look does it."""
        with self._lock:
            if self._places.pop(answer_id, None) is None:
                return
            with self._database.connection() as connection:
                connection.execute(_LEAVE, {**self._limits, "answer": answer_id})

    def standing(self, answer_id: UUID) -> int:
        """Return where an answer of this process stood when last looked; 0 for one that never entered."""
        place = self._places.get(answer_id)
        return 0 if place is None else place.standing

    def look(self) -> Mapping[UUID, int]:
        """Return the standings of this process's answers, claiming again what was lost."""
        owner = self._live.own()
        with self._lock, self._database.connection() as connection:
            places = list(self._places.values())
            rows = connection.execute(
                _KEEP,
                {
                    **self._limits,
                    "owner": owner,
                    "answers": list(self._places),
                    "backgrounds": [place.background for place in places],
                    "tickets": [place.ticket for place in places],
                    "runnings": [place.standing == 0 for place in places],
                },
            ).fetchall()
            for answer_id, standing in rows:
                self._places[answer_id].standing = standing
        return dict(rows)

    def standing_anywhere(self, answer_id: UUID) -> int | None:
        """Return where an answer of any process stands; None where it is in no line."""
        with self._database.connection() as connection:
            row = connection.execute("select daybook.turn_of(%s)", [answer_id]).fetchone()
        return row[0] if row else None

    def length(self) -> LineLength:
        """Return how long the line is, all living processes together."""
        with self._database.connection() as connection:
            connection.execute(_CLEAR, self._limits)
            row = connection.execute(_LENGTH, self._limits).fetchone()
        return LineLength(*(row or (0, 0)))

    def people_wait(self) -> bool:
        """Say whether an answer stands in the line that somebody waits for."""
        with self._database.connection() as connection:
            row = connection.execute(_PEOPLE_WAIT, self._limits).fetchone()
        return bool(row and row[0])
