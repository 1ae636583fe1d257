"""A long response is cut when its client may not stay."""

from __future__ import annotations

import asyncio

import pytest
from starlette.responses import StreamingResponse
from starlette.types import Message

from interfaces.http import standing
from interfaces.http.standing import Standing


@pytest.fixture(autouse=True)
def looking_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "LOOK_EVERY_SECONDS", 0.0)


class Client:
    """Keeps what it was sent, and never leaves by itself."""

    def __init__(self) -> None:
        self.got: list[Message] = []

    async def send(self, message: Message) -> None:
        self.got.append(message)

    async def receive(self) -> Message:
        await asyncio.Event().wait()
        raise AssertionError


def body(client: Client) -> bytes:
    return b"".join(message.get("body", b"") for message in client.got)


def test_a_stream_ends_whole_when_its_client_may_not_stay() -> None:
    client, allowed, closed = Client(), 3, []

    async def still() -> bool:
        return len(client.got) <= allowed

    async def words() -> object:
        try:
            for number in range(1000):
                yield f"{number};"
                await asyncio.sleep(0)
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def main() -> None:
        between = Standing(client.receive, client.send, still)
        response = StreamingResponse(words())
        scope = {"type": "http", "asgi": {"spec_version": "2.3"}}
        await asyncio.wait_for(response(scope, between.receive, between.send), 10)

    asyncio.run(main())
    assert body(client) == b"0;1;2;"
    assert client.got[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    assert closed == [True]


def test_a_short_response_is_sent_whole() -> None:
    client = Client()

    async def never() -> bool:
        return False

    async def main() -> None:
        between = Standing(client.receive, client.send, never)
        await between.send({"type": "http.response.start", "status": 200, "headers": []})
        await between.send({"type": "http.response.body", "body": b"all", "more_body": False})

    asyncio.run(main())
    assert body(client) == b"all"


def test_what_the_client_says_is_passed_on() -> None:
    async def said() -> Message:
        return {"type": "http.request", "body": b"x"}

    async def still() -> bool:
        return True

    async def main() -> Message:
        return await Standing(said, Client().send, still).receive()

    assert asyncio.run(main()) == {"type": "http.request", "body": b"x"}
