"""Which size of DeepSeek-R1 suits a machine: pure arithmetic over memory and disk, for `models recommend`.

The figures are rules of thumb and err on the side of caution: a model needs its own size and a fifth more,
the cache of its context, and something must be left for everything else on the machine.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

FAMILY = "deepseek-r1"
Where = Literal["gpu", "gpu and cpu", "cpu", "nowhere"]

_GB = 1_000_000_000
_OVERHEAD = 1.2
_KEPT_FREE_OF_RAM = 1_500_000_000
_KEPT_FREE_OF_DISK = 1_000_000_000
_USABLE_VRAM = 0.95
_LARGEST_PLEASANT_ON_CPU = "8b"


@dataclass(frozen=True)
class ModelSize:
    """One tag: what is downloaded, and how many bytes of cache each token of context takes."""

    tag: str
    download_bytes: int
    cache_bytes_a_token: int

    @property
    def name(self) -> str:
        """The name to pull."""
        return f"{FAMILY}:{self.tag}"

    def memory_bytes(self, context_tokens: int) -> int:
        """Return the memory it takes to run."""
        return int(self.download_bytes * _OVERHEAD) + self.cache_bytes_a_token * context_tokens


SIZES = (
    ModelSize("1.5b", int(1.1 * _GB), 28_672),
    ModelSize("7b", int(4.7 * _GB), 57_344),
    ModelSize("8b", int(5.2 * _GB), 147_456),
    ModelSize("14b", int(9.0 * _GB), 196_608),
    ModelSize("32b", 20 * _GB, 262_144),
    ModelSize("70b", 43 * _GB, 327_680),
    ModelSize("671b", 404 * _GB, 655_360),
)


@dataclass(frozen=True)
class Verdict:
    """What one size means on this machine."""

    size: ModelSize
    memory_bytes: int
    fits: bool
    where: Where
    why: str


@dataclass(frozen=True)
class Recommendation:
    """Every size with its verdict, smallest first, and the best one; None where nothing fits."""

    verdicts: tuple[Verdict, ...]
    best: ModelSize | None


def recommend(
    ram_bytes: int,
    vram_bytes: int,
    disk_free_bytes: int,
    *,
    context_tokens: int = 8192,
    installed: Collection[str] = (),
    unified: bool = False,
) -> Recommendation:
    """Judge every size. `unified`: the GPU works in the RAM counted already; installed ones need no disk."""
    verdicts = []
    best = None
    pleasant_on_cpu = True
    for size in SIZES:
        memory = size.memory_bytes(context_tokens)
        where = _where(memory, ram_bytes, vram_bytes, unified=unified)
        disk = 0 if size.name in installed else size.download_bytes + _KEPT_FREE_OF_DISK
        fits = where != "nowhere" and disk <= disk_free_bytes
        why = _why(memory, where, disk, disk_free_bytes, pleasant_on_cpu=pleasant_on_cpu)
        verdicts.append(Verdict(size, memory, fits, where, why))
        if fits and (where == "gpu" or pleasant_on_cpu):
            best = size
        pleasant_on_cpu = pleasant_on_cpu and size.tag != _LARGEST_PLEASANT_ON_CPU
    return Recommendation(tuple(verdicts), best)


def _where(memory: int, ram_bytes: int, vram_bytes: int, *, unified: bool) -> Where:
    vram = int(vram_bytes * _USABLE_VRAM)
    ram = max(0, ram_bytes - _KEPT_FREE_OF_RAM)
    if memory <= vram:
        return "gpu"
    if memory <= ram:
        return "gpu and cpu" if vram and not unified else "cpu"
    if vram and not unified and memory <= ram + vram:
        return "gpu and cpu"
    return "nowhere"


def _why(memory: int, where: Where, disk: int, disk_free: int, *, pleasant_on_cpu: bool) -> str:
    needs = f"needs about {_shown(memory)} of memory"
    if where == "nowhere":
        return f"{needs}, more than there is"
    if disk > disk_free:
        return f"needs {_shown(disk)} of disk, {_shown(disk_free)} are free"
    if where == "gpu":
        return f"{needs}: runs on the GPU"
    if where == "gpu and cpu":
        return f"{needs}: partly on the GPU" + ("" if pleasant_on_cpu else ", so slowly")
    return f"{needs}: runs on the CPU" + ("" if pleasant_on_cpu else ", very slowly")


def _shown(size: int) -> str:
    return f"{size / _GB:.0f} GB" if size >= 10 * _GB else f"{size / _GB:.1f} GB"
