"""What can be typed after a `/` in a chat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.errors import InvalidInputError
from interfaces.cli.chat_branches import BRANCHES, Handler, begun
from interfaces.cli.console import clean, one_line, say
from interfaces.cli.opening import SOURCE

if TYPE_CHECKING:
    from interfaces.book import Book
    from interfaces.cli.chatting import Talk
    from interfaces.cli.host import Host
    from projections.transcript.messages import Message

_MOST_MESSAGES = 2**31 - 1

HELP = """\
/help          this list
/model NAME    let another model answer; without a name: which one does, and which are there
/new           begin a new conversation
/undo [N]      go back N prompts (1 if not said); the last of them comes back to be edited
/edit [TEXT]   say the last prompt differently; without a text $EDITOR opens with the old one
/retry [NAME]  answer the last prompt once more, perhaps by another model
/tree          show all branches
/switch WHAT   go on on another branch: next, previous, or an id that /tree shows
/fork [TITLE]  copy this branch into a conversation of its own, and go on there
/rate WHAT     say that the last answer is good or bad: up, down, clear; then perhaps why
/note TEXT     write a note on the last answer
/editor        write the next prompt in $EDITOR
/show          show the conversation so far
/quit          leave (Ctrl-D does, too)

Nothing is lost by any of them: what is edited, answered again or left stays in /tree.

Enter sends. Alt-Enter, or \\ before Enter, begins a new line; what is pasted stays one prompt.
Ctrl-C clears the line, and stops an answer that is being written."""


async def run_command(host: Host, book: Book, talk: Talk, line: str) -> bool:
    """Run one command; False when the chat shall end."""
    name, _, rest = line[1:].strip().partition(" ")
    if name in {"quit", "exit", "q"}:
        return False
    handler = _HANDLERS.get(name)
    if handler is None:
        raise InvalidInputError(f"There is no /{name} here; nothing was sent. /help lists what there is.")
    await handler(host, book, talk, rest.strip())
    return True


async def _help(_host: Host, _book: Book, _talk: Talk, _rest: str) -> None:
    say(HELP)


async def _model(host: Host, book: Book, talk: Talk, name: str) -> None:
    if name:
        talk.model = name
        say(f"{clean(name)} answers from now on.")
    else:
        answers = clean(talk.model or host.default_model())
        say(f"{answers} answers." + ("" if talk.model else " (the default)"))
    there = sorted(one_line(card.name) for card in await book.model_server.models())
    if name and name not in there and f"{name}:latest" not in there:
        say(f"{clean(name)} is not on the model server; your next prompt offers to get it.")
    if not name or name not in there:
        say(f"On the model server: {', '.join(there) or 'none'}")


async def _new(_host: Host, _book: Book, talk: Talk, _rest: str) -> None:
    talk.conversation_id = talk.after_id = None
    say("A new conversation begins with your next prompt.")


async def _undo(_host: Host, book: Book, talk: Talk, rest: str) -> None:
    """Go back to before the Nth last prompt. The branch that is left stays in the book."""
    from application.commands import GoOnFrom

    if rest and not (rest.isdecimal() and int(rest) > 0):
        raise InvalidInputError("/undo takes a number above 0: how many prompts to go back.")
    back = int(rest or "1")
    # Of two messages in a row one is a prompt, so these hold so many prompts if there are so many at all.
    last = _branch(book, talk, limit=min(2 * back, _MOST_MESSAGES))
    prompts = [message for message in last if message.kind == "prompt"]
    if back > len(prompts):
        raise InvalidInputError(f"There are only {len(prompts)} prompts to go back to. Nothing was changed.")
    target = prompts[-back]
    if talk.conversation_id is not None:
        command = GoOnFrom(
            actor=book.actor,
            source=SOURCE,
            conversation_id=talk.conversation_id,
            message_id=target.parent_id,
        )
        book.commands.handle(command)
    talk.draft = target.text
    say("Back before this prompt; edit it and send it again, or clear it with Ctrl-C.")


async def _editor(_host: Host, _book: Book, talk: Talk, rest: str) -> None:
    from interfaces.cli.editing import edit

    talk.draft = edit(rest or talk.draft)


async def _show(_host: Host, book: Book, talk: Talk, _rest: str) -> None:
    from interfaces.cli.show import print_conversation, routine_names

    messages = _branch(book, talk)
    found = begun(book, talk)
    names = routine_names(book, messages)
    print_conversation(found, messages, thinking=False, routines=names)


def _branch(book: Book, talk: Talk, *, limit: int | None = None) -> tuple[Message, ...]:
    return book.transcript.branch(begun(book, talk).id, limit=limit)


_HANDLERS: dict[str, Handler] = {
    "help": _help,
    "?": _help,
    "model": _model,
    "new": _new,
    "undo": _undo,
    "editor": _editor,
    **BRANCHES,
    "show": _show,
}
