"""An answer on a terminal: thinking dim behind a bar, then Markdown, block by block as each is finished.

Invariant: what is finished is printed once and never touched again, so scrolling back shows each word
once at any width; only the unfinished last block is redrawn, and never more of it than fits on the
screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from domain.conversation.conversation import Status
from interfaces.cli import echo
from interfaces.cli.console import clean, terminal
from interfaces.cli.markdown_blocks import split_finished

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live
    from rich.segment import Segment

    from application.running import Outcome

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_BAR = "│ "
_LOADING_AFTER_SECONDS = 1.5
_PLAIN_AFTER_SECONDS = 10


class TerminalDisplay:
    """Shows one answer on a terminal. `stream` off: nothing but an indicator before the end."""

    def __init__(self, *, stream: bool = True, hide_thinking: bool = False) -> None:
        self._console = terminal()
        self._stream = stream
        self._hide = hide_thinking
        self._live: Live | None = None
        self._thinking = ""
        self._text = ""
        self._skip_thinking = 0
        self._thought = False
        self._printed = False
        self._model = ""
        self._seconds = 0.0
        self._place = 0
        self._waits_for = ""

    def waiting(self, model: str, seconds: float) -> None:
        """Turn the wheel; redraw the last block at the same pace."""
        self._model, self._seconds = model, seconds
        self._draw()

    def queued(self, place: int, waits_for: str = "") -> None:
        """Say at which place it waits, or for what, until its turn has come."""
        self._place, self._waits_for = place, waits_for
        self._draw()

    def progress(self, thinking: str, text: str) -> None:
        """Take new characters; print what they finish."""
        skipped = min(self._skip_thinking, len(thinking))
        self._skip_thinking -= skipped
        self._thinking += thinking[skipped:]
        self._text += text
        if self._stream:
            self._print_finished()

    def restarted(self) -> None:
        """What stands above was thinking: say so and go on with the answer."""
        if self._printed or self._text:
            self._flush()
            self._print(_dim("(what stands above was the model's thinking; its answer follows)"), apart=True)
        self._skip_thinking = self._shown_thinking
        self._thinking = self._text = ""

    def ended(self, outcome: Outcome) -> None:
        """Print what is left."""
        self._flush()
        self.stop()
        if self._printed and outcome.status is not Status.COMPLETE:
            self._console.print()

    def stop(self) -> None:
        """Take the redrawn part away and give the cursor back."""
        if self._live is not None:
            self._live.update(_dim(""), refresh=False)
            self._live.stop()
            self._live = None
            echo.restore()

    def print_dim(self, text: str) -> None:
        """Print a closing line."""
        self._console.print(_dim(text), soft_wrap=True)

    @property
    def _shown_thinking(self) -> int:
        return 1 << 40 if self._printed or self._text else 0

    def _print_finished(self) -> None:
        if self._text and self._thinking:
            self._print_thinking(self._thinking.rstrip())
            self._thinking = ""
        # Line ends at the end wait: they are blank lines only if more thinking follows.
        end = self._thinking.rstrip("\n").rfind("\n")
        if end >= 0:
            self._print_thinking(self._thinking[:end])
            self._thinking = self._thinking[end + 1 :]
        blocks, self._text = split_finished(self._text)
        for block in blocks:
            self._print_block(block)

    def _flush(self) -> None:
        if self._thinking.strip():
            self._print_thinking(self._thinking.rstrip())
        for block in (*split_finished(self._text)[0], split_finished(self._text)[1]):
            self._print_block(block)
        self._thinking = self._text = ""

    def _print_thinking(self, text: str) -> None:
        if self._hide or not (text.strip() or self._thought):
            return
        shown = text if self._thought else text.lstrip()
        self._print(Barred(shown), apart=not self._thought and self._printed)
        self._thought = True

    def _print_block(self, block: str) -> None:
        if block.strip():
            self._print(markdown(block), apart=self._printed)

    def _print(self, what: Any, *, apart: bool) -> None:
        if self._live is not None:
            self._live.update(_dim(""), refresh=True)
        if apart:
            self._console.print()
        self._console.print(what)
        self._printed = True

    def _draw(self) -> None:
        if not self._console.is_terminal:
            return
        if self._live is None:
            from rich.live import Live

            self._live = Live(
                console=self._console, auto_refresh=False, transient=True, vertical_overflow="crop"
            )
            echo.off()
            self._live.start()
        self._live.update(Tail(self._growing()), refresh=True)

    def _growing(self) -> list[Any]:
        parts: list[Any] = []
        if self._stream and self._text.strip():
            if self._printed:
                parts.append("")
            parts.append(markdown(self._text))
        elif self._stream and self._thinking.strip() and not self._hide:
            parts.append(Barred(self._thinking))
        if not parts or not self._stream:
            parts.append(_dim(f"{_FRAMES[int(self._seconds * 10) % len(_FRAMES)]} {self._doing()}"))
        return parts

    def _doing(self) -> str:
        if self._thinking or self._thought:
            return f"{self._model} is thinking …"
        if self._text or self._printed:
            return f"{self._model} is writing …"
        if self._waits_for:
            return f"waiting for {self._waits_for} …"
        if self._place:
            return f"the model server is busy; number {self._place} in the line …"
        if self._seconds < _LOADING_AFTER_SECONDS:
            return f"asking {self._model} …"
        waited = f" ({self._seconds:.0f} s)" if self._seconds >= _PLAIN_AFTER_SECONDS else ""
        return f"loading {self._model} …{waited}"


class Barred:
    """Thinking: dim, with a bar at its left."""

    def __init__(self, text: str) -> None:
        self._text = clean(text)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.segment import Segment
        from rich.style import Style
        from rich.text import Text

        dim = Style(dim=True)
        width = max(8, options.max_width - len(_BAR))
        for line in Text(self._text, style=dim).wrap(console, width, tab_size=4):
            yield Segment(_BAR, dim)
            yield from line.render(console, end="\n")


class Tail:
    """The last lines of what is inside, no more than fit on the screen."""

    def __init__(self, parts: Iterable[Any]) -> None:
        self._parts = parts

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.console import Group
        from rich.segment import Segment

        lines = console.render_lines(Group(*self._parts), options.update(height=None), pad=False)
        shown = lines[-max(1, console.size.height - 2) :]
        for at, line in enumerate(shown):
            yield from line
            if at < len(shown) - 1:
                yield Segment.line()


class Trimmed:
    """What is inside, without the blank lines around it."""

    def __init__(self, inside: Any) -> None:
        self._inside = inside

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.segment import Segment

        lines = console.render_lines(self._inside, options.update(height=None), pad=False)
        said = [at for at, line in enumerate(lines) if any(segment.text.strip() for segment in line)]
        for line in lines[said[0] : said[-1] + 1] if said else ():
            yield from _without_end(line)
            yield Segment.line()


def _without_end(line: Sequence[Segment]) -> list[Segment]:
    """Return a line without the spaces that fill it up: they would be copied along."""
    kept = list(line)
    while kept and not kept[-1].text.strip() and not (kept[-1].style and kept[-1].style.bgcolor):
        kept.pop()
    return kept


def markdown(text: str) -> Any:
    """Return Markdown to print. Tags stay as they were written: an answer about HTML must not lose them."""
    from markdown_it import MarkdownIt
    from rich.markdown import Markdown

    made = Markdown("", code_theme="ansi_dark", hyperlinks=False)
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    made.markup = clean(text)
    made.parsed = parser.parse(made.markup)
    return Trimmed(made)


def _dim(text: str) -> Any:
    from rich.text import Text

    return Text(clean(text), style="dim")
