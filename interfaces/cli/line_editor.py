"""Where a chat's prompts are typed: several lines and a history on a terminal, line by line from a pipe.

Invariants: the history comes from the book and stays in memory. A file of it would keep in clear what the
book keeps encrypted, and would outlive an erasure. What is pasted is one prompt, also when it is pasted while
an answer is written: the terminal is told to mark pastes all through the chat.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent


class LineEditor(Protocol):
    """Reads prompts."""

    async def read(self, draft: str) -> str:
        """Return the next prompt; `EOFError` at the end, `KeyboardInterrupt` for Ctrl-C."""
        ...

    def pause(self) -> None:
        """Be ready for what is typed while something else has the terminal."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
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

    def pause(self) -> None:
        """Nothing is typed ahead in a pipe."""

    def close(self) -> None:
        """Nothing was changed."""


class Terminal:
    """Reads with prompt_toolkit: Enter sends; Alt-Enter, or a backslash before Enter, begins a new line."""

    def __init__(self, history: Sequence[str]) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import InMemoryHistory

        self._session: PromptSession[str] = PromptSession(
            history=InMemoryHistory(history),
            multiline=True,
            key_bindings=_keys(),
            prompt_continuation="  ",
        )

    async def read(self, draft: str) -> str:
        """Return the next prompt."""
        return await self._session.prompt_async("> ", default=draft, handle_sigint=False)

    def pause(self) -> None:
        """Have the terminal go on marking what is pasted; the next `read` gets it."""
        self._session.output.enable_bracketed_paste()
        self._session.output.flush()

    def close(self) -> None:
        """Let the terminal paste as it did."""
        self._session.output.disable_bracketed_paste()
        self._session.output.flush()


def make_editor(history: Callable[[], Sequence[str]]) -> LineEditor:
    """Return the editor that suits standard input. `history` returns earlier prompts, oldest first."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return Piped()
    return Terminal(history())


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
