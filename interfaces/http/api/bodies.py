"""What clients send as bodies.

Invariant: a field that nobody would read is refused, so that a misspelled one is noticed.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

_LARGEST = 2**63 - 1


class Body(BaseModel):
    """A JSON object without fields that nobody would read."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


Number = Annotated[int, Field(ge=-_LARGEST, le=_LARGEST)]
Option = bool | Number | float | str | None | list[bool | Number | float | str]
Options = Annotated[dict[str, Option], Field(max_length=64)]
Think = bool | Annotated[str, Field(min_length=1, max_length=20)]


Scopes = Annotated[list[Literal["read", "ask", "audit", "admin"]], Field(min_length=1)]


class NewConversation(Body):
    """A conversation to open."""

    title: str | None = Field(
        None, description="Without one it is shown by the beginning of its first prompt."
    )
    project_id: UUID | None = None


class NewPrompt(Body):
    """A prompt, and how it is to be answered."""

    text: str = Field(min_length=1)
    parent_id: UUID | None = Field(
        default=None, description="The answer to go on from; without it, the current one."
    )
    model: str | None = None
    instructions: str | None = Field(
        default=None, description="Told to the model first, in place of the project's."
    )
    options: Options = Field(
        default_factory=dict, description="The model server's options, num_ctx among them."
    )
    think: Think | None = None


class NewAnswer(Body):
    """How a prompt is to be answered once more."""

    model: str | None = None
    options: Options = Field(default_factory=dict)
    think: Think | None = None


class EditedPrompt(Body):
    """What a prompt is to say instead, and how it is to be answered; as the old one was where not told."""

    text: str = Field(min_length=1)
    model: str | None = None
    instructions: str | None = Field(
        default=None, description="Told to the model first; without them, what came with the old prompt."
    )
    options: Options = Field(
        default_factory=dict, description="Stand over those that the old prompt was answered with."
    )
    think: Think | None = None
    as_before: bool = Field(
        default=True,
        description="Whether what is not told is as for the old prompt's last answer; else the defaults.",
    )


class FirstPrompt(Body):
    """A prompt that opens a conversation, and how it is to be answered."""

    text: str = Field(min_length=1)
    project_id: UUID | None = Field(default=None, description="Open the conversation in this project.")
    model: str | None = None
    instructions: str | None = Field(
        default=None, description="Told to the model first, in place of the project's."
    )
    options: Options = Field(
        default_factory=dict, description="The model server's options, num_ctx among them."
    )
    think: Think | None = None


TagName = Annotated[str, Field(min_length=1, max_length=60)]
TagNames = Annotated[list[TagName], Field(max_length=32)]


class ConversationChanges(Body):
    """What is to change in a conversation, all in one append; what is left out stays as it is."""

    title: str | None = None
    project_id: UUID | None = Field(default=None, description="Where to move it; null: out of its project.")
    tags: TagNames | None = Field(default=None, description="All that it is to have.")
    add_tags: TagNames = Field(default_factory=list, description="To be put on; the others stay.")
    remove_tags: TagNames = Field(default_factory=list, description="To be taken off; the others stay.")
    pinned: bool | None = None
    archived: bool | None = None


class CurrentMessage(Body):
    """The message to go on from; null: begin anew, before the first."""

    message_id: UUID | None
    to_end: bool = Field(
        default=False,
        description="Go on down from it to where nothing follows, along what was added last.",
    )


class NewFork(Body):
    """The message in which the branch ends that is to be copied."""

    message_id: UUID
    title: str | None = Field(default=None, description="Without one, that of the conversation.")
    project_id: UUID | None = Field(default=None, description="Without one, that of the conversation.")


class Rating(Body):
    """How an answer is found: good or bad; null takes that back."""

    rating: Literal["up", "down"] | None
    words: str | None = Field(default=None, description="Why.")


class NoteText(Body):
    """What a note says."""

    text: str = Field(min_length=1)


class Reason(Body):
    """Why something is held or released; it is recorded."""

    reason: str


class NewProject(Body):
    """A project to open."""

    name: str
    description: str = ""
    instructions: str = Field(
        default="", description="Told to the model first in every conversation of the project."
    )
    default_model: str | None = None
    default_options: Options = Field(
        default_factory=dict, description="The model server's options for answers that are told no others."
    )


class Erasure(Body):
    """What is to be erased along."""

    with_derived: bool = Field(default=False, description="And what was copied from it (forks, replays).")


class ProjectChanges(Body):
    """What is to change in a project, all in one append; what is left out stays as it is."""

    name: str | None = None
    description: str | None = Field(default=None, description="Empty takes it away.")
    instructions: str | None = Field(default=None, description="Empty takes them away.")
    default_model: str | None = Field(default=None, description="Empty leads back to the book's default.")
    default_options: Options | None = Field(default=None, description="Empty takes them away.")


class Verification(Body):
    """What a verification is held against, and where it begins."""

    since: str | None = Field(
        default=None, description="A checkpoint kept elsewhere, as it was printed; the log must extend it."
    )
    incremental: bool = Field(
        default=False, description="Begin at the checkpoint up to which everything was well last time."
    )


class OldCheckpoint(Body):
    """A checkpoint kept earlier, as it was printed."""

    checkpoint: str = Field(min_length=1, max_length=10_000)


class Export(Body):
    """How the log is to be exported."""

    reveal: bool = Field(default=False, description="Write what the events say, too, readable by anybody.")


class Rebuild(Body):
    """Which read models are to be built again; null: all."""

    read_models: list[str] | None = None


class Pull(Body):
    """Which model to get; null: the default one."""

    model: str | None = Field(default=None, min_length=1)


class NewToken(Body):
    """A token to make."""

    name: str = Field(min_length=1, description="What or who it is for; the log shows it.")
    scopes: Scopes = Field(default=["ask"])
    expires_at: AwareDatetime | None = Field(default=None, description="Null: when it is revoked.")


class NewLink(Body):
    """A link to make, and the session it begins."""

    scopes: Scopes = Field(default=["admin"])
    minutes: int = Field(default=10, ge=1, le=60, description="How long the link can be opened.")
    session_expires_at: AwareDatetime | None = Field(default=None, description="Null: in 30 days.")
