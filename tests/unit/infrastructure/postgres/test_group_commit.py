"""Group commit: one batch at a time, every item answered, the lead never lost."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from infrastructure.postgres.group_commit import GroupCommit


class Gate:
    """A batch function that can be held up, and keeps what it was given."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.retried: list[bool] = []
        self.open = threading.Event()
        self.open.set()
        self.under_way = 0
        self.errors: dict[int, BaseException] = {}
        self.raises: list[BaseException] = []

    def __call__(self, items: Sequence[int], retried: bool) -> Sequence[int | BaseException]:  # noqa: FBT001
        self.under_way += 1
        assert self.under_way == 1
        self.batches.append(list(items))
        self.retried.append(retried)
        assert self.open.wait(10)
        self.under_way -= 1
        if self.raises:
            raise self.raises.pop()
        return [self.errors.get(item, item * 10) for item in items]


class InterruptsOnce:
    """Interrupts the first batch it is given, as Ctrl-C would."""

    def __init__(self) -> None:
        self.retried: list[bool] = []

    def __call__(self, items: Sequence[int], retried: bool) -> Sequence[int | BaseException]:  # noqa: FBT001
        self.retried.append(retried)
        if len(self.retried) == 1:
            raise KeyboardInterrupt
        return [item * 10 for item in items]


def waits(group: GroupCommit[int, int], count: int) -> None:
    deadline = time.monotonic() + 10
    while len(group._waiting) < count:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def held(gate: Gate, *, max_items: int = 100, max_cost: int = 1000) -> GroupCommit[int, int]:
    group: GroupCommit[int, int] = GroupCommit(gate, max_items=max_items, max_cost=max_cost)
    gate.open.clear()
    return group


def begun(gate: Gate) -> None:
    deadline = time.monotonic() + 10
    while not gate.batches:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_items_that_come_while_a_batch_is_under_way_go_together_as_the_next() -> None:
    gate = Gate()
    group = held(gate)
    with ThreadPoolExecutor(10) as pool:
        first = pool.submit(group.submit, 0)
        begun(gate)
        others = [pool.submit(group.submit, number) for number in range(1, 10)]
        waits(group, 9)
        gate.open.set()
        assert [task.result() for task in [first, *others]] == [number * 10 for number in range(10)]
    assert [len(batch) for batch in gate.batches] == [1, 9]


@pytest.mark.parametrize(
    ("max_items", "max_cost", "sizes"), [(4, 1000, [1, 4, 4, 1]), (100, 30, [1, 3, 3, 3])]
)
def test_batches_stay_within_their_limits(max_items: int, max_cost: int, sizes: list[int]) -> None:
    gate = Gate()
    group = held(gate, max_items=max_items, max_cost=max_cost)
    with ThreadPoolExecutor(10) as pool:
        first = pool.submit(group.submit, 0, cost=10)
        begun(gate)
        others = [pool.submit(group.submit, number, cost=10) for number in range(1, 10)]
        waits(group, 9)
        gate.open.set()
        assert sorted(task.result() for task in [first, *others]) == [number * 10 for number in range(10)]
    assert [len(batch) for batch in gate.batches] == sizes


def test_an_item_above_the_limit_goes_alone() -> None:
    group: GroupCommit[int, int] = GroupCommit(Gate(), max_items=10, max_cost=5)
    assert group.submit(3, cost=100) == 30


def test_an_item_s_error_is_raised_in_its_own_thread_only() -> None:
    gate = Gate()
    gate.errors[2] = LookupError("two")
    group = held(gate)
    with ThreadPoolExecutor(4) as pool:
        tasks = [pool.submit(group.submit, 0)]
        begun(gate)
        tasks += [pool.submit(group.submit, number) for number in range(1, 4)]
        waits(group, 3)
        gate.open.set()
        assert [task.exception() is None for task in tasks] == [True, True, False, True]


def test_an_error_of_the_whole_batch_reaches_everyone_and_the_next_batch_goes_on() -> None:
    gate = Gate()
    gate.raises.append(OSError("disk"))
    group: GroupCommit[int, int] = GroupCommit(gate, max_items=10, max_cost=10)
    with pytest.raises(OSError, match="disk"):
        group.submit(1)
    assert group.submit(2) == 20


def test_an_interrupted_leader_leaves_its_companions_items_to_be_settled() -> None:
    gate = Gate()
    group = held(gate)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(group.submit, 0)
        begun(gate)
        others = [pool.submit(group.submit, number) for number in range(1, 4)]
        waits(group, 3)
        interrupting = InterruptsOnce()
        group._carry_out = interrupting
        gate.open.set()
        assert first.result() == 0
        outcomes = [task.exception() for task in others]
    assert sum(isinstance(error, KeyboardInterrupt) for error in outcomes) == 1
    assert sum(error is None for error in outcomes) == 2
    assert interrupting.retried == [False, True]
    assert group.submit(7) == 70


def test_an_abandoned_leader_passes_the_lead_on() -> None:
    gate = Gate()
    group = held(gate)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(group.submit, 0)
        begun(gate)
        gone = pool.submit(group.submit, 1)
        waits(group, 1)
        stays = pool.submit(group.submit, 2)
        waits(group, 2)
        abandoned = group._waiting[0]
        group._abandon(abandoned)
        gate.open.set()
        assert (first.result(), stays.result()) == (0, 20)
        abandoned.error = InterruptedError()
        abandoned.wake.release()
        assert isinstance(gone.exception(), InterruptedError)
    assert gate.batches == [[0], [2]]


def test_many_threads_get_each_their_own_result() -> None:
    group: GroupCommit[int, int] = GroupCommit(Gate(), max_items=7, max_cost=1000)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(group.submit, range(2000))) == [number * 10 for number in range(2000)]
