"""Reads what a model could run on: RAM (also a container's limit), the GPU's memory, the free disk.

Invariant: never fails and never hangs; what cannot be read counts as not there.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_MIB = 1024 * 1024
_NVIDIA_QUERY = ("--query-gpu=memory.total", "--format=csv,noheader,nounits")
_NVIDIA_SECONDS = 5
_METAL_SHARE = 0.7
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_AMD_VRAM = "class/drm/card*/device/mem_info_vram_total"


@dataclass(frozen=True)
class Hardware:
    """One machine. `unified` says that the GPU's memory is part of the RAM."""

    ram_bytes: int
    vram_bytes: int
    disk_free_bytes: int
    unified: bool = False


def read_hardware(models_path: Path | None = None) -> Hardware:
    """Look at this machine; `models_path` is where models would be kept, by default the home directory."""
    ram = _ram()
    disk = _disk_free(models_path or Path.home())
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return Hardware(ram, int(ram * _METAL_SHARE), disk, unified=True)
    return Hardware(ram, _nvidia_vram() or _amd_vram(Path("/sys")), disk)


def parse_nvidia(output: str) -> int:
    """Add up the memory of all cards in `nvidia-smi`'s answer, MiB a line."""
    lines = (line.strip() for line in output.splitlines())
    return sum(int(line) for line in lines if line.isascii() and line.isdigit()) * _MIB


def _ram() -> int:
    import psutil

    total = int(psutil.virtual_memory().total)
    for path in _CGROUP_LIMITS:
        try:
            limit = Path(path).read_text("ascii").strip()
        except (OSError, ValueError):
            continue
        if limit.isdigit():
            total = min(total, int(limit))
    return total


def _nvidia_vram() -> int:
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    try:
        answer = subprocess.run(
            [program, *_NVIDIA_QUERY], capture_output=True, text=True, timeout=_NVIDIA_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0
    return parse_nvidia(answer.stdout)


def _amd_vram(sys_root: Path) -> int:
    total = 0
    for path in sys_root.glob(_AMD_VRAM):
        try:
            total += int(path.read_text("ascii"))
        except (OSError, ValueError):
            continue
    return total


def _disk_free(path: Path) -> int:
    path = path.absolute()
    for place in (path, *path.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return 0
