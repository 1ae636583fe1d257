"""What can be typed after a `/` in a chat to move in its tree, and to say how its answers are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from domain.errors import InvalidInputError, NotFoundError
from domain.ids import short
from interfaces.again import as_before, last_answer
from interfaces.cli.console import say
from interfaces.cli.opening import SOURCE

if TYPE_CHECKING:
    from interfaces.book import Book
    from interfaces.cli.chatting import Talk
    from interfaces.cli.host import Host
    from projections.conversations.queries import ConversationSummary
    from projections.transcript.messages import Message

Handler = Callable[["Host", "Book", "Talk", str], Awaitable[None]]


def begun(book: Book, talk: Talk) -> ConversationSummary:
    """Return the conversation of a chat, which from now on goes on where the chat does.

    Raises:
        NotFoundError: it has not begun.
    """
    if talk.conversation_id is not None and talk.after_id is not None:
        from interfaces.cli.switch import to_branch

        book.commands.handle(to_branch(book, talk.conversation_id, talk.after_id, here=True))
        talk.after_id = None
    found = None if talk.conversation_id is None else book.conversations.get(talk.conversation_id)
    if found is None:
        raise NotFoundError("This conversation has not begun yet.")
    return found


def _end(book: Book, talk: Talk) -> Message:
    """Return the message in which the current branch ends."""
    last = book.transcript.branch(begun(book, talk).id, limit=1)
    if not last:
        raise NotFoundError("This conversation has no message here yet.")
    return last[0]


def _last_prompt(book: Book, talk: Talk) -> tuple[Message, Message | None]:
    """Return the last prompt of the current branch, and the answer that follows it there."""
    end = _end(book, talk)
    if end.kind == "prompt":
        return end, last_answer(book.transcript.children(end.id))
    prompt = book.transcript.message(end.parent_id) if end.parent_id else None
    if prompt is None:
        raise NotFoundError("The prompt of this answer is not in this book.")
    return prompt, end


async def _edit(host: Host, book: Book, talk: Talk, rest: str) -> None:
    from application.commands import EditPrompt
    from interfaces.cli.chatting import ask
    from interfaces.cli.editing import edit

    prompt, before = _last_prompt(book, talk)
    text = rest or edit(prompt.whole().text)
    if text == prompt.text:
        say("The prompt is as it was. Nothing was recorded.")
        return
    command = EditPrompt(
        actor=book.actor,
        source=SOURCE,
        conversation_id=prompt.conversation_id,
        prompt_id=prompt.id,
        text=text,
        instructions=talk.instructions,
        **as_before(before, model=talk.model, options=talk.options, think=talk.think),
    )
    await ask(host, book, talk, command)


async def _retry(host: Host, book: Book, talk: Talk, rest: str) -> None:
    from application.commands import AnswerAgain
    from interfaces.cli.chatting import ask

    prompt, before = _last_prompt(book, talk)
    command = AnswerAgain(
        actor=book.actor,
        source=SOURCE,
        conversation_id=prompt.conversation_id,
        prompt_id=prompt.id,
        **as_before(before, model=rest or talk.model, options=talk.options, think=talk.think),
    )
    await ask(host, book, talk, command)


async def _tree(_host: Host, book: Book, talk: Talk, _rest: str) -> None:
    from interfaces.cli.tree import print_tree

    print_tree(book, begun(book, talk), whole=False)


async def _switch(_host: Host, book: Book, talk: Talk, rest: str) -> None:
    from interfaces.cli import finding
    from interfaces.cli.switch import NEXT, PREVIOUS, beside, say_end, to_branch

    conversation_id = begun(book, talk).id
    target: UUID
    if rest in {"next", "previous"}:
        target = beside(book, conversation_id, None, NEXT if rest == "next" else PREVIOUS)
    elif rest:
        found = finding.any_message(book, rest)
        if found.conversation_id != conversation_id:
            raise InvalidInputError(f"Message {short(found.id)} is in another conversation.")
        target = found.id
    else:
        raise InvalidInputError("/switch takes next, previous, or an id that /tree shows.")
    book.commands.handle(to_branch(book, conversation_id, target))
    say("This goes on at:")
    say_end(book, conversation_id)


async def _fork(_host: Host, book: Book, talk: Talk, rest: str) -> None:
    from interfaces.cli.fork import of_branch

    done = book.commands.handle(of_branch(book, _end(book, talk), rest or None))
    left, talk.conversation_id = talk.conversation_id, done.id
    say(f"Forked; the chat goes on in {short(done.id)}, and {short(left or done.id)} stays as it was.")


async def _rate(_host: Host, book: Book, talk: Talk, rest: str) -> None:
    from interfaces.cli.rate import RATINGS, of_answer

    rating, _, why = rest.partition(" ")
    if rating not in RATINGS:
        raise InvalidInputError("/rate takes up, down or clear, and then perhaps why.")
    answer = _last_prompt(book, talk)[1]
    if answer is None:
        raise NotFoundError("There is no answer here to rate.")
    book.commands.handle(of_answer(book, answer, rating, why.strip() or None))
    say("The rating is taken back." if rating == "clear" else f"Rated {rating}.")


async def _note(_host: Host, book: Book, talk: Talk, rest: str) -> None:
    from interfaces.cli.note import on_message

    done = book.commands.handle(on_message(book, _end(book, talk), rest))
    say(f"Noted ({short(done.id)}).")


BRANCHES: Mapping[str, Handler] = {
    "edit": _edit,
    "retry": _retry,
    "tree": _tree,
    "switch": _switch,
    "fork": _fork,
    "rate": _rate,
    "note": _note,
}
