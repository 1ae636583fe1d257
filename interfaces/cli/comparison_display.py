"""How a comparison looks on a terminal and in a pipe: what it comes to, prompt by prompt, word by word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.ids import short
from interfaces.cli.console import clean, one_line, out, out_is_terminal, table, terminal
from interfaces.cli.side_by_side import piped, printed
from interfaces.comparing.figures import IDENTICAL
from interfaces.comparing.told import NOTHING, SKIPPED, ratio_in_words, share, speed, time_of
from interfaces.comparing.words import compared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from interfaces.comparison_views import (
        ComparedAnswerView,
        ComparedPromptView,
        ComparisonView,
        RunView,
        SideFiguresView,
    )

_HEADERS = ("ID", "PROMPT", "VERDICT", "LIKE", "LENGTH", "TOKENS", "TOKENS/S", "TIME")
_LONGEST_PROMPT = 60


def print_table(found: ComparisonView, shown: Sequence[ComparedPromptView]) -> None:
    """Print one line a run, then the medians and sums over all that was compared."""
    rows = [cells for one in shown for cells in _rows(one)]
    rows.append(_medians(found))
    rows.append(_sums(found))
    table(_HEADERS, rows, stretch=(1,), optional=(5, 4, 7, 6), narrowest=10)


def in_words(found: ComparisonView) -> list[str]:
    """Return what the comparison comes to, in sentences."""
    which = f"{', '.join(found.old_models) or 'recorded'} → {', '.join(found.models) or 'anew'}"
    head = f"{one_line(which)}: {found.prompt_count} prompts, replay {found.status}"
    if found.alike_share is None:
        return [head, "Nothing could be compared."]
    alike = found.identical_count + found.near_count
    told = (
        f"{alike} of {found.compared_count} answered as before or nearly so ({share(found.alike_share)}): "
        f"{found.identical_count} identical, {found.near_count} near, {found.different_count} different"
    )
    if found.compared_count < found.prompt_count:
        told += f"; {found.prompt_count - found.compared_count} could not be compared"
    speeds = ratio_in_words(found.speed_ratio, "speed")
    lengths = ratio_in_words(found.length_ratio, "length")
    return [head, told, f"New answers at the median: speed {speeds}, length {lengths}"]


def print_prompt(one: ComparedPromptView) -> None:
    """Print a prompt, and each new answer against the recorded one. What is identical is only named."""
    words = one_line(one.prompt)[:_LONGEST_PROMPT] if one.prompt is not None else "(cannot be read any more)"
    _line("")
    _line(f"{short(one.prompt_id)} · {words}", "bold cyan")
    for run in one.runs:
        _line(_about(one, run), "dim")
        for line in _reasons(run):
            _line(line, "red")
        if run.new is None or run.verdict == IDENTICAL or one.old.text is None or run.new.text is None:
            continue
        rows = compared(one.old.text, run.new.text)
        if out_is_terminal():
            console = terminal()
            for text in printed(rows, console):
                console.print(text)
        else:
            for line in piped(rows):
                out(line)


def _about(one: ComparedPromptView, run: RunView) -> str:
    which = f"answer {run.repeat}: " if len(one.runs) > 1 else ""
    verdict = run.verdict or "not compared"
    like = "" if run.likeness is None else f", likeness {run.likeness:.2f}"
    new = SKIPPED.get(one.skipped or "", "not answered yet") if run.new is None else _of(run.new)
    return f"{which}{verdict}{like} · old {_of(one.old)} · new {new}"


def _of(answer: ComparedAnswerView) -> str:
    told = f"{one_line(answer.model)}, {answer.length:,} characters"
    if answer.tokens_per_second is not None:
        told += f", {speed(answer.tokens_per_second)} tokens/s"
    return told if answer.total_ms is None else f"{told}, {time_of(answer.total_ms)}"


def _reasons(run: RunView) -> Iterator[str]:
    if run.new is None:
        return
    if run.new.detail:
        yield f"({run.new.status}: {one_line(run.new.detail)})"
    elif run.new.text is None:
        yield "(the new answer cannot be read any more)"
    elif run.new.status != "complete":
        yield f"({run.new.status})"


def _rows(one: ComparedPromptView) -> Iterator[tuple[str, ...]]:
    words = one_line(one.prompt)[:_LONGEST_PROMPT] or "(cannot be read)"
    for at, run in enumerate(one.runs):
        old, new = one.old, run.new
        yield (
            short(one.prompt_id) if at == 0 else "",
            words if at == 0 else f"  answer {run.repeat}",
            run.verdict or "not compared",
            NOTHING if run.likeness is None else f"{run.likeness:.2f}",
            _both(str(old.length), None if new is None else str(new.length)),
            _both(_number(old.completion_tokens), None if new is None else _number(new.completion_tokens)),
            _both(speed(old.tokens_per_second), None if new is None else speed(new.tokens_per_second)),
            _both(time_of(old.total_ms), None if new is None else time_of(new.total_ms)),
        )


def _medians(found: ComparisonView) -> tuple[str, ...]:
    old, new = found.old, found.new
    like = NOTHING if found.median_likeness is None else f"{found.median_likeness:.2f}"
    return (
        "",
        "median",
        "",
        like,
        _both(_number(old.median_length), _number(new.median_length)),
        _both(_number(old.median_completion_tokens), _number(new.median_completion_tokens)),
        _both(speed(old.median_tokens_per_second), speed(new.median_tokens_per_second)),
        _both(time_of(old.median_total_ms), time_of(new.median_total_ms)),
    )


def _sums(found: ComparisonView) -> tuple[str, ...]:
    old: SideFiguresView = found.old
    new: SideFiguresView = found.new
    return (
        "",
        "in all",
        f"{share(found.alike_share)} alike",
        "",
        _both(str(old.length), str(new.length)),
        _both(str(old.completion_tokens), str(new.completion_tokens)),
        "",
        _both(time_of(old.total_ms), time_of(new.total_ms)),
    )


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0f}"


def _both(old: str, new: str | None) -> str:
    return f"{old} → {NOTHING if new is None else new}"


def _line(text: str, style: str = "") -> None:
    if not out_is_terminal():
        out(text)
        return
    from rich.text import Text

    terminal().print(Text(clean(text), style=style))
