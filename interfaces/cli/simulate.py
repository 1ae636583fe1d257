"""`daybook simulate-ollama`: speaks Ollama's protocol, and says in every answer that it is no model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from interfaces.cli.console import say
from interfaces.cli.lazy import command_app
from interfaces.cli.opening import host_of

app = command_app()


@app.command("simulate-ollama")
def simulate(  # noqa: PLR0913 - the flags are the command
    ctx: typer.Context,
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 11434,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    seed: Annotated[int, typer.Option(help="Same seed and question, same answer.")] = 0,
    mode: Annotated[
        str, typer.Option(help="How to behave: normal, slow, failing, cut, stall, busy, loading, garbage, …")
    ] = "normal",
    rate: Annotated[float, typer.Option(min=0, help="Tokens a second; 0: as fast as it goes.")] = 60.0,
    tokens: Annotated[int | None, typer.Option(min=1, help="Make every answer so long.")] = None,
    script: Annotated[Path | None, typer.Option(help="A JSON file with answers.")] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="A model that is installed; again for more.")
    ] = None,
    empty: Annotated[bool, typer.Option("--no-models", help="No model is installed.")] = False,
    pull_seconds: Annotated[float, typer.Option(min=0, help="How long a pull takes.")] = 1.0,
    fault_models: Annotated[
        bool, typer.Option("--fault-models", help="Install a model simulator-MODE for every mode.")
    ] = False,
) -> None:
    """Run a simulator that speaks Ollama's protocol."""
    options: dict[str, Any] = {
        "seed": seed,
        "mode": mode,
        "rate": rate,
        "tokens": tokens,
        "script": script,
        "fault_models": fault_models,
        "pull_seconds": pull_seconds,
    }
    if model or empty:
        options["models"] = tuple(model or ())
    host_of(ctx).simulate(host=host, port=port, options=options, ready=_tell)


def _tell(url: str) -> None:
    say(f"The simulator listens on {url}. No model answers there, and it says so. Ctrl-C ends it.")
    say(f"Use it: DAYBOOK_OLLAMA_URL={url} daybook ask hello")
