"""The audit report of a book behind a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces.report_views import AuditReportView

if TYPE_CHECKING:
    from datetime import datetime

    from interfaces.remote.connection import Connection


class RemoteReporting:
    """Says on one page what happened in a period."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def report(self, since: datetime | None, until: datetime | None, zone: str) -> AuditReportView:
        """Return what happened from `since` on and before `until`; None: in the thirty days until now."""
        return self._connection.get(
            "audit/report",
            AuditReportView,
            since=since and since.isoformat(),
            until=until and until.isoformat(),
            zone=zone,
        )
