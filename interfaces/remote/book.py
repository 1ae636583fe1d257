"""A book behind a server. Implements `interfaces.book.Book` over the public HTTP interface, and nothing else.

Invariant: every query shows at least what the log held when this process first asked, and what it recorded
since; so commands one after another see each other, as they do with a book of this machine.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from interfaces.record_views import MeView

if TYPE_CHECKING:
    from application.ports.clock import Clock
    from interfaces.remote.answering import RemoteAnswering
    from interfaces.remote.commands import RemoteCommands
    from interfaces.remote.comparing import RemoteComparing
    from interfaces.remote.connection import Connection
    from interfaces.remote.explaining import RemoteExplaining
    from interfaces.remote.grants import RemoteGrants
    from interfaces.remote.log import RemoteAuditor, RemoteEvents, RemoteTrail
    from interfaces.remote.models import RemoteModels
    from interfaces.remote.past import RemotePast
    from interfaces.remote.porting import RemotePorting
    from interfaces.remote.queries import (
        RemoteConversations,
        RemoteProjects,
        RemoteRoutines,
        RemoteSearch,
        RemoteTranscript,
    )
    from interfaces.remote.replaying import RemoteDesk
    from interfaces.remote.reporting import RemoteReporting
    from interfaces.remote.upkeep import RemoteErasing, RemoteKeys, RemoteReadModels
    from interfaces.remote.usage import RemoteUsage


class RemoteBook:
    """One server's book, as whoever came with a token may use it."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    @cached_property
    def me(self) -> MeView:
        """Who asks, and what answers; the first thing that is asked."""
        found = self._connection.get("me", MeView)
        self._connection.saw(found.log_size)
        return found

    @property
    def actor(self) -> str:
        """The opaque id that the log will name."""
        return self.me.actor

    @property
    def clock(self) -> Clock:
        """Says what time it is here."""
        return self._clock

    @cached_property
    def commands(self) -> RemoteCommands:
        """Takes commands."""
        from interfaces.remote.commands import RemoteCommands

        return RemoteCommands(self._connection, self._clock)

    @cached_property
    def model_server(self) -> RemoteModels:
        """The models there are."""
        from interfaces.remote.models import RemoteModels

        return RemoteModels(self._connection)

    @cached_property
    def answering(self) -> RemoteAnswering:
        """Answers while they are written."""
        from interfaces.remote.answering import RemoteAnswering

        return RemoteAnswering(self._connection)

    @cached_property
    def events(self) -> RemoteEvents:
        """Lists events."""
        from interfaces.remote.log import RemoteEvents

        return RemoteEvents(self._connection)

    @cached_property
    def keys(self) -> RemoteKeys:
        """Says how the epochs of the book's keys stand."""
        from interfaces.remote.upkeep import RemoteKeys

        return RemoteKeys(self._connection)

    @cached_property
    def erasing(self) -> RemoteErasing:
        """Erases, and has keys wrapped anew."""
        from interfaces.remote.upkeep import RemoteErasing

        return RemoteErasing(self._connection, self.commands)

    @cached_property
    def comparing(self) -> RemoteComparing:
        """Compares replays with what was recorded."""
        from interfaces.remote.comparing import RemoteComparing

        return RemoteComparing(self._connection)

    @cached_property
    def explaining(self) -> RemoteExplaining:
        """Explains answers."""
        from interfaces.remote.explaining import RemoteExplaining

        return RemoteExplaining(self._connection)

    @cached_property
    def porting(self) -> RemotePorting:
        """Takes out and in: files of conversations and projects."""
        from interfaces.remote.porting import RemotePorting

        return RemotePorting(self._connection)

    @cached_property
    def reporting(self) -> RemoteReporting:
        """Says on one page what happened in a period."""
        from interfaces.remote.reporting import RemoteReporting

        return RemoteReporting(self._connection)

    def watched(self) -> RemoteBook:
        """Return this book: what is shown is written down by the server."""
        return self

    @cached_property
    def audit(self) -> RemoteAuditor:
        """Signs, proves and verifies the log."""
        from interfaces.remote.log import RemoteAuditor

        return RemoteAuditor(self._connection)

    @cached_property
    def conversations(self) -> RemoteConversations:
        """Lists conversations."""
        from interfaces.remote.queries import RemoteConversations

        return RemoteConversations(self._connection)

    @cached_property
    def projects(self) -> RemoteProjects:
        """Lists projects."""
        from interfaces.remote.queries import RemoteProjects

        return RemoteProjects(self._connection)

    @cached_property
    def routines(self) -> RemoteRoutines:
        """Lists routines."""
        from interfaces.remote.queries import RemoteRoutines

        return RemoteRoutines(self._connection)

    @cached_property
    def transcript(self) -> RemoteTranscript:
        """Shows messages."""
        from interfaces.remote.queries import RemoteTranscript

        return RemoteTranscript(self._connection)

    @cached_property
    def search(self) -> RemoteSearch:
        """Finds messages."""
        from interfaces.remote.queries import RemoteSearch

        return RemoteSearch(self._connection)

    @cached_property
    def past(self) -> RemotePast:
        """Shows the book as it was."""
        from interfaces.remote.past import RemotePast

        return RemotePast(self._connection)

    @cached_property
    def trail(self) -> RemoteTrail:
        """Says who did what when."""
        from interfaces.remote.log import RemoteTrail

        return RemoteTrail(self._connection, self.events)

    @cached_property
    def replay_desk(self) -> RemoteDesk:
        """Starts, follows and shows replays."""
        from interfaces.remote.replaying import RemoteDesk

        return RemoteDesk(self._connection, self)

    @cached_property
    def usage(self) -> RemoteUsage:
        """Counts tokens, time and ratings."""
        from interfaces.remote.usage import RemoteUsage

        return RemoteUsage(self._connection)

    @cached_property
    def access(self) -> RemoteGrants:
        """Lists tokens, links and sessions."""
        from interfaces.remote.grants import RemoteGrants

        return RemoteGrants(self._connection, self.events)

    @cached_property
    def read_models(self) -> RemoteReadModels:
        """Rebuilds and reports on the read models."""
        from interfaces.remote.upkeep import RemoteReadModels

        return RemoteReadModels(self._connection)

    def look_after(self) -> None:
        """See who asks and how large the log is; the server looks after its book itself."""
        _ = self.me

    def close(self) -> None:
        """Close connections."""
        self._connection.close()
