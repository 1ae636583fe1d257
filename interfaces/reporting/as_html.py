"""The audit report as one HTML page that needs nothing else, on screen and on paper.

Invariant: names of tokens and models are text here, never markup.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from domain.ids import short
from interfaces.one_file import markup, mended, policy
from interfaces.report_views import AuditReportView, about_id
from interfaces.reporting.told import CAPTIONS, after, duration, in_zone, who


def pieces(found: AuditReportView) -> Iterator[str]:
    """Return the page, piece by piece. Half surrogate pairs, which no page can hold, become U+FFFD."""
    return mended(_pieces(found))


def page_policy() -> str:
    """Return the policy of every such page, for who serves it."""
    return policy(_style())


def _pieces(found: AuditReportView) -> Iterator[str]:
    page = _page()
    style = _style()
    yield page.head(found, markup(style), policy(style))
    if found.event_count:
        yield page.spans(found, max(one.event_count for one in found.spans))
        yield page.actors(found)
        yield page.models(found)
        for group, (title, nothing) in CAPTIONS.items():
            yield page.named(found, title, nothing, getattr(found, group))
        yield page.kinds(found)
    yield page.signed(found)
    yield page.foot(found)


@cache
def _style() -> str:
    return (files("interfaces.reporting") / "page" / "style.css").read_text("utf-8")


@cache
def _page() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("interfaces.reporting", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "short": short,
        "who": who,
        "about": about_id,
        "at": in_zone,
        "duration": duration,
        "after": after,
    }
    return made.get_template("pieces.html").module
