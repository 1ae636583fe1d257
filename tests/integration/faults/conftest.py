"""Servers of these tests' own, for they crash."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.faults.servers import CrashingServer
from tests.support.postgres_server import ONLY_PROCESSES_CRASH, quick_place


@pytest.fixture(scope="module")
def crashing_server() -> Iterator[CrashingServer]:
    with CrashingServer(options=ONLY_PROCESSES_CRASH, folder=quick_place()) as server:
        yield server
