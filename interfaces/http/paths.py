"""Which paths there are and what they take: for `Allow`, `OPTIONS`, and the names in logs and figures.

Made of the routers that are served, so it knows those paths and no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from starlette.routing import Route
from starlette.types import Scope

if TYPE_CHECKING:
    from fastapi import APIRouter

UNKNOWN = "(no such path)"

GETS_THAT_CHANGE = frozenset({"/sign-in"})
"""Where a `GET` does something, so that `HEAD`, which must not, is no lesser form of it."""

_DOCUMENT = {"/openapi.json": ("GET",)}
_ANYTHING = "{model}"


class Paths:
    """The table of all paths of one application, made of its routers, each with the prefix it is under."""

    def __init__(self, routers: Iterable[tuple[str, APIRouter]]) -> None:
        self._methods: dict[str, set[str]] = {"/openapi.json": {"GET"}}
        self._of_operation: dict[str, str] = {}
        for prefix, router in routers:
            for route in router.routes:
                if not isinstance(route, Route):
                    continue
                template = prefix + route.path_format
                self._methods.setdefault(template, set()).update(route.methods or ())
                operation = getattr(route, "operation_id", None)
                if operation is not None:
                    self._of_operation[operation] = template
        self._patterns = [(re.compile(_pattern(template)), template) for template in self._methods]

    def allowed(self, path: str) -> list[str]:
        """Return the methods that a path takes, sorted; empty where there is no such path."""
        found = {
            method
            for pattern, template in self._patterns
            if pattern.fullmatch(path)
            for method in self._methods[template]
        }
        if not found:
            return []
        if "GET" in found and path not in GETS_THAT_CHANGE:
            found.add("HEAD")
        return sorted(found | {"OPTIONS"})

    def template(self, scope: Scope) -> tuple[str, str | None]:
        """Return the template of a request's path and the operation it is, as routing found them."""
        operation: str | None = getattr(scope.get("route"), "operation_id", None)
        if operation is not None and operation in self._of_operation:
            return self._of_operation[operation], operation
        path = scope["path"]
        known = next((template for pattern, template in self._patterns if pattern.fullmatch(path)), UNKNOWN)
        return known, None


def _pattern(template: str) -> str:
    pieces = re.split(r"(\{[^}]+\})", template)
    return "".join(
        re.escape(piece) if not piece.startswith("{") else ".+" if piece == _ANYTHING else "[^/]+"
        for piece in pieces
    )
