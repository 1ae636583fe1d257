"""How a conversation came to be, in words; shared by all interfaces. The rules are those of `views.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from domain.ids import short

if TYPE_CHECKING:
    from projections.past.happenings import Happening

_GONE = "(erased)"


@dataclass(frozen=True, kw_only=True)
class HappeningView:
    """One event: where it is in the log, who did it through what, and what it changed, in words."""

    log_index: int
    at: datetime
    type: str
    version: int
    actor: str
    source: str
    what: str


@dataclass(frozen=True, kw_only=True)
class HistoryView:
    """A page of what happened to a conversation, the oldest first."""

    events: list[HappeningView]
    next_cursor: int | None = None


def history(found: Sequence[Happening], *, limit: int) -> HistoryView:
    """Show a page, of which one more than `limit` was read where there are more."""
    page = found[:limit]
    more = len(found) > limit
    return HistoryView(
        events=[happening(one) for one in page], next_cursor=page[-1].version if more else None
    )


def happening(one: Happening) -> HappeningView:
    """Show one event."""
    return HappeningView(
        log_index=one.log_index,
        at=one.time,
        type=one.type,
        version=one.version,
        actor=one.actor,
        source=one.source,
        what=_in_words(one) if one.what is None else one.what,
    )


def _in_words(one: Happening) -> str:
    said = _WORDS.get(one.type)
    return one.type.partition(".")[2].replace("-", " ") if said is None else said(one.values)


Values = Mapping[str, Any]


def _quoted(text: Any) -> str:
    return f"\u201c{text}\u201d" if isinstance(text, str) else _GONE


def _id(values: Values, name: str = "message_id") -> str:
    value = values.get(name)
    return short(value) if value is not None else "the beginning"


def _started(values: Values) -> str:
    parts = ["conversation started"]
    if values.get("title") is not None:
        parts.append(f"title {_quoted(values['title'])}")
    if values.get("project_id") is not None:
        parts.append(f"in project {_id(values, 'project_id')}")
    if values.get("origin_conversation_id") is not None:
        parts.append(f"copied from {_id(values, 'origin_conversation_id')}")
    return ", ".join(parts)


def _titled(by: str) -> Callable[[Values], str]:
    def words(values: Values) -> str:
        before = values.get("title_before")
        was = f"{_quoted(before)} \u2192 " if before is not None else ""
        return f"title{by}: {was}{_quoted(values.get('title'))}"

    return words


def _answer_began(values: Values) -> str:
    cut = f", {values['cut_count']} cut" if values.get("cut_count") else ""
    sent = len(values.get("sent_message_ids") or ())
    return f"answer {_id(values)} to {_id(values, 'prompt_id')} began: {values['model']}, {sent} sent{cut}"


def _answer_ended(status: str) -> Callable[[Values], str]:
    def words(values: Values) -> str:
        tokens, time = values.get("completion_tokens"), values.get("total_ms")
        figures = [
            f"{tokens:,} tokens" if tokens is not None else "",
            f"{time / 1000:.1f} s" if time is not None else "",
            f"reason {values['reason']}" if status != "complete" and values.get("reason") else "",
        ]
        told = ", ".join(figure for figure in figures if figure)
        return f"answer {_id(values)} {status}" + (f": {told}" if told else "")

    return words


def _rated(values: Values) -> str:
    if values.get("rating") is None:
        return f"rating of {_id(values)} taken back"
    words = f": {_quoted(values['words'])}" if values.get("words") is not None else ""
    return f"answer {_id(values)} rated {values['rating']}{words}"


def _copied(what: str) -> Callable[[Values], str]:
    def words(values: Values) -> str:
        text = f": {_quoted(values.get('text'))}"
        return f"{what} {_id(values)}{text}"

    return words


_WORDS: Mapping[str, Callable[[Values], str]] = {
    "conversation.started": _started,
    "conversation.prompt-added": lambda v: (
        f"prompt {_id(v)} after {_id(v, 'parent_id')}: {_quoted(v.get('text'))}"
    ),
    "conversation.routine-run": lambda v: (
        f"prompt {_id(v)} made by routine {_id(v, 'routine_id')}, version {v['routine_version']}"
    ),
    "conversation.answer-started": _answer_began,
    "conversation.answer-completed": _answer_ended("complete"),
    "conversation.answer-cancelled": _answer_ended("cancelled"),
    "conversation.answer-failed": _answer_ended("failed"),
    "conversation.answer-interrupted": _answer_ended("interrupted"),
    "conversation.current-branch-changed": lambda v: f"goes on from {_id(v)}",
    "conversation.forked": lambda v: f"branch to {_id(v)} copied into conversation {_id(v, 'fork_id')}",
    "conversation.prompt-copied": _copied("prompt copied:"),
    "conversation.answer-copied": _copied("answer copied:"),
    "conversation.prompt-imported": _copied("prompt imported:"),
    "conversation.answer-imported": _copied("answer imported:"),
    "conversation.note-imported": lambda v: f"note on {_id(v)} imported: {_quoted(v.get('text'))}",
    "conversation.imported": lambda v: f"imported from {v['imported_from']}",
    "conversation.answer-rated": _rated,
    "conversation.note-written": lambda v: f"note on {_id(v)}: {_quoted(v.get('text'))}",
    "conversation.note-changed": lambda v: f"note {_id(v, 'note_id')} changed: {_quoted(v.get('text'))}",
    "conversation.note-removed": lambda v: f"note {_id(v, 'note_id')} removed",
    "conversation.renamed": _titled(""),
    "conversation.titled": _titled(" by a model"),
    "conversation.moved": lambda v: (
        "moved out of its project"
        if v.get("project_id") is None
        else f"moved to project {_id(v, 'project_id')}"
    ),
    "conversation.tagged": lambda v: f"tag {_quoted(v.get('name'))} put on",
    "conversation.untagged": lambda v: f"tag {_quoted(v.get('name'))} taken off",
    "conversation.pinned": lambda _: "pinned",
    "conversation.unpinned": lambda _: "unpinned",
    "conversation.held": lambda v: f"held: {_quoted(v.get('reason'))}",
    "conversation.released": lambda v: f"released: {_quoted(v.get('reason'))}",
    "conversation.archived": lambda _: "archived",
    "conversation.restored": lambda _: "restored",
    "conversation.erased": lambda _: "erased",
}
