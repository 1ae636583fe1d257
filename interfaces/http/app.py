"""The application: routes, what stands before them, and what runs behind them.

Order of a request: correlation id, rate, Host, Origin and token, size, route. Database calls are made in
threads; the event loop carries streams and answers only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any, cast

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from interfaces.http import probes, problems, signing_in
from interfaces.http.api import answers, conversations, projects, search
from interfaces.http.api.requests import StoppingError
from interfaces.http.frame import BodyLimit, Frame
from interfaces.http.guard import Guard
from interfaces.http.limits import RateLimit
from interfaces.http.options import HttpOptions, must_be_guarded
from interfaces.http.problems import MEDIA_TYPE, Problem, problem
from interfaces.http.server import Server
from interfaces.http.web import pages

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from interfaces.book import Book

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
_DESCRIPTION = (
    "A private AI assistant that keeps the book. Commands answer with the header `Daybook-Log-Size`; a query "
    "that gets it back (as header or as `at_least`) shows at least what was recorded then."
)


def create_app(book: Book, options: HttpOptions | None = None) -> FastAPI:
    """Return the application of a book.

    Raises:
        InvalidInputError: it would be open to other machines without a token.
    """
    options = options or HttpOptions()
    must_be_guarded(options)
    server = Server(book, options)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
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
        docs_url=None,  # its pages come from a CDN; any tool reads /openapi.json
        redoc_url=None,
        lifespan=lifespan,
        responses=_PROBLEM,
        middleware=[
            Middleware(Frame),
            Middleware(RateLimit, options=options),
            Middleware(Guard, server=server),
            Middleware(BodyLimit),
        ],
        **silent,
    )
    app.state.server = server
    app.router.redirect_slashes = False
    problems.install(app)
    app.add_exception_handler(StoppingError, _stopping)
    app.include_router(probes.router)
    app.include_router(signing_in.router)
    api = APIRouter(prefix="/api/v1")
    for part in (conversations, answers, projects, search):
        api.include_router(part.router)
    app.include_router(api)
    app.include_router(pages.router)
    _describe_problems(app)
    return app


def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI document without opening a book, for the pages that are made from it."""
    return create_app(cast("Book", None)).openapi()


async def _stopping(request: Request, error: Exception) -> Response:
    return problem(request.scope, 503, str(error))


def _describe_problems(app: FastAPI) -> None:
    """Let the OpenAPI document say what is served: every error is a problem document."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = made()
            for path in document["paths"].values():
                for operation in path.values():
                    _one_problem(operation["responses"])
            schemas = document["components"]["schemas"]
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]


def _one_problem(responses: dict[str, Any]) -> None:
    responses.pop("422", None)
    fallback = responses["default"]["content"]
    if "application/json" in fallback:
        fallback[MEDIA_TYPE] = fallback.pop("application/json")
