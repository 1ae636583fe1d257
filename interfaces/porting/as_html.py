"""An export as one HTML page that needs nothing else: no script, no file beside it, no connection.

Invariant: the page forbids scripts and connections to itself; what models wrote is cleaned as on the pages
of the server, everything else is text.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from domain.ids import short
from interfaces.markdown import to_html
from interfaces.one_file import markup, mended, policy
from interfaces.porting.branches import runs
from interfaces.views import utc

if TYPE_CHECKING:
    from interfaces.porting.gathering import Gathering


def pieces(gathering: Gathering) -> Iterator[str]:
    """Return the page. Half surrogate pairs, which no page can hold, become U+FFFD."""
    return mended(_pieces(gathering))


def _pieces(gathering: Gathering) -> Iterator[str]:
    page = _page()
    style = (files("interfaces.porting") / "page" / "style.css").read_text("utf-8")
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
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("interfaces.porting", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"short": short, "utc": utc, "html": lambda text: markup(to_html(text))}
    return made.get_template("pieces.html").module
