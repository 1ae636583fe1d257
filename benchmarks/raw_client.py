"""A client that costs next to nothing: HTTP/1.1 on asyncio's streams, for load and for measuring."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

# As long as any line either server sends.
_LINE = 1 << 22


@asynccontextmanager
async def requested(
    address: tuple[str, int], method: str, path: str, body: Any = None, headers: str = ""
) -> AsyncIterator[tuple[int, asyncio.StreamReader]]:
    """Send one request on a connection of its own; lend status and the rest of the response."""
    data = b"" if body is None else json.dumps(body).encode()
    reader, writer = await asyncio.open_connection(*address, limit=_LINE)
    try:
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n{headers}\r\n"
        )
        writer.write(head.encode() + data)
        answer = await reader.readuntil(b"\r\n\r\n")
        yield int(answer.split(b" ", 2)[1]), reader
    finally:
        writer.close()


async def asked(address: tuple[str, int], path: str, body: Any) -> dict[str, Any]:
    """Post JSON and return the JSON that comes back."""
    async with requested(address, "POST", path, body, "Connection: close\r\n") as (status, reader):
        content = await reader.read()
        if status >= 300:
            raise RuntimeError(f"{status}: {content[:300]!r}")
        found: dict[str, Any] = json.loads(content)
        return found


async def marks(reader: asyncio.StreamReader, mark: bytes, end: bytes) -> AsyncIterator[float]:
    """Yield the time at which each `mark` came, until `end` did; both within one line."""
    async for at, _ in marked(reader, mark, end):
        yield at


async def marked(reader: asyncio.StreamReader, mark: bytes, end: bytes) -> AsyncIterator[tuple[float, bytes]]:
    """The same, with the lines that hold the marks."""
    rest = b""
    while chunk := await reader.read(1 << 16):
        now = time.perf_counter()
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if mark in line:
                yield now, line.strip()
            if end in line:
                return
