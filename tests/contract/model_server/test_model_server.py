"""What every model server promises, asked of the fake and of the real adapter over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import TypeVar

import pytest

from application.errors import (
    AnswerBrokenOffError,
    ContextTooLongError,
    ModelMissingError,
    ModelServerError,
    ModelServerOverloadedError,
)
from application.ports.model_server import ChatEnd, ChatRequest, Delta, ModelServer
from tests.contract.model_server.harness import MODEL, Harness, ScriptedHarness, SimulatorHarness, asking

T = TypeVar("T")


@pytest.fixture(params=["scripted", "ollama"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    if request.param == "scripted":
        yield ScriptedHarness()
        return
    simulator = SimulatorHarness()
    try:
        yield simulator
    finally:
        simulator.stop()


def run(harness: Harness, work: Callable[[ModelServer], Awaitable[T]]) -> T:
    async def main() -> T:
        server = harness.server()
        try:
            return await work(server)
        finally:
            await server.close()

    return asyncio.run(main())


async def read(
    server: ModelServer, request: ChatRequest
) -> tuple[list[Delta | ChatEnd], ModelServerError | None]:
    items: list[Delta | ChatEnd] = []
    try:
        async for item in server.chat(request):
            items.append(item)  # noqa: PERF401 - what came before an error counts
    except ModelServerError as error:
        return items, error
    return items, None


def test_an_answer_is_deltas_and_then_exactly_one_end(harness: Harness) -> None:
    items, error = run(harness, lambda server: read(server, harness.normal()))
    assert error is None
    *deltas, end = items
    assert isinstance(end, ChatEnd)
    assert end.reason == "stop"
    assert end.prompt_tokens
    assert end.completion_tokens
    assert all(isinstance(item, Delta) and (item.text or item.thinking) for item in deltas)
    assert "".join(item.text for item in deltas if isinstance(item, Delta))
    assert "".join(item.thinking for item in deltas if isinstance(item, Delta))


def test_an_empty_answer_is_an_end_alone(harness: Harness) -> None:
    items, error = run(harness, lambda server: read(server, harness.empty()))
    assert error is None
    assert [type(item) for item in items] == [ChatEnd]


def test_a_missing_model_is_told_with_the_command_that_gets_it(harness: Harness) -> None:
    items, error = run(harness, lambda server: read(server, asking("nobody-has-this:1b")))
    assert items == []
    assert isinstance(error, ModelMissingError)
    assert error.hint == "daybook models pull nobody-has-this:1b"


def test_what_came_before_a_failure_is_delivered_first(harness: Harness) -> None:
    items, error = run(harness, lambda server: read(server, harness.breaking()))
    assert isinstance(error, AnswerBrokenOffError)
    assert error.reason == "broken-off"
    assert items
    assert not any(isinstance(item, ChatEnd) for item in items)


def test_a_busy_server_is_told_as_overloaded(harness: Harness) -> None:
    items, error = run(harness, lambda server: read(server, harness.busy()))
    assert (items, type(error)) == ([], ModelServerOverloadedError)


def test_messages_beyond_the_context_are_refused_and_not_cut(harness: Harness) -> None:
    items, error = run(harness, lambda server: read(server, harness.too_long()))
    assert (items, type(error)) == ([], ContextTooLongError)


def test_closing_the_iterator_stops_the_model_at_once(harness: Harness) -> None:
    async def leave(server: ModelServer) -> None:
        async with aclosing(server.chat(harness.endless())) as stream:  # type: ignore[type-var]
            await anext(stream)
            assert harness.activity() == (1, 0)
        await _until(harness, (0, 1))

    run(harness, leave)


def test_cancelling_the_reader_stops_the_model_at_once(harness: Harness) -> None:
    async def cancel(server: ModelServer) -> None:
        reading = asyncio.create_task(read(server, harness.endless()))
        await _until(harness, (1, 0))
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert reading.cancelled()
        await _until(harness, (0, 1))

    run(harness, cancel)


async def _until(harness: Harness, activity: tuple[int, int]) -> None:
    for _ in range(100):
        if harness.activity() == activity:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"not {activity}, but {harness.activity()}")


def test_installed_models_are_listed_and_shown(harness: Harness) -> None:
    async def look(server: ModelServer) -> None:
        listed = {card.name: card for card in await server.models()}
        card = await server.show(MODEL)
        assert card.digest == listed[MODEL].digest
        assert len(card.digest) == 64
        assert card.context_length == 131072
        assert "thinking" in card.capabilities

    run(harness, look)


def test_showing_a_missing_model_is_told_with_the_command_that_gets_it(harness: Harness) -> None:
    with pytest.raises(ModelMissingError) as caught:
        run(harness, lambda server: server.show("nobody-has-this:1b"))
    assert caught.value.hint == "daybook models pull nobody-has-this:1b"


def test_a_pull_tells_how_far_it_is_and_then_the_model_is_there(harness: Harness) -> None:
    async def pull(server: ModelServer) -> None:
        seen = [progress async for progress in server.pull("nomic-embed-text:latest")]
        assert seen[0].status == "pulling manifest"
        assert seen[-1].status == "success"
        sized = [(progress.completed or 0, progress.total) for progress in seen if progress.total]
        assert any(completed == total for completed, total in sized)
        assert (await server.show("nomic-embed-text:latest")).name == "nomic-embed-text:latest"
        assert len(await server.embed("nomic-embed-text:latest", ["one", "two"])) == 2

    run(harness, pull)


def test_a_pull_of_what_nobody_offers_changes_nothing(harness: Harness) -> None:
    async def pull(server: ModelServer) -> None:
        with pytest.raises(ModelMissingError):
            async for _ in server.pull("missing-everywhere:1b"):
                pass
        assert "missing-everywhere:1b" not in {card.name for card in await server.models()}

    run(harness, pull)


def test_a_chat_model_refuses_to_embed(harness: Harness) -> None:
    with pytest.raises(ModelServerError, match="cannot do this"):
        run(harness, lambda server: server.embed(MODEL, ["one"]))


def test_the_version_says_that_it_is_there_and_closing_twice_is_harmless(harness: Harness) -> None:
    async def look(server: ModelServer) -> str:
        version = await server.version()
        await server.close()
        return version

    assert run(harness, look)
