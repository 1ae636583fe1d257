"""Signals between the processes of a book: one LISTEN session and one thread, made when somebody listens.

Invariant: signals only wake. Whenever some may have been lost (the session was, or is new), every listener is
told `missed` and looks for itself; nobody waits for a signal without a look of its own behind it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, cast
from uuid import UUID

from application.ports.live import Signal
from domain.errors import DaybookError
from infrastructure.postgres.database import Database

if TYPE_CHECKING:
    import psycopg

CHANNEL = "daybook_live"
_KINDS = ("saved", "ended", "stop", "turns")
_LONGEST_PAUSE_SECONDS = 5.0

# A notification holds less than 8,000 bytes, and an id takes 33.
_IDS_A_PAYLOAD = 200
_log = logging.getLogger("daybook.signals")
logging.getLogger("daybook").addHandler(logging.NullHandler())  # else lines come in the middle of an answer

Told = Callable[[Signal], None]


def payloads(kind: str, answer_ids: Sequence[UUID]) -> list[str]:
    """Return what to notify `CHANNEL` with, so that its listeners get a signal for all these answers."""
    pages = range(0, len(answer_ids), _IDS_A_PAYLOAD)
    return [
        " ".join([kind, *(answer_id.hex for answer_id in answer_ids[page : page + _IDS_A_PAYLOAD])])
        for page in pages
    ]


class Signals:
    """One process's ear. `returned` is called, in the thread, whenever a lost session was replaced."""

    def __init__(self, database: Database, returned: Callable[[], None]) -> None:
        self._database = database
        self._returned = returned
        self._lock = threading.Lock()
        self._listeners: list[Told] = []
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._bell: tuple[int, int] | None = None

    def listen(self, told: Told) -> Callable[[], None]:
        """Call `told` with every signal from now on; return how to end it."""
        with self._lock:
            self._listeners.append(told)
            if self._thread is None and not self._closing.is_set():
                self._bell = os.pipe()
                self._thread = threading.Thread(target=self._run, name="daybook-signals", daemon=True)
                self._thread.start()

        def end() -> None:
            with self._lock, contextlib.suppress(ValueError):
                self._listeners.remove(told)

        return end

    def close(self) -> None:
        """Stop listening and release the session."""
        self._closing.set()
        with self._lock:
            thread, bell, self._thread = self._thread, self._bell, None
        if thread is None or bell is None:
            return
        os.write(bell[1], b"!")
        thread.join(_LONGEST_PAUSE_SECONDS)
        if not thread.is_alive():
            for end in bell:
                os.close(end)

    def _run(self) -> None:
        pause, lost = 0.1, False
        while not self._closing.is_set():
            try:
                session = self._database.session()
            except DaybookError as problem:
                _log.warning("no signals for now: %s", problem.message)
                self._closing.wait(pause)
                pause, lost = min(pause * 2, _LONGEST_PAUSE_SECONDS), True
                continue
            pause = 0.1
            try:
                self._hear(session, lost=lost)
            except Exception as problem:  # noqa: BLE001 - whatever ended the session, a new one takes its place
                _log.warning("signals were lost for a moment (%s)", type(problem).__name__)
                lost = True
                self._closing.wait(pause)
            finally:
                session.close()

    def _hear(self, session: psycopg.Connection, *, lost: bool) -> None:
        session.execute(f"listen {CHANNEL}")
        if lost:
            self._returned()
        self._tell(Signal("missed"))
        bell = cast("tuple[int, int]", self._bell)[0]
        poll = select.poll()
        poll.register(session.fileno(), select.POLLIN)
        poll.register(bell, select.POLLIN)
        while not self._closing.is_set():
            poll.poll()
            for note in session.notifies(timeout=0):
                for signal in _read(note.payload):
                    self._tell(signal)

    def _tell(self, signal: Signal) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for told in listeners:
            try:
                told(signal)
            except Exception as problem:  # noqa: BLE001 - a listener's event loop may be closed
                _log.debug("a listener has gone: %s", type(problem).__name__)


def _read(payload: str) -> Iterator[Signal]:
    """Read a notification; what a newer Daybook may add is passed over."""
    kind, *ids = payload.split(" ")
    with contextlib.suppress(ValueError):
        if kind in _KINDS:
            yield Signal(kind, tuple(UUID(hex=one) for one in ids))  # type: ignore[arg-type] # looked up above
