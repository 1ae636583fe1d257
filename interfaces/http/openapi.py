"""The OpenAPI document, made to say what is served: problems, headers, who is let in, examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interfaces.http.api.describing import EVERYWHERE, HEADERS, OF_PROBLEMS, headers
from interfaces.http.examples import EXAMPLES
from interfaces.http.guard import OPEN_PATHS
from interfaces.http.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from fastapi import FastAPI

_TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": "The server's token (`DAYBOOK_TOKEN`). A server that only its own machine can reach may "
    "have none.",
}


def install(app: FastAPI) -> None:
    """Let the application serve the document in this form."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _finish(made())
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]


def _finish(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _operation(operation)
            if path in OPEN_PATHS:
                operation["security"] = []
    components = document["components"]
    components["headers"] = HEADERS
    components["securitySchemes"] = {"token": _TOKEN}
    document["security"] = [{"token": []}, {}]
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    for name, example in EXAMPLES.items():
        components["schemas"][name]["example"] = example


def _operation(operation: dict[str, Any]) -> None:
    _may_be_left_out(operation.get("requestBody", {}))
    responses = operation["responses"]
    responses.pop("422", None)
    fallback = responses["default"]
    if "application/json" in fallback["content"]:
        fallback["content"][MEDIA_TYPE] = fallback["content"].pop("application/json")
    fallback["headers"] = headers(*OF_PROBLEMS)
    for response in responses.values():
        response.setdefault("headers", {}).update(headers(*EVERYWHERE))


def _may_be_left_out(body: dict[str, Any]) -> None:
    """Describe a body that may be left out as just that: generators stumble over one that may be null."""
    for media in body.get("content", {}).values():
        choices = media["schema"].get("anyOf", ())
        if {"type": "null"} in choices:
            (media["schema"],) = [one for one in choices if one != {"type": "null"}]
