"""Pages of one file: no script, no file beside it, no connection, and a policy in it that forbids them.

Invariant: what goes through `markup` is our own, or was cleaned; everything else on a page is escaped text.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any

_HALF_A_PAIR = re.compile("[\ud800-\udfff]")


def policy(style: str) -> str:
    """Return the policy of a page whose only allowed part is this style sheet."""
    known = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{known}'; base-uri 'none'; form-action 'none'"


def markup(text: str) -> Any:
    """Return text that is markup already."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - our own style, or cleaned by nh3


def pieces_of(package: str, **names: Any) -> Any:
    """Return the macros of a package's `page/pieces.html`, which may use these names; nothing is markup."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader(package, "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= names
    return made.get_template("pieces.html").module


def style_of(package: str) -> str:
    """Return the style sheet of a package's page."""
    return (files(package) / "page" / "style.css").read_text("utf-8")


def mended(pieces: Iterable[str]) -> Iterator[str]:
    """Yield the pieces of a page. Half surrogate pairs, which no page can hold, become U+FFFD."""
    for piece in pieces:
        yield _HALF_A_PAIR.sub("\N{REPLACEMENT CHARACTER}", piece)
