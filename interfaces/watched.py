"""A book whose reader is written down: each part tells what it shows, before it shows it.

Lists of conversations and figures are not told; content is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from projections.transcript.messages import Message

if TYPE_CHECKING:
    from application.disclosing import Disclosures

Ids: TypeAlias = Iterator[UUID | None]
Rule: TypeAlias = Callable[[Sequence[Any], Any], Ids]
"""Returns the conversations of which something is shown, from the arguments of a query and its answer."""


def _of_messages(_: Sequence[Any], found: Any) -> Ids:
    for one in found if isinstance(found, tuple) else (found,):
        if isinstance(one, Message):
            yield one.conversation_id


def _of_argument(arguments: Sequence[Any], _: Any) -> Ids:
    yield arguments[0]


def _of_explanation(_: Sequence[Any], found: Any) -> Ids:
    yield found.conversation_id


def _of_none(_: Sequence[Any], __: Any) -> Ids:
    yield None


_TRANSCRIPT: Mapping[str, tuple[str, Rule]] = {
    **dict.fromkeys(
        (
            "branch",
            "message",
            "messages",
            "find",
            "children",
            "last_answer_of_actor",
            "last_answer_of_conversation",
        ),
        ("conversation", _of_messages),
    ),
    "tree": ("conversation", _of_argument),
}
_SEARCH: Mapping[str, tuple[str, Rule]] = {"search": ("search", _of_none)}
_VIEW: Mapping[str, Mapping[str, tuple[str, Rule]]] = {"transcript": _TRANSCRIPT, "search": _SEARCH}
SHOWN: Mapping[str, Mapping[str, tuple[str, Rule]]] = {
    "transcript": _TRANSCRIPT,
    "search": _SEARCH,
    "past": {"happenings": ("history", _of_argument)},
    "explaining": {"explain": ("explanation", _of_explanation)},
    "comparing": {"compare": ("comparison", _of_none)},
    "replays": {"prompts": ("replay", _of_none), "whole": ("replay", _of_none)},
}
"""Which queries of which part of a book show content, and what that is called."""


class WatchedBook:
    """A book for one reader, who is told of to `disclosures`."""

    def __init__(self, book: Any, disclosures: Disclosures) -> None:
        self._book = book
        self._disclosures = disclosures

    def __getattr__(self, name: str) -> Any:
        """Return a part of the book, watched if it gives content out."""
        part = getattr(self._book, name)
        if name == "audit" and self._disclosures.of_exports:
            return _WatchedAudit(part, self._disclosures)
        rules = SHOWN.get(name)
        if rules is None or not self._disclosures.of_reading:
            return part
        return (
            _WatchedPast(part, rules, self._disclosures)
            if name == "past"
            else _Watched(part, rules, self._disclosures)
        )


class _Watched:
    """A part of a book, or of a view of the past, that tells what its queries show."""

    def __init__(self, part: Any, rules: Mapping[str, tuple[str, Rule]], disclosures: Disclosures) -> None:
        self._part = part
        self._rules = rules
        self._disclosures = disclosures

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        if name not in self._rules:
            return found
        what, rule = self._rules[name]

        @wraps(found)
        def ask(*given: Any, **named: Any) -> Any:
            answer = found(*given, **named)
            for conversation_id in rule((*given, *named.values()), answer):
                self._disclosures.shown(what, conversation_id)
            return answer

        return ask


class _WatchedPast(_Watched):
    """Views of the past, each of them watched."""

    def at(self, wanted: Any) -> Any:
        return _WatchedView(self._part.at(wanted), self._disclosures)


class _WatchedView:
    def __init__(self, view: Any, disclosures: Disclosures) -> None:
        self._view = view
        self._disclosures = disclosures

    def __getattr__(self, name: str) -> Any:
        part = getattr(self._view, name)
        rules = _VIEW.get(name)
        return part if rules is None else _Watched(part, rules, self._disclosures)


class _WatchedAudit(_Watched):
    """The proofs of the log, of which the export takes something out."""

    def __init__(self, part: Any, disclosures: Disclosures) -> None:
        super().__init__(part, {}, disclosures)

    def export(self, folder: Any, *, reveal: bool, progress: Any = None) -> Any:
        self._disclosures.exported("log", "revealed" if reveal else "sealed")
        return self._part.export(folder, reveal=reveal, progress=progress)
