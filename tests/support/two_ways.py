"""One book here and one behind a server, the same commands given to both, and what came of them compared.

What cannot be equal is masked: ids, times, durations, keys and proofs; and through what a command came.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.cli_process import Daybook, Ran

_MASKS = (
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?"), "TIME"),
    (re.compile(r'("\w+_ms":)[\d.]+'), r"\1MS"),
    (re.compile(r'("\w+_per_second":)[\d.]+'), r"\1SPEED"),
    (re.compile(r"[\d.]+ s\b"), "SECONDS"),
    (re.compile(r"[\d.]+ a second"), "SPEED"),
    (re.compile(r'"source":"(cli|api)"'), '"source":"SOURCE"'),
    (re.compile(r"\s(cli|api)$", re.MULTILINE), " SOURCE"),
    (
        re.compile(r'("(?:payload|metadata|leaf|proof|checkpoint|key|signature|root)":\s*)"[^"]*"'),
        r'\1"PROOF"',
    ),
    (re.compile(r"[A-Za-z0-9+/]{40,}={0,2}"), "BYTES"),
    (re.compile(r"[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}"), "KEY"),
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SHORT = re.compile(r"\b[0-9a-f]{8}\b")
_HEX = re.compile(r"\b[0-9a-f]{32,}\b")


@dataclass(frozen=True)
class Step:
    """One command. In `args`, `{name}` is what an earlier document of the scenario had under that key.

    `same` False: its output is of the machine, so only the exit code is compared. `err` False: its messages
    tell of the way, not of the command.
    """

    args: Sequence[str]
    stdin: bytes = b""
    same: bool = True
    err: bool = True
    expect: int | None = None


@dataclass
class Way:
    """One of the two ways, in the middle of a scenario."""

    daybook: Daybook
    known: dict[str, str] = field(default_factory=dict)
    met: dict[str, str] = field(default_factory=dict)

    def take(self, step: Step) -> Ran:
        """Give a command and remember what its document says."""
        ran = self.daybook(
            *(one.format(**self.known) if "{" in one else one for one in step.args),
            stdin=step.stdin,
            expect=None,
        )
        if ran.out.startswith("{") and ran.out.count("\n") == 1:
            self._remember(ran.json)
        return ran

    def told(self, text: str) -> str:
        """Return output with what cannot be equal masked; ids by the order in which they came."""
        text = _UUID.sub(lambda found: self._name(found[0]), text)
        for pattern, mask in _MASKS:
            text = pattern.sub(mask, text)
        return _SHORT.sub("SHORT", _HEX.sub("HEX", text))

    def _name(self, identifier: str) -> str:
        return self.met.setdefault(identifier, f"ID-{len(self.met)}")

    def _remember(self, document: Any) -> None:
        if isinstance(document, dict):
            self.known |= {key: value for key, value in document.items() if isinstance(value, str)}


def both_ways(here: Daybook, there: Daybook, steps: Sequence[Step]) -> None:
    """Give each command to both, and hold what came of it against each other."""
    ways = (Way(here), Way(there))
    for step in steps:
        one, other = (way.take(step) for way in ways)
        what = f"daybook {' '.join(step.args)}"
        assert one.code == other.code, f"{what}: {one.code} here ({one.err}), {other.code} ({other.err})"
        assert step.expect is None or one.code == step.expect, f"{what}: {one.code} ({one.err})"
        shown = [(way.told(ran.out), way.told(ran.err)) for way, ran in zip(ways, (one, other), strict=True)]
        if step.same:
            assert shown[0][0] == shown[1][0], f"{what}:\n{shown[0][0]}\nthere:\n{shown[1][0]}"
        if step.same and step.err:
            assert shown[0][1] == shown[1][1], f"{what}:\n{shown[0][1]}\nthere:\n{shown[1][1]}"
