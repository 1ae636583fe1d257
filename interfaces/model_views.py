"""The JSON shapes of models; the rules are those of `views.py`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ModelView:
    """One model on the model server. `default`: prompts that name no model get it."""

    name: str
    digest: str
    size_bytes: int | None
    family: str | None
    parameter_size: str | None
    quantization: str | None
    context_length: int | None
    capabilities: list[str] = field(default_factory=list)
    modified_at: str | None = None
    default: bool = False


@dataclass(frozen=True, kw_only=True)
class ModelListView:
    """All models on the model server."""

    models: list[ModelView]


@dataclass(frozen=True, kw_only=True)
class ModelFitView:
    """Whether one size of DeepSeek-R1 fits a machine. `where`: `gpu`, `cpu`, `gpu and cpu` or `nowhere`."""

    name: str
    download_bytes: int
    memory_bytes: int
    fits: bool
    where: str
    why: str


@dataclass(frozen=True, kw_only=True)
class RecommendationView:
    """The largest size that fits, None where none does, and the verdict on each."""

    best: str | None
    models: list[ModelFitView]
