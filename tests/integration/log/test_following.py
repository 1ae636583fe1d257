"""Who follows the log is woken by each commit."""

from __future__ import annotations

import threading
import time

from application.ports.log import Origin
from domain.conversation.conversation import Conversation
from domain.ids import new_id
from infrastructure.postgres.database import Database
from tests.support.write_side import keyring_of, log_on


def test_who_follows_is_woken_by_each_commit(database: Database) -> None:
    log = log_on(database, keyring_of(database))
    seen: list[int] = []

    def follow() -> None:
        for size in log.follow(0):
            seen.append(size)
            if size >= 3:
                return

    thread = threading.Thread(target=follow)
    thread.start()
    for number in range(3):
        log.save([Conversation.start(new_id(), project_id=None, title=str(number))], Origin("ada", "cli"))
        time.sleep(0.05)
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert seen == sorted(seen)
    assert seen[-1] == 3
