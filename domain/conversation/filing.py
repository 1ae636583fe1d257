"""Where a conversation is kept and how it is found again: project, title, tags, pin, archive; and its end.

Invariants: a title a person gave is not replaced by a model's; tags and moves change no message; what is held
is not erased, and once erased it refuses every command. Names of tags are content and not held here: the ids
that stand for them are.
"""

from __future__ import annotations

from uuid import UUID

from domain.conversation import events as e
from domain.errors import ContentErasedError, InvalidInputError, RefusedError
from domain.event import Event, Facts, Root
from domain.ids import short

MOST_TAGS = 32


class Filed(Root):
    """The part of a conversation that its messages know nothing of."""

    project_id: UUID | None
    archived: bool
    held: bool
    erased: bool
    pinned: bool
    named: bool
    tags: set[UUID]

    def __init__(self, project_id: UUID | None) -> None:
        """Called when the first event is applied."""
        self.project_id = project_id
        self.archived = False
        self.held = False
        self.erased = False
        self.pinned = False
        self.named = False
        self.tags = set()

    def rename(self, title: str) -> None:
        """Give it a title."""
        self.must_not_be_erased()
        if not title.strip():
            raise InvalidInputError("A title cannot be empty. The old one stays.")
        self.trigger_event(e.ConversationRenamed, title=title)

    def take_title(self, title: str, *, model: str) -> None:
        """Take a title that a model made, where nobody has renamed it; else nothing happens.

        The title that it was opened with is content, which is not known here: who calls this looks at it.
        """
        self.must_not_be_erased()
        if not title.strip():
            raise InvalidInputError("A title cannot be empty.")
        if not self.named:
            self.trigger_event(e.ConversationTitled, title=title, model=model)

    def move(self, project_id: UUID | None) -> None:
        """Put it into another project, or (None) into none; there already is fine."""
        self.must_not_be_erased()
        if project_id != self.project_id:
            self.trigger_event(e.ConversationMoved, project_id=project_id)

    def tag(self, tag_id: UUID, name: str) -> None:
        """Put a tag on it; there already is fine.

        Raises:
            RefusedError: it has as many tags as may be.
        """
        self.must_not_be_erased()
        if tag_id in self.tags:
            return
        if len(self.tags) >= MOST_TAGS:
            raise RefusedError(
                f"Conversation {short(self.id)} has {MOST_TAGS} tags, and more are not taken. Nothing was "
                "changed.",
                hint=f"daybook tag {short(self.id)} -NAME",
            )
        self.trigger_event(e.ConversationTagged, tag_id=tag_id, name=name)

    def untag(self, tag_id: UUID) -> None:
        """Take a tag off; not there is fine."""
        self.must_not_be_erased()
        if tag_id in self.tags:
            self.trigger_event(e.ConversationUntagged, tag_id=tag_id)

    def pin(self) -> None:
        """Let lists show it first; already so is fine."""
        self.must_not_be_erased()
        if not self.pinned:
            self.trigger_event(e.ConversationPinned)

    def unpin(self) -> None:
        """Let lists show it in its turn; already so is fine."""
        self.must_not_be_erased()
        if self.pinned:
            self.trigger_event(e.ConversationUnpinned)

    def archive(self) -> None:
        """Put it out of the way; already there is fine."""
        self.must_not_be_erased()
        if not self.archived:
            self.trigger_event(e.ConversationArchived)

    def restore(self) -> None:
        """Bring it back; already there is fine."""
        self.must_not_be_erased()
        if self.archived:
            self.trigger_event(e.ConversationRestored)

    def hold(self, reason: str) -> None:
        """Forbid its erasure until it is released."""
        self.must_not_be_erased()
        if self.held:
            raise RefusedError(f"Conversation {short(self.id)} is held already. Nothing was changed.")
        self.trigger_event(e.ConversationHeld, reason=reason)

    def release(self, reason: str) -> None:
        """Allow its erasure again."""
        self.must_not_be_erased()
        if not self.held:
            raise RefusedError(f"Conversation {short(self.id)} is not held. Nothing was changed.")
        self.trigger_event(e.ConversationReleased, reason=reason)

    def erase(self, reason_kind: str) -> None:
        """Say that its content goes for ever; whoever appends this destroys the key with it.

        Raises:
            RefusedError: it is held.
        """
        self.must_not_be_erased()
        if self.held:
            raise RefusedError(
                f"Conversation {short(self.id)} is held. Nothing was erased.",
                hint=f"daybook hold release {short(self.id)} --reason WHY",
            )
        self.trigger_event(e.ConversationErased, reason_kind=reason_kind)

    def must_not_be_erased(self) -> None:
        """Raise `ContentErasedError` where nothing can be recorded in it any more."""
        if self.erased:
            raise ContentErasedError(
                f"Conversation {short(self.id)} was erased; nothing can be recorded in it any more."
            )

    def must_be_open(self) -> None:
        """Raise `RefusedError` where it is archived, and what `must_not_be_erased` raises."""
        self.must_not_be_erased()
        if self.archived:
            raise RefusedError(
                f"Conversation {short(self.id)} is archived. Nothing was recorded.",
                hint=f"daybook restore {short(self.id)}",
            )

    def fold_filing(self, event: Event) -> None:
        """Change the state as the event says; those of messages change nothing here."""
        match event:
            case e.ConversationRenamed():
                self.named = True
            case e.ConversationMoved():
                self.project_id = event.project_id
            case e.ConversationTagged():
                self.tags.add(event.tag_id)
            case e.ConversationUntagged():
                self.tags.discard(event.tag_id)
            case e.ConversationPinned() | e.ConversationUnpinned():
                self.pinned = isinstance(event, e.ConversationPinned)
            case e.ConversationArchived() | e.ConversationRestored():
                self.archived = isinstance(event, e.ConversationArchived)
            case e.ConversationHeld() | e.ConversationReleased():
                self.held = isinstance(event, e.ConversationHeld)
            case e.ConversationErased():
                self.erased = True
            case _:
                pass

    def filing_facts(self) -> Facts:
        """Return everything that is guarded here."""
        return {
            "project_id": as_bytes(self.project_id),
            "archived": self.archived,
            "held": self.held,
            "erased": self.erased,
            "pinned": self.pinned,
            "named": self.named,
            "tags": b"".join(sorted(tag.bytes for tag in self.tags)),
        }

    def file_as(self, facts: Facts) -> None:
        """Take over what `filing_facts` returned."""
        self.project_id = as_uuid(facts["project_id"])
        self.archived = facts["archived"]
        self.held = facts["held"]
        self.erased = facts["erased"]
        self.pinned = facts["pinned"]
        self.named = facts["named"]
        self.tags = set(uuids(facts["tags"]))


def as_bytes(identifier: UUID | None) -> bytes | None:
    """Return an id as a fact."""
    return None if identifier is None else identifier.bytes


def as_uuid(value: bytes | None) -> UUID | None:
    """Undo `as_bytes`."""
    return None if value is None else UUID(bytes=value)


def uuids(packed: bytes) -> list[UUID]:
    """Return ids that were joined to one value."""
    return [UUID(bytes=packed[at : at + 16]) for at in range(0, len(packed), 16)]
