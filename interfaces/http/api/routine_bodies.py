"""What clients send of routines; the rules are those of `bodies.py`."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from domain.routine.definition import MAX_NAME_LENGTH
from interfaces.http.api.bodies import Body, Options, Think

_LARGEST = 2**63 - 1
_TEMPLATE = (
    "A template: `{{name}}` is a variable, `{{name=text}}` one with a default, `{{input}}` the input (else "
    "that is added at the end); `\\{{` stands for braces as they are."
)

Name = Annotated[
    str,
    Field(
        description="A short word, such as `commit-message`: small letters a to z, digits, dots, dashes and "
        f"underscores, at most {MAX_NAME_LENGTH}."
    ),
]
Values = Annotated[dict[str, str], Field(max_length=1000)]


class NewRoutine(Body):
    """A prompt to save, and how it is to be answered."""

    name: Name
    prompt: str = Field(description=_TEMPLATE)
    description: str = ""
    instructions: str = Field(
        default="", description="Told to the model first; a template, too, without a place for the input."
    )
    model: str | None = None
    options: Options = Field(
        default_factory=dict, description="The model server's options, num_ctx among them."
    )
    think: Think | None = None


class RoutineChanges(Body):
    """What is to change in a routine; what is left out or null stays as it is."""

    name: Name | None = None
    prompt: str | None = Field(default=None, description=_TEMPLATE)
    description: str | None = Field(default=None, description="Empty takes it away.")
    instructions: str | None = Field(default=None, description="Empty takes them away.")
    model: str | None = Field(default=None, description="Empty leads back to the one that answers anyway.")
    options: Options | None = Field(default=None, description="All there are to be.")
    think: bool | Annotated[str, Field(max_length=20)] | None = Field(
        default=None, description="Empty leads back to what the model does by itself."
    )


class NewRun(Body):
    """What a routine is run on. What is said of model, options and thinking stands over what it says."""

    input: str = Field(default="", description="What it is about; goes where `{{input}}` stands.")
    variables: Values = Field(
        default_factory=dict, description="Values by variable; those with a default may be left out."
    )
    version: int | None = Field(
        default=None, ge=1, le=_LARGEST, description="Run this version, not the newest."
    )
    project_id: UUID | None = Field(default=None, description="Open the conversation in this project.")
    model: str | None = None
    options: Options = Field(default_factory=dict, description="Stand over the routine's, name by name.")
    think: Think | None = None
