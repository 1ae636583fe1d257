"""Which paths there are and what they take: for `Allow`, `OPTIONS`, and the names in logs and figures.

Made from the OpenAPI document and the routers of pages, so it knows what is served and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from starlette.routing import Route
from starlette.types import Scope

if TYPE_CHECKING:
    from fastapi import APIRouter

UNKNOWN = "(no such path)"
_DOCUMENT = {"/openapi.json": ("GET",)}
_ANYTHING = "{model}"


class Paths:
    """The table of all paths of one application."""

    def __init__(self, document: dict[str, Any], beside: Iterable[APIRouter] = ()) -> None:
        self._methods: dict[str, tuple[str, ...]] = dict(_DOCUMENT)
        for router in beside:
            for route in router.routes:
                if isinstance(route, Route):
                    self._methods[route.path] = tuple(route.methods or ())
        self._of_operation: dict[str, str] = {}
        for template, operations in document["paths"].items():
            self._methods[template] = tuple(method.upper() for method in operations)
            for operation in operations.values():
                self._of_operation[operation["operationId"]] = template
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
        if "GET" in found:
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
