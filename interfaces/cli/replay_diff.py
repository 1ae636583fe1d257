"""`daybook replay diff`: a replay's new answers against the recorded ones, and a verdict for scripts."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.console import out, out_json, say
from interfaces.cli.opening import host_of, opened
from interfaces.cli.paging import paged

if TYPE_CHECKING:
    from interfaces.comparison_views import ComparisonView


class Only(StrEnum):
    """Which prompts are shown."""

    DIFFERENT = "different"
    NEAR = "near"
    IDENTICAL = "identical"


def diff(
    ctx: typer.Context,
    replay: Annotated[str, typer.Argument(metavar="REPLAY", help="A replay; @last: the latest.")],
    *,
    only: Annotated[
        Only | None, typer.Option("--only", help="Show the prompts of one verdict.", show_default=False)
    ] = None,
    texts: Annotated[
        bool, typer.Option("--texts/--no-texts", help="Show the answers themselves, word by word.")
    ] = True,
    fail_under: Annotated[
        float | None,
        typer.Option(
            "--fail-under",
            min=0.0,
            max=1.0,
            metavar="SHARE",
            help="Exit 7 where fewer of the prompts are identical or near: 0.9 means nine of ten.",
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write one page with plots into FILE; -: to the output."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE where it is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Hold new answers against the recorded ones, side by side."""
    if as_json and html is not None:
        raise typer.BadParameter("Say --json or --html, not both.", ctx=ctx)
    with opened(host_of(ctx)) as book:
        from interfaces.cli import finding

        found = book.comparing.compare(finding.replay(book, replay).replay_id)
    if html is not None:
        _write_page(found, html, force=force)
    elif as_json:
        out_json(found)
    else:
        with paged(ctx):
            _print(found, only, texts=texts)
    if fail_under is not None:
        _judge(found, fail_under)


def _print(found: ComparisonView, only: Only | None, *, texts: bool) -> None:
    from interfaces.cli.comparison_display import in_words, print_prompt, print_table
    from interfaces.comparing.figures import narrowed

    shown = found.prompts if only is None else narrowed(found, only.value)
    for line in in_words(found):
        out(line)
    out("")
    print_table(found, shown)
    if texts:
        for one in shown:
            print_prompt(one)


def _write_page(found: ComparisonView, path: Path, *, force: bool) -> None:
    from interfaces.cli.files import write_page
    from interfaces.comparing.as_html import pieces

    if write_page(pieces(found), path, force=force):
        say(f"Written to {path}, readable by you alone: it is not encrypted.")


def _judge(found: ComparisonView, fail_under: float) -> None:
    """Leave with exit code 7 where too few prompts are alike, or none could be compared."""
    from interfaces.comparing.told import share
    from interfaces.errors import Exit

    if found.alike_share is not None and found.alike_share >= fail_under:
        return
    if found.alike_share is None:
        say(f"daybook: nothing could be compared; --fail-under {fail_under:g} is not reached.")
    else:
        say(
            f"daybook: {share(found.alike_share)} of the prompts compared are identical or near; "
            f"--fail-under {fail_under:g} is not reached."
        )
    raise typer.Exit(Exit.NO)
