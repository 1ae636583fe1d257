"""Servers of these tests' own, for they crash."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.faults.servers import CrashingServer


@pytest.fixture(scope="module")
def crashing_server() -> Iterator[CrashingServer]:
    """Without fsync: what crashes here are processes, whose writes the kernel keeps."""
    with CrashingServer(options={"fsync": "off", "full_page_writes": "off"}) as server:
        yield server
