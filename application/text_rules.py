"""Which texts may enter the book from people. Checked at the edge of every command that carries one.

NUL cannot be stored by PostgreSQL's text search and lone surrogates are no text (Unicode 16, D71 to D75), so
both are refused with their place; what models send is stored as it came.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from domain.errors import InvalidInputError

MAX_TEXT_BYTES = 2 * 1024 * 1024
MAX_NAME_LENGTH = 500
MAX_TAG_LENGTH = 60
MOST_TOKENS = 2**31 - 1
MAX_OPTIONS_BYTES = 64 * 1024
_MAX_KEY_LENGTH = 255
_THINKING = re.compile(r"[a-z]{1,20}")


def checked_text(text: str, what: str, *, limit: int = MAX_TEXT_BYTES) -> str:
    """Return the text unchanged, or raise `InvalidInputError`. `what` names it: "prompt", "instructions".

    Args:
        text: what a person sent.
        what: its name in the error.
        limit: the most bytes of UTF-8 it may have.
    """
    nul = text.find("\0")
    if nul >= 0:
        raise InvalidInputError(f"The {what} holds a NUL character at position {nul}. Nothing was recorded.")
    try:
        size = len(text.encode())
    except UnicodeEncodeError as problem:
        raise InvalidInputError(
            f"The {what} is not valid Unicode: half a surrogate pair at position {problem.start}. "
            "Nothing was recorded."
        ) from None
    if size > limit:
        raise InvalidInputError(
            f"The {what} is too large: {size:,} bytes, and at most {limit:,} are taken. Nothing was recorded."
        )
    return text


def checked_name(name: str, what: str) -> str:
    """Return a one-line name without surrounding white space, or raise `InvalidInputError`."""
    cleaned = " ".join(checked_text(name, what).split())
    if not cleaned:
        raise InvalidInputError(f"The {what} is empty. Nothing was changed.")
    if len(cleaned) > MAX_NAME_LENGTH:
        raise InvalidInputError(
            f"The {what} has {len(cleaned)} characters; at most {MAX_NAME_LENGTH} are taken. Nothing was "
            "changed."
        )
    return cleaned


def checked_tag(name: str) -> str:
    """Return the name of a tag, or raise `InvalidInputError`."""
    cleaned = checked_name(name, "name of the tag")
    if len(cleaned) > MAX_TAG_LENGTH or cleaned[0] in "+-" or "," in cleaned or not cleaned.isprintable():
        raise InvalidInputError(
            f"{cleaned[:MAX_TAG_LENGTH]!r} is no name for a tag: it has at most {MAX_TAG_LENGTH} characters, "
            "no comma among them, and does not begin with + or -. Nothing was changed."
        )
    return cleaned


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's options as they came, or raise `InvalidInputError` where JSON cannot say them."""
    try:
        checked_text(json.dumps(dict(options), allow_nan=False), "options", limit=MAX_OPTIONS_BYTES)
    except (TypeError, ValueError, RecursionError) as problem:
        raise InvalidInputError(
            f"The options cannot be sent to a model: {problem}. Nothing was recorded."
        ) from None
    return dict(options)


def checked_context_length(tokens: object) -> int:
    """Return how many tokens request and answer may have together, or raise `InvalidInputError`."""
    if not isinstance(tokens, int) or isinstance(tokens, bool) or not 1 <= tokens <= MOST_TOKENS:
        raise InvalidInputError(
            f"The option num_ctx must be a whole number from 1 to {MOST_TOKENS}, not {tokens!r}. Nothing "
            "was recorded."
        )
    return tokens


def checked_think(think: bool | str | None) -> bool | str | None:  # noqa: FBT001 (it is data, not a switch)
    """Return whether or how hard to think (a word such as `low` or `high`), or raise `InvalidInputError`."""
    if isinstance(think, str) and not _THINKING.fullmatch(think):
        raise InvalidInputError(
            f"{think!r} is no way to think: yes, no, or one word such as low, medium or high. Nothing was "
            "recorded."
        )
    return think


def checked_key(key: str) -> str:
    """Return an idempotency key, or raise `InvalidInputError`."""
    if not (0 < len(key) <= _MAX_KEY_LENGTH and key.isascii() and key.isprintable()):
        raise InvalidInputError(
            f"An idempotency key has 1 to {_MAX_KEY_LENGTH} printable ASCII characters. Nothing was recorded."
        )
    return key
