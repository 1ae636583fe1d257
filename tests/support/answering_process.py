"""A process that answers and never ends by itself: asks, saves a piece of its answer, says so, and waits.

Run as `python -m tests.support.answering_process DATABASE_URL`; prints conversation, answer and owner id.
"""

from __future__ import annotations

import sys
import time

from application.commands import AskQuestion
from application.handlers import Commands
from application.ports.live import Piece
from application.services import Services
from infrastructure.postgres.database import Database
from infrastructure.postgres.model_memory import PostgresModelMemory
from infrastructure.postgres.turns import PostgresTurns
from tests.fakes.write_side import LogMemory, MemoryWriteLog
from tests.support.write_side import keyring_of, live_on, log_on


def main(url: str) -> None:
    database = Database(url)
    keyring = keyring_of(database)
    live = live_on(database, keyring, heartbeat=0.2)
    services = Services(
        log=log_on(database, keyring),
        memory=LogMemory(MemoryWriteLog()),
        live=live,
        models=PostgresModelMemory(database),
        turns=PostgresTurns(database, live, "http://model", most=1, longest=8),
        default_model="m:1b",
        context_length=8192,
    )
    asked = Commands(services).ask(AskQuestion(text="Hi", actor="ada", source="cli"))
    live.save([Piece(asked.answer_id, asked.conversation_id, 0, 0, 0, "Hm.", "So far")])
    print(asked.conversation_id, asked.answer_id, live.own(), flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main(sys.argv[1])
