"""What clients send: bodies, and what every endpoint needs to know of a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from application.access import Principal
from domain.errors import DaybookError
from interfaces.http.guard import PRINCIPAL
from interfaces.http.problems import CORRELATION
from interfaces.http.server import Server

_LARGEST = 2**63 - 1


class StoppingError(DaybookError):
    """The server takes no new work because it is stopping."""


class Body(BaseModel):
    """A JSON object without fields that nobody would read."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


Number = Annotated[int, Field(ge=-_LARGEST, le=_LARGEST)]
Option = bool | Number | float | str | None | list[bool | Number | float | str]
Options = Annotated[dict[str, Option], Field(max_length=64)]
Think = bool | Annotated[str, Field(min_length=1, max_length=20)]


class NewConversation(Body):
    """A conversation to open."""

    title: str | None = Field(
        None, description="Without one it is shown by the beginning of its first prompt."
    )
    project_id: UUID | None = None


class NewPrompt(Body):
    """A prompt, and how it is to be answered."""

    text: str = Field(min_length=1)
    parent_id: UUID | None = Field(
        default=None, description="The answer to go on from; without it, the current one."
    )
    model: str | None = None
    instructions: str | None = Field(
        default=None, description="Told to the model first, in place of the project's."
    )
    options: Options = Field(
        default_factory=dict, description="The model server's options, num_ctx among them."
    )
    think: Think | None = None


class NewAnswer(Body):
    """How a prompt is to be answered once more."""

    model: str | None = None
    options: Options = Field(default_factory=dict)
    think: Think | None = None


class ConversationChanges(Body):
    """What is to change in a conversation."""

    title: str


class NewProject(Body):
    """A project to open."""

    name: str
    description: str = ""
    instructions: str = Field(
        default="", description="Told to the model first in every conversation of the project."
    )
    default_model: str | None = None


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


def principal_of(request: Request) -> Principal:
    """Return who was let in with this request."""
    found: Principal = request.scope[PRINCIPAL]
    return found


async def server_of(request: Request) -> Server:
    """Return the server, its book as whoever was let in may use it. The one place where endpoints get it."""
    found: Server = request.app.state.server
    return found.as_seen_by(principal_of(request))


async def caller_of(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=200,
            pattern="^[\x21-\x7e]+$",
            description="The same command under the same key again returns the first result.",
        ),
    ] = None,
) -> Caller:
    """Return who gives a command, refusing it where the server is stopping."""
    server: Server = request.app.state.server
    if server.stopping.is_set():
        raise StoppingError("The server is stopping. Nothing was recorded; ask again in a moment.")
    return Caller(principal_of(request), request.scope[CORRELATION], idempotency_key)


def at_least_of(
    at_least: Annotated[
        int | None,
        Query(ge=0, le=_LARGEST, description="Wait until the answer shows the log at this size or larger."),
    ] = None,
    daybook_log_size: Annotated[
        int | None,
        Header(ge=0, le=_LARGEST, description="The same, as the header that commands answer with."),
    ] = None,
) -> int | None:
    """Return the log size that a query must show."""
    given = [size for size in (at_least, daybook_log_size) if size is not None]
    return max(given) if given else None


ServerOf = Annotated[Server, Depends(server_of)]
CallerOf = Annotated[Caller, Depends(caller_of)]
AtLeast = Annotated[int | None, Depends(at_least_of)]
Limit = Annotated[int, Query(ge=1, le=200, description="The most things on a page.")]
Cursor = Annotated[
    str | None, Query(min_length=1, max_length=400, description="`next_cursor` of the page before.")
]
