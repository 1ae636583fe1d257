"""`daybook audit report`: what happened in a period, on one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.console import one_line, out, out_json, say, table
from interfaces.cli.moments import WHEN
from interfaces.cli.opening import host_of, opened
from interfaces.cli.paging import paged

if TYPE_CHECKING:
    from interfaces.report_views import AuditReportView, NamedEventsView


def report(
    ctx: typer.Context,
    *,
    since: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="WHEN",
            help=f"Begin then: {WHEN}. Default: thirty days before the end.",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="WHEN", help="End then; a day is counted whole. Default: now.", show_default=False
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write one page into FILE; -: to the output."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE where it is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Say on one page what happened: who, how much, which models, what was erased, held, exported, signed."""
    from interfaces.cli.moments import past, zone

    if as_json and html is not None:
        raise typer.BadParameter("Say --json or --html, not both.", ctx=ctx)
    with opened(host_of(ctx)) as book:
        now = book.clock.now().astimezone()
        first = past(since, now) if since is not None else None
        last = past(until, now, whole_day=True) if until is not None else None
        found = book.reporting.report(first, last, zone(now))
    if html is not None:
        _write_page(found, html, force=force)
    elif as_json:
        out_json(found)
    else:
        with paged(ctx):
            _print(found)


def _write_page(found: AuditReportView, path: Path, *, force: bool) -> None:
    from interfaces.cli.files import write_page
    from interfaces.reporting.as_html import pieces

    if write_page(pieces(found), path, force=force):
        say(f"Written to {path}, readable by you alone.")


def _print(found: AuditReportView) -> None:
    from interfaces.reporting.told import CAPTIONS, in_zone

    out(f"{in_zone(found.since, found.zone)} to {in_zone(found.until, found.zone)} ({found.zone})")
    if not found.event_count:
        out("Nothing happened in this period.")
        return
    out(
        f"{found.event_count:,} of the log's {found.log_size:,} events, "
        f"index {found.first_index} to {found.last_index}."
    )
    _print_spans(found)
    _print_actors(found)
    _print_models(found)
    for group, (title, nothing) in CAPTIONS.items():
        _print_named(found, title, nothing, getattr(found, group))
    if found.shown_count:
        out(f"Shown {found.shown_count:,} times, as far as that was recorded.")
    _title("What")
    table(("TYPE", "EVENTS"), [(one.name, f"{one.event_count:,}") for one in found.kinds])
    _print_signed(found)


def _title(title: str) -> None:
    out("")
    out(title)


def _print_spans(found: AuditReportView) -> None:
    from interfaces.cli.stats import bar, bar_width

    _title("When")
    most = max(one.event_count for one in found.spans)
    cells = [(one.span, f"{one.event_count:,}") for one in found.spans]
    width = bar_width(cells, None)
    bars = [bar(one.event_count, most, width) for one in found.spans]
    span = "DAY" if len(found.spans[0].span) == len("2026-11-26") else "MONTH"
    table((span, "EVENTS", ""), [(*row, drawn) for row, drawn in zip(cells, bars, strict=True)])


def _print_actors(found: AuditReportView) -> None:
    from interfaces.reporting.told import in_zone, who

    _title("Who")
    rows = [
        (
            one_line(who(one)),
            ", ".join(one.sources),
            f"{one.event_count:,}",
            in_zone(one.first_at, found.zone),
            in_zone(one.last_at, found.zone),
        )
        for one in found.actors
    ]
    table(("ACTOR", "THROUGH", "EVENTS", "FIRST", "LAST"), rows, stretch=(0,), optional=(3, 4, 1))
    if found.actor_count > len(found.actors):
        out(f"and {found.actor_count - len(found.actors):,} more who did less")


def _print_models(found: AuditReportView) -> None:
    from interfaces.cli.stats import length, short_number

    _title("Models")
    rows = [
        (
            one_line(one.model or ""),
            str(one.answer_count),
            str(one.complete_count),
            short_number(one.prompt_tokens),
            short_number(one.completion_tokens),
            length(one.total_ms),
        )
        for one in found.models
    ]
    if rows:
        table(("MODEL", "ANSWERS", "COMPLETE", "IN", "OUT", "TIME"), rows, stretch=(0,), optional=(2, 3))
    else:
        out("No model was asked.")


def _print_named(found: AuditReportView, title: str, nothing: str, group: NamedEventsView) -> None:
    from domain.ids import short
    from interfaces.report_views import about_id
    from interfaces.reporting.told import after, in_zone, who

    _title(title)
    if not group.events:
        out(nothing)
        return
    rows = [
        (
            str(one.log_index),
            in_zone(one.at, found.zone),
            one.type,
            short(about_id(one)),
            one_line(who(one)),
            one.source,
        )
        for one in group.events
    ]
    table(("INDEX", "WHEN", "WHAT", "OF", "WHO", "THROUGH"), rows, stretch=(2,), optional=(5, 0))
    if after(group):
        out(after(group))


def _print_signed(found: AuditReportView) -> None:
    _title("Checkpoints")
    signed = found.signed
    if signed.last is None:
        out("None was signed in this period.")
    else:
        out(
            f"{signed.checkpoint_count:,} signed; the last covers the log's first "
            f"{signed.last.event_count:,} events, root {signed.last.root[:16]}…"
        )
    if signed.unsigned_count:
        out(f"{signed.unsigned_count:,} events of this period are in none yet: daybook audit checkpoint")
