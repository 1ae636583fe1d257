"""How a conversation came to be: its events one by one, opened, with what a change changed from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.content import Sealed
from domain.conversation import events as e
from domain.event import Event
from projections.opening import Opener, beginning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.content import Vault
    from domain.event import Recorded
    from projections.past.history import History

_TITLES = (e.ConversationStarted, e.ConversationRenamed, e.ConversationTitled)
_TITLE_TYPES = [kind.type_name for kind in _TITLES]
_FEW_WORDS = 60


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of a conversation.

    `values` are its fields by name: texts by their beginning, what was erased or altered as None;
    `title_before` is the title that another one replaced. `what` says all that in words, where a
    server told it.
    """

    log_index: int
    time: datetime
    type: str
    version: int
    actor: str
    source: str
    values: dict[str, Any]
    what: str | None = None


class Happenings:
    """Reads streams of conversations for people."""

    def __init__(self, history: History, vault: Vault) -> None:
        self._history = history
        self._vault = vault

    def of(self, conversation_id: UUID, *, after: int = 0, limit: int = 100) -> tuple[Happening, ...]:
        """Return the events of a conversation behind version `after`, in order."""
        events = self._history.page(conversation_id, after, limit)
        if not events:
            return ()
        self._vault.prepare([conversation_id])
        title = None
        if after and any(isinstance(one.event, _TITLES) for one in events):
            earlier = self._history.latest(conversation_id, after, _TITLE_TYPES)
            title = self._title(earlier.event) if earlier is not None else None
        return tuple(self._told(events, title, conversation_id))

    def _told(self, events: Sequence[Recorded], title: str | None, stream_id: UUID) -> list[Happening]:
        names = {tag_id: self._opened(name) for tag_id, name in self._tags(events, stream_id).items()}
        told = []
        for one in events:
            values = {name: self._opened(value) for name, value in _fields(one.event).items()}
            if isinstance(one.event, e.ConversationUntagged):
                values["name"] = names.get(one.event.tag_id)
            if isinstance(one.event, _TITLES):
                values["title_before"], title = title, self._title(one.event) or title
            told.append(
                Happening(
                    one.log_index,
                    one.time,
                    one.event.type_name,
                    one.event.version,
                    one.actor,
                    one.source,
                    values,
                )
            )
        return told

    def _tags(self, events: Sequence[Recorded], stream_id: UUID) -> dict[UUID, Any]:
        """Return the names of the tags that were taken off: they stand where the tags were put on."""
        if not any(isinstance(one.event, e.ConversationUntagged) for one in events):
            return {}
        tagged = self._history.all_of(stream_id, [e.ConversationTagged.type_name])
        return {
            one.event.tag_id: one.event.name for one in tagged if isinstance(one.event, e.ConversationTagged)
        }

    def _title(self, event: Event) -> str | None:
        opened = self._opened(getattr(event, "title", None))
        return opened if isinstance(opened, str) else None

    def _opened(self, value: Any) -> Any:
        if not isinstance(value, Sealed):
            return value
        opened = Opener(self._vault).value(value.pack())
        return beginning(opened, _FEW_WORDS) if isinstance(opened, str) else opened


def _fields(event: Event) -> dict[str, Any]:
    left_out = {"originator_id", "originator_version", "timestamp"}
    return {name: value for name, value in event.__dict__.items() if name not in left_out}
