"""Our own export, read line by line into conversations that can be taken in.

Invariants: no more than one conversation is in memory, and one that is too large is passed over as it
comes; a conversation is handed on only with all the messages it says it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from sys import getsizeof
from typing import IO
from uuid import UUID

from application.ported import (
    MAX_PORTED_MESSAGES,
    PortedConversation,
    PortedMessage,
    PortedNote,
    PortedProject,
    PortedRun,
)
from application.ports.memory import RecordedAnswer, RecordedPrompt
from application.text_rules import MAX_OPTIONS_BYTES
from domain.errors import InvalidInputError
from domain.moments import to_micros
from interfaces.porting import format as f
from interfaces.porting.items import At, CutOff, Item, LeftOut, Remark, Unknown, Whole
from interfaces.porting.unpacking import Unpacked, lines
from interfaces.views import TimingsView, UsageView

MOST_CONVERSATION_BYTES = 96 * 1024 * 1024
"""One conversation in memory; what is larger cannot be recorded in one append."""
_MOST_WRONG = 100
_NOTE_BYTES, _ID_BYTES = 1_000, 100


def items(source: IO[bytes] | Unpacked, told: IO[bytes], total: int) -> Iterator[Item]:
    """Yield what stands in an export. `told` says how many of `total` bytes are read.

    Raises:
        InvalidInputError: it is no export of ours, or of a newer format.
    """
    reader = _Reader()
    read = lines(source, f.MOST_LINE_BYTES)
    yield from reader.head(next(read, b""))
    try:
        for number, line in enumerate(read, 2):
            if line is None or line.strip():
                yield from reader.line(number, line)
                yield At(done=told.tell(), total=total)
    except InvalidInputError as problem:
        reader.broken = problem.message
    yield from reader.end()


class _Reader:
    """Where in the file we are: before or in a conversation, and what is known of it so far."""

    def __init__(self) -> None:
        self.broken = ""
        self._line: f.ConversationLine | None = None
        self._messages: list[f.MessageLine] = []
        self._size = 0
        self._wrong = ""
        self._ended = False
        self._lost = False
        self._wrong_count = 0
        self._projects: dict[UUID, UUID] = {}

    def head(self, line: bytes | None) -> Iterator[Item]:
        """Take the first line.

        Raises:
            InvalidInputError: it is none of ours.
        """
        try:
            head, unknown = f.read((line or b"").removeprefix(b"\xef\xbb\xbf"))
        except f.UnreadableError as problem:
            raise InvalidInputError(
                f"This is no export of Daybook: of its first line, {problem.why}. Nothing was imported.",
                hint="daybook export --all --format json -o FILE   makes one that can be imported.",
            ) from None
        if not isinstance(head, f.HeadLine):
            raise InvalidInputError(
                "This is no export of Daybook, whose first line is a head that says what it is. Nothing was "
                "imported.",
                hint="daybook export --all --format json -o FILE   makes one that can be imported.",
            )
        f.must_be_ours(head)
        for name in unknown:
            yield Unknown(name=name)

    def line(self, number: int, line: bytes | None) -> Iterator[Item]:
        """Take another line."""
        if line is None:
            yield from self._unreadable(number, f"it has more than {f.MOST_LINE_BYTES:,} bytes")
            return
        try:
            said, unknown = f.read(line)
        except f.UnreadableError as problem:
            yield from self._unreadable(number, problem.why)
            return
        for name in unknown:
            yield Unknown(name=name)
        match said:
            case f.MessageLine() if _is_loaded(said):
                yield from self._unreadable(number, "its options or variables are larger than any may be")
            case f.MessageLine():
                yield from self._message(said, len(line), number)
            case f.WithdrawnLine():
                yield from self._withdraw(said)
            case f.ConversationLine():
                yield from self._close()
                self._line, self._size = said, len(line)
            case f.ProjectLine():
                yield from self._close()
                self._projects[said.id] = said.imported_id or said.id
                yield _project(said)
            case f.EndLine():
                yield from self._close()
                self._ended = True
            case _:
                yield from self._lose()

    def end(self) -> Iterator[Item]:
        """Say what is to be said when no line follows."""
        yield from self._close()
        if self.broken or not self._ended:
            yield CutOff(
                reason=self.broken or "The file has no last line: it was cut off, or is still written."
            )

    def _unreadable(self, number: int, why: str) -> Iterator[Item]:
        """A line that cannot be read takes its conversation with it: a hole in a tree is none.

        Where the conversation before it is whole, it is the first line of another one.
        """
        self._wrong_count += 1
        if self._wrong_count > _MOST_WRONG:
            raise InvalidInputError(f"More than {_MOST_WRONG} lines cannot be read; the rest was not tried.")
        yield from self._lose()
        if self._line is not None and not self._wrong:
            self._wrong = f"line {number} of the file cannot be read: {why}"
            self._messages.clear()
        else:
            yield LeftOut(what="line", name=str(number), reason=why)

    def _withdraw(self, said: f.WithdrawnLine) -> Iterator[Item]:
        if self._line is not None and self._line.id == said.id:
            self._wrong = "it was erased while the file was written"
        yield from self._close()

    def _lose(self) -> Iterator[Item]:
        """Pass over messages that follow, unless the conversation that is open still waits for some."""
        if self._line is None or (not self._wrong and len(self._messages) == self._line.message_count):
            yield from self._close()
            self._lost = True

    def _message(self, said: f.MessageLine, size: int, number: int) -> Iterator[Item]:
        if self._lost:
            return
        if self._line is None:
            yield LeftOut(what="line", name=str(number), reason="it is a message outside of any conversation")
            return
        self._size += max(size, _held(said))
        if self._wrong:
            return
        self._messages.append(said)
        if self._size > MOST_CONVERSATION_BYTES or len(self._messages) > MAX_PORTED_MESSAGES:
            self._wrong = (
                f"it is larger than what is taken in in one piece: {MOST_CONVERSATION_BYTES:,} bytes, or "
                f"{MAX_PORTED_MESSAGES:,} messages"
            )
            self._messages.clear()

    def _close(self) -> Iterator[Item]:
        """Hand the conversation on, if it is whole."""
        line, messages, wrong = self._line, self._messages, self._wrong
        self._line, self._messages, self._wrong, self._lost = None, [], "", False
        if line is None:
            return
        if not wrong and len(messages) != line.message_count:
            wrong = (
                f"{len(messages)} of its {line.message_count} messages are in the file; the file was cut off "
                "or altered"
            )
        if wrong:
            yield LeftOut(what="conversation", name=str(line.id), reason=wrong)
            return
        damaged = sum(one.damaged for one in messages)
        if damaged:
            yield Remark(name="message(s) that had been altered, and are empty now", count=damaged)
        try:
            conversation = _conversation(line, messages, self._projects)
        except f.UnreadableError as problem:
            yield LeftOut(what="conversation", name=str(line.id), reason=problem.why)
        else:
            yield Whole(conversation=conversation, size=self._size)


def _project(line: f.ProjectLine) -> PortedProject:
    return PortedProject(
        id=line.imported_id or line.id,
        name=line.name,
        began_at=_micros(line.created_at),
        changed_at=_micros(line.updated_at),
        description=line.description,
        instructions=line.instructions,
        default_model=line.default_model,
        default_options=line.default_options,
        archived=line.archived,
    )


def _conversation(
    line: f.ConversationLine, messages: list[f.MessageLine], projects: dict[UUID, UUID]
) -> PortedConversation:
    first = {one.id: one.imported_id or one.id for one in messages}
    project_id = line.project_id
    return PortedConversation(
        id=line.imported_id or line.id,
        recorded_by=_recorder(line),
        messages=tuple(_message(one, first) for one in messages),
        began_at=_micros(line.created_at),
        changed_at=_micros(line.updated_at),
        title=line.title,
        title_by_model=line.title_by == "model",
        tags=line.tags,
        pinned=line.pinned,
        project_id=None if project_id is None else projects.get(project_id, project_id),
        current_id=None if line.current_id is None else first.get(line.current_id, line.current_id),
        archived=line.archived,
        origin_conversation_id=line.origin_conversation_id,
        origin_message_id=line.origin_message_id,
    )


def _is_loaded(said: f.MessageLine) -> bool:
    """Tell whether what may hold anything holds too much: as objects it may be a hundred times its text."""
    import msgspec

    options = said.provenance.options if said.provenance is not None else {}
    variables = said.made_by.variables if said.made_by is not None else {}
    return any(one and len(msgspec.json.encode(one)) > MAX_OPTIONS_BYTES for one in (options, variables))


def _held(said: f.MessageLine) -> int:
    """Estimate the bytes that a message takes in memory."""
    sent = said.provenance.sent_message_ids if said.provenance is not None else ()
    texts = (said.text, said.thinking, said.instructions)
    return sum(map(getsizeof, texts)) + _NOTE_BYTES * len(said.notes) + _ID_BYTES * len(sent)


def _recorder(line: f.ConversationLine) -> str:
    return line.imported_from if line.imported_id and line.imported_from in {"daybook", "llm"} else "daybook"


def _message(line: f.MessageLine, first: dict[UUID, UUID]) -> PortedMessage:
    return PortedMessage(
        id=first[line.id],
        parent_id=None if line.parent_id is None else first.get(line.parent_id, line.parent_id),
        said=_said(line, first),
        origin_message_id=line.origin_message_id,
        rating=line.rating,
        rating_words=line.rating_words,
        made_by=None
        if line.made_by is None
        else PortedRun(
            routine_id=line.made_by.routine_id,
            routine_version=line.made_by.routine_version,
            variables=line.made_by.variables,
        ),
        notes=tuple(
            PortedNote(
                id=note.imported_id or note.id,
                text=note.text,
                written_at=_micros(note.written_at),
                changed_at=None if note.changed_at is None else _micros(note.changed_at),
            )
            for note in line.notes
        ),
    )


def _said(line: f.MessageLine, first: dict[UUID, UUID]) -> RecordedPrompt | RecordedAnswer:
    at = _micros(line.at)
    if line.kind == "prompt":
        return RecordedPrompt(said_at=at, text=line.text, instructions=line.instructions)
    known = line.provenance
    if line.kind != "answer" or known is None or line.status is None:
        raise f.UnreadableError(
            f"its message {line.id} is neither a prompt nor an answer with its provenance"
        )
    usage, timings = line.usage or UsageView(), line.timings or TimingsView()
    try:
        request_hash = bytes.fromhex(known.request_hash)
    except ValueError:
        raise f.UnreadableError(f"the request_hash of its message {line.id} is not in hex") from None
    return RecordedAnswer(
        status=line.status,
        said_at=at,
        ended_at=None if line.ended_at is None else _micros(line.ended_at),
        owner_id=known.owner_id,
        model=known.model,
        context_length=known.context_length,
        sent_message_ids=tuple(first.get(one, one) for one in known.sent_message_ids),
        cut_count=known.cut_count,
        instructions_project_id=known.instructions_project_id,
        instructions_version=known.instructions_version,
        think=known.think,
        request_hash=request_hash,
        reason=line.reason,
        model_digest=known.model_digest,
        text=line.text,
        thinking=line.thinking,
        detail=line.detail,
        options=known.options,
        **{item.name: getattr(usage, item.name) for item in fields(UsageView)},
        **{item.name: getattr(timings, item.name) for item in fields(TimingsView)},
    )


def _micros(moment: datetime) -> int:
    """Return a moment as events hold it; one without a zone is in UTC."""
    from datetime import UTC

    return to_micros(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
