"""`daybook doctor` against a server: is it there, whom does it let in, and what does it say of itself."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from application.errors import ForbiddenError
from bootstrap.servers import LOCAL, SavedServers, warning_of
from domain.errors import DaybookError
from interfaces.book import Check
from interfaces.upkeep_views import DoctorView

if TYPE_CHECKING:
    from bootstrap.settings import Settings
    from interfaces.remote.connection import ServerAddress


def is_elsewhere(settings: Settings) -> bool:
    """Tell whether commands go to a server; where the settings cannot be read, the usual checks say why."""
    try:
        return settings.get("server").strip() not in {"", LOCAL}
    except DaybookError:
        return False


def examine_server(
    in_use: Callable[[], ServerAddress | None], servers: SavedServers, version: str
) -> Sequence[Check]:
    """Look at the server in use; never raises what a person can do something about."""
    try:
        address = in_use()
    except DaybookError as problem:
        return [Check("server", ok=False, detail=problem.message, fix=problem.hint)]
    if address is None:
        return []
    named = address.url if address.name is None else f"{address.name} ({address.url})"
    with contextlib.closing(servers.open(address)) as book:
        try:
            me = book.me
        except DaybookError as problem:
            return [Check("server", ok=False, detail=f"{named}: {problem.message}", fix=problem.hint)]
    checks = [
        Check("server", ok=True, detail=f"{named} lets you in, for: {' '.join(me.scopes) or 'nothing'}"),
        Check(
            "versions",
            ok=me.version == version,
            detail=f"the server is Daybook {me.version}, this is {version}",
            fix="Update the older one.",
            required=False,
        ),
    ]
    if told := warning_of(address):
        checks.append(Check("encryption", ok=False, detail=told, fix="Serve it by https.", required=False))
    return [*checks, *_of_itself(address, servers)]


def _of_itself(address: ServerAddress, servers: SavedServers) -> Sequence[Check]:
    """Return the checks that the server makes on its own machine."""
    with contextlib.closing(servers.connection(address)) as connection:
        try:
            found = connection.get("doctor", DoctorView)
        except ForbiddenError as problem:
            return [
                Check(
                    "its own checks",
                    ok=False,
                    detail=problem.message,
                    fix="Run daybook doctor on the server's machine, or come with a token of scope admin.",
                    required=False,
                )
            ]
        except DaybookError as problem:
            return [Check("its own checks", ok=False, detail=problem.message, fix=problem.hint)]
    return [
        Check(one.name, ok=one.ok, detail=one.detail, fix=one.fix, required=one.required)
        for one in found.checks
    ]
