"""The `logs.db` of the llm tool, read into conversations that can be taken in.

Invariants: the file is only read, as data: no view, no virtual table, no function of its own is run, and no
row larger than a bound is held. What its schema has and had over the years is looked for, nothing of it is
relied on but `responses` with `prompt` and `response`.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from sys import getsizeof
from typing import Any
from uuid import UUID

from application.ported import MAX_PORTED_MESSAGES, PortedConversation, PortedMessage
from application.ports.memory import RecordedAnswer, RecordedPrompt
from application.text_rules import MAX_OPTIONS_BYTES
from domain.errors import InvalidInputError
from domain.ids import derived_id
from domain.moments import to_micros
from interfaces.porting.format import NOBODY
from interfaces.porting.items import At, CutOff, Item, LeftOut, Remark, Whole
from interfaces.porting.reading import MOST_CONVERSATION_BYTES

RECORDER = "llm"
_MOST_MODEL = 2_000
_MOST_VALUE_BYTES = 16 * 1024 * 1024
_PROMPT = UUID(int=1)  # a response is a prompt and an answer: this tells the first one's id apart
_CROCKFORD = {letter: value for value, letter in enumerate("0123456789ABCDEFGHJKMNPQRSTVWXYZ")}
_ULID = 26
_MOST = 2**63 - 1

_NEEDED = frozenset({"prompt", "response"})
_COLUMNS = (
    "id",
    "model",
    "prompt",
    "system",
    "options_json",
    "response",
    "duration_ms",
    "datetime_utc",
    "input_tokens",
    "output_tokens",
)
_LEFT_OUT = (
    ("prompt_attachments", "attachment(s) left out: only text is taken in"),
    ("tool_calls", "tool call(s) left out"),
    ("tool_results", "tool result(s) left out"),
    ("logs", "response(s) in the table of an llm before 0.4 left out"),
)


def items(path: Path) -> Iterator[Item]:
    """Yield what stands in a database of the llm tool.

    Raises:
        InvalidInputError: it is none.
    """
    try:
        with closing(_opened(path)) as database:
            logs = _Logs(database)
            yield from logs.items()
    except sqlite3.Error as problem:
        raise _none_of_llm(f"SQLite says: {problem}") from None
    yield from changes_beside(path)


def changes_beside(path: Path) -> Iterator[LeftOut]:
    """Yield the files in which SQLite keeps changes that a database lacks."""
    for ending in ("-wal", "-journal"):
        beside = path.with_name(path.name + ending)
        with suppress(OSError):
            if beside.stat().st_size:
                yield LeftOut(
                    what="file",
                    name=beside.name,
                    reason="it holds changes that the database lacks; let llm end, then import again",
                )


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    database.text_factory = lambda raw: raw.decode("utf-8", "replace")
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_VALUE_BYTES)
    database.execute("pragma trusted_schema = off")
    database.execute("pragma query_only = on")
    database.execute("pragma cell_size_check = on")
    return database


def _none_of_llm(why: str) -> InvalidInputError:
    return InvalidInputError(
        f"This is no database of the llm tool: {why}. Nothing more was imported.",
        hint="llm logs path   says where that is.",
    )


class _TooLargeError(Exception):
    """One conversation would take more memory than any may."""


class _Held:
    """How much of one conversation is held: what rows of the file share is in memory once for each."""

    def __init__(self) -> None:
        self.size = 0

    def add(self, *values: Any) -> None:
        """Count values in.

        Raises:
            _TooLargeError: it is too much.
        """
        self.size += sum(map(getsizeof, values))
        if self.size > MOST_CONVERSATION_BYTES:
            raise _TooLargeError

    def text(self, value: Any) -> str:
        """Return a value as text, counted in."""
        self.add(value)
        return _text(value)


class _Logs:
    """The tables of one database that are looked at."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._tables = self._real_tables()
        self._columns = self._columns_of("responses")
        if not self._columns >= _NEEDED:
            raise _none_of_llm("it has no table `responses` with prompts and responses")
        wanted = [name if name in self._columns else f"null as {name}" for name in _COLUMNS]
        self._row = f"select {', '.join(wanted)} from responses where rowid = ?"  # noqa: S608 - names of ours
        self._database.execute(self._row, (0,))
        self._titles = self._columns_of("conversations") >= {"id", "name"}

    def items(self) -> Iterator[Item]:
        total = self._count("responses")
        done = 0
        try:
            for key, group in groupby(self._places(), lambda place: place[0]):
                together = [row[1] for row in group]
                # Responses without a conversation were asked alone.
                for rows in [[one] for one in together] if key is None else [together]:
                    yield from self._conversation(key, rows)
                    done += len(rows)
                    yield At(done=done, total=total)
            yield from self._left_out()
        except sqlite3.Error as problem:
            yield CutOff(reason=f"The database is damaged (SQLite says: {problem}).")

    def _places(self) -> sqlite3.Cursor:
        """Return each response's conversation and place, by conversation and time."""
        order = [name for name in ("conversation_id", "datetime_utc") if name in self._columns]
        keyed = "conversation_id" if "conversation_id" in self._columns else "null"
        return self._database.execute(
            f"select {keyed}, rowid from responses order by {', '.join([*order, 'rowid'])}"  # noqa: S608
        )

    def _conversation(self, key: Any, rows: list[int]) -> Iterator[Item]:
        name = _text(key)
        messages: list[PortedMessage] = []
        held = _Held()
        if 2 * len(rows) > MAX_PORTED_MESSAGES:
            yield LeftOut(
                what="conversation", name=name, reason=f"it has more than {MAX_PORTED_MESSAGES:,} messages"
            )
            return
        identity: UUID | None = None if key is None else _identity(name)
        for rowid in rows:
            try:
                row = dict(zip(_COLUMNS, self._database.execute(self._row, (rowid,)).fetchone(), strict=True))
                held.add(*row.values())
                extra = self._extra(row, held)
            except sqlite3.DataError:
                row, extra = {}, {}
            except _TooLargeError:
                yield LeftOut(what="conversation", name=name, reason="it is too large for one piece")
                return
            at = _moment(row.get("datetime_utc"), row.get("id"))
            if at is None:
                why = "one of its responses is too large" if not row else "one of its responses has no time"
                yield LeftOut(what="conversation", name=name or str(rowid), reason=why)
                return
            answer_id = _identity(_text(row["id"]) or f"row {rowid}")
            identity = identity or derived_id(answer_id)
            messages += _pair(row, extra, at, answer_id, messages[-1].id if messages else None)
        if identity is not None:
            yield Whole(conversation=self._made(key, identity, messages), size=held.size)

    def _made(self, key: Any, identity: UUID, messages: list[PortedMessage]) -> PortedConversation:
        last = messages[-1].said
        ended = last.ended_at if isinstance(last, RecordedAnswer) else None
        title = None
        if key is not None and self._titles:
            with suppress(sqlite3.DataError):  # larger than any value may be
                row = self._database.execute("select name from conversations where id = ?", (key,)).fetchone()
                title = (_text(row[0]) if row else "") or None
        return PortedConversation(
            id=identity,
            recorded_by=RECORDER,
            messages=tuple(messages),
            began_at=messages[0].said.said_at,
            changed_at=ended or last.said_at,
            title=title,
            current_id=messages[-1].id,
        )

    def _extra(self, row: Mapping[str, Any], held: _Held) -> dict[str, str]:
        """Return what stands in other tables: fragments of prompt and instructions, and the reasoning.

        Raises:
            _TooLargeError: it is more than may be held.
        """
        found: dict[str, str] = {}
        for table in ("prompt_fragments", "system_fragments"):
            if {table, "fragments"} <= self._tables:
                found[table] = "\n".join(
                    held.text(one[0])
                    for one in self._database.execute(
                        f"select f.content from {table} p join fragments f on f.id = p.fragment_id "  # noqa: S608
                        'where p.response_id = ? order by p."order"',
                        (row["id"],),
                    )
                )
        if "parts" in self._tables:
            found["thinking"] = "\n".join(
                held.text(one[0])
                for one in self._database.execute(
                    "select content from parts where response_id = ? and direction = 'output' "
                    "and part_type = 'reasoning' order by \"order\"",
                    (row["id"],),
                )
                if one[0]
            )
        return found

    def _left_out(self) -> Iterator[Item]:
        for table, what in _LEFT_OUT:
            if table in self._tables and (count := self._count(table)):
                yield Remark(name=what, count=count)
        if "schema_id" in self._columns:
            (count,) = self._database.execute(
                "select count(*) from responses where schema_id is not null"
            ).fetchone()
            if count:
                yield Remark(name="schema(s) of responses left out", count=count)

    def _real_tables(self) -> frozenset[str]:
        """Return the names of ordinary tables: what is computed when it is read is not looked at."""
        rows = self._database.execute("select name, sql from sqlite_master where type = 'table'")
        return frozenset(
            str(name)
            for name, sql in rows
            if not str(sql or "").lstrip().lower().startswith("create virtual")
        )

    def _columns_of(self, table: str) -> frozenset[str]:
        if table not in self._tables:
            return frozenset()
        return frozenset(
            str(row[0]) for row in self._database.execute("select name from pragma_table_info(?)", (table,))
        )

    def _count(self, table: str) -> int:
        (count,) = self._database.execute(f"select count(*) from {table}").fetchone()  # noqa: S608 - ours
        return int(count)


