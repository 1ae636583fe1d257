"""A prompt written in the person's own editor."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from domain.errors import InvalidInputError

# The shell finds $VISUAL and $EDITOR with their arguments, as every program that starts an editor does.
_START = 'eval "exec ${VISUAL:-${EDITOR:-vi}} \\"\\$1\\""'


def edit(text: str) -> str:
    """Return what was saved in the editor.

    Raises:
        InvalidInputError: the editor could not be started, or failed, or what it saved is no text.
    """
    with tempfile.TemporaryDirectory(prefix="daybook-") as folder:
        file = Path(folder) / "prompt.md"
        file.write_text(text, encoding="utf-8")
        done = subprocess.run(["/bin/sh", "-c", _START, "sh", str(file)], check=False)
        if done.returncode != 0:
            raise InvalidInputError(
                "The editor did not end well; nothing was sent.", hint="export EDITOR=nano"
            )
        try:
            return file.read_text(encoding="utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError) as problem:
            raise InvalidInputError(
                f"What the editor saved cannot be read: {problem}. Nothing was sent."
            ) from None
