"""The audit report as one HTML page that needs nothing else, on screen and on paper.

Invariant: names of tokens and models are text here, never markup.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from domain.ids import short
from interfaces.comparing.told import time_of
from interfaces.one_file import markup, mended, pieces_of, policy, style_of
from interfaces.report_views import AuditReportView, about_id
from interfaces.reporting.told import CAPTIONS, after, in_zone, who


def pieces(found: AuditReportView) -> Iterator[str]:
    """Return the page, piece by piece. Half surrogate pairs, which no page can hold, become U+FFFD."""
    return mended(_pieces(found))


def page_policy() -> str:
    """Return the policy of every such page, for who serves it."""
    return policy(style_of("interfaces.reporting"))


def _pieces(found: AuditReportView) -> Iterator[str]:
    page = _page()
    style = style_of("interfaces.reporting")
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
def _page() -> Any:
    return pieces_of(
        "interfaces.reporting",
        short=short,
        who=who,
        about=about_id,
        at=in_zone,
        duration=time_of,
        after=after,
    )
