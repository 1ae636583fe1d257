"""Cuts Markdown that is still growing into blocks that are finished and a rest that is not.

Invariant: the blocks and the rest, put together, are the text; a block once told as finished renders the same
whatever comes after it.
"""

from __future__ import annotations

import re

_LINE_ENDS = re.compile(r"(?<=\n)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_LIST_ITEM = re.compile(r" {0,3}([-*+]|\d{1,9}[.)])(\s|$)")


def split_finished(text: str) -> tuple[list[str], str]:
    """Return the finished blocks, each with the blank lines behind it, and the rest.

    A block ends at a blank line outside of a fence, once the next line has begun and does not belong to
    it: neither indented, nor another item of the same list.
    """
    lines = _LINE_ENDS.split(text)
    blocks: list[str] = []
    begin = 0
    fence = ""
    started = blank_before = in_list = False
    for at, line in enumerate(lines):
        if not line.strip():
            blank_before = started
            continue
        if blank_before and not fence and _begins_anew(line, in_list=in_list):
            blocks.append("".join(lines[begin:at]))
            begin, started = at, False
        if not started:
            started, in_list = True, bool(_LIST_ITEM.match(line))
        blank_before = False
        fence = _fence_after(line, fence)
    return blocks, "".join(lines[begin:])


def _begins_anew(line: str, *, in_list: bool) -> bool:
    if line[0] in " \t":
        return False
    if not in_list:
        return True
    complete = line.endswith("\n") or len(line) > len("123456789. ")
    # Half a line may still become an item: `1` of `12. twelve`.
    return not _LIST_ITEM.match(line) and (complete or line[0] not in "-*+0123456789")


def _fence_after(line: str, fence: str) -> str:
    found = _FENCE.match(line)
    if found is None:
        return fence
    mark, rest = found[1], found[2]
    if not fence:
        return "" if mark[0] == "`" and "`" in rest else mark
    closes = mark[0] == fence[0] and len(mark) >= len(fence) and not rest.strip()
    return "" if closes else fence
