"""Every way a model server can fail, in our own errors: what happened, what it means, what to run next."""

from __future__ import annotations

import errno
import json
import re
import socket
from urllib.parse import urlsplit

from application.errors import (
    AnswerBrokenOffError,
    ContextTooLongError,
    ModelMissingError,
    ModelServerError,
    ModelServerOverloadedError,
    ModelServerTimeoutError,
    ModelServerUnreachableError,
)
from infrastructure.ollama.chat_lines import error_text

_CONTEXT = re.compile(
    r"context.*(exceed|length|size|long|window)|(exceed|long).*context", re.IGNORECASE | re.DOTALL
)
_COUNTED = re.compile(r"(\d+) tokens")
_MAX_QUOTED = 300
_BAD_REQUEST, _UNAUTHORISED, _FORBIDDEN, _NOT_FOUND, _TOO_LARGE = 400, 401, 403, 404, 413
_FAILED, _NOT_IMPLEMENTED, _UNAVAILABLE = 500, 501, 503

OF_THE_MACHINE = "host.docker.internal"
"""By this name a container reaches the machine that it runs on."""


def unreachable(
    url: str, why: BaseException | None = None, *, asked: bool = False
) -> ModelServerUnreachableError:
    """Nothing listens there, the name does not resolve, or nothing came back in time.

    Args:
        url: where it was looked for, as it may be shown.
        why: what the connection failed with; the kinds are told apart by what lies under it.
        asked: whether a question was asked, so that something had been written before.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    kept = " What was written before is kept." if asked else ""
    if host == "ollama":  # the name of the service in our own Compose file
        start = "Start it with `docker compose up -d ollama`"
    elif host == OF_THE_MACHINE:
        bind = f"{_address_of(host)}:{parts.port or 11434}"
        start = (
            "Start Ollama on the machine itself. On Linux it listens on 127.0.0.1 alone: let its service "
            f"listen where containers reach it (OLLAMA_HOST={bind}), and the firewall pass that port from "
            "Docker's networks"
        )
    else:
        start = "Ollama is installed from https://ollama.com/download, then `ollama serve`"
    return ModelServerUnreachableError(
        f"No model server answers at {url}: {_why_unreachable(host, why)}.{kept} {start}; or set "
        "DAYBOOK_OLLAMA_URL to where it runs.",
        hint="daybook doctor",
    )


def _address_of(host: str) -> str:
    """Return where containers see the machine they run on, as far as it is known here."""
    try:
        return socket.gethostbyname(host)
    except OSError:
        return "0.0.0.0"  # noqa: S104 - told, not bound: every address of the machine


def _why_unreachable(host: str, why: BaseException | None) -> str:
    while why is not None:
        if isinstance(why, socket.gaierror):
            return f"the host name “{host}” is unknown"
        if isinstance(why, TimeoutError) or type(why).__name__ == "ConnectTimeout":
            return "the connection timed out"
        if isinstance(why, ConnectionRefusedError) or (
            isinstance(why, OSError)
            # A name with several addresses fails with all their errors in one text.
            and (why.errno == errno.ECONNREFUSED or f"[Errno {errno.ECONNREFUSED}]" in str(why))
        ):
            return "the connection was refused, so nothing listens there"
        why = why.exceptions[0] if isinstance(why, BaseExceptionGroup) else why.__cause__ or why.__context__
    return "no connection could be made"


def missing(model: str) -> ModelMissingError:
    """The server is there; the model is not."""
    return ModelMissingError(
        f"The model server does not have the model “{model}”. Nothing is lost.",
        hint=f"daybook models pull {model}",
    )


def not_in_library(model: str, said: str) -> ModelMissingError:
    """A pull found no such model to fetch."""
    return ModelMissingError(
        f"There is no model “{model}” to pull: the model server said “{_quoted(said)}”. Nothing was changed.",
        hint="daybook models recommend",
    )


def overloaded(attempts: int) -> ModelServerOverloadedError:
    """The server answered 503 each time it was asked."""
    return ModelServerOverloadedError(
        f"The model server is busy: it refused {attempts} times to take one more request, which it does "
        "while it loads a model. What was written before is kept; try again in a moment.",
        hint="daybook doctor",
    )


def timed_out(url: str, seconds: float, waiting_for: str) -> ModelServerTimeoutError:
    """Nothing came for longer than we are ready to wait."""
    return ModelServerTimeoutError(
        f"The model server at {url} sent nothing for {seconds:g} seconds while Daybook waited for "
        f"{waiting_for}. What came before is kept.",
        hint="daybook doctor",
    )


def broken_off(how: str) -> AnswerBrokenOffError:
    """The answer began, or should have begun, and did not come to its end."""
    return AnswerBrokenOffError(f"The answer was broken off: {_quoted(how)}. What came before that is kept.")


def context_too_long(said: str) -> ContextTooLongError:
    """The server counted more tokens than the context holds."""
    return ContextTooLongError(
        f"This does not fit into the model's context: the model server said “{_quoted(said)}”. "
        "What was written is kept."
    )


def measured(error: ContextTooLongError, estimate: int, given: int, own: int | None) -> ContextTooLongError:
    """Add what was needed and given, and what would help.

    Args:
        error: what `context_too_long` made of the server's words, which may tell the number it counted.
        estimate: about how many tokens were sent, where the server does not say.
        given: the context that was asked for.
        own: the most the model itself can take, if that is known.
    """
    counted = _COUNTED.search(error.message)
    needed = max(int(counted[1]) if counted else estimate, given + 1)
    figures = f"{error.message} It needs about {needed} tokens, and there is room for {given}."
    wanted = 1 << needed.bit_length()  # above what is needed, so that there is room for the answer
    if own is not None and own <= needed:
        return ContextTooLongError(f"{figures} The model itself takes {own} at most: send less.")
    if own is not None:
        wanted = min(wanted, own)
    return ContextTooLongError(
        f"{figures} Send less, or give the model more room with `-o num_ctx {wanted}`."
    )


def stream_error(said: str, *, began: bool) -> ModelServerError:
    """The server put an error line into the stream."""
    if not began and _CONTEXT.search(said):
        return context_too_long(said)
    return broken_off(f"the model server said “{_quoted(said)}”")


def from_status(status: int, body: str, model: str, url: str) -> ModelServerError:
    """Turn an HTTP status other than 200 into one of ours."""
    said = _said(body)
    if status == _NOT_FOUND and "not found" in said and said != body.strip():
        return missing(model)
    if status in {_BAD_REQUEST, _TOO_LARGE, _FAILED} and _CONTEXT.search(said):
        return context_too_long(said)
    if status == _UNAVAILABLE:
        return ModelServerOverloadedError(
            f"The model server at {url} is busy: “{said}”. Try again in a moment.", hint="daybook doctor"
        )
    said = said or "no reason given"
    message, hint = _by_status(status, said, model, url)
    return ModelServerError(message, hint=hint)


def _by_status(status: int, said: str, model: str, url: str) -> tuple[str, str]:
    if status == _NOT_IMPLEMENTED:
        return f"The model “{model}” cannot do this: the model server said “{said}”.", "daybook models list"
    if status == _UNAUTHORISED:
        return f"The model server at {url} asks for a token: “{said}”.", "daybook config list"
    if status == _FORBIDDEN:
        return (
            f"The model server at {url} refused the request: {said}. On loopback it takes no other name.",
            "daybook config list",
        )
    if status == _NOT_FOUND or status < _BAD_REQUEST:
        return f"What answers at {url} is not Ollama (HTTP {status}: {said}).", "daybook config list"
    return (
        f"The model server failed (HTTP {status}): “{said}”. What was written before is kept.",
        "daybook models recommend" if "memory" in said else "daybook doctor",
    )


def not_ollama(url: str, why: str) -> ModelServerError:
    """Something answers, in another language."""
    return ModelServerError(
        f"What answers at {url} does not speak like Ollama: {_quoted(why)}.", hint="daybook config list"
    )


def _said(body: str) -> str:
    """Return the words of an error body, `{"error": …}` or plain text."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return _quoted(body)
    return _quoted(error_text(parsed.get("error", body)) if isinstance(parsed, dict) else body)


def _quoted(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _MAX_QUOTED else text[:_MAX_QUOTED] + "…"