def _pair(
    row: Mapping[str, Any], extra: Mapping[str, str], at: int, answer_id: UUID, parent_id: UUID | None
) -> tuple[PortedMessage, PortedMessage]:
    """Return the prompt and the answer of one response."""
    prompt = "\n".join(one for one in (extra.get("prompt_fragments"), _text(row["prompt"])) if one)
    system = "\n".join(one for one in (_text(row["system"]), extra.get("system_fragments")) if one)
    duration = _number(row["duration_ms"])
    prompt_id = derived_id(answer_id, _PROMPT)
    answer = RecordedAnswer(
        status="complete",
        said_at=at,
        ended_at=at + (duration or 0) * 1000,
        owner_id=NOBODY,
        model=" ".join(_text(row["model"])[:_MOST_MODEL].split())[:500] or "unknown",
        context_length=0,
        sent_message_ids=(),
        cut_count=0,
        instructions_project_id=None,
        instructions_version=None,
        think=None,
        request_hash=b"",
        reason=None,
        model_digest=None,
        prompt_tokens=_number(row["input_tokens"]),
        completion_tokens=_number(row["output_tokens"]),
        total_ms=None if duration is None else float(duration),
        load_ms=None,
        prompt_eval_ms=None,
        eval_ms=None,
        first_token_ms=None,
        text=_text(row["response"]),
        thinking=extra.get("thinking", ""),
        detail=None,
        options=_options(row["options_json"]),
    )
    asked = RecordedPrompt(said_at=at, text=prompt, instructions=system or None)
    return (
        PortedMessage(id=prompt_id, parent_id=parent_id, said=asked),
        PortedMessage(id=answer_id, parent_id=prompt_id, said=answer),
    )


