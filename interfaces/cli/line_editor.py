"""Where a chat's prompts are typed: several lines and a history on a terminal, line by line from a pipe."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from interfaces.cli.chat_history import NAME

if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent


class LineEditor(Protocol):
    """Reads prompts."""

    async def read(self, draft: str) -> str:
        """Return the next prompt; `EOFError` at the end, `KeyboardInterrupt` for Ctrl-C."""
        ...


class Piped:
    """Reads lines from standard input, where that is no terminal."""

    async def read(self, draft: str) -> str:
        """Return the next line."""
        del draft
        line = sys.stdin.buffer.readline()
        if not line:
            raise EOFError
        from interfaces.cli.prompt_input import decoded

        return decoded(line)


class Terminal:
    """Reads with prompt_toolkit: Enter sends; Alt-Enter, or a backslash before Enter, begins a new line."""

    def __init__(self, history: Path | None) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import FileHistory, InMemoryHistory

        kept = InMemoryHistory() if history is None else FileHistory(str(history))
        self._session: PromptSession[str] = PromptSession(
            history=kept, multiline=True, key_bindings=_keys(), prompt_continuation="  "
        )

    async def read(self, draft: str) -> str:
        """Return the next prompt."""
        return await self._session.prompt_async("> ", default=draft, handle_sigint=False)


def make_editor(state: Path) -> LineEditor:
    """Return the editor that suits standard input. Its history is for its owner alone to read."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return Piped()
    history = state / NAME
    try:
        state.mkdir(parents=True, exist_ok=True)
        history.touch(mode=0o600)
        history.chmod(0o600)
    except OSError:
        return Terminal(None)
    return Terminal(history)


def _keys() -> KeyBindings:
    from prompt_toolkit.key_binding import KeyBindings

    bindings = KeyBindings()

    @bindings.add("enter")
    def _send(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.text_before_cursor.endswith("\\"):
            buffer.delete_before_cursor(1)
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @bindings.add("escape", "enter")
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return bindings
