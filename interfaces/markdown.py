"""What a model wrote, as HTML that is safe to show.

Invariant: whatever stands in the text, no script, style, form, frame, remote image or `javascript:` link
comes out. Raw HTML is shown as text by the parser, and the result is cleaned once more by nh3.
"""

from __future__ import annotations

import html
import re
from functools import cache
from typing import Any

_TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "code", "pre", "span", "div", "blockquote", "a"),
    *("ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"a": {"href"}, "span": {"class"}, "div": {"class"}, "ol": {"start"}}
_SCHEMES = {"http", "https", "mailto"}
_MOST_HIGHLIGHTED = 100_000
"""Code longer than this, in characters, is shown without colours: lexers are slow on some long inputs."""


_BRACKET = re.compile(r"[\[\]]")
_DEEP, _MOST_DEEP = 10, 2_000
"""A bracket within so many others costs the parser 80 µs; text that people read does not have that many."""
_LONGEST = 500_000


def to_html(text: str) -> str:
    """Return Markdown as HTML, or as it is where it would take seconds to parse.

    Half surrogate pairs, which no page can hold, become U+FFFD.
    """
    import nh3

    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if _is_costly(whole):
        return f"<pre>{html.escape(whole)}</pre>"
    cleaned: str = nh3.clean(
        _parser().render(whole),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer",
    )
    return cleaned


def _is_costly(text: str) -> bool:
    if len(text) > _LONGEST:
        return True
    opened = deep = 0
    for bracket in _BRACKET.finditer(text):
        if bracket[0] == "[":
            opened += 1
            deep += opened > _DEEP
        elif opened:
            opened -= 1
    return deep > _MOST_DEEP


@cache
def _parser() -> Any:
    from markdown_it import MarkdownIt

    # `js-default` takes no raw HTML. Images would be loaded from elsewhere, so there are none.
    made = MarkdownIt("js-default", {"highlight": _highlight, "linkify": False, "typographer": False})
    made.disable("image")
    return made


def _highlight(code: str, language: str, _attributes: str) -> str:
    """Return a fenced block's inside with classes for its colours; empty: as it is."""
    if not language or len(code) > _MOST_HIGHLIGHTED:
        return ""
    from pygments import highlight
    from pygments.formatters.html import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return ""
    inside: str = highlight(code, lexer, HtmlFormatter(nowrap=True))
    return inside
