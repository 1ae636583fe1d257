"""All commands: what can be asked of the book.

Frozen data in the imperative; the handlers are in `handlers.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import datetime
from typing import Any, ClassVar, TypeAlias
from uuid import UUID

from application.ports.log import IdempotencyKey, Origin
from domain.ids import new_id

_WHO = frozenset({"actor", "source", "correlation_id", "idempotency_key"})


def _default(item: Field[Any]) -> object:
    return item.default if item.default_factory is MISSING else item.default_factory()


@dataclass(frozen=True, kw_only=True)
class Command:
    """Who asks, through what, and optionally the key under which asking twice is asking once."""

    actor: str
    source: str
    correlation_id: UUID = field(default_factory=new_id)
    idempotency_key: str | None = None

    @property
    def origin(self) -> Origin:
        """The envelope that the events of this command carry."""
        return Origin(self.actor, self.source, self.correlation_id)

    @property
    def idempotency(self) -> IdempotencyKey | None:
        """The key with the command's canonical form (its name and values as JSON), or None without a key.

        Values that are the default are left out, so that a field added later changes no older command's form.
        """
        if self.idempotency_key is None:
            return None
        values = {
            item.name: value
            for item in fields(self)
            if item.name not in _WHO and (value := getattr(self, item.name)) != _default(item)
        }
        canonical = json.dumps(
            [type(self).__name__, values], sort_keys=True, default=str, separators=(",", ":")
        )
        return IdempotencyKey(self.idempotency_key, canonical.encode())


@dataclass(frozen=True, kw_only=True)
class Edit(Command):
    """A change of one thing that is there.

    With `expected_version` it is carried out only while the thing's stream stands at exactly that version:
    whoever gives the command decided it on that state.
    """

    expected_version: int | None = None


@dataclass(frozen=True, kw_only=True)
class StartConversation(Command):
    """Open a conversation without asking yet."""

    project_id: UUID | None = None
    title: str | None = None


@dataclass(frozen=True, kw_only=True)
class AskQuestion(Command):
    """Record a prompt and start its answer. Without a conversation a new one is opened.

    Without `parent_id` the prompt goes on from the current message; with it, from that one. An answer in the
    `background` waits behind all that people wait for.
    """

    text: str
    conversation_id: UUID | None = None
    project_id: UUID | None = None
    parent_id: UUID | None = None
    model: str | None = None
    instructions: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    think: bool | str | None = None
    background: bool = False


@dataclass(frozen=True, kw_only=True)
class EditPrompt(Command):
    """Record another prompt beside one that is there, and start its answer; the old one stays with its own.

    Without `instructions` those of the old prompt hold.
    """

    conversation_id: UUID
    prompt_id: UUID
    text: str
    model: str | None = None
    instructions: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    think: bool | str | None = None
    background: bool = False


@dataclass(frozen=True, kw_only=True)
class AnswerAgain(Command):
    """Start another answer to a prompt that is already there, for example when the first one failed."""

    conversation_id: UUID
    prompt_id: UUID
    model: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    think: bool | str | None = None
    background: bool = False


@dataclass(frozen=True, kw_only=True)
class RunRoutine(Command):
    """Open a conversation with the prompt that a routine makes of these values, and start its answer.

    `version` None: the newest one. What is said here of model, options and thinking stands over what the
    routine says.
    """

    conversation_id: ClassVar[None] = None

    routine_id: UUID
    version: int | None = None
    input: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    project_id: UUID | None = None
    model: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    think: bool | str | None = None
    background: bool = False


Asking: TypeAlias = AskQuestion | EditPrompt | AnswerAgain | RunRoutine
"""What starts an answer."""


@dataclass(frozen=True, kw_only=True)
class GoOnFrom(Edit):
    """Make the branch that ends in a message the current one; None: begin anew, before the first.

    `to_end`: the branch that leads through the message, on to where nothing follows; among several that one
    which was added to last.
    """

    conversation_id: UUID
    message_id: UUID | None
    to_end: bool = False


@dataclass(frozen=True, kw_only=True)
class ForkConversation(Command):
    """Copy the branch that ends in a message into a new conversation.

    Without a title it has that of the conversation it is copied from, without a project it is in the same.
    """

    conversation_id: UUID
    message_id: UUID
    title: str | None = None
    project_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class RateAnswer(Edit):
    """Say that an answer is good (`up`) or bad (`down`), and perhaps why; None takes it back."""

    conversation_id: UUID
    answer_id: UUID
    rating: str | None
    words: str | None = None


@dataclass(frozen=True, kw_only=True)
class WriteNote(Edit):
    """Put a note on a message."""

    conversation_id: UUID
    message_id: UUID
    text: str


@dataclass(frozen=True, kw_only=True)
class ChangeNote(Edit):
    """Let a note say something else. `message_id`: what it is on, where whoever asks knows it."""

    conversation_id: UUID
    note_id: UUID
    text: str
    message_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class RemoveNote(Edit):
    """Show a note no more. `message_id`: what it is on, where whoever asks knows it."""

    conversation_id: UUID
    note_id: UUID
    message_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class RenameConversation(Edit):
    """Give a conversation a title."""

    conversation_id: UUID
    title: str


@dataclass(frozen=True, kw_only=True)
class ChangeConversation(Edit):
    """Change several things about a conversation in one append; what is None or empty leaves it as it is.

    `move`: into the project, or (None) into none. `tags` are all that it is to have; `add_tags` and
    `remove_tags` leave the others.
    """

    conversation_id: UUID
    title: str | None = None
    move: bool = False
    project_id: UUID | None = None
    tags: tuple[str, ...] | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    pinned: bool | None = None
    archived: bool | None = None


@dataclass(frozen=True, kw_only=True)
class ArchiveConversation(Edit):
    """Put a conversation out of the way."""

    conversation_id: UUID


@dataclass(frozen=True, kw_only=True)
class RestoreConversation(Edit):
    """Bring an archived conversation back."""

    conversation_id: UUID


@dataclass(frozen=True, kw_only=True)
class CreateProject(Command):
    """Open a project, with what is known of it from the start."""

    name: str
    description: str = ""
    instructions: str = ""
    default_model: str | None = None
    default_options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ChangeProject(Edit):
    """Change several things about a project in one append; None leaves a thing as it is.

    An empty `instructions`, `description` or `default_options` takes it away, an empty `default_model` leads
    back to the book's.
    """

    project_id: UUID
    name: str | None = None
    description: str | None = None
    instructions: str | None = None
    default_model: str | None = None
    default_options: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class RenameProject(Edit):
    """Give a project another name."""

    project_id: UUID
    name: str


@dataclass(frozen=True, kw_only=True)
class DescribeProject(Edit):
    """Say what a project is for."""

    project_id: UUID
    description: str


@dataclass(frozen=True, kw_only=True)
class ChangeInstructions(Edit):
    """Set what every answer in a project is told first; an empty text takes it away."""

    project_id: UUID
    instructions: str


@dataclass(frozen=True, kw_only=True)
class SetDefaultModel(Edit):
    """Choose a project's model; None: the book's default."""

    project_id: UUID
    model: str | None


@dataclass(frozen=True, kw_only=True)
class SetDefaultOptions(Edit):
    """Choose the model's options for answers in a project that are told no others; empty: none."""

    project_id: UUID
    options: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RestoreInstructions(Edit):
    """Set a project's instructions to what they were at an earlier version, as a new change."""

    project_id: UUID
    version: int


