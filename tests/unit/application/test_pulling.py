"""The one pull of a model that a server looks after."""

import asyncio

from application.errors import ModelServerUnreachableError
from application.pulling import Pulling
from tests.fakes.model_server import ScriptedModelServer


async def _until_over(pulling: Pulling) -> None:
    async with asyncio.timeout(5):
        await pulling.over()


def test_a_pull_ends_with_all_its_bytes() -> None:
    async def run() -> None:
        pulling = Pulling(ScriptedModelServer())
        begun = pulling.begin("deepseek-r1:1.5b")
        await _until_over(pulling)

        assert begun.running
        assert begun.words == "asking the model server"
        assert pulling.now is not None
        assert (pulling.now.model, pulling.now.status, pulling.now.problem) == (
            "deepseek-r1:1.5b",
            "done",
            None,
        )
        assert 0 < pulling.now.completed_bytes == pulling.now.total_bytes

    asyncio.run(run())


def test_a_second_wish_joins_the_pull_under_way() -> None:
    async def run() -> None:
        pulling = Pulling(ScriptedModelServer())
        pulling.begin("one")

        assert pulling.begin("two").model == "one"
        await _until_over(pulling)
        assert pulling.begin("two").model == "two"
        await pulling.stop()

    asyncio.run(run())


def test_a_failed_pull_says_why_and_can_be_tried_again() -> None:
    async def run() -> None:
        server = ScriptedModelServer(down=ModelServerUnreachableError("Nobody answers."))
        pulling = Pulling(server)
        pulling.begin("one")
        await _until_over(pulling)
        assert pulling.now is not None
        assert pulling.now.problem == "Nobody answers."

        server.down = None
        pulling.begin("one")
        await _until_over(pulling)
        assert pulling.now.problem is None

    asyncio.run(run())


def test_stopping_ends_it() -> None:
    async def run() -> None:
        pulling = Pulling(ScriptedModelServer())
        await pulling.stop()
        await pulling.over()
        assert pulling.now is None

        pulling.begin("one")
        await asyncio.sleep(0)
        await pulling.stop()
        assert pulling.now is not None
        assert not pulling.now.running

    asyncio.run(run())
