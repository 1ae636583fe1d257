"""What every endpoint needs to know of a request: who asks, on which state, and what must be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Query, Request
from pydantic import AfterValidator

from application.access import Need, Principal
from application.errors import StoppingError
from domain.errors import InvalidInputError
from domain.ids import fragment
from interfaces.http.conditions import version_of_tags
from interfaces.http.guard import PRINCIPAL
from interfaces.http.preferences import LONGEST_WAIT_SECONDS
from interfaces.http.problems import CORRELATION
from interfaces.http.server import Server

MOST = 2**63 - 1
LAST = "@last"


@dataclass(frozen=True)
class Caller:
    """Who asks; spread into a command: `RenameConversation(…, **caller.fields)`."""

    principal: Principal
    correlation_id: UUID
    idempotency_key: str | None

    @property
    def fields(self) -> dict[str, Any]:
        """The fields that all commands have."""
        return {
            "actor": self.principal.actor,
            "source": self.principal.source,
            "correlation_id": self.correlation_id,
            "idempotency_key": self.idempotency_key,
        }


@dataclass(frozen=True)
class Editor(Caller):
    """Who changes something that is there, and the version it was seen at where the request names one."""

    expected_version: int | None

    @property
    def fields(self) -> dict[str, Any]:
        """The fields that all edits have."""
        return {**super().fields, "expected_version": self.expected_version}


def principal_of(request: Request) -> Principal:
    """Return who was let in with this request."""
    found: Principal = request.scope[PRINCIPAL]
    return found


async def server_of(request: Request) -> Server:
    """Return the server, its book as whoever was let in may use it. The one place where endpoints get it."""
    found: Server = request.app.state.server
    return found.as_seen_by(principal_of(request))


def must_have(server: Server, need: Need, what: str) -> None:
    """Refuse, before anything is done, what no single part of the book would refuse by itself.

    Raises:
        ForbiddenError: whoever was let in has none of the scopes needed.
    """
    if server.principal is not None:
        server.principal.must(need, what)


def must_run(server: Server) -> None:
    """Refuse new work where the server is stopping.

    Raises:
        StoppingError: it is.
    """
    if server.stopping.is_set():
        raise StoppingError("The server is stopping. Nothing was recorded; ask again in a moment.")


async def caller_of(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=257,  # with quotes around it
            pattern="^[\x20-\x7e]+$",
            description="The same command under the same key again returns the first result. A string of "
            "your own, a UUID for example, in quotes or bare.",
        ),
    ] = None,
) -> Caller:
    """Return who gives a command, refusing it where the server is stopping."""
    must_run(request.app.state.server)
    return Caller(principal_of(request), request.scope[CORRELATION], _bare(idempotency_key))


async def unkeyed_caller_of(request: Request) -> Caller:
    """Return who gives a command that may be given again at any time, so that no key is needed."""
    must_run(request.app.state.server)
    return Caller(principal_of(request), request.scope[CORRELATION], None)


UnkeyedCallerOf = Annotated[Caller, Depends(unkeyed_caller_of)]
CallerOf = Annotated[Caller, Depends(caller_of)]


async def editor_of(
    caller: CallerOf,
    if_match: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=200,
            description="The `ETag` of what you decided on: carried out only while it has not changed, else "
            "refused with 412.",
        ),
    ] = None,
) -> Editor:
    """Return who changes something, and on which version of it."""
    return Editor(caller.principal, caller.correlation_id, caller.idempotency_key, version_of_tags(if_match))


def _bare(key: str | None) -> str | None:
    """Return a key without the quotes in which the header's draft wants it; old clients leave them out."""
    if key is not None and len(key) > 2 and key[0] == key[-1] == '"':  # noqa: PLR2004 - more than the quotes
        return key[1:-1]
    return key


def fragment_of(named: str) -> str:
    """Return the hex digits of a piece of an id.

    Raises:
        InvalidInputError: it is none.
    """
    digits = fragment(named)
    if digits is None:
        raise InvalidInputError("That is no piece of an id: those are 4 to 32 hex digits.")
    return digits


def at_least_of(
    at_least: Annotated[
        int | None,
        Query(ge=0, le=MOST, description="Wait until the answer shows the log at this size or larger."),
    ] = None,
    daybook_log_size: Annotated[
        int | None,
        Header(ge=0, le=MOST, description="The same, as the header that commands answer with."),
    ] = None,
) -> int | None:
    """Return the log size that a query must show."""
    given = [size for size in (at_least, daybook_log_size) if size is not None]
    return max(given) if given else None


def _aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=moment.tzinfo or UTC)


ServerOf = Annotated[Server, Depends(server_of)]
PrincipalOf = Annotated[Principal, Depends(principal_of)]
EditorOf = Annotated[Editor, Depends(editor_of)]
AtLeast = Annotated[int | None, Depends(at_least_of)]
Named = Annotated[
    str | None,
    Query(
        min_length=4,
        max_length=36,
        description="Only those whose id begins or ends like this, in hex; `@last`: your latest. Archived "
        "and erased ones are among them.",
    ),
]
PieceOfId = Annotated[
    str | None,
    Query(
        min_length=4,
        max_length=36,
        description="Only those whose id begins or ends like this, in hex; archived and erased ones are "
        "among them.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=200, description="The most things on a page.")]
IfNoneMatch = Annotated[
    str | None,
    Header(max_length=200, description="An `ETag` you have: answered with 304 while it still holds."),
]
Cursor = Annotated[
    str | None, Query(min_length=1, max_length=400, description="`next_cursor` of the page before.")
]
Tags = Annotated[
    Sequence[Annotated[str, Query(min_length=1, max_length=60)]],
    Query(max_length=32, description="Only what has this tag; given several times, all of them."),
]
Moment = Annotated[
    datetime | None,
    AfterValidator(_aware),
    Query(description="RFC 3339; without an offset, in UTC.", examples=["2026-03-01T00:00:00Z"]),
]
Prefer = Annotated[
    str | None,
    Header(
        max_length=200,
        description="`wait=N`: respond with the finished answer, or with 202 after N seconds "
        f"(at most {LONGEST_WAIT_SECONDS}).",
    ),
]
