"""The names of the models that are installed, and nothing else: for completion in a shell.

The client takes longer to import than a person waits for a completion, so this one request is made with the
standard library.
"""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import unquote, urlsplit

from application.errors import ModelServerUnreachableError
from infrastructure.ollama.address import normalise_url, shown_url

_OK = 200
_MOST_BYTES = 4_000_000


def installed_names(address: str, patience: float) -> list[str]:
    """Return the names of the installed models, as the server orders them.

    Args:
        address: where the model server is, as people write it.
        patience: seconds to wait for a connection, and for each piece of the answer.

    Raises:
        ModelServerUnreachableError: nobody answers there, or not with a list of models.
    """
    from http.client import HTTPConnection, HTTPException, HTTPSConnection

    url = normalise_url(address)
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=patience)
    headers = {}
    if parts.username:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    try:
        connection.request("GET", f"{parts.path}/api/tags", headers=headers)
        response = connection.getresponse()
        found: Any = json.loads(response.read(_MOST_BYTES)) if response.status == _OK else None
        return [str(one["name"]) for one in found["models"]]
    except (OSError, HTTPException, ValueError, TypeError, KeyError) as problem:
        raise ModelServerUnreachableError(f"{shown_url(url)} does not list its models.") from problem
    finally:
        connection.close()
