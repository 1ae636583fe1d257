"""Servers of these tests' own, for they crash."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.faults.servers import CrashingServer
from tests.support.postgres_server import quick_place


@pytest.fixture(scope="module")
def crashing_server() -> Iterator[CrashingServer]:
    """Without fsync: what crashes here are processes, whose writes the kernel keeps."""
    options = {"fsync": "off", "full_page_writes": "off"}
    with CrashingServer(options=options, folder=quick_place()) as server:
        yield server
