"""What a person means by an id: a whole one, the beginning or end of one, or `@last`.

Invariant: of several things that fit none is chosen; the person is told which ones fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from domain.errors import ContentErasedError, InvalidInputError, NotFoundError
from domain.ids import fragment, short
from interfaces.again import last_answer
from interfaces.cli.console import local, one_line

if TYPE_CHECKING:
    from interfaces.book import Book
    from interfaces.past_parts import Seen
    from interfaces.replay_views import ReplayView
    from projections.conversations.queries import ConversationSummary
    from projections.projects.queries import ProjectDetails
    from projections.routines.queries import RoutineDetails
    from projections.transcript.messages import Message

LAST = "@last"
_WHOLE = 32


def conversation(book: Book, typed: str) -> ConversationSummary:
    """Return the conversation that is meant.

    Raises:
        InvalidInputError: this is no id, or several conversations fit.
        NotFoundError: none fits.
    """
    found = conversation_if_any(book, typed)
    if found is None:
        raise NotFoundError(f"There is no conversation {typed!r} in this book.", hint="daybook list")
    return found


def conversation_if_any(book: Book, typed: str, shown: Seen | None = None) -> ConversationSummary | None:
    """Return the conversation that is meant, or None where none fits; as it was where `shown` says so."""
    conversations = book.conversations if shown is None else shown.conversations
    if typed.strip() == LAST:
        latest = conversations.latest_of_actor(book.actor)
        if latest is None and shown is not None:
            _refuse_later(book)
        if latest is None:
            from projections.conversations.wanted import Wanted

            others = conversations.listed(Wanted(archived="include"), limit=1).conversations
            if others:
                raise NotFoundError(
                    "You have asked nothing in this book yet, or what you asked was erased; others have.",
                    hint="daybook list",
                )
            raise NotFoundError("There is no conversation yet.", hint='daybook ask "your question"')
        return latest
    digits = _digits(typed, "daybook list")
    if len(digits) == _WHOLE:
        return conversations.get(UUID(digits))
    found = conversations.find(digits)
    _refuse_several(typed, "conversations", [(one.id, one.title) for one in found])
    return found[0] if found else None


def _refuse_later(book: Book) -> None:
    """Refuse `@last` where it names a conversation that was not there at that moment, if it names one now."""
    now = book.conversations.latest_of_actor(book.actor)
    if now is not None:
        raise NotFoundError(
            f"`@last` is what is latest now, {one_line(now.title)!r} ({short(now.id)}), and that was begun "
            f"later, on {local(now.created_at)}.",
            hint="daybook list --as-of MOMENT, then its id",
        )


def message(book: Book, typed: str, shown: Seen | None = None) -> Message | None:
    """Return the message of which an id is meant, or None where none fits; `@last` is the last answer.

    As it was where `shown` says so.
    """
    transcript = book.transcript if shown is None else shown.transcript
    if typed.strip() == LAST:
        return transcript.last_answer_of_actor(book.actor)
    digits = _digits(typed, "daybook show @last --json")
    if len(digits) == _WHOLE:
        return transcript.message(UUID(digits))
    found = transcript.find(digits)
    _refuse_several(typed, "messages", [(one.id, one.text) for one in found])
    return found[0] if found else None


def any_message(book: Book, typed: str) -> Message:
    """Return the message that is meant: by its own id, or the last one of a conversation's current branch.

    Raises:
        InvalidInputError: this is no id, or several things fit.
        NotFoundError: there is none.
        ContentErasedError: its conversation was erased.
    """
    found = conversation_if_any(book, typed)
    if found is not None:
        branch = book.transcript.branch(found.id, limit=1)
        last = branch[-1] if branch else None
    else:
        last = message(book, typed)
    if last is None:
        raise NotFoundError(f"There is no message {typed!r} in this book.", hint="daybook show @last")
    if last.erased:
        raise ContentErasedError(f"The conversation of message {short(last.id)} was erased.")
    return last


def answer(book: Book, typed: str) -> Message:
    """Return the answer that is meant, as `any_message` does; it raises the same."""
    found = any_message(book, typed)
    if found.kind != "answer":
        raise NotFoundError(
            f"Message {short(found.id)} is a prompt; an answer is wanted. Nothing was changed.",
            hint=f"daybook tree {short(found.conversation_id)}",
        )
    return found


def prompt(book: Book, typed: str) -> tuple[Message, Message | None]:
    """Return the prompt that is meant, by its own id or its answer's, and that answer or its last one.

    Raises what `any_message` raises.
    """
    found = any_message(book, typed)
    if found.kind == "answer":
        asked = book.transcript.message(found.parent_id) if found.parent_id else None
        if asked is None:
            raise NotFoundError(f"The prompt of answer {short(found.id)} is not in this book.")
        return asked, found
    return found, last_answer(book.transcript.children(found.id))


def project(book: Book, typed: str) -> ProjectDetails:
    """Return the project that is meant, by its name or its id.

    Raises:
        InvalidInputError: several projects fit.
        NotFoundError: none fits.
    """
    found = book.projects.named(typed)
    if not found:
        digits = fragment(typed)
        if digits is not None and len(digits) == _WHOLE:
            whole = book.projects.get(UUID(digits))
            found = (whole,) if whole else ()
        elif digits is not None:
            found = book.projects.find(digits)
    if not found:
        raise NotFoundError(f"There is no project {typed!r} in this book.", hint="daybook project list")
    _refuse_several(typed, "projects", [(one.id, one.name) for one in found])
    return found[0]


def routine(book: Book, typed: str) -> RoutineDetails:
    """Return the routine that is meant: by its name, by its id, or the last removed one of that name.

    Raises:
        InvalidInputError: several routines fit.
        NotFoundError: none fits.
    """
    found = book.routines.named(typed)
    if not found:
        digits = fragment(typed)
        if digits is not None and len(digits) == _WHOLE:
            whole = book.routines.get(UUID(digits))
            found = (whole,) if whole else ()
        elif digits is not None:
            found = book.routines.find(digits)
    if not found:
        gone = [one for one in book.routines.all(include_removed=True) if one.name == typed.strip()]
        found = tuple(gone[-1:])
    meant = one_routine(typed, found)
    if meant is None:
        raise NotFoundError(f"There is no routine {typed!r} in this book.", hint="daybook routine list")
    return meant


def one_routine(typed: str, found: Sequence[RoutineDetails]) -> RoutineDetails | None:
    """Return the one that was found, or None, or raise `InvalidInputError` where there are several."""
    _refuse_several(typed, "routines", [(one.id, one.newest.prompt) for one in found])
    return found[0] if found else None


def _digits(typed: str, hint: str) -> str:
    digits = fragment(typed)
    if digits is None:
        raise InvalidInputError(
            f"{typed!r} is no id: an id is 4 to 32 hex digits of its beginning or end, or {LAST}.", hint=hint
        )
    return digits


def _refuse_several(typed: str, what: str, found: Sequence[tuple[UUID, str]]) -> None:
    if len(found) <= 1:
        return
    from interfaces.cli.console import one_line

    # Ids that end alike need their beginning to be told apart.
    several = "; ".join(f"{identifier} {one_line(text)[:40]}".strip() for identifier, text in found)
    raise InvalidInputError(
        f"{typed!r} is ambiguous: {len(found)} or more {what} fit ({several}). Nothing was changed; "
        f"type more of the id, for example {short(found[0][0])!r}."
    )


def replay(book: Book, typed: str) -> ReplayView:
    """Return the replay that is meant; `@last` is the newest.

    Raises:
        InvalidInputError: this is no id, or several replays fit.
        NotFoundError: none fits.
    """
    if typed.strip() == LAST:
        newest = book.replay_desk.listed(limit=1).replays
        if not newest:
            raise NotFoundError("There is no replay yet.", hint="daybook replay --last 20 --model MODEL")
        return newest[0]
    found = book.replay_desk.find(_digits(typed, "daybook replay list"))
    if not found:
        raise NotFoundError(f"There is no replay {typed!r} in this book.", hint="daybook replay list")
    _refuse_several(typed, "replays", [(one.replay_id, one.model) for one in found])
    return found[0]
