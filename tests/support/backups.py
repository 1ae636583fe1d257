"""A book worth backing up, and what two databases must have in common to be the same one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from application.commands import EraseConversation, HoldConversation
from application.ports.live import Piece
from application.ports.log import IdempotencyKey, Origin
from bootstrap.container import Container
from bootstrap.host import ProcessHost
from bootstrap.settings import Settings
from domain.conversation.conversation import Conversation
from domain.ids import new_id
from infrastructure.backup.tables import TABLES
from tests.support.cli_process import Daybook

PASSPHRASE = "correct horse battery"


def daybook_on(url: str, home: Path) -> Daybook:
    return Daybook(
        {
            "DAYBOOK_HOME": str(home),
            "DAYBOOK_DATABASE_URL": url,
            "DAYBOOK_OLLAMA_URL": "http://127.0.0.1:9",
        }
    )


@contextlib.contextmanager
def opened(daybook: Daybook) -> Iterator[Container]:
    book = ProcessHost(Settings(daybook.environment)).open_here(lambda _: None)
    try:
        yield book
    finally:
        book.close()


def conversation_in(book: Container, prompts: int = 1, text: str = "What stays?") -> UUID:
    """Write a conversation of so many prompts, in one append."""
    made = Conversation.start(new_id(), project_id=None, title="Kept")
    parent = None
    for number in range(prompts):
        prompt = new_id()
        made.add_prompt(prompt, f"{text} {number}", parent_id=parent)
    key = IdempotencyKey(new_id().hex, b"kept")
    book.log.save([made], Origin(book.actor, "cli"), idempotency=key, result=b"{}")
    return made.id


def fill(daybook: Daybook) -> dict[str, UUID]:
    """Put something into every table that a backup holds; return the conversations by what they are."""
    with opened(daybook) as book:
        book.keyring.unlock()
        kept = {
            "read": conversation_in(book, 3),
            "held": conversation_in(book),
            "erased": conversation_in(book),
        }
        book.audit.checkpoint()
        book.read_models.catch_up()
        who: dict[str, Any] = {"actor": book.actor, "source": "cli"}
        book.commands.handle(HoldConversation(conversation_id=kept["held"], reason="for ever", **who))
        book.commands.handle(EraseConversation(conversation_id=kept["erased"], **who))
        book.live.own()
        book.live.save([Piece(new_id(), kept["read"], 0, 0, 0, "Hm.", "So far")])
    daybook("token", "create", "laptop", "--scope", "read")
    daybook("audit", "checkpoint")
    with psycopg.connect(daybook.settings["DAYBOOK_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("insert into daybook.grant_uses values (gen_random_uuid(), now())")
    return kept


def rows_of(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table that a backup holds."""
    with psycopg.connect(url) as connection:
        return {
            table.name: connection.execute(
                f"select {', '.join(table.columns)} from daybook.{table.name} order by {table.order}".encode()
            ).fetchall()
            for table in TABLES
        }
