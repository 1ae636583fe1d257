"""Reads requests as strictly, and as loosely, as Ollama does; a refusal becomes an `{"error": …}` answer."""

from __future__ import annotations

import json
import re
from typing import Any

from infrastructure.simulator.shelf import Model, Shelf

DEFAULT_NUM_CTX = 4096
DEFAULT_KEEP_ALIVE = 300.0

_NUMBERS = {
    *("num_ctx", "num_predict", "seed", "temperature", "top_k", "top_p", "min_p", "repeat_penalty"),
    *(
        "num_keep",
        "num_batch",
        "num_gpu",
        "num_thread",
        "repeat_last_n",
        "presence_penalty",
        "frequency_penalty",
    ),
}
_THINK_WORDS = {"low", "medium", "high", "max"}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class RefusedRequestError(Exception):
    """The request is answered with an error."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


def parse_body(body: bytes) -> dict[str, Any]:
    """Return the JSON object that was sent."""
    if not body.strip():
        raise RefusedRequestError(400, "missing request body")
    try:
        parsed = json.loads(body)
    except ValueError as why:
        raise RefusedRequestError(400, str(why)) from None
    if not isinstance(parsed, dict):
        raise RefusedRequestError(400, "json: cannot unmarshal value into Go value of type api.Request")
    return parsed


def model_name(body: dict[str, Any]) -> str:
    """Return the model's name; old clients call the field `name`."""
    name = body.get("model") or body.get("name")
    if not isinstance(name, str) or not name.strip():
        raise RefusedRequestError(400, "model is required")
    return name


def installed(body: dict[str, Any], shelf: Shelf) -> Model:
    """Return the model asked for, or refuse with 404."""
    name = model_name(body)
    model = shelf.find(name)
    if model is None:
        raise RefusedRequestError(404, f"model '{name}' not found")
    return model


def options_of(body: dict[str, Any]) -> dict[str, Any]:
    """Return the options; those with a value of the wrong type are a failure of the server, as in Ollama."""
    options = body.get("options") or {}
    if not isinstance(options, dict):
        raise RefusedRequestError(400, "json: cannot unmarshal options")
    for name, value in options.items():
        if name in _NUMBERS and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise RefusedRequestError(500, f'option "{name}" must be of type number')
    return options


def thinks(body: dict[str, Any], model: Model) -> bool:
    """Tell whether to think: by default where the model can."""
    think = body.get("think")
    if think is None:
        return model.thinks
    if not isinstance(think, bool) and think not in _THINK_WORDS:
        raise RefusedRequestError(
            400,
            f"invalid think value: {json.dumps(think)} "
            '(must be "high", "medium", "low", "max", true, or false)',
        )
    if think and not model.thinks:
        raise RefusedRequestError(400, f'"{model.name}" does not support thinking')
    return bool(think)


def keep_alive_of(body: dict[str, Any]) -> float:
    """Return the seconds to keep the model loaded, less than 0 for ever."""
    value = body.get("keep_alive")
    if value is None:
        return DEFAULT_KEEP_ALIVE
    if isinstance(value, int | float):
        return float(value)
    text = str(value).strip()
    sign = -1.0 if text.startswith("-") else 1.0
    found = _DURATION.findall(text)
    if not found or "".join(number + unit for number, unit in found) != text.lstrip("+-"):
        raise RefusedRequestError(400, f'time: invalid duration "{text}"')
    return sign * sum(float(number) * _SECONDS[unit] for number, unit in found)


def messages_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a chat's messages; roles are not checked, as in Ollama."""
    messages = body.get("messages") or []
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise RefusedRequestError(400, "json: cannot unmarshal messages into Go value of type []api.Message")
    return messages


def fits_host(host: str, *, bound_to_loopback: bool) -> bool:
    """Tell whether the `Host` header is one that a server bound to loopback accepts."""
    if not bound_to_loopback:
        return True
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    name = name.strip("[]").lower()
    return (
        name in {"", "localhost", "::1"}
        or name.startswith("127.")
        or name.endswith((".localhost", ".local", ".internal"))
    )
