"""Commands, given to a server: each one once, however often its request has to be sent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from application import commands as c
from application.conversations import Asked
from application.ports.model_server import ChatRequest
from application.text_rules import checked_key
from domain.errors import DaybookError
from domain.ids import new_id, short
from interfaces.access_views import LinkView, NewTokenView
from interfaces.record_views import AskedView
from interfaces.remote.decoding import read
from interfaces.remote.lines import LINES, request_of
from interfaces.views import DoneView, ErasedView

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from application.erasing import Erasing
    from application.ports.clock import Clock
    from interfaces.remote.connection import Connection


class RemoteCommands:
    """Takes commands for a book behind a server. The errors are those of the handlers there."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    def handle(self, command: c.Command) -> c.Done:
        """Give a command that changes something and answers nothing."""
        response = self._given(command)
        if LINES[type(command)].returns == "erased":
            erased = read(response.content, ErasedView)
            return c.Done(erased.id, erased.log_size, version_of(response))
        done = read(response.content, DoneView)
        return c.Done(done.id, done.log_size, version_of(response))

    def ask(self, command: c.Asking) -> Asked:
        """Give a command that starts an answer, which the server then writes."""
        asked = read(self._given(command).content, AskedView)
        # Under a key of ours it is new, even if the server has it from a request that we thought was lost.
        is_old = asked.replayed and command.idempotency_key is not None
        return Asked(
            conversation_id=asked.conversation_id,
            prompt_id=asked.prompt_id,
            answer_id=asked.answer_id,
            model=asked.model,
            log_size=asked.log_size,
            # The server asks the model; that there is a request says only that this is no repetition.
            request=None if is_old else ChatRequest(asked.model, ()),
            origin=command.origin,
            cut_count=asked.cut_count,
        )

    def make(self, command: c.CreateToken | c.OfferSession) -> c.Made:
        """Give a command that makes a secret.

        Raises:
            DaybookError: it was made, but the answer with the secret was lost on the way.
        """
        if isinstance(command, c.OfferSession):
            link = read(self._offered(command).content, LinkView)
            return c.Made(link.id, link.log_size, parse_qs(urlsplit(link.url).query)["code"][0])
        made = read(self._given(command).content, NewTokenView)
        if made.token is None:
            raise DaybookError(
                f"Token {short(made.id)} was made, but the answer that showed it was lost on the way, and "
                "it is shown once only. Revoke it and make another.",
                hint=f"daybook token revoke {short(made.id)}",
            )
        return c.Made(made.id, made.log_size, made.token)

    def _offered(self, command: c.OfferSession) -> httpx.Response:
        """Ask for a link. Its moments are counted from the server's clock, and it is asked for once only."""
        seconds = (command.link_expires_at - self._clock.now()).total_seconds()
        body = {
            "scopes": list(command.scopes),
            "minutes": max(1, math.ceil(seconds / 60)),
            "session_expires_at": command.expires_at.isoformat(),
        }
        return self._connection.asked("POST", "links", body=body, headers={})

    def erase(self, command: Erasing, told: Callable[[dict[str, Any]], None]) -> ErasedView:
        """Give the command to erase, and hear how far it is."""
        from interfaces.remote.decoding import view

        request = request_of(command, key_of(command))
        erased = view(
            self._connection.long(
                request.path, body=request.body, headers=request.headers, told=told, again=True
            ),
            ErasedView,
        )
        self._connection.saw(erased.log_size)
        return erased

    def _given(self, command: c.Command) -> httpx.Response:
        request = request_of(command, key_of(command))
        return self._connection.asked(
            request.method, request.path, body=request.body, headers=request.headers
        )


def key_of(command: c.Command) -> str:
    """Return the idempotency key of a command as the header has it: its own, or a new one.

    Raises:
        InvalidInputError: its own is none.
    """
    key = command.idempotency_key
    if key is None:
        return str(new_id())
    # The server takes one pair of quotes off.
    return f'"{checked_key(key)}"'


def version_of(response: httpx.Response) -> int | None:
    """Return the version that an `ETag` tells, or None."""
    tag = response.headers.get("ETag", "").strip('"')
    return int(tag) if tag.isdigit() else None


def identified(identifier: UUID) -> str:
    """Return an id as the filters of the interface take a whole one."""
    return identifier.hex
