"""The handler that files conversations: title, project, tags, pin and archive, together or not at all.

Invariant: a project's hold covers what is in it, so nothing is moved out of a held project.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from application.commands import ChangeConversation, Done
from application.conversations import open_project
from application.deciding import change
from application.services import Services
from application.text_rules import checked_name, checked_tag
from domain.conversation.conversation import Conversation
from domain.errors import InvalidInputError, RefusedError
from domain.ids import short
from domain.project.project import Project
from domain.tags import folded


def change_conversation(services: Services, command: ChangeConversation) -> Done:
    """Change several things about a conversation, together or not at all.

    Raises:
        InvalidInputError: a name is none, or a tag shall be put on and taken off at once.
        NotFoundError: there is no such conversation or project.
        RefusedError: the project to move to is archived, or the one to move out of is held.
    """
    title = None if command.title is None else checked_name(command.title, "title")
    tags = _Tags.of(command)

    def decide(conversation: Conversation) -> None:
        if title is not None:
            conversation.rename(title)
        if command.move and command.project_id != conversation.project_id:
            _must_be_movable(services, conversation, command.project_id)
            conversation.move(command.project_id)
        tags.put_on(conversation, services)
        if command.pinned is not None:
            (conversation.pin if command.pinned else conversation.unpin)()
        if command.archived is not None:
            (conversation.archive if command.archived else conversation.restore)()

    return change(services.log, Conversation, command.conversation_id, decide, command)


@dataclass(frozen=True)
class _Tags:
    """What is to become of a conversation's tags. Names as they will be shown, by what spellings share."""

    only: dict[str, str] | None
    adding: dict[str, str]
    removing: dict[str, str]

    @classmethod
    def of(cls, command: ChangeConversation) -> _Tags:
        only = None if command.tags is None else _checked(command.tags)
        adding, removing = _checked(command.add_tags), _checked(command.remove_tags)
        if only is not None and (adding or removing):
            raise InvalidInputError(
                "Either all tags are named, or those to put on and take off. Nothing was changed."
            )
        for both in sorted(adding.keys() & removing.keys()):
            raise InvalidInputError(
                f"The tag {adding[both]!r} cannot be put on and taken off at once. Nothing was changed."
            )
        return cls(only, adding, removing)

    def put_on(self, conversation: Conversation, services: Services) -> None:
        def id_of(name: str) -> UUID:
            return services.log.tag_id(conversation.id, name)

        if self.only is not None:
            for tag_id in sorted(conversation.tags - {id_of(one) for one in self.only}):
                conversation.untag(tag_id)
        for one in self.removing:
            conversation.untag(id_of(one))
        for one, name in (self.only or self.adding).items():
            conversation.tag(id_of(one), name)


def _checked(names: Iterable[str]) -> dict[str, str]:
    return {folded(name): name for name in map(checked_tag, names)}


def _must_be_movable(services: Services, conversation: Conversation, project_id: UUID | None) -> None:
    if project_id is not None:
        open_project(services, project_id)
    if conversation.project_id is None:
        return
    if services.log.load(Project, conversation.project_id).held:
        raise RefusedError(
            f"Project {short(conversation.project_id)} is held, and with it what is in it. Conversation "
            f"{short(conversation.id)} was not moved; nothing was changed.",
            hint=f"daybook hold release --project {short(conversation.project_id)} --reason WHY",
        )
