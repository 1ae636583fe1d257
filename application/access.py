"""Who asks, and what they may: scopes, principals, and the one check that commands and queries go through.

Invariant: whoever comes from outside the process comes as a `Principal`, and reaches a command or a query
only through `Commands.acting_for` or `Guarded`, which look into the tables of `scopes.py`. What has no line
there is refused. The process itself (the command line on this machine) has the database, so it is asked
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from application.errors import ForbiddenError

API, WEB = "api", "web"
"""The sources of those who come from outside: programs with a token, and browsers that were signed in."""


class Scope(StrEnum):
    """What somebody who was let in may do."""

    READ = "read"
    ASK = "ask"
    AUDIT = "audit"
    ADMIN = "admin"


IMPLIED: Mapping[Scope, frozenset[Scope]] = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.ASK: frozenset({Scope.ASK, Scope.READ}),
    Scope.AUDIT: frozenset({Scope.AUDIT}),
    Scope.ADMIN: frozenset(Scope),
}
"""What each scope holds. Who asks reads: what a model answers tells what it was sent."""

Need = frozenset[Scope]
"""The scopes of which one is enough; empty: nobody from outside the process."""


@dataclass(frozen=True)
class Principal:
    """Somebody who was let in.

    `actor` and `source` are what the log will say; `grant_id` is the token or session they came with, None
    for the installation's first token and for this machine's own user.
    """

    actor: str
    source: str
    scopes: frozenset[Scope]
    grant_id: UUID | None = None

    @classmethod
    def everything(cls, actor: str, source: str) -> Principal:
        """Return somebody who may do everything."""
        return cls(actor, source, frozenset(Scope))

    def may(self, need: Need) -> bool:
        """Tell whether one of the scopes needed is held."""
        return not need.isdisjoint(held(self.scopes))

    def must(self, need: Need, what: str) -> None:
        """Go on, or raise `ForbiddenError`. `what` names the command or query."""
        if self.may(need):
            return
        has = in_words(self.scopes) or "none"
        if not need:
            raise ForbiddenError(f"{what} is done on the book's own machine only. Nothing was changed.")
        needed = " or ".join(f"`{scope}`" for scope in sorted(need))
        raise ForbiddenError(
            f"{what} needs the scope {needed}; what you came with has: {has}. Nothing was changed.",
            hint=f"daybook link --scope {min(need)}"
            if self.source == WEB
            else f"daybook token create NAME --scope {min(need)}",
        )


def held(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """Return scopes with all they imply."""
    return frozenset().union(*(IMPLIED[scope] for scope in scopes))


def in_words(scopes: Iterable[Scope]) -> str:
    """Return scopes as they are stored and shown, in the order of `Scope`."""
    given = set(scopes)
    return " ".join(scope for scope in Scope if scope in given)


def from_words(text: str) -> frozenset[Scope]:
    """Return stored scopes. Words that are none allow nothing: a newer Daybook may have written them."""
    return frozenset(scope for scope in Scope if scope in text.split())


class Guarded:
    """A part of the book as a principal sees it: what it may not use raises `ForbiddenError` when touched.

    Args:
        part: the part itself.
        needs: what each of its names needs.
        principal: who asks.
        called: the part's name in errors.
        within: names whose answer is guarded in turn, and with which needs.
    """

    __slots__ = ("_called", "_needs", "_part", "_principal", "_within")

    def __init__(
        self,
        part: Any,
        needs: Mapping[str, Need],
        principal: Principal,
        called: str,
        within: Mapping[str, Mapping[str, Need]] | None = None,
    ) -> None:
        self._part = part
        self._needs = needs
        self._principal = principal
        self._called = called
        self._within = within or {}

    def __getattr__(self, name: str) -> Any:
        """Return what the part has under this name, where the principal may use it."""
        what = f"{self._called}.{name}"
        self._principal.must(self._needs.get(name, frozenset()), what)
        found = getattr(self._part, name)
        inner = self._within.get(name)
        if inner is None:
            return found

        def guarded(*given: Any, **named: Any) -> Any:
            answer = found(*given, **named)
            return None if answer is None else Guarded(answer, inner, self._principal, what)

        return guarded