def _text(value: Any) -> str:
    """Return a value as text: columns of SQLite hold what they are given."""
    if value is None:
        return ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _number(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and 0 <= value <= _MOST // 1_000_000 else None


def _options(text: Any) -> dict[str, Any]:
    said = _text(text)
    if len(said) > MAX_OPTIONS_BYTES:  # the book takes no more, and parsed it may be a hundred times as large
        return {}
    try:
        found = json.loads(said or "{}", parse_constant=str)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if value is not None}


def _moment(text: Any, identifier: Any) -> int | None:
    """Return when it was asked, in microseconds since 1970: as it says, else as its id does."""
    with suppress(ValueError, OverflowError):
        found = datetime.fromisoformat(_text(text).strip())
        micros = to_micros(found if found.tzinfo is not None else found.replace(tzinfo=UTC))
        if micros >= 0:
            return micros
    ulid = _from_ulid(_text(identifier))
    return None if ulid is None else (ulid.int >> 80) * timedelta(milliseconds=1) // timedelta(microseconds=1)


def _identity(text: str) -> UUID:
    """Return the id that a text is to us: a ULID has as many bits, others are hashed."""
    found = _from_ulid(text)
    if found is not None:
        return found
    value = int.from_bytes(hashlib.sha256(b"llm " + text.encode("utf-8", "replace")).digest()[:16], "big")
    return UUID(int=value & ~(0xF << 76) & ~(0b11 << 62) | 0x8 << 76 | 0b10 << 62)


def _from_ulid(text: str) -> UUID | None:
    letters = text.upper()
    if len(letters) != _ULID or letters[0] > "7" or not set(letters) <= _CROCKFORD.keys():
        return None
    value = 0
    for letter in letters:
        value = value << 5 | _CROCKFORD[letter]
    return UUID(int=value)
