"""How responses are described in the OpenAPI document, beyond the shapes of their bodies."""

from __future__ import annotations

from typing import Any

Responses = dict[int | str, dict[str, Any]]

HEADERS: dict[str, dict[str, Any]] = {
    "Daybook-Log-Size": {
        "description": "The size of the log that this command reached. A query that sends it back shows at "
        "least what was recorded then.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Location": {"description": "Where the new thing is found.", "schema": {"type": "string"}},
    "Content-Location": {"description": "Where this body is found.", "schema": {"type": "string"}},
    "ETag": {
        "description": "The version of the thing. Sent back as `If-Match`, it lets a change be made only "
        "while it has not changed; as `If-None-Match` it spares the body.",
        "schema": {"type": "string"},
    },
    "Preference-Applied": {
        "description": "Which preference was honoured.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "In how many seconds it is worth trying again.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Allow": {"description": "The methods that this path takes.", "schema": {"type": "string"}},
    "Daybook-Request-Id": {
        "description": "This request's own id.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "Daybook-Correlation-Id": {
        "description": "The id of the user's action, under which the log knows it. A client that sends one "
        "joins several requests into one action.",
        "schema": {"type": "string", "format": "uuid"},
    },
}

EVERYWHERE = ("Daybook-Request-Id", "Daybook-Correlation-Id")
OF_PROBLEMS = ("Retry-After", "Allow")


def headers(*names: str) -> dict[str, Any]:
    """Return references to headers, as a response lists them."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def events(**shapes: str) -> dict[str, Any]:
    """Return the media type of a stream whose events are named like this, each with its meaning."""
    told = "; ".join(f"`{name}`: {text}" for name, text in shapes.items())
    return {
        "text/event-stream": {
            "schema": {
                "type": "object",
                "description": f"One Server-Sent Event; its data is a JSON object. {told}. Comments "
                "(lines that begin with `:`) keep the connection alive.",
                "required": ["event", "data"],
                "properties": {
                    "event": {"enum": list(shapes)},
                    "id": {"type": "string", "description": "How far the stream has come."},
                    "data": {"type": "string", "contentMediaType": "application/json"},
                },
            }
        }
    }


DONE: Responses = {
    200: {"description": "It is recorded.", "headers": headers("Daybook-Log-Size", "ETag")},
}
CREATED: Responses = {
    201: {
        "description": "It is recorded; the new thing is at `Location`.",
        "headers": headers("Daybook-Log-Size", "Location", "ETag"),
    },
}
TAGGED: Responses = {
    200: {"description": "As it stands.", "headers": headers("ETag")},
    304: {"description": "It still has the version that `If-None-Match` names.", "headers": headers("ETag")},
}
TAGGED_ONLY: Responses = {200: {"description": "As it stands.", "headers": headers("ETag")}}
TOKEN_MADE: Responses = {
    201: {
        "description": "It is made; `token` is not shown again.",
        "headers": headers("Daybook-Log-Size", "Location"),
    },
    200: {
        "description": "It was made before, under the same `Idempotency-Key`. `token` is null: it was in the "
        "first answer. Where that was lost, revoke this one and make another.",
        "headers": headers("Daybook-Log-Size", "Location"),
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewTokenView"}}},
    },
}
LINKED: Responses = {
    201: {
        "description": "It is made; `Location` is the session that it begins.",
        "headers": headers("Daybook-Log-Size", "Location"),
    },
}
ASKED: Responses = {
    202: {
        "description": "Recorded; the answer is being written and found at `Location`.",
        "headers": headers("Daybook-Log-Size", "Location", "Preference-Applied"),
    },
    200: {
        "description": "The finished answer (`Prefer: wait`), or its stream (`Accept: text/event-stream`).",
        "headers": headers("Daybook-Log-Size", "Location", "Content-Location", "Preference-Applied"),
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/AnswerView"}},
            **events(
                asked="what was recorded, as a 202 shows it",
                status="how the answer stands",
                delta="new characters of `thinking` or `text`",
                reset="what came does not hold, and comes again",
                done="the end of a good answer",
                failed="any other end",
            ),
        },
    },
}


def long(told: str, last: str, view: type) -> Responses:
    """Return the responses of a long operation: its result, or its progress and then its result."""
    return {
        200: {
            "description": f"{told} With `Accept: text/event-stream`: its progress, then the same.",
            "headers": headers("Daybook-Log-Size", "ETag"),
            "content": events(
                progress="`done_count` of `total_count`",
                **{last: f"the result, a {view.__name__}"},
                failed="a problem, as it would have been the body",
            ),
        }
    }
