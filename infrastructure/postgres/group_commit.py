"""Group commit: while one batch is under way, others gather and go as the next one.

The first thread to come leads: it carries out a batch of all that waits, its own item first. Then it hands
the lead to the first thread still waiting and returns, so nobody works for others for longer than one batch.
After a batch of several, the next leader gives its companions a moment to come back: else batches of one and
of all the rest alternate, and every second commit is wasted on a single item.

Invariants: at most one batch is under way; every item ends with a result or an error of its own; the lead is
never lost, not even when a thread is interrupted (Ctrl-C) while it waits or leads.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


# How long a leader waits for as many as the last batch had, and how long it sleeps between looks.
_GATHER_SECONDS = 0.0003
_LOOK_SECONDS = 0.00005


class _Ticket(Generic[Item, Result]):
    """One waiting item.

    `wake` is a plain lock, held until there is something to do: cheaper than an Event.
    """

    __slots__ = ("cost", "error", "item", "leads", "result", "retried", "wake")

    def __init__(self, item: Item, cost: int) -> None:
        self.item = item
        self.cost = cost
        self.wake = threading.Lock()
        self.wake.acquire()
        self.leads = False
        self.retried = False
        self.result: Result | None = None
        self.error: BaseException | None = None


class GroupCommit(Generic[Item, Result]):
    """Gathers items of many threads into batches for one function."""

    def __init__(
        self,
        carry_out: Callable[[Sequence[Item], bool], Sequence[Result | BaseException]],
        *,
        max_items: int,
        max_cost: int,
    ) -> None:
        """`carry_out(items, retried)` returns a result or an error for each item.

        `retried` says that some of the items may have been carried out before, by a thread that was
        interrupted.
        """
        self._carry_out = carry_out
        self._max_items = max_items
        self._max_cost = max_cost
        self._lock = threading.Lock()
        self._waiting: deque[_Ticket[Item, Result]] = deque()
        self._busy = False
        self._last_size = 1
        self._told: Callable[[int, float], None] | None = None

    def watch(self, told: Callable[[int, float], None]) -> None:
        """Tell of every batch: its size, and the seconds it took. One watcher; it must not raise."""
        self._told = told

    def submit(self, item: Item, *, cost: int = 0) -> Result:
        """Carry out one item with whatever else waits; return its result or raise its error."""
        ticket: _Ticket[Item, Result] = _Ticket(item, cost)
        with self._lock:
            self._waiting.append(ticket)
            ticket.leads = not self._busy
            self._busy = True
        if not ticket.leads:
            try:
                ticket.wake.acquire()
            except BaseException:
                self._abandon(ticket)
                raise
        if ticket.leads:
            self._lead(ticket)
        if ticket.error is not None:
            raise ticket.error
        return ticket.result  # type: ignore[return-value]  # set whenever there is no error

    def _lead(self, own: _Ticket[Item, Result]) -> None:
        """Carry out one batch, then pass the lead on."""
        batch: list[_Ticket[Item, Result]] = []
        try:
            self._gather()
            with self._lock:
                batch = self._next_batch()
            began = time.perf_counter()
            try:
                results = self._carry_out([t.item for t in batch], any(t.retried for t in batch))
            except Exception as error:  # noqa: BLE001 - it belongs to the threads that wait
                results = [error] * len(batch)
            if self._told is not None:
                self._told(len(batch), time.perf_counter() - began)
            for ticket, result in zip(batch, results, strict=True):
                if isinstance(result, BaseException):
                    ticket.error = result
                else:
                    ticket.result = result
        except BaseException:
            # Interrupted: nobody knows how far it came. The others' items go again, marked as such.
            with self._lock:
                if not batch:
                    self._waiting.remove(own)
                for ticket in reversed(batch[1:]):
                    ticket.retried = True
                    self._waiting.appendleft(ticket)
            batch = []
            raise
        finally:
            self._pass_on()
            for ticket in batch[1:]:
                ticket.wake.release()

    def _gather(self) -> None:
        if self._last_size > 1:
            until = time.perf_counter() + _GATHER_SECONDS
            while len(self._waiting) < self._last_size and time.perf_counter() < until:
                time.sleep(_LOOK_SECONDS)

    def _next_batch(self) -> list[_Ticket[Item, Result]]:
        """Take the leader's ticket, which is the first, and as many behind it as the limits allow."""
        batch = [self._waiting.popleft()]
        cost = batch[0].cost
        while (
            self._waiting and len(batch) < self._max_items and cost + self._waiting[0].cost <= self._max_cost
        ):
            batch.append(self._waiting.popleft())
            cost += batch[-1].cost
        self._last_size = len(batch)
        return batch

    def _pass_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].wake.release()
            else:
                self._busy = False

    def _abandon(self, ticket: _Ticket[Item, Result]) -> None:
        """Take back the ticket of a thread interrupted while waiting; was it to lead, the next does."""
        with self._lock:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
            leads = ticket.leads
        if leads:
            self._pass_on()
