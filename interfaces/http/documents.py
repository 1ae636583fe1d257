"""What documents the server: a page of the operations it has, and what each kind of error means.

Server-rendered, without a script and without anything from elsewhere; the Content-Security-Policy forbids
both.
"""

from __future__ import annotations

import base64
from hashlib import sha256
from html import escape
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from interfaces import explanations
from interfaces.http.api.requests import ServerOf
from interfaces.http.kinds import kinds

router = APIRouter(include_in_schema=False)

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; }
details { border-top: 1px solid #8884; padding: .4rem 0; }
summary { cursor: pointer; }
code, pre { font: .9em ui-monospace, monospace; }
pre { overflow-x: auto; padding: .6rem; background: #8881; }
td, th { text-align: left; vertical-align: top; padding: .1rem 1rem .1rem 0; }
b { display: inline-block; min-width: 4rem; }
"""
_HASH = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


@router.get("/docs")
async def operations(server: ServerOf) -> Response:
    """List all operations, made from the OpenAPI document."""
    return HTMLResponse(operations_page(server.document()), headers=_HEADERS)


@router.get("/problems/{slug}")
async def explain_problem(slug: str) -> Response:
    """Say what a kind of problem means and what to do: the same text as in docs/errors.md."""
    title = next((kind.title for kind in kinds() if kind.slug == slug), None)
    page = None if title is None else explanations.page_of(slug, title)
    if page is None:
        raise HTTPException(404)
    return PlainTextResponse(page)


def operations_page(document: dict[str, Any]) -> str:
    """Return the page of all operations of an OpenAPI document."""
    groups: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            group = (operation.get("tags") or ["other"])[0]
            groups.setdefault(group, []).append(_operation(method.upper(), path, operation))
    body = "".join(f"<h2>{escape(name)}</h2>{''.join(rows)}" for name, rows in groups.items())
    info = document["info"]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>Daybook: operations</title>'
        f"<style>{_STYLE}</style></head><body><h1>Daybook {escape(info['version'])}</h1>"
        f"<p>{escape(info['description'])}</p>"
        f'<p>For tools: <a href="/openapi.json">/openapi.json</a></p>{body}</body></html>'
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parameters = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{escape(one.get('description', ''))}</td></tr>"
        for one in operation.get("parameters", ())
    )
    responses = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(', '.join(one.get('content', ())))}</td>"
        f"<td>{escape(one['description'])}</td></tr>"
        for status, one in operation["responses"].items()
    )
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    shape = f"<p>Body: <code>{escape(_name(body))}</code></p>" if body else ""
    return (
        f"<details><summary><b>{method}</b> <code>{escape(path)}</code> "
        f"{escape(operation.get('description', ''))}</summary>"
        f"<p>Operation <code>{escape(operation['operationId'])}</code></p>{shape}"
        f"<table>{parameters}</table><table>{responses}</table></details>"
    )


def _name(schema: dict[str, Any]) -> str:
    found = [schema, *schema.get("anyOf", ())]
    return next((one["$ref"].rpartition("/")[2] for one in found if "$ref" in one), "JSON")
