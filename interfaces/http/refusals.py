"""Why somebody is not let in: a page for people who look with a browser, a problem document for programs."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from application.errors import NotAdmittedError
from domain.errors import DaybookError
from interfaces.http.problems import is_for_people, of_error


def refusal(scope: Scope, headers: Headers, error: DaybookError) -> Response:
    """Return the answer that an error is, with the headers that belong to it."""
    told = of_error(scope, error)
    if not is_for_people(scope, headers):
        return told
    from interfaces.errors import verdict
    from interfaces.http.web.pages import page

    title = "Nobody is signed in" if type(error) is NotAdmittedError else verdict(error).title
    shown = page(
        "sign_in.html" if isinstance(error, NotAdmittedError) else "error.html",
        told.status_code,
        title=title,
        detail=error.message,
        hint=error.hint,
    )
    for name in ("www-authenticate", "retry-after"):
        if name in told.headers:
            shown.headers[name] = told.headers[name]
    return shown
