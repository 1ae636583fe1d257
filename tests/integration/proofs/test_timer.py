"""A server signs checkpoints by itself: while it runs, and when it stops."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap.checkpoint_timer import CheckpointTimer
from tests.integration.proofs.conftest import Audited
from tests.support.cli_process import wait_until


def sizes(book: Audited) -> list[Any]:
    return [row[0] for row in book.sql("select size from daybook.checkpoints order by checkpoint_id")]


def test_a_log_that_grows_is_signed_again_and_once_more_in_the_end(empty: Audited) -> None:
    empty.append(2)
    served: Any = SimpleNamespace(events=empty.log, audit=empty.auditor)

    with CheckpointTimer(served, 0.05):
        wait_until(lambda: sizes(empty) == [2], "the first checkpoint")
        empty.append(3)
        wait_until(lambda: sizes(empty)[-1] == 5, "the second checkpoint")  # or one between the appends, too
    before = sizes(empty)
    with CheckpointTimer(served, 3600):
        empty.append(1)

    assert before == sorted(set(before))
    assert sizes(empty) == [*before, 6]
    assert empty.verify().ok


def test_what_cannot_be_signed_is_told_and_stops_nothing(
    book: Audited, caplog: pytest.LogCaptureFixture
) -> None:
    book.sql("delete from daybook.events where log_index = 15")

    with CheckpointTimer(SimpleNamespace(events=book.log, audit=book.auditor), 3600):  # type: ignore[arg-type]
        pass

    assert "no checkpoint could be signed" in caplog.text
    assert sizes(book) == [16]
