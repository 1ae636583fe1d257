"""`-x`: the first code block of an answer, and nothing around it (CommonMark 0.31, §4.5)."""

from __future__ import annotations

import re

_LINE_ENDS = re.compile(r"(?<=\n)")
_OPENING = re.compile(r"^( {0,3})(`{3,}|~{3,})([^\n]*)$")


def first_code_block(text: str) -> str | None:
    """Return the content of the first fenced block, with its line ends; None where there is none.

    A block that is never closed ends with the text, as in an answer that was cut off.
    """
    lines = _LINE_ENDS.split(text)
    for at, line in enumerate(lines):
        opening = _OPENING.match(line.rstrip("\r\n"))
        if opening is None or ("`" in opening[2] and "`" in opening[3]):
            continue
        indent, fence = len(opening[1]), opening[2]
        closing = re.compile(rf"^ {{0,3}}{re.escape(fence[0])}{{{len(fence)},}}[ \t]*$")
        block = []
        for inner in lines[at + 1 :]:
            if closing.match(inner.rstrip("\r\n")):
                break
            spaces = len(inner) - len(inner.lstrip(" "))
            block.append(inner[min(indent, spaces) :])
        return "".join(block)
    return None
