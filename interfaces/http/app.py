"""The application: routes, what stands before them, and what runs behind them.

Order of a request: `HEAD`, ids, rate, Host, Origin and token, size, route. Database calls are made in
threads; the event loop carries streams and answers only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI
from starlette.middleware import Middleware

from interfaces.http import documents, openapi, probes, problems, signing_in
from interfaces.http.api import (
    access,
    answers,
    audit,
    audit_report,
    comparisons,
    conversations,
    erasing,
    me,
    messages,
    models,
    past,
    porting,
    projects,
    prompts,
    records,
    replays,
    routines,
    search,
    tags,
    upkeep,
    usage,
)
from interfaces.http.frame import BodyLimit, Frame, Head
from interfaces.http.guard import Guard
from interfaces.http.limits import RateLimit
from interfaces.http.options import HttpOptions, must_be_guarded
from interfaces.http.problems import Problem
from interfaces.http.server import Server
from interfaces.http.web import pages
from interfaces.porting.keeping import remove_abandoned

if TYPE_CHECKING:
    from interfaces.book import WholeBook

# FastAPI can report on itself; Daybook connects to its database and its model server and to nothing else.
_SILENT = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}

_PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {"description": "What went wrong (RFC 9457).", "model": Problem}
}
_API = "/api/v1"
_PARTS = (
    me,
    audit_report,
    comparisons,
    conversations,
    past,
    prompts,
    answers,
    records,
    messages,
    search,
    tags,
    usage,
    projects,
    routines,
    replays,
    erasing,
    audit,
    access,
    models,
    porting,
    upkeep,
)
_DESCRIPTION = (
    "A private AI assistant that keeps the book. Commands answer with the header `Daybook-Log-Size`; a query "
    "that gets it back (as header or as `at_least`) shows at least what was recorded then."
)


def create_app(book: WholeBook, options: HttpOptions | None = None) -> FastAPI:
    """Return the application of a book.

    Raises:
        InvalidInputError: it would be open to other machines without a token.
    """
    options = options or HttpOptions()
    must_be_guarded(options)
    server = Server(book, options)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        remove_abandoned()
        server.start()
        try:
            yield
        finally:
            await server.stop()

    silent: dict[str, Any] = {"telemetry": _SILENT} if "telemetry" in signature(FastAPI).parameters else {}
    app = FastAPI(
        title="Daybook",
        version=options.version,
        description=_DESCRIPTION,
        docs_url=None,  # the library's pages come from a CDN; ours are in documents.py
        redoc_url=None,
        lifespan=lifespan,
        responses=_PROBLEM,
        middleware=[
            Middleware(Head),
            Middleware(Frame, server=server),
            Middleware(RateLimit, options=options),
            Middleware(Guard, server=server),
            Middleware(BodyLimit),
        ],
        **silent,
    )
    app.state.server = server
    app.router.redirect_slashes = False
    problems.install(app)
    server.routers = [
        *(("", beside.router) for beside in (probes, documents, signing_in, pages)),
        *((_API, part.router) for part in _PARTS),
    ]
    for prefix, router in server.routers:
        app.include_router(router, prefix=prefix)
    openapi.install(app)
    server.document = app.openapi
    return app


def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI document without opening a book, for the pages that are made from it."""
    return create_app(cast("WholeBook", None)).openapi()
