"""Getting a model onto the model server, with a progress bar on a terminal and a line a step elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from interfaces.cli.console import clean, say, size, terminal

if TYPE_CHECKING:
    from application.ports.model_server import PullProgress
    from interfaces.parts import Models


def download_size(name: str) -> int | None:
    """Return how large a model is to download, where that is known beforehand."""
    from application.model_sizes import SIZES

    return next((known.download_bytes for known in SIZES if known.name == name), None)


async def pull(server: Models, name: str) -> None:
    """Get a model; the errors are the model server's."""
    if sys.stderr.isatty():
        await _with_bar(server, name)
    else:
        await _with_lines(server, name)
    say(f"{name} is on the model server.")


async def _with_lines(server: Models, name: str) -> None:
    last = ""
    async for step in server.pull(name):
        if step.status != last:
            last = step.status
            about = f" ({size(step.total)})" if step.total else ""
            say(f"{clean(step.status)}{about}")


async def _with_bar(server: Models, name: str) -> None:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns: list[Any] = [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=terminal(stderr=True), transient=True, expand=True) as bar:
        task = bar.add_task(f"getting {clean(name)}", total=None)
        layers: dict[str, PullProgress] = {}
        async for step in server.pull(name):
            if step.digest and step.total:
                layers[step.digest] = step
                bar.update(
                    task,
                    total=sum(layer.total or 0 for layer in layers.values()),
                    completed=sum(layer.completed or 0 for layer in layers.values()),
                )
