"""When two names of tags are the same tag."""

from __future__ import annotations

from unicodedata import normalize


def folded(name: str) -> str:
    """Return what all spellings of a tag's name have in common: case and composition make no difference."""
    return normalize("NFC", normalize("NFC", name).casefold())
