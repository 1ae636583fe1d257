"""The chat's history of typed prompts: a plain file outside the book, which an erasure must not forget.

Its form is that of prompt_toolkit: a line `# time`, then each line of the prompt behind a `+`.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

NAME = "chat-history"


def forget(state: Path, texts: Collection[str]) -> int:
    """Take these prompts out of the history of this home; return how many were found.

    The file is written over in place and synced, so that its old bytes go where the file system allows it.
    """
    path = state / NAME
    wanted = {text.strip() for text in texts}
    try:
        old = path.read_bytes()
    except FileNotFoundError:
        return 0
    kept: list[str] = []
    found = 0
    for entry in _entries(old.decode("utf-8", "replace")):
        typed = "\n".join(line[1:] for line in entry.split("\n") if line.startswith("+"))
        if typed.strip() in wanted:
            found += 1
        else:
            kept.append(entry)
    if found:
        new = "".join(kept).encode()
        with path.open("r+b") as file:
            file.write(new + b"\0" * max(0, len(old) - len(new)))
            file.flush()
            os.fsync(file.fileno())
            file.truncate(len(new))
    return found


def _entries(text: str) -> list[str]:
    entries: list[str] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("#") or not entries:
            entries.append("")
        entries[-1] += line
    return entries
