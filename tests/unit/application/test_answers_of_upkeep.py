"""What the answers of upkeep say of themselves."""

from __future__ import annotations

from datetime import UTC, datetime

from application.ports.audit import Problem, Verified
from application.ports.keys import EpochCount, KeysStatus


def test_a_verification_that_found_nothing_is_well() -> None:
    assert Verified(events=3, root="ab", checkpoint=None, problems=[]).ok
    assert not Verified(
        events=3, root=None, checkpoint=None, problems=[Problem(2, None, "it is not there")]
    ).ok


BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def test_one_epoch_is_a_finished_rotation_and_its_keys_are_counted() -> None:
    assert not KeysStatus((EpochCount(1, BEGUN, 5),)).unfinished
    assert KeysStatus((EpochCount(1, BEGUN, 2), EpochCount(2, BEGUN, 3))).unfinished
    assert KeysStatus((EpochCount(1, BEGUN, 2), EpochCount(2, BEGUN, 3))).key_count == 5
