"""The adapter over HTTP against the simulator: its odd texts, its reuse of connections, its event loops."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from application.errors import ModelServerError
from application.ports.model_server import ChatEnd, ChatMessage, ChatRequest, Delta
from application.thinking import Reclassified, ThinkSplitter
from infrastructure.ollama.model_server import OllamaModelServer
from infrastructure.simulator.answers import OPENING
from infrastructure.simulator.options import SimulatorOptions
from infrastructure.simulator.server import RunningSimulator


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with RunningSimulator(SimulatorOptions(rate=0, pull_seconds=0.05, fault_models=True)) as running:
        yield running


async def split(
    server: OllamaModelServer, model: str, text: str = "Hello?"
) -> tuple[str, str, ChatEnd | None]:
    splitter, thinking, said, end = ThinkSplitter(), "", "", None
    async for item in server.chat(ChatRequest(model, [ChatMessage("user", text)])):
        if isinstance(item, ChatEnd):
            end = item
            continue
        for piece in splitter.feed(item):
            if isinstance(piece, Reclassified):
                thinking, said = thinking + said, ""
            else:
                thinking, said = thinking + piece.thinking, said + piece.text
    assert splitter.end() == []
    return thinking, said, end


@pytest.mark.parametrize("model", ["deepseek-r1:8b", "simulator-tagged", "simulator-unopened"])
def test_thinking_ends_up_apart_however_the_model_tells_it(simulator: RunningSimulator, model: str) -> None:
    async def main() -> tuple[str, str, ChatEnd | None]:
        server = OllamaModelServer(simulator.url)
        try:
            return await split(server, model)
        finally:
            await server.close()

    thinking, said, end = asyncio.run(main())
    assert thinking.startswith("I was sent no earlier messages")
    assert said.startswith(OPENING)
    assert "think>" not in thinking + said
    assert end is not None


def test_odd_text_arrives_character_for_character(simulator: RunningSimulator) -> None:
    async def main() -> str:
        server = OllamaModelServer(simulator.url)
        _, said, _ = await split(server, "simulator-odd-text")
        await server.close()
        return said

    said = asyncio.run(main())
    for rarity in (
        "next\x85line",
        "line\u2028separator",
        "half \ud83d,",
        "😀",
        "<b>&amp;</b>",
        "nul \x00",
        "\u202e",
    ):
        assert rarity in said


def test_a_server_that_loads_is_asked_again_until_it_answers() -> None:
    options = SimulatorOptions(rate=0, fault_models=True, loading_refusals=2)
    with RunningSimulator(options) as loading:

        async def main() -> str:
            server = OllamaModelServer(loading.url, busy_delays=(0.01, 0.01, 0.01))
            _, said, _ = await split(server, "simulator-loading")
            await server.close()
            return said

        assert asyncio.run(main()).startswith(OPENING)


def test_a_failing_pull_says_that_it_goes_on_from_there(simulator: RunningSimulator) -> None:
    async def main() -> list[str]:
        server = OllamaModelServer(simulator.url)
        seen: list[str] = []

        async def pull() -> None:
            async for progress in server.pull("simulator-pull-failing:1b"):
                seen.append(progress.status)  # noqa: PERF401 - what came before the error counts

        with pytest.raises(ModelServerError, match="simulated loss") as caught:
            await pull()
        assert caught.value.hint == "daybook models pull simulator-pull-failing:1b"
        await server.close()
        return seen

    assert asyncio.run(main())[:1] == ["pulling manifest"]


def test_one_adapter_serves_one_event_loop_after_another(simulator: RunningSimulator) -> None:
    server = OllamaModelServer(simulator.url)

    async def main() -> str:
        said = (await split(server, "deepseek-r1:8b"))[1]
        assert await server.models()
        await server.close()
        return said

    assert asyncio.run(main()) == asyncio.run(main())


def test_many_answers_at_once_do_not_mix(simulator: RunningSimulator) -> None:
    async def main() -> list[tuple[str, str, ChatEnd | None]]:
        server = OllamaModelServer(simulator.url)
        try:
            return await asyncio.gather(
                *(split(server, "deepseek-r1:8b", f"Question {n}.") for n in range(30))
            )
        finally:
            await server.close()

    for number, (_, said, _) in enumerate(asyncio.run(main())):
        assert f"> Question {number}.\n" in said


def test_a_name_without_its_tag_is_the_latest(simulator: RunningSimulator) -> None:
    async def main() -> str:
        server = OllamaModelServer(simulator.url)
        card = await server.show("simulator-slow")
        await server.close()
        return card.digest

    assert len(asyncio.run(main())) == 64


def test_deltas_come_as_they_are_made_and_not_at_the_end() -> None:
    with RunningSimulator(SimulatorOptions(rate=40)) as paced:

        async def main() -> float:
            server = OllamaModelServer(paced.url)
            clock = asyncio.get_running_loop().time
            request = ChatRequest("deepseek-r1:8b", [ChatMessage("user", "Hi")], {"num_predict": 21})
            times = [clock() async for item in server.chat(request) if isinstance(item, Delta)]
            await server.close()
            return times[-1] - times[0]

        assert 0.4 < asyncio.run(main()) < 2.0
