"""The models a simulator has, could pull, and has loaded. Their digests are made up but stable."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

from infrastructure.simulator.options import Mode, SimulatorOptions

_GB = 1_000_000_000
_EMBEDDERS = {"nomic-embed-text": 768, "all-minilm": 384, "mxbai-embed-large": 1024}
_DEEPSEEK = {
    "1.5b": ("qwen2", "1.8B", 1.1),
    "7b": ("qwen2", "7.6B", 4.7),
    "8b": ("qwen3", "8.2B", 5.2),
    "latest": ("qwen3", "8.2B", 5.2),
    "14b": ("qwen2", "14.8B", 9.0),
    "32b": ("qwen2", "32.8B", 20.0),
    "70b": ("llama", "70.6B", 43.0),
    "671b": ("deepseek2", "671.0B", 404.0),
}
_OTHERS = {"llama3.2": "llama", "qwen3": "qwen3", "gemma3": "gemma3", "mistral": "llama", "phi4": "phi3"}
_THINKERS = {"deepseek-r1", "qwen3"}
_NAME = re.compile(r"[a-z0-9][a-z0-9._/-]*:[a-z0-9][a-z0-9._-]*")
_PREFIX = "simulator-"


@dataclass(frozen=True)
class Model:
    """One model on the shelf. `dimensions` is 0 for models that chat."""

    name: str
    family: str
    parameter_size: str
    size: int
    context_length: int = 131072
    thinks: bool = True
    dimensions: int = 0

    @property
    def digest(self) -> str:
        """The same 64 hex digits for the same name, everywhere."""
        return hashlib.sha256(f"daybook simulator {self.name}".encode()).hexdigest()

    @property
    def capabilities(self) -> list[str]:
        """What `/api/show` says the model can do."""
        if self.dimensions:
            return ["embedding"]
        return ["completion", "tools", *(["thinking"] if self.thinks else [])]

    def details(self) -> dict[str, Any]:
        """The `details` object of several answers."""
        return {
            "parent_model": "",
            "format": "gguf",
            "family": self.family,
            "families": [self.family],
            "parameter_size": self.parameter_size,
            "quantization_level": "Q4_K_M",
        }


def full_name(name: str) -> str:
    """Return the name with its tag, `latest` where none is given."""
    name = name.strip().lower()
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def in_library(name: str) -> Model | None:
    """Return the model that a pull of this (full) name would bring, None where there is no such model."""
    if not _NAME.fullmatch(name):
        return None
    base, _, tag = name.partition(":")
    if base == "deepseek-r1" and tag in _DEEPSEEK:
        family, parameters, gigabytes = _DEEPSEEK[tag]
        return Model(name, family, parameters, int(gigabytes * _GB))
    if base in _EMBEDDERS:
        dimensions = _EMBEDDERS[base]
        return Model(name, "bert", "137M", 274_000_000, 8192, thinks=False, dimensions=dimensions)
    if base in _OTHERS:
        return Model(name, _OTHERS[base], "8B", 5 * _GB, thinks=base in _THINKERS)
    if base.startswith(_PREFIX) and base.removeprefix(_PREFIX) in set(Mode):
        return Model(name, "simulator", "0B", 1_000_000)
    return None


def mode_of(name: str, default: Mode) -> Mode:
    """Return the mode that a model's name asks for, else the server's."""
    base = name.partition(":")[0]
    wanted = base.removeprefix(_PREFIX)
    return Mode(wanted) if base.startswith(_PREFIX) and wanted in set(Mode) else default


@dataclass
class Loaded:
    """A model in (simulated) memory."""

    model: Model
    num_ctx: int
    expires_ns: int | None = None


class BusyError(Exception):
    """Too many requests wait while a model is being loaded."""


@dataclass
class Shelf:
    """What is installed and what is loaded."""

    options: SimulatorOptions
    installed: dict[str, Model] = field(default_factory=dict)
    loaded: dict[str, Loaded] = field(default_factory=dict)
    _loading: dict[str, asyncio.Event] = field(default_factory=dict)
    _waiting: int = 0

    def __post_init__(self) -> None:
        names = [
            *self.options.models,
            *((_PREFIX + mode for mode in Mode) if self.options.fault_models else ()),
        ]
        for name in map(full_name, names):
            model = in_library(name) or Model(name, "simulator", "0B", 1_000_000)
            self.installed[name] = model

    def find(self, name: str) -> Model | None:
        """Return an installed model."""
        return self.installed.get(full_name(name))

    async def load(self, model: Model, num_ctx: int) -> int:
        """Make the model ready, as slowly as the options say; return the nanoseconds that it took.

        Another context size loads the model anew, as Ollama does.
        """
        began = self.options.now_ns()
        while (loading := self._loading.get(model.name)) is not None:
            if self._waiting >= self.options.max_queue:
                raise BusyError
            self._waiting += 1
            try:
                await loading.wait()
            finally:
                self._waiting -= 1
        ready = self.loaded.get(model.name)
        if ready is None or ready.num_ctx != num_ctx:
            self._loading[model.name] = done = asyncio.Event()
            try:
                await asyncio.sleep(self.options.load_seconds)
                self.loaded[model.name] = Loaded(model, num_ctx)
            finally:
                del self._loading[model.name]
                done.set()
        return self.options.now_ns() - began

    def keep(self, model: Model, seconds: float) -> None:
        """Say how long the model stays loaded after a request; 0 unloads it, less than 0 keeps it."""
        if seconds == 0:
            self.loaded.pop(model.name, None)
        elif model.name in self.loaded:
            expires = None if seconds < 0 else self.options.now_ns() + int(seconds * 1e9)
            self.loaded[model.name].expires_ns = expires

    def forget_expired(self) -> None:
        """Unload what was kept long enough."""
        now = self.options.now_ns()
        for name, loaded in list(self.loaded.items()):
            if loaded.expires_ns is not None and loaded.expires_ns <= now:
                del self.loaded[name]
