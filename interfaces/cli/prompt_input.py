"""Where a prompt comes from: arguments, a pipe, or both.

Invariant: no more is read than a prompt may have, and what is not text is refused before anything is
recorded.
"""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Sequence

from application.text_rules import MAX_TEXT_BYTES
from domain.errors import InvalidInputError
from domain.material import together

_CHUNK = 1 << 16
_PATIENCE_SECONDS = 2.0
_MARK = b"\xef\xbb\xbf"


def read_prompt(words: Sequence[str], descriptor: int = 0) -> str:
    """Return the prompt: the words, what is piped in, or the words with that as their material."""
    prompt = read_input(words, descriptor)
    if not prompt.strip():
        raise InvalidInputError(
            "The prompt is empty. Nothing was recorded.", hint='daybook ask "your question"'
        )
    return prompt


def read_input(words: Sequence[str], descriptor: int = 0) -> str:
    """Return the words, what is piped in, or the words with that as their material; or nothing."""
    question = " ".join(words)
    for at, character in enumerate(question):
        if "\udc80" <= character <= "\udcff":
            raise InvalidInputError(
                f"The question is not valid UTF-8 (at character {at}). Nothing was recorded.",
                hint="Check the encoding of your terminal.",
            )
    material = decoded(read_piped(descriptor)) if is_piped(descriptor) else ""
    return together(question, material)


def decoded(piped: bytes) -> str:
    """Return piped bytes as text without the line end that ends them."""
    try:
        text = piped.removeprefix(_MARK).decode()
    except UnicodeDecodeError as problem:
        raise InvalidInputError(
            f"Standard input is not valid UTF-8: byte {problem.start} is 0x{piped[problem.start]:02x}. "
            "Nothing was recorded.",
            hint="iconv -f ISO-8859-1 -t UTF-8 FILE | daybook ask …",
        ) from None
    return text.rstrip("\r\n")


def read_piped(descriptor: int, limit: int = MAX_TEXT_BYTES) -> bytes:
    """Return all that is piped in, or refuse it as soon as it is too much."""
    pieces: list[bytes] = []
    total = 0
    if not select.select([descriptor], [], [], _PATIENCE_SECONDS)[0]:
        from interfaces.cli.console import note

        note("Waiting for standard input to end …")
    while piece := os.read(descriptor, _CHUNK):
        pieces.append(piece)
        total += len(piece)
        if total > limit:
            raise InvalidInputError(
                f"Standard input is too large for a prompt: at most {limit:,} bytes are taken. "
                "Nothing was recorded.",
                hint="head -c 100000 FILE | daybook ask …",
            )
    return b"".join(pieces)


def is_piped(descriptor: int) -> bool:
    """Whether something other than a person may write to this descriptor."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return not os.isatty(descriptor) and not stat.S_ISDIR(mode)
