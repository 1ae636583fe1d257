"""What the page says of server, database and model: one look at everything, which never raises."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from application import scopes
from application.arrival import is_installed
from application.errors import ForbiddenError, ModelServerError
from application.pulling import PullView
from domain.errors import DaybookError
from interfaces.http.server import Server

_MODEL_SERVER_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class PartView:
    """One part of the installation. `hint` is what to do where it is not well."""

    ok: bool
    text: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class StateView:
    """Everything the strip at the top of the page shows.

    `notice`: what whoever runs the server says to everybody. `can_ask`: a prompt would be answered now.
    `can_pull`: whoever looks may get the missing model.
    """

    server: PartView
    database: PartView
    model: PartView
    model_name: str
    model_missing: bool
    can_ask: bool
    can_pull: bool
    pull: PullView | None = None
    notice: str = ""


async def look(server: Server, model: str) -> StateView:
    """Look at the database and at the model server, side by side."""
    database, (found, missing) = await asyncio.gather(
        asyncio.to_thread(_database, server), _model(server, model)
    )
    stopping = server.stopping.is_set()
    principal = server.principal
    reads = principal is None or principal.may(scopes.READ)
    pull = server.pulling.now if reads else None
    return StateView(
        server=PartView(
            ok=not stopping, text="stopping" if stopping else f"running {server.options.version}"
        ),
        database=database,
        model=found,
        model_name=model,
        model_missing=missing,
        can_ask=database.ok
        and found.ok
        and not stopping
        and (principal is None or principal.may(scopes.ASK)),
        can_pull=missing and (principal is None or principal.may(scopes.ADMIN)),
        pull=pull if pull is not None and (pull.running or pull.problem) else None,
        notice=server.options.notice,
    )


def _database(server: Server) -> PartView:
    try:
        size = server.book.events.size()
    except DaybookError as problem:
        return PartView(ok=False, text=problem.message, hint=problem.hint)
    if server.pump_problem:
        return PartView(ok=False, text=server.pump_problem, hint="daybook projections status")
    return PartView(ok=True, text=f"{size:,} event{'' if size == 1 else 's'}")


async def _model(server: Server, model: str) -> tuple[PartView, bool]:
    """Return what is known of the default model, and whether it has to be pulled first."""
    try:
        installed = await asyncio.wait_for(server.book.model_server.models(), _MODEL_SERVER_SECONDS)
    except TimeoutError:
        return PartView(ok=False, text="the model server does not answer", hint="daybook doctor"), False
    except ForbiddenError:
        return PartView(ok=True, text="not shown"), False  # the page says which scope lacks
    except ModelServerError as problem:
        return PartView(ok=False, text=problem.message, hint=problem.hint), False
    if is_installed(model, installed):
        return PartView(ok=True, text="ready"), False
    return PartView(ok=False, text="not installed yet", hint=f"daybook models pull {model}"), True
