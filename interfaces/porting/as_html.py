"""An export as one HTML page that needs nothing else: no script, no file beside it, no connection.

Invariant: the page forbids scripts and connections to itself; what models wrote is cleaned as on the pages
of the server, everything else is text.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from domain.ids import short
from interfaces.markdown import to_html
from interfaces.one_file import markup, mended, pieces_of, policy, style_of
from interfaces.porting.branches import runs
from interfaces.views import utc

if TYPE_CHECKING:
    from interfaces.porting.gathering import Gathering


def pieces(gathering: Gathering) -> Iterator[str]:
    """Return the page. Half surrogate pairs, which no page can hold, become U+FFFD."""
    return mended(_pieces(gathering))


def _pieces(gathering: Gathering) -> Iterator[str]:
    page = _page()
    style = style_of("interfaces.porting")
    alone = gathering.alone
    title, told = "Daybook", f"Exported {utc(gathering.now)}"
    if alone is not None:
        title, told = alone.title or "Conversation", ""
    yield page.head(title, markup(style), policy(style), told)
    for project in gathering.projects():
        yield page.project(project)
    if alone is None:
        yield page.contents(gathering.titles())
    for gathered in gathering.conversations():
        yield page.opening(gathered.summary, gathered.origin_id)
        for run in runs(gathered.nodes, gathered.summary.current_id):
            if not run.is_current:
                yield page.branch(run.after)
            for message in gathered.messages(run.ids):
                yield page.message(message)
        yield page.closing()
    yield page.foot()


@cache
def _page() -> Any:
    return pieces_of("interfaces.porting", short=short, utc=utc, html=lambda text: markup(to_html(text)))
