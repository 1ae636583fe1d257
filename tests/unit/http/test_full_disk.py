"""A file that is sent to be imported, on a server whose disk is full."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import IO
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI, Request

from application.access import Principal
from interfaces.http.api import porting
from interfaces.http.api.requests import Caller, server_of, unkeyed_caller_of
from interfaces.http.problems import CORRELATION

FULL = Path("/dev/full")


class OpenDoors:
    """A server that lets everybody do everything; nothing comes as far as its book."""

    principal = None


async def caller(request: Request) -> Caller:
    request.scope[CORRELATION] = uuid4()
    return Caller(Principal("ada", "api", frozenset()), request.scope[CORRELATION], None)


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a device that is always full")
def test_it_is_refused_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> IO[bytes]:
        return FULL.open("wb")

    monkeypatch.setattr(porting, "kept_file", full)
    app = FastAPI()
    app.include_router(porting.router)
    app.dependency_overrides = {server_of: OpenDoors, unkeyed_caller_of: caller}

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost"
        ) as client:
            return await client.post("/import", content=b"x" * 3_000_000)

    answer = asyncio.run(send())
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (507, "disk-full")
    assert "Nothing was imported" in answer.json()["detail"]
