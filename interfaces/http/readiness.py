"""Whether this server can do its work: what `/readyz` answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import DaybookError
from interfaces.book import Check
from interfaces.http.server import Server
from interfaces.upkeep_views import CheckView, ReadModelView

_MODEL_SERVER_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class ReadinessView:
    """All checks, and how far the read models are. `ready` when no required check failed."""

    ready: bool
    version: str
    checks: list[CheckView]
    read_models: list[ReadModelView]


async def look(server: Server) -> ReadinessView:
    """Look at everything; never raises."""
    (needed, read_models), model_server = await asyncio.gather(
        asyncio.to_thread(_needed, server), _model_server(server)
    )
    checks = [*needed, model_server]
    return ReadinessView(
        ready=all(check.ok for check in checks if check.required),
        version=server.options.version,
        checks=[CheckView(**vars(check)) for check in checks],
        read_models=read_models,
    )


def _needed(server: Server) -> tuple[Sequence[Check], list[ReadModelView]]:
    checks: list[Check] = []
    if server.stopping.is_set():
        checks.append(Check("server", ok=False, detail="stopping"))
    try:
        size = server.book.events.size()
        checks.append(Check("database", ok=True, detail=f"{size} events in the log"))
        checks += server.options.checks()
        status = server.book.read_models.status()
    except DaybookError as problem:
        return [*checks, Check("database", ok=False, detail=problem.message, fix=problem.hint)], []
    models = [
        ReadModelView(
            name=one.name,
            version=one.version,
            position=one.position,
            lag=one.lag,
            quarantined=one.quarantined,
        )
        for one in status.read_models
    ]
    # Queries wait until they see what they must, so a lag makes them slow and not wrong.
    furthest = max((one.lag for one in models), default=0)
    detail, fix = f"at most {furthest} events behind", ""
    being_built = ", ".join(one.name for one in status.read_models if one.being_built)
    if server.pump_problem:
        detail, fix = server.pump_problem, "daybook projections status"
    elif being_built:
        detail, fix = f"being built: {being_built}", "Wait; the log is read from its beginning."
    checks.append(Check("read models", not fix, detail, fix))
    return checks, models


async def _model_server(server: Server) -> Check:
    """Look at the model server. Without it the book can be read and searched, so it is not required."""
    try:
        version = await asyncio.wait_for(server.book.model_server.version(), _MODEL_SERVER_SECONDS)
    except TimeoutError:
        return Check(
            "model server", ok=False, detail="does not answer in time", fix="daybook doctor", required=False
        )
    except DaybookError as problem:
        return Check("model server", ok=False, detail=problem.message, fix=problem.hint, required=False)
    return Check("model server", ok=True, detail=f"version {version}", required=False)
