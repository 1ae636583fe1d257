"""The files of this repository, as a clone or an unpacked archive has them (there need be no git)."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "application", "projections", "infrastructure", "interfaces", "bootstrap")

_MADE = {".git", "__pycache__", "build", "dist", "venv"}


@cache
def files() -> tuple[Path, ...]:
    """Return every file that is not made by a tool. Hidden directories count when they are ours."""
    return tuple(sorted(_walk(ROOT)))


def sources() -> tuple[Path, ...]:
    """Return the Python files of the six packages."""
    return tuple(
        path for path in files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES
    )


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _walk(directory: Path) -> Iterator[Path]:
    for path in directory.iterdir():
        if path.is_symlink() or path.name in _MADE or path.name.endswith(".egg-info"):
            continue
        if path.is_dir():
            if not path.name.startswith(".") or path.name in {".ci", ".github"}:
                yield from _walk(path)
        elif not path.name.startswith((".coverage", ".env")):
            yield path
