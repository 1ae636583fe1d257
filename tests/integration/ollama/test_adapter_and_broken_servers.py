"""The adapter against servers that misbehave: nothing hangs, nothing is lost, every error is ours."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import aclosing

import pytest

from application.errors import (
    AnswerBrokenOffError,
    ModelServerError,
    ModelServerTimeoutError,
    ModelServerUnreachableError,
)
from application.ports.model_server import ChatEnd, ChatMessage, ChatRequest, Delta
from infrastructure.ollama.model_server import OllamaModelServer
from tests.integration.ollama.raw_server import OPEN_ENDED, RawServer, raw_server, response

ASKED = ChatRequest("m", [ChatMessage("user", "Hello?")])
HI = b'{"message":{"content":"Hi"},"done":false}\n'
DONE = b'{"message":{"content":""},"done":true,"done_reason":"stop"}\n'


async def read(server: OllamaModelServer, request: ChatRequest = ASKED) -> tuple[str, ChatEnd | Exception]:
    text = ""
    try:
        async for item in server.chat(request):
            if isinstance(item, ChatEnd):
                return text, item
            text += item.text
    except ModelServerError as error:
        return text, error
    finally:
        await server.close()
    raise AssertionError("neither an end nor an error")


def answer_to(*pieces: bytes | float, **limits: float) -> tuple[str, ChatEnd | Exception, RawServer]:
    async def main() -> tuple[str, ChatEnd | Exception, RawServer]:
        async with raw_server(*pieces) as raw:
            return (*await read(OllamaModelServer(raw.url, busy_delays=(0.01, 0.01), **limits)), raw)

    return asyncio.run(main())


def test_lines_may_be_cut_anywhere_by_the_network() -> None:
    line = '{"message":{"content":"é\x85😀"},"done":false}\n'.encode()
    text, end, _ = answer_to(
        OPEN_ENDED, line[:25], 0.02, line[25:27], 0.02, line[27:], DONE[:5], 0.02, DONE[5:]
    )
    assert (text, end) == ("é\x85😀", ChatEnd("stop"))


def test_a_last_line_without_a_newline_still_ends_the_answer() -> None:
    assert answer_to(OPEN_ENDED, HI, DONE.strip())[:2] == ("Hi", ChatEnd("stop"))


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        pytest.param([HI], "ended the stream", id="a clean end without the last line"),
        pytest.param([HI, b'{"message":{"con'], "not part of an answer", id="an end within a line"),
        pytest.param([HI, b"%%%\n", HI, DONE], "not part of an answer", id="garbage"),
        pytest.param([HI, b'{"error":"out of memory"}\n'], "out of memory", id="an error line"),
        pytest.param([HI, b"x" * 9_000_000], "more than 8388608 bytes", id="a line without an end"),
    ],
)
def test_an_answer_broken_off_keeps_what_came(pieces: list[bytes], told: str) -> None:
    text, error, _ = answer_to(OPEN_ENDED, *pieces)
    assert text == "Hi"
    assert isinstance(error, AnswerBrokenOffError)
    assert told in error.message


def test_a_connection_cut_within_a_chunk_keeps_what_came() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\nff\r\n{" % (len(HI), HI)
    text, error, _ = answer_to(chunked)
    assert text == "Hi"
    assert isinstance(error, AnswerBrokenOffError)


def test_a_connection_cut_before_any_answer_is_told_as_broken_off() -> None:
    text, error, raw = answer_to(b"")
    assert (text, type(error), raw.connections) == ("", AnswerBrokenOffError, 1)


def test_silence_between_two_words_ends_with_a_timeout() -> None:
    text, error, _ = answer_to(OPEN_ENDED, HI, 5.0, stall_timeout=0.1)
    assert text == "Hi"
    assert isinstance(error, ModelServerTimeoutError)
    assert "the next word" in error.message


@pytest.mark.parametrize("opening", [b"", OPEN_ENDED], ids=["before the status", "after the status"])
def test_the_first_word_has_a_limit_of_its_own(opening: bytes) -> None:
    patient = answer_to(0.3, OPEN_ENDED, HI, DONE, stall_timeout=0.1, first_token_timeout=5.0)
    assert patient[:2] == ("Hi", ChatEnd("stop"))
    text, error, _ = answer_to(opening, 5.0, stall_timeout=5.0, first_token_timeout=0.1)
    assert text == ""
    assert isinstance(error, ModelServerTimeoutError)
    assert "the first word" in error.message


def test_a_busy_server_is_asked_again_only_so_often() -> None:
    _, error, raw = answer_to(response(b'{"error":"server busy"}', "503 Service Unavailable"))
    assert isinstance(error, ModelServerError)
    assert "refused 3 times" in error.message
    assert len(raw.requests) == 3


def test_no_other_failure_is_asked_again() -> None:
    _, error, raw = answer_to(response(b'{"error":"boom"}', "500 Internal Server Error"))
    assert isinstance(error, ModelServerError)
    assert "boom" in error.message
    assert len(raw.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        response(b"<html>Hello</html>"),
        response(b"404 page not found", "404 Not Found"),
        response(b"", "301 Moved", "Location: http://127.0.0.1:9/\r\n"),
        response(b"not found", "404 Not Found"),
    ],
)
def test_a_server_that_is_not_ollama_is_told_as_such_and_redirects_are_not_followed(answer: bytes) -> None:
    async def main() -> None:
        async with raw_server(answer) as raw:
            server = OllamaModelServer(raw.url)
            _, error = await read(server)
            assert type(error) is ModelServerError
            assert raw.url in error.message
            for call in (server.version(), server.models(), server.show("m"), server.embed("m", ["x"])):
                with pytest.raises(ModelServerError):
                    await call
            with pytest.raises(ModelServerError):
                await anext(server.pull("m"))
            await server.close()

    asyncio.run(main())


def test_a_closed_port_is_unreachable_for_every_call() -> None:
    async def main() -> None:
        async with raw_server() as raw:
            url = raw.url
        server = OllamaModelServer(url)
        calls = (server.version(), server.models(), server.show("m"), server.embed("m", ["x"]))
        for call in (*calls, anext(server.chat(ASKED)), anext(server.pull("m"))):
            with pytest.raises(ModelServerUnreachableError, match=f"{url}: the connection was refused"):
                await call
        await server.close()

    asyncio.run(main())


def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    server = OllamaModelServer("http://no-such-host.invalid:1", connect_timeout=5)
    _, error = asyncio.run(read(server))
    assert isinstance(error, ModelServerUnreachableError)
    assert "“no-such-host.invalid” is unknown" in error.message
    with pytest.raises(ModelServerUnreachableError, match="is unknown"):
        asyncio.run(server.models())


def test_the_request_forbids_cutting_and_carries_everything_asked() -> None:
    request = ChatRequest(
        "m",
        [ChatMessage("system", "Be brief."), ChatMessage("user", "half \ud83d \x85 \u2028 <b>")],
        {"num_ctx": 8192},
        think=False,
        keep_alive="5m",
    )

    async def main() -> bytes:
        async with raw_server(response(DONE)) as raw:
            await read(OllamaModelServer(raw.url, token="secret-token"), request)
            return raw.requests[0]

    head, _, body = asyncio.run(main()).partition(b"\r\n\r\n")
    assert b"authorization: bearer secret-token" in head.lower()
    assert json.loads(body) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "half \ud83d \x85 \u2028 <b>"},
        ],
        "stream": True,
        "truncate": False,
        "shift": False,
        "options": {"num_ctx": 8192},
        "think": False,
        "keep_alive": "5m",
    }


def test_the_environment_adds_neither_a_key_nor_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "OLLAMA_API_KEY", "cloud-key")  # noqa: TID251 - what a user's shell may hold
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    async def main() -> list[bytes]:
        async with raw_server(response(b'{"models":[]}')) as raw:
            server = OllamaModelServer(raw.url)
            assert await server.models() == []
            await server.close()
            return raw.requests

    assert b"cloud-key" not in asyncio.run(main())[0]


def test_a_password_in_the_address_is_sent_and_never_shown() -> None:
    async def main() -> bytes:
        async with raw_server(response(b"no", "401 Unauthorized")) as raw:
            server = OllamaModelServer(raw.url.replace("//", "//me:secret@"))
            _, error = await read(server)
            assert "secret" not in str(error)
            return raw.requests[0]

    assert b"authorization: Basic bWU6c2VjcmV0" in asyncio.run(main())


def test_closing_in_mid_answer_closes_the_socket() -> None:
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OPEN_ENDED + HI)
        while await reader.read(1000):
            pass
        closed.set()
        writer.close()

    async def main() -> None:
        listening = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with listening:
            server = OllamaModelServer(f"127.0.0.1:{listening.sockets[0].getsockname()[1]}")
            async with aclosing(server.chat(ASKED)) as stream:
                assert await anext(stream) == Delta(text="Hi")
            await asyncio.wait_for(closed.wait(), 1.0)
            await server.close()

    asyncio.run(main())