@dataclass(frozen=True, kw_only=True)
class ArchiveProject(Edit):
    """Put a project out of the way."""

    project_id: UUID


@dataclass(frozen=True, kw_only=True)
class RestoreProject(Edit):
    """Bring an archived project back."""

    project_id: UUID


@dataclass(frozen=True, kw_only=True)
class HoldConversation(Edit):
    """Forbid a conversation's erasure."""

    conversation_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class ReleaseConversation(Edit):
    """Allow a conversation's erasure again."""

    conversation_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class HoldProject(Edit):
    """Forbid the erasure of a project and of its conversations."""

    project_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class ReleaseProject(Edit):
    """Allow a project's erasure again."""

    project_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class EraseConversation(Edit):
    """Destroy the key of a conversation's content, for ever.

    `with_derived`: and the keys of all that was copied from it.
    """

    conversation_id: UUID
    with_derived: bool = False


@dataclass(frozen=True, kw_only=True)
class EraseProject(Edit):
    """Destroy the keys of a project's content and of its conversations', for ever.

    `with_derived`: and the keys of all that was copied from these, wherever it is.
    """

    project_id: UUID
    with_derived: bool = False


@dataclass(frozen=True, kw_only=True)
class CreateRoutine(Command):
    """Save a prompt under a name that no living routine has."""

    name: str
    prompt: str
    description: str = ""
    instructions: str = ""
    model: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    think: bool | str | None = None


@dataclass(frozen=True, kw_only=True)
class ChangeRoutine(Edit):
    """Make another version of a routine; None leaves a thing as it is, and so does what it says already.

    An empty `description`, `instructions`, `model` or `think` takes it away; `options` are all there are.
    """

    routine_id: UUID
    name: str | None = None
    prompt: str | None = None
    description: str | None = None
    instructions: str | None = None
    model: str | None = None
    options: Mapping[str, Any] | None = None
    think: bool | str | None = None


@dataclass(frozen=True, kw_only=True)
class RemoveRoutine(Edit):
    """Run a routine no more. Its name is free then; its versions and what it was run for stay."""

    routine_id: UUID


@dataclass(frozen=True, kw_only=True)
class EraseRoutine(Edit):
    """Destroy the key of all versions of a routine, for ever. What it was run for has keys of its own."""

    routine_id: UUID


@dataclass(frozen=True, kw_only=True)
class CreateToken(Command):
    """Let a program in, for what the scopes allow; `expires_at` None: until it is revoked."""

    name: str
    scopes: tuple[str, ...]
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class RevokeToken(Edit):
    """Let a program in no more."""

    token_id: UUID


@dataclass(frozen=True, kw_only=True)
class OfferSession(Command):
    """Make a link that signs one browser in, once, as the actor of this command."""

    scopes: tuple[str, ...]
    link_expires_at: datetime
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class EndSession(Edit):
    """Let a signed-in browser, or whoever opens a link, in no more."""

    session_id: UUID


@dataclass(frozen=True)
class Made:
    """What lets somebody in. `secret` is shown once and kept nowhere.

    It is empty where the command had been given before: nothing was made now.
    """

    id: UUID
    log_size: int
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Done:
    """What a command without an answer returns: the thing it changed, and the log size it reached.

    `version` is where the thing's stream stands now; None where the command had been given before.
    """

    id: UUID
    log_size: int
    version: int | None = field(default=None, compare=False)
