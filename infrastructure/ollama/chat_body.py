"""A chat request as Ollama takes it.

Invariant: `truncate` and `shift` are off. Daybook cuts by itself and records what it cut.
"""

from __future__ import annotations

import json
from typing import Any

from application.ports.model_server import ChatRequest


def chat_document(request: ChatRequest) -> dict[str, Any]:
    """Return the document that is posted to `/api/chat`."""
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "stream": True,
        "truncate": False,
        "shift": False,
        "options": dict(request.options),
    }
    if request.think is not None:
        body["think"] = request.think
    if request.keep_alive is not None:
        body["keep_alive"] = request.keep_alive
    return body


def chat_body(request: ChatRequest) -> bytes:
    """Encode the document. ASCII on purpose: answers may hold lone surrogates, which UTF-8 cannot carry."""
    return json.dumps(chat_document(request)).encode("ascii")
