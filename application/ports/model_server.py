"""The port to a model server: what Daybook asks of Ollama, or of anything that speaks like it.

Implementations raise only `application.errors.ModelServerError` and its children. Closing the iterator of
`chat` (or cancelling the task that drives it) closes the connection at once, which is how a model is told to
stop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class ChatMessage:
    """One message as the model sees it. Thinking is never sent back."""

    role: Role
    content: str


@dataclass(frozen=True)
class ChatRequest:
    """What is sent for one answer. `think` is None where the model's own default shall stand."""

    model: str
    messages: Sequence[ChatMessage]
    options: Mapping[str, Any] = field(default_factory=dict)
    think: bool | str | None = None
    keep_alive: str | None = None


class Delta(NamedTuple):
    """A piece of an answer, in the order it came; `thinking` and `text` may both be filled, or neither."""

    text: str = ""
    thinking: str = ""


@dataclass(frozen=True)
class ChatEnd:
    """The model server's closing words.

    Why it stopped (`stop`, `length`, …), counts of tokens, durations in ms.
    """

    reason: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_ms: float | None = None
    load_ms: float | None = None
    prompt_eval_ms: float | None = None
    eval_ms: float | None = None


@dataclass(frozen=True)
class ModelCard:
    """One model as the server describes it.

    `size` in bytes, `context_length` in tokens, None where not told.
    """

    name: str
    digest: str
    size: int | None = None
    family: str | None = None
    parameter_size: str | None = None
    quantization: str | None = None
    context_length: int | None = None
    capabilities: tuple[str, ...] = ()
    modified_at: str | None = None


@dataclass(frozen=True)
class PullProgress:
    """One line of a pull: a status in the server's words, and bytes of the layer under way."""

    status: str
    digest: str | None = None
    total: int | None = None
    completed: int | None = None


class ModelServer(Protocol):
    """Everything Daybook asks of a model server."""

    def chat(self, request: ChatRequest) -> AsyncIterator[Delta | ChatEnd]:
        """Stream one answer: any number of deltas, then exactly one `ChatEnd`, or a `ModelServerError`."""
        ...

    async def models(self) -> Sequence[ModelCard]:
        """Return the models that are installed on the server."""
        ...

    async def show(self, name: str) -> ModelCard:
        """Return one model's card with its context length, or raise `ModelMissingError`."""
        ...

    def pull(self, name: str) -> AsyncIterator[PullProgress]:
        """Fetch a model onto the server, telling how far it is."""
        ...

    async def embed(self, model: str, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Return one vector for each text."""
        ...

    async def version(self) -> str:
        """Return the server's version; the cheapest way to know that it is there."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
