"""`daybook demo`: the whole of Daybook in half a minute, with a simulator in a model's place.

Invariants: nothing of the person's own book, settings or model server is touched; it is said plainly
that a simulator answers; nothing stays behind, however the demo ends.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from domain.conversation.conversation import Status
from interfaces.cli.console import note, out, out_is_terminal, say, terminal
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import SOURCE, host_of, opened
from interfaces.errors import Exit

if TYPE_CHECKING:
    from uuid import UUID

    from interfaces.book import Book
    from interfaces.cli.asking import Answered
    from interfaces.cli.host import DemoHost

app = command_app()

_PAUSE_SECONDS = 1.2
_SEARCHED = "record"
_FIRST_PROMPT = 1  # its log index; the conversation's start is 0
_QUESTIONS = (
    "Why would I want a record of what I ask a model?",
    "Show me that with a few lines of Python code.",
)


@app.command()
def demo(ctx: typer.Context) -> None:
    """See Daybook at work: nothing to install, nothing left behind."""
    own = host_of(ctx)
    _head("Daybook keeps the book: every prompt, every answer, every change is an event in a log of yours.")
    out(
        "What you see now is real (PostgreSQL, the log, encryption, search) but for the answers:\n"
        "a simulator gives them, not a model. It all happens in a throw-away home; your own book\n"
        "and settings are not touched."
    )
    with _terminated_like_interrupted(), tempfile.TemporaryDirectory(prefix="daybook-demo-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # a database server that must not be root has to get in
        note("\nStarting PostgreSQL …")
        with own.demo_host(home / "home", note) as host, opened(host) as book:
            code = _tour(host, book)
    if code == 0:
        _farewell(own.setting("model"))
    raise typer.Exit(code)


def _tour(host: DemoHost, book: Book) -> int:
    last = asyncio.run(_conversation(book))[-1].outcome
    if last is not None and last.problem is not None:
        raise last.problem
    if last is not None and last.status is not Status.COMPLETE:
        say("The demo was stopped; its home is gone with it.")
        return int(Exit.INTERRUPTED)
    book.look_after()
    _pause()
    _head("The record behind it")
    out("The log holds your texts encrypted, in one order, each event in a hash tree.")
    from interfaces.cli.audit import print_events

    print_events(book.events.read(0, 20))
    _pause()
    _head(f"Search: daybook search {_SEARCHED}")
    from interfaces.cli.search import print_hit
    from projections.search.queries import Within

    for hit in book.search.search(_SEARCHED, Within(), limit=2).hits:
        print_hit(hit)
    _pause()
    _head("Everything you can look at is built from the log, any time: daybook projections rebuild --all")
    from interfaces.cli.projections import print_status, progress_bar

    with progress_bar("rebuilding") as progress:
        book.read_models.rebuild(None, progress)
    print_status(book.read_models.status())
    _pause()
    _tamper(host, book)
    return 0


def _tamper(host: DemoHost, book: Book) -> None:
    from interfaces.cli.audit_verify import print_verified

    _head("Sign it, and prove it: daybook audit checkpoint; daybook audit verify")
    out(book.audit.checkpoint().note)
    print_verified(book.audit.verify())
    _pause()
    _head("Now the database's superuser flips one bit of what you asked first. daybook audit verify")
    host.flip_a_byte(_FIRST_PROMPT)
    print_verified(book.audit.verify())
    _pause()


async def _conversation(book: Book) -> list[Answered]:
    done: list[Answered] = []
    conversation_id: UUID | None = None
    try:
        for question in _QUESTIONS:
            _head(f"daybook ask {'--continue ' if conversation_id else ''}{question!r}")
            answered = await _turn(book, question, conversation_id)
            done.append(answered)
            conversation_id = answered.asked.conversation_id
            if answered.outcome is None or answered.outcome.status is not Status.COMPLETE:
                break
            _pause()
    finally:
        await book.model_server.close()
    return done


async def _turn(book: Book, question: str, conversation_id: UUID | None) -> Answered:
    from application.commands import AskQuestion
    from interfaces.cli.ask import Manner, make_display
    from interfaces.cli.asking import answer

    command = AskQuestion(actor=book.actor, source=SOURCE, text=question, conversation_id=conversation_id)
    return await answer(book, command, make_display(Manner()))


def _farewell(model: str) -> None:
    _head(
        "The throw-away home is gone again. Your own book, with a real model (Ollama: https://ollama.com/download):"
    )
    out(f"  daybook models pull {model}")
    out('  daybook ask "What shall we remember today?"')


def _head(text: str) -> None:
    if not out_is_terminal():
        out(f"\n== {text}\n")
        return
    from rich.text import Text

    console = terminal()
    console.print()
    console.print(Text(text, style="bold cyan"))
    console.print()


def _pause() -> None:
    if out_is_terminal():
        time.sleep(_PAUSE_SECONDS)


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Clean up when asked to terminate, too."""

    def leave(_number: int, _frame: object) -> NoReturn:
        sys.exit(130)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
