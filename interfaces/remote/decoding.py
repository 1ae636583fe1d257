"""From JSON documents to the views they were made of, strictly.

Invariant: what lacks a field or has another type in it is refused, never guessed; fields that a newer server
has added are passed over. JSON is read by the standard library, because it takes half a surrogate pair, which
models may send.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec

from interfaces.server_errors import OldServerError

T = TypeVar("T")


def read(text: bytes | str, kind: type[T]) -> T:
    """Return the view that a document is.

    Raises:
        OldServerError: it is none of this kind.
    """
    try:
        return view(json.loads(text), kind)
    except (ValueError, RecursionError):
        raise _not_understood("it is no JSON") from None


def view(plain: Any, kind: type[T]) -> T:
    """Return the view that plain data is; the errors are the same."""
    try:
        return msgspec.convert(plain, kind, strict=True)
    except msgspec.ValidationError as problem:
        raise _not_understood(str(problem)) from None


def _not_understood(why: str) -> OldServerError:
    return OldServerError(
        f"The server's answer is not understood: {why}. It is probably of another version.",
        hint="daybook doctor   (it shows both versions)",
    )
