"""A process that writes conversations until it is ended: `python -m tests.support.writing_process`."""

from __future__ import annotations

from bootstrap.host import ProcessHost
from bootstrap.settings import Settings
from tests.support.backups import conversation_in


def main() -> None:
    book = ProcessHost(Settings.from_process()).open_here(lambda _: None)
    book.keyring.unlock()
    while True:
        conversation_in(book, 3)
        print("written", flush=True)


if __name__ == "__main__":
    main()
