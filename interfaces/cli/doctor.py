"""`daybook doctor`: is everything there that a working book needs, and if not, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.console import clean, out, out_is_terminal, out_json, say, terminal
from interfaces.cli.lazy import command_app
from interfaces.cli.meanwhile import meanwhile
from interfaces.cli.opening import host_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interfaces.book import Check

app = command_app()


@app.command()
def doctor(
    ctx: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Check everything a working book needs, and say the fix."""
    from interfaces import viewing
    from interfaces.errors import Exit

    with meanwhile("Looking"):
        checks = host_of(ctx).doctor()
    view = viewing.doctor(checks)
    if as_json:
        out_json(view)
    else:
        print_checks(checks)
        wrong = sum(not check.ok and check.required for check in checks)
        say("\nAll is well." if view.ok else f"\n{wrong} to mend before the book works as it should.")
    raise typer.Exit(Exit.DONE if view.ok else Exit.NO)


def print_checks(checks: Sequence[Check]) -> None:
    """Print one line a check, and the fix below those that failed."""
    width = max(len(check.name) for check in checks)
    pretty = out_is_terminal()
    for check in checks:
        mark, style = _mark(check)
        line = f"{check.name:<{width}}  {clean(check.detail)}"
        fix = f"{'':<{width + 6}}→ {clean(check.fix)}" if check.fix and not check.ok else ""
        if not pretty:
            out(f"{mark:<4}  {line}")
            if fix:
                out(fix)
            continue
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2))
        grid.add_column(min_width=4, no_wrap=True)
        grid.add_column(min_width=width, no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(Text(mark, style=style), Text(check.name), Text(clean(check.detail)))
        console = terminal()
        console.print(grid)
        if fix:
            fold = Text(f"→ {clean(check.fix)}", style="bold", overflow="fold")
            console.print(Padding(fold, (0, 0, 0, width + 8)))


def _mark(check: Check) -> tuple[str, str]:
    if check.ok:
        return "ok", "green"
    return ("FAIL", "bold red") if check.required else ("note", "yellow")
