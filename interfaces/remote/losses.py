"""What is said where a connection cannot be made, or is lost: what it means, and what to do."""

from __future__ import annotations

import re

from interfaces.server_errors import ServerUnreachableError


def reason(problem: Exception) -> str:
    """Return why a connection failed, in a few words."""
    name = type(problem).__name__
    known = {
        "ConnectTimeout": "it does not answer",
        "ReadTimeout": "nothing came for too long",
        "RemoteProtocolError": "it was closed in the middle",
        "ReadError": "it was cut",
        "WriteError": "it was cut",
    }
    told = re.sub(r"\[Errno -?\d+\] ", "", " ".join(str(problem).split())[:200])
    if told == "All connection attempts failed":  # a name with several addresses
        return "nothing listens there"
    return known.get(name) or told or name


def not_there(url: str, problem: Exception) -> ServerUnreachableError:
    """Return what to say where no connection could be made."""
    told = " ".join(str(problem).split())
    if "CERTIFICATE_VERIFY_FAILED" in told:
        return ServerUnreachableError(
            f"The certificate of {url} is not one that this machine trusts ({told[:300]}). Nothing was sent.",
            hint="SSL_CERT_FILE=/path/to/your-authority.pem daybook …   (or install it in the system)",
        )
    if "SSL" in told:
        return ServerUnreachableError(
            f"No encrypted connection to {url} could be made ({told[:200]}). Nothing was sent.",
            hint=f"If it is served without TLS: --server {url.replace('https:', 'http:', 1)}",
        )
    return ServerUnreachableError(
        f"The Daybook server at {url} cannot be reached: {reason(problem)}. Nothing was recorded or changed.",
        hint="Start it there (daybook serve), or use the book of this machine: daybook --server local …",
    )


def lost(url: str, why: str, *, changes: bool = True) -> ServerUnreachableError:
    """Return what to say where a connection was lost; `changes`: something may have been recorded."""
    if not changes:
        return ServerUnreachableError(
            f"The connection to {url} was lost: {why}. Nothing was changed.",
            hint="daybook doctor   (an address may need https:// in place of http://)",
        )
    return ServerUnreachableError(
        f"The connection to {url} was lost: {why}. What the server had taken by then is recorded; whether it "
        "had, is not known.",
        hint="daybook list   (look, before you repeat it)",
    )
