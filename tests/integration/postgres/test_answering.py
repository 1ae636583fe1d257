"""An answer on a real database that goes away while the model speaks, and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from application.answering import Answering
from application.arrival import Arrival
from application.commands import AskQuestion
from application.conversations import Asked
from application.handlers import Commands
from application.ports.model_server import ChatEnd, Delta
from application.running import Ended, Outcome, RunningAnswer
from application.services import Services
from domain.conversation.conversation import Conversation, Status
from infrastructure.clock import SystemClock
from infrastructure.postgres.database import Database
from infrastructure.postgres.migrate import migrate
from infrastructure.postgres.model_memory import PostgresModelMemory
from infrastructure.postgres.turns import PostgresTurns
from tests.fakes.model_server import ScriptedModelServer
from tests.fakes.write_side import LogMemory, MemoryWriteLog
from tests.support.postgres_server import PostgresServer, quick_place
from tests.support.write_side import keyring_of, live_on, log_on


async def ended(running: RunningAnswer) -> Outcome:
    async with asyncio.timeout(60):
        async for update in running.updates():
            if isinstance(update, Ended):
                return update.outcome
    raise AssertionError("the updates ended without an end")


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 (conditions are of all kinds)
            await asyncio.sleep(0.01)


class Desk:
    """The write side on a database, with a model that says what it is told."""

    def __init__(self, database: Database, *, patience: float) -> None:
        keyring = keyring_of(database)
        self.log = log_on(database, keyring)
        self.live = live_on(database, keyring, heartbeat=0.1)
        self.server = ScriptedModelServer()
        models = PostgresModelMemory(database)
        turns = PostgresTurns(database, self.live, "http://model", most=1, longest=8)
        self.commands = Commands(
            Services(self.log, LogMemory(MemoryWriteLog()), self.live, models, turns, "deepseek-r1:8b", 8192)
        )
        arrival = Arrival(self.server, "deepseek-r1:8b", unasked=False)
        self.answering = Answering(
            self.log, self.live, models, arrival, SystemClock(), turns, save_every=0.02, patience=patience
        )

    def ask(self) -> Asked:
        return self.commands.ask(AskQuestion(text="Hi", actor="ada", source="cli"))

    def status(self, asked: Asked) -> Status | None:
        return self.log.load(Conversation, asked.conversation_id).message(asked.answer_id).status


def test_a_database_that_is_restarted_in_the_middle_gets_the_whole_answer() -> None:
    with PostgresServer(folder=quick_place()) as server:
        database = Database(server.url, connect_timeout=2)
        migrate(database)
        desk = Desk(database, patience=30)
        asked = desk.ask()
        go_on = asyncio.Event()
        desk.server.will_answer(Delta("So "), go_on, Delta("far."), ChatEnd("stop"))

        async def scenario() -> Outcome:
            running = desk.answering.start(asked)
            read = desk.live.read
            await until(lambda: read(asked.answer_id, asked.conversation_id).text == "So ")
            await asyncio.to_thread(server.stop)
            go_on.set()
            await until(lambda: running.text == "So far.")
            await asyncio.sleep(0.3)
            await asyncio.to_thread(server.start)
            outcome = await ended(running)
            await desk.answering.close()
            return outcome

        outcome = asyncio.run(scenario())

        assert (outcome.status, outcome.text, outcome.problem) == (Status.COMPLETE, "So far.", None)
        assert outcome.log_size == 4
        assert desk.status(asked) is Status.COMPLETE
        assert desk.live.read(asked.answer_id, asked.conversation_id).text == ""
        desk.live.close()
        database.close()


@pytest.mark.slow
def test_an_answer_outlives_the_patience_of_those_who_wait_for_it() -> None:
    with PostgresServer(folder=quick_place()) as server:
        database = Database(server.url, connect_timeout=2)
        migrate(database)
        desk = Desk(database, patience=0.2)
        asked = desk.ask()
        go_on = asyncio.Event()
        desk.server.will_answer(Delta("So far."), go_on, ChatEnd("stop"))

        async def scenario() -> Outcome:
            running = desk.answering.start(asked)
            await until(lambda: running.text)
            await asyncio.to_thread(server.stop)
            go_on.set()
            outcome = await ended(running)
            await asyncio.to_thread(server.start)
            await until(lambda: desk.status(asked) is Status.COMPLETE)
            await desk.answering.close()
            return outcome

        outcome = asyncio.run(scenario())

        assert (outcome.status, outcome.text, outcome.log_size) == (Status.COMPLETE, "So far.", None)
        assert outcome.problem is not None
        desk.live.close()
        database.close()
