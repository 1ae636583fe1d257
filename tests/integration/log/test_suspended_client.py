"""A client that is stopped at any moment holds nobody up: no round trip of a client's lies under the lock."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from infrastructure.postgres.database import Database
from infrastructure.postgres.log import EventLog
from tests.support.events import request

WRITER = """
import sys
from infrastructure.postgres.database import Database
from infrastructure.postgres.log import EventLog
from tests.support.events import request

log = EventLog(Database(sys.argv[1]))
print("ready", flush=True)
while True:
    log.append(request(count=3))
"""


def test_appends_go_on_while_another_writer_is_suspended(database: Database, database_url: str) -> None:
    log = EventLog(database)
    root = Path(__file__).parents[3]
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, database_url], cwd=root, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
        chance = random.Random(6962)
        for _ in range(25):
            busy_since = log.size()
            while log.size() < busy_since + 6:
                time.sleep(0.001)
            time.sleep(chance.random() / 500)
            for writer in writers:
                writer.send_signal(signal.SIGSTOP)
            started = time.monotonic()
            log.append(request())
            assert time.monotonic() - started < 5
            for writer in writers:
                writer.send_signal(signal.SIGCONT)
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
            if writer.stdout is not None:
                writer.stdout.close()
    rows = log.read(0, 1_000_000)
    assert [row.log_index for row in rows] == list(range(len(rows)))
    assert len(rows) > 25 * 6
